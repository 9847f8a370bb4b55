//! Secrets of plugins on their way into a call: opened here, put into a header by whoever sends the call, never seen by
//! the plugin.

use mortise_plugin_host::manifest::Manifest;
use mortise_plugin_host::value::Response;

use super::outside::Credential;
use crate::error::Error;
use crate::tenant::Tenant;
use crate::values::Issue;

/// The place for which a secret is sealed: it opens for this plugin of this tenant only.
pub(super) fn place(tenant: &str, plugin: &str, name: &str) -> String {
    format!("{tenant} plugin {plugin} {name}")
}

/// Stands in an answer where the secret was.
const MASK: &str = "***";
/// Shorter secrets are found in answers where nobody has put them.
const MASKED_FROM: usize = 4;

/// An answer without the secret that was sent: some systems send back what they were sent. Found as it is and as it is written
/// within JSON; what the other system makes of it beyond that is out of reach.
pub(super) fn masked(mut response: Response, secret: &str) -> Response {
    let escaped = serde_json::Value::from(secret).to_string();
    // Without the quotes around it.
    let escaped = &escaped[1..escaped.len() - 1];
    for form in [secret, escaped].into_iter().filter(|form| form.len() >= MASKED_FROM) {
        for (name, value) in &mut response.headers {
            for text in [name, value].into_iter().filter(|text| text.contains(form)) {
                *text = text.replace(form, MASK);
            }
        }
        if let Some(body) = without(&response.body, form.as_bytes()) {
            response.body = body;
        }
    }
    response
}

/// A body without the secret; none where it has none.
fn without(body: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let find = |from: usize| {
        let found = body[from..].windows(secret.len()).position(|window| window == secret);
        found.map(|place| from + place)
    };
    let mut found = find(0)?;
    let (mut masked, mut from) = (Vec::with_capacity(body.len()), 0);
    loop {
        masked.extend_from_slice(&body[from..found]);
        masked.extend_from_slice(MASK.as_bytes());
        from = found + secret.len();
        match find(from) {
            Some(next) => found = next,
            None => break,
        }
    }
    masked.extend_from_slice(&body[from..]);
    Some(masked)
}

impl Tenant {
    /// A secret as the header that the manifest says, and by itself.
    pub(super) async fn plugin_credential(
        &self,
        plugin: &str,
        manifest: &Manifest,
        name: &str,
    ) -> Result<(Credential, String), Error> {
        let missing = || Error::BadRequest(Issue::new("plugin.secret_missing").with("name", name));
        let secret = manifest.secrets.iter().find(|secret| secret.name == name).ok_or_else(missing)?;
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT secret FROM {} WHERE plugin = ?1 AND name = ?2",
            naming.table("_plugin_secret")
        ));
        let stored = self.store.fetch(&sql, &[plugin.into(), name.into()], |row| row.text(0)).await?;
        let stored = stored.into_iter().flatten().next().ok_or_else(missing)?;
        let plain = self.keys().open(&place(&self.slug, plugin, name), &stored)?;
        let value = secret.inject.format.replacen("{}", &plain, 1);
        Ok((Credential { header: secret.inject.header.clone(), value }, plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(header: &str, body: &str) -> Response {
        let headers =
            vec![("x-echo".to_owned(), header.to_owned()), ("x-other".to_owned(), "as it is".to_owned())];
        Response { status: 200, headers, body: body.into() }
    }

    fn seen(header: &str, body: &str, secret: &str) -> (String, String) {
        let response = masked(answer(header, body), secret);
        assert_eq!(response.headers[1].1, "as it is");
        (response.headers[0].1.clone(), String::from_utf8(response.body).unwrap())
    }

    #[test]
    fn a_secret_that_comes_back_is_masked_wherever_it_stands() {
        let (header, body) = seen("Bearer s3cr3t", "s3cr3t, \"s3cr3t\" and s3cr3", "s3cr3t");
        assert_eq!((header.as_str(), body.as_str()), ("Bearer ***", "***, \"***\" and s3cr3"));
        let (_, body) = seen("", r#"{"sent": "a\"b\\c-\u00e9"}"#, "a\"b\\c-");
        assert_eq!(body, r#"{"sent": "***\u00e9"}"#, "as JSON writes it");
    }

    #[test]
    fn what_holds_no_secret_is_left_alone() {
        assert_eq!(seen("abc", "a b c", "abcd"), ("abc".into(), "a b c".into()));
        assert_eq!(
            seen("abc", "abcabc", "abc"),
            ("abc".into(), "abcabc".into()),
            "too short to be told from words"
        );
        assert_eq!(masked(answer("", ""), "secret").body, Vec::<u8>::new());
    }
}
