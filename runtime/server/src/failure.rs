//! What went wrong with a request: a code from the catalogue of translations, its arguments and the fields concerned.
//! A failure carries no words; the layer gives it words in the language of the request, as JSON or as a page.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mortise_definition::{Problem, locale};
use mortise_engine::Error as EngineError;
use mortise_store::Error as StoreError;
use serde_json::{Value, json};

use crate::language;

/// Names and values put into the text of an error.
pub type Args = Vec<(Cow<'static, str>, String)>;

/// A request that could not be served.
#[derive(Debug, Clone)]
pub struct Failure(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: Cow<'static, str>,
    args: Args,
    issues: Vec<Issue>,
    problems: Vec<Problem>,
    extra: Vec<(&'static str, Value)>,
    retry_after_seconds: Option<u64>,
    log: Option<String>,
    /// Definitions changed while the answer was worked out.
    model_moved: bool,
}

/// What is wrong with one field.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Path of the field: `name`, `lines/2/amount`, or `` for the record as a whole.
    pub field: String,
    /// Code in the catalogue.
    pub code: Cow<'static, str>,
    /// Arguments of its text.
    pub args: Args,
    /// Words given by the app itself (`message` of a check) instead of the catalogue's.
    pub message: Option<mortise_definition::Text>,
}

impl Issue {
    /// Words for a person.
    pub fn text(&self, language: &str) -> String {
        match &self.message {
            Some(text) => text.get(language).to_owned(),
            None => translate(language, &format!("error.{}", self.code), &self.args),
        }
    }
}

impl Failure {
    /// A failure with a status and a code of the catalogue.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>) -> Self {
        Failure(Box::new(Inner {
            status,
            code: code.into(),
            args: Vec::new(),
            issues: Vec::new(),
            problems: Vec::new(),
            extra: Vec::new(),
            retry_after_seconds: None,
            log: None,
            model_moved: false,
        }))
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code)
    }

    /// 401: nobody is signed in.
    pub fn sign_in_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "auth.required")
    }

    /// 403: the person may not do that.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission.denied")
    }

    /// 404: there is no such thing, or the person may not know of it.
    pub fn not_found(code: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code)
    }

    /// 422: understood, but a value is refused.
    pub fn invalid(issues: Vec<Issue>) -> Self {
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "record.invalid");
        failure.0.issues = issues;
        failure
    }

    /// 422 about one field.
    pub fn invalid_field(field: impl Into<String>, code: &'static str) -> Self {
        Self::invalid(vec![Issue { field: field.into(), code: code.into(), args: Vec::new(), message: None }])
    }

    /// 500: the person is told that it was not their fault; `cause` goes to the log only.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut failure = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server.failed");
        failure.0.log = Some(cause.to_string());
        failure
    }

    /// The same with an argument for its text.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl std::fmt::Display) -> Self {
        self.0.args.push((name.into(), value.to_string()));
        self
    }

    /// The same with the fields concerned.
    #[must_use]
    pub fn with_issues(mut self, issues: Vec<Issue>) -> Self {
        self.0.issues = issues;
        self
    }

    /// The same with what is wrong in an app.
    #[must_use]
    pub fn with_problems(mut self, problems: Vec<Problem>) -> Self {
        self.0.problems = problems;
        self
    }

    /// The same with another status: a stale version is 409, or 412 where the caller asked with `If-Match`.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The same with one more member in the problem document (`suspects` of a duplicate).
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: Value) -> Self {
        self.0.extra.push((name, value));
        self
    }

    /// The same with the number of seconds to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self.with("seconds", seconds)
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Whether definitions changed while the answer was worked out, so that asking again gives one.
    pub(crate) fn model_moved(&self) -> bool {
        self.0.model_moved
    }

    /// Stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Fields concerned.
    pub fn issues(&self) -> &[Issue] {
        &self.0.issues
    }

    /// What is wrong in an app.
    pub fn problems(&self) -> &[Problem] {
        &self.0.problems
    }

    /// Additional members of the problem document.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.extra.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// For the log, never for the person.
    pub fn log(&self) -> Option<&str> {
        self.0.log.as_deref()
    }

    /// What is wrong, in words.
    pub fn title(&self, language: &str) -> String {
        translate(language, &format!("error.{}", self.0.code), &self.0.args)
    }

    /// What to do, in words; empty when there is nothing to say.
    pub fn hint(&self, language: &str) -> String {
        let key = format!("error.{}.hint", self.0.code);
        let text = translate(language, &key, &self.0.args);
        if text == key { String::new() } else { text }
    }

    /// The problem document of RFC 9457.
    pub fn problem(&self, language: &str) -> Value {
        let mut document = json!({
            "type": format!("urn:mortise:error:{}", self.0.code),
            "title": self.title(language),
            "status": self.0.status.as_u16(),
            "code": self.0.code,
        });
        let hint = self.hint(language);
        if !hint.is_empty() {
            document["hint"] = hint.into();
        }
        if !self.0.issues.is_empty() {
            let issue = |issue: &Issue| json!({"field": issue.field, "code": issue.code, "message": issue.text(language)});
            document["issues"] = self.0.issues.iter().map(issue).collect();
        }
        if !self.0.problems.is_empty() {
            let problems = self.0.problems.iter().map(|problem| problem_json(problem, language));
            document["problems"] = problems.collect();
        }
        for (name, value) in &self.0.extra {
            document[*name] = value.clone();
        }
        document
    }

    /// The answer to a program.
    pub fn to_problem_response(&self, language: &str) -> Response {
        let body = self.problem(language).to_string();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(language::supported(language).unwrap_or("en")),
        );
        self.add_headers(&mut response);
        response
    }

    /// Headers that belong to the failure whatever form it is told in.
    pub fn add_headers(&self, response: &mut Response) {
        if let Some(seconds) = self.0.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"mortise\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
    }
}

/// A problem of an app as the API tells it.
pub fn problem_json(problem: &Problem, language: &str) -> Value {
    json!({
        "code": problem.code,
        "severity": if problem.is_error() { "error" } else { "warning" },
        "file": problem.file,
        "pointer": problem.pointer,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message(language),
        "hint": problem.hint(language),
    })
}

/// Words of an issue of the engine.
pub fn issue_text(issue: &mortise_engine::Issue, language: &str) -> String {
    let args = issue.args.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    translate(language, &format!("error.{}", issue.code), &args)
}

/// Text of the catalogue with arguments put in.
pub fn translate(language: &str, key: &str, args: &Args) -> String {
    let args: Vec<(&str, &str)> = args.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
    let mut text = locale::translate(language, key, &args);
    if args.iter().any(|(name, _)| *name == "suggestion") && !key.ends_with(".hint") {
        text.push_str(&locale::translate(language, "error.suggestion", &args));
    }
    text
}

impl IntoResponse for Failure {
    /// Without words: the layer finds the failure in the extensions and renders it.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let status = status_of(&error);
        let mut failure = Failure::new(status, error.code());
        failure.0.model_moved = matches!(error, EngineError::ModelChanged);
        failure.0.args = error.args().into_iter().map(|(name, value)| (name.into(), value)).collect();
        failure.0.issues = error.issues().iter().map(Issue::from).collect();
        if status.is_server_error() {
            failure.0.log = Some(error.to_string());
        }
        add_details(failure, error)
    }
}

/// What a refusal of the engine is in HTTP.
fn status_of(error: &EngineError) -> StatusCode {
    match error {
        EngineError::NotFound(_) => StatusCode::NOT_FOUND,
        EngineError::Forbidden(_) => StatusCode::FORBIDDEN,
        EngineError::BadRequest(issue) if matches!(issue.code, "file.too_large" | "file.zip_bomb") => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        EngineError::BadRequest(_) => StatusCode::BAD_REQUEST,
        EngineError::Stale { .. }
        | EngineError::Conflict { .. }
        | EngineError::Duplicate(_)
        | EngineError::Unconfirmed(_) => StatusCode::CONFLICT,
        EngineError::Invalid(_)
        | EngineError::KeyReused
        | EngineError::Definition(_)
        | EngineError::Plugin(_) => StatusCode::UNPROCESSABLE_ENTITY,
        EngineError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        EngineError::Batch { error, .. } | EngineError::Within { error, .. } => status_of(error),
        EngineError::Store(StoreError::Closed | StoreError::Newer { .. }) | EngineError::ModelChanged => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        EngineError::Store(
            StoreError::Migration(_) | StoreError::Repeated { .. } | StoreError::TooLarge { .. },
        ) => StatusCode::CONFLICT,
        EngineError::Store(_) | EngineError::PluginHost(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn add_details(failure: Failure, error: EngineError) -> Failure {
    match error {
        EngineError::Stale { current } => failure.with_member("current_version", current.into()),
        EngineError::Conflict { current, fields } => {
            failure.with_member("current_version", current.into()).with_member("conflicts", json!(fields))
        }
        EngineError::Duplicate(suspects) => failure.with_member("suspects", json!(suspects)),
        EngineError::Definition(problems) | EngineError::Plugin(problems) => failure.with_problems(problems),
        EngineError::Unconfirmed(steps) => failure.with_member("steps", json!(steps)),
        EngineError::Batch { index, error } => {
            add_details(failure, *error).with_member("index", index.into())
        }
        EngineError::Within { place, error } => {
            add_details(failure, *error).with_member("place", place.into())
        }
        _ => failure,
    }
}

impl From<&mortise_engine::FieldIssue> for Issue {
    fn from(issue: &mortise_engine::FieldIssue) -> Self {
        Issue {
            field: issue.field.clone(),
            code: issue.issue.code.into(),
            args: issue.issue.args.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            message: issue.text.clone(),
        }
    }
}

/// The problem document of one part of a batch.
pub fn problem_of(error: EngineError, language: &str) -> Value {
    let failure = Failure::from(error);
    if let Some(cause) = failure.log() {
        tracing::error!(code = failure.code(), cause, "part of a batch failed");
    }
    failure.problem(language)
}
