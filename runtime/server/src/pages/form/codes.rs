//! By which codes a save was refused, for the script that notes how forms are used: names of fields and codes in a header of
//! the answer, never what was typed.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use mortise_definition::model::{FieldKind, FieldModel};
use mortise_engine::FormState;
use mortise_engine::values::{self, Parsed};

use super::Editing;
use super::raw::Raw;
use super::read::Reading;
use crate::Failure;

/// The header: `phone=value.not_phone,=record.duplicate`.
const HEADER: HeaderName = HeaderName::from_static("mortise-refused");
/// Codes that are told at most; a form has hardly more fields.
const TOLD_MAX: usize = 50;

/// A field, or nothing for the record as a whole, and the code.
pub(super) type Codes = Vec<(String, String)>;

/// The codes of a save that the engine refused.
pub(super) fn of_failure(failure: &Failure) -> Codes {
    let issues = failure.issues().iter();
    let codes: Codes = issues.map(|issue| (first(&issue.field).to_owned(), issue.code.to_string())).collect();
    match codes.is_empty() {
        true => vec![(String::new(), failure.code().to_owned())],
        false => codes,
    }
}

/// Says the codes in the answer.
pub(super) fn told(mut response: Response, codes: &Codes) -> Response {
    let mut told: Vec<String> = codes.iter().map(|(field, code)| format!("{field}={code}")).collect();
    told.dedup();
    told.truncate(TOLD_MAX);
    if let Ok(value) = HeaderValue::try_from(told.join(",")) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

impl Editing<'_> {
    /// The codes of what the form itself found, by the paths of its messages.
    pub(super) fn codes(
        &self,
        raw: &Raw,
        reading: &Reading,
        state: &FormState,
        issues: &[(String, String)],
    ) -> Codes {
        let code = |(path, _): &(String, String)| {
            let known = state.issues.iter().find(|issue| reading.path_in_form(&issue.field) == *path);
            let code = known.map(|issue| issue.issue.code).or_else(|| self.unread(raw, path));
            (first(path).to_owned(), code.unwrap_or("field.required").to_owned())
        };
        issues.iter().map(code).collect()
    }

    /// Why a text is no value of its field; none where it is one.
    fn unread(&self, raw: &Raw, path: &str) -> Option<&'static str> {
        let field = self.entity.field(first(path))?;
        let text = raw.get(path)?;
        match (&field.kind, path.rsplit_once('/')) {
            (FieldKind::Lines { entity, .. }, Some((_, column))) => {
                let model = self.visit.tenant.engine.model();
                self.why(model.entities[*entity].field(column)?, text)
            }
            _ => self.why(field, text),
        }
    }

    fn why(&self, field: &FieldModel, text: &str) -> Option<&'static str> {
        self.showing(|show| match values::from_text(field, text, &show.values()) {
            Ok(Parsed::Value(_)) => None,
            Ok(Parsed::Reference(_)) => Some("value.no_such_record"),
            Err(issue) => Some(issue.code),
        })
    }
}

/// The field of a path.
fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}
