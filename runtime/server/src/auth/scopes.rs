//! What an API token may be used for: `read`, `write`, `admin`, each for everything or for one entity (`read:app.entity`).
//! A scope only narrows; what the person behind the token may not do stays forbidden.

use axum::http::Method;

use crate::Failure;

/// Scopes of one token; at most this many, so that a check stays short.
const SCOPES_MAX: usize = 50;

/// A checked list of scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Scopes out of words such as `read` or `write:crm.lead`.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, Failure> {
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        let known = |word: &String| {
            let (verb, entity) = word.split_once(':').unwrap_or((word, "any.entity"));
            let narrow = word.contains(':');
            matches!(verb, "read" | "write") && entity.contains('.') || verb == "admin" && !narrow
        };
        match words.iter().find(|word| !known(word)) {
            Some(_) => Err(Failure::invalid_field("scopes", "token.scope")),
            None if words.is_empty() || words.len() > SCOPES_MAX => {
                Err(Failure::invalid_field("scopes", "token.scope"))
            }
            None => Ok(Scopes(words)),
        }
    }

    /// As stored.
    pub fn from_stored(text: &str) -> Self {
        Scopes(text.split_whitespace().map(str::to_owned).collect())
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Refuses a request that the token is not for. What is not known here needs `admin`.
    pub fn check(&self, method: &Method, path: &str) -> Result<(), Failure> {
        let (verb, entity) = needed(method, path);
        let fits = |scope: &String| match scope.split_once(':') {
            Some((known, narrow)) => known == verb && entity == Some(narrow),
            None => scope == verb || scope == "admin",
        };
        if self.0.iter().any(fits) {
            return Ok(());
        }
        let scope = entity.map_or_else(|| verb.to_owned(), |entity| format!("{verb}:{entity}"));
        Err(Failure::new(axum::http::StatusCode::FORBIDDEN, "token.scope_missing").with("scope", scope))
    }
}

/// The verb, and the entity where there is just one, that a request needs.
fn needed<'a>(method: &Method, path: &'a str) -> (&'static str, Option<&'a str>) {
    let Some(rest) = path.strip_prefix("/api/v1/") else {
        // Pages below these show what the API shows for `admin` only.
        let inner = ["/admin", "/profile"]
            .iter()
            .any(|area| path.strip_prefix(area).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        return if method.is_safe() && !inner { ("read", None) } else { ("admin", None) };
    };
    let mut parts = rest.split('/');
    let (area, entity, action) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let verb = if method.is_safe() { "read" } else { "write" };
    match area {
        // Asking about what is being typed changes nothing although it is a POST.
        "records" if matches!(action, Some("duplicates" | "form-state")) => ("read", entity),
        "records" => (verb, entity),
        "batch" | "files" | "imports" | "inbox" | "sync" => (verb, None),
        // Whoever uses forms tells how; the figures are for administrators.
        "interactions" if *method == Method::POST => ("write", None),
        "session" | "openapi.json" => ("read", None),
        _ if method.is_safe()
            && !matches!(
                area,
                "tokens"
                    | "sessions"
                    | "audit"
                    | "deliveries"
                    | "connectors"
                    | "work"
                    | "plugins"
                    | "interactions"
            )
            && action.is_none() =>
        {
            ("read", None)
        }
        _ => ("admin", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_opens_only_what_it_names() {
        let cases = [
            ("read", Method::GET, "/api/v1/records/crm.lead", true),
            ("read", Method::POST, "/api/v1/records/crm.lead", false),
            ("read", Method::POST, "/api/v1/records/crm.lead/duplicates", true),
            ("read:crm.lead", Method::GET, "/api/v1/records/crm.lead/1", true),
            ("read:crm.lead", Method::GET, "/api/v1/records/crm.account/1", false),
            ("read:crm.lead", Method::GET, "/api/v1/users", false),
            ("write:crm.lead", Method::PATCH, "/api/v1/records/crm.lead/1", true),
            ("write:crm.lead", Method::POST, "/api/v1/batch", false),
            ("write", Method::POST, "/api/v1/batch", true),
            ("write", Method::POST, "/api/v1/sync", true),
            ("read", Method::POST, "/api/v1/sync", false),
            ("read", Method::GET, "/api/v1/sync/keep", true),
            ("write", Method::POST, "/api/v1/users", false),
            ("write", Method::GET, "/api/v1/tokens", false),
            ("write", Method::GET, "/api/v1/sessions", false),
            ("read", Method::GET, "/api/v1/users/1/sessions", false),
            ("read", Method::GET, "/api/v1/inbox", true),
            ("read", Method::POST, "/api/v1/inbox/read", false),
            ("read", Method::GET, "/api/v1/connectors", false),
            ("read", Method::GET, "/api/v1/apps", true),
            ("write", Method::POST, "/api/v1/apps", false),
            ("admin", Method::POST, "/api/v1/apps", true),
            ("write", Method::POST, "/admin/users", false),
            ("read", Method::GET, "/admin/audit/export", false),
            ("read", Method::GET, "/profile", false),
            ("admin", Method::GET, "/admin/audit/export", true),
            ("read", Method::GET, "/a/crm/lead", true),
        ];
        for (scope, method, path, allowed) in cases {
            let scopes = Scopes::parse([scope]).unwrap();
            assert_eq!(scopes.check(&method, path).is_ok(), allowed, "{scope} {method} {path}");
        }
    }

    #[test]
    fn invented_scopes_are_refused() {
        for wrong in ["", "root", "read:lead", "admin:crm.lead", "write:"] {
            assert!(Scopes::parse([wrong]).is_err(), "{wrong}");
        }
        assert!(Scopes::parse([]).is_err());
    }
}
