//! Where connectors lead, per tenant: addresses and secrets that administrators give. They are sealed in the database. A
//! secret goes in and never comes out again: not in answers, not in the audit trail, not in the log. Addresses of robots hold secrets themselves, so
//! that of every address only the host is told.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use mortise_definition::Text;
use mortise_definition::model::Model;
use mortise_definition::source::ConnectorKind;
use mortise_store::{Keyring, Param, Row, Session};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::delivery::EMAIL;
use crate::commands::audit_entry;
use crate::connect::signature;
use crate::error::{Error, FieldIssue};
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Longest address in characters; browsers and proxies take hardly more.
const URL_CHARS_MAX: usize = 2_000;
/// Longest secret, name or password in characters.
const SAID_CHARS_MAX: usize = 500;

/// Where a connector leads.
#[derive(Clone, Default)]
pub struct Endpoint {
    /// Address; `host:port` of a mail server.
    pub url: String,
    /// Secret of the signature; password of a mail server.
    pub secret: Option<String>,
    /// What else a mail server needs.
    pub mail: MailOptions,
    /// Address and secret are there, but cannot be opened with the keys of this installation.
    pub locked: bool,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Endpoint({})", host(&self.url))
    }
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailOptions {
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Name to sign in with; nobody signs in without.
    pub user: String,
    /// Address of the sender, perhaps with a name: `Mortise <mortise@example.com>`.
    pub from: String,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the first byte (port 465).
    #[default]
    Tls,
    /// TLS after the greeting (port 587); without it nothing is sent.
    Starttls,
    /// Not at all: for a server on the same machine.
    None,
}

/// What an administrator says about an endpoint. What is absent stays as it is.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointInput {
    /// Address; `host:port` of a mail server.
    pub url: Option<String>,
    /// Secret; empty takes it away.
    pub secret: Option<String>,
    /// What else a mail server needs.
    pub mail: Option<MailOptions>,
}

/// A connector as administrators see it.
#[derive(Debug, Clone, Serialize)]
pub struct EndpointView {
    /// `email`, or the key of the connector.
    pub key: String,
    /// Name; none for e-mail.
    pub label: Option<Text>,
    /// Kind; none for e-mail.
    pub kind: Option<ConnectorKind>,
    /// Whether it is set up so far that it can be used.
    pub ready: bool,
    /// Host of its address; for a mail server with its port.
    pub host: String,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// Address and secret cannot be opened with the keys of this installation, and have to be given anew.
    pub locked: bool,
    /// What else a mail server needs.
    pub mail: MailOptions,
}

/// The host of an address, with its port.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// An endpoint as it is stored: its address and its secret are sealed.
struct Stored {
    connector: String,
    url: String,
    secret: Option<String>,
    options: String,
}

const COLUMNS: &str = "connector, url, secret, options";

impl Stored {
    fn read(row: &dyn Row) -> mortise_store::Result<Stored> {
        Ok(Stored {
            connector: row.text(0)?.unwrap_or_default(),
            url: row.text(1)?.unwrap_or_default(),
            secret: row.text(2)?,
            options: row.text(3)?.unwrap_or_default(),
        })
    }

    /// All endpoints, inside of a write.
    fn all(session: &mut Session<'_>) -> Result<Vec<Stored>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM {}", session.naming.table("_endpoint"));
        Ok(session.query(&sql, &[], Stored::read)?)
    }

    fn open(&self, seal: &Seal) -> Endpoint {
        let mail = serde_json::from_str(&self.options).unwrap_or_default();
        let url = seal.open(&self.connector, "url", &self.url);
        let secret = self.secret.as_deref().map(|secret| seal.open(&self.connector, "secret", secret));
        match (url, secret.transpose()) {
            (Ok(url), Ok(secret)) => Endpoint { url, secret, mail, locked: false },
            _ => Endpoint { mail, locked: true, ..Endpoint::default() },
        }
    }
}

/// The keys of secrets, for the places of one tenant.
struct Seal {
    keys: Arc<Keyring>,
    tenant: String,
}

impl Seal {
    fn open(&self, connector: &str, what: &str, stored: &str) -> mortise_store::Result<String> {
        self.keys.open(&self.place(connector, what), stored)
    }

    fn seal(&self, connector: &str, what: &str, plain: &str) -> mortise_store::Result<String> {
        self.keys.seal(&self.place(connector, what), plain)
    }

    /// None of the parts has a space in it.
    fn place(&self, connector: &str, what: &str) -> String {
        format!("{} {connector} {what}", self.tenant)
    }

    fn is_current(&self, stored: &Stored) -> bool {
        self.keys.is_current(&stored.url)
            && stored.secret.as_deref().is_none_or(|secret| self.keys.is_current(secret))
    }
}

/// Kind of a connector; none for e-mail.
fn kind_of(model: &Model, key: &str) -> Result<Option<ConnectorKind>, Error> {
    if key == EMAIL {
        return Ok(None);
    }
    let found = model.automation.connectors.get(key);
    found.map(|connector| Some(connector.kind)).ok_or_else(|| unknown(key))
}

pub(crate) fn unknown(key: &str) -> Error {
    Error::NotFound(Issue::new("connector.not_found").with("connector", key))
}

impl Tenant {
    fn seal(&self) -> Seal {
        Seal { keys: self.keys(), tenant: self.slug.clone() }
    }

    /// The endpoint of a connector, as it is used.
    pub(crate) async fn endpoint(&self, key: &str) -> Result<Option<Endpoint>, Error> {
        Ok(self.all_endpoints().await?.remove(key))
    }

    async fn all_endpoints(&self) -> Result<HashMap<String, Endpoint>, Error> {
        let seal = self.seal();
        let opened = |stored: Stored| (stored.connector.clone(), stored.open(&seal));
        Ok(self.stored_endpoints().await?.into_iter().map(opened).collect())
    }

    async fn stored_endpoints(&self) -> Result<Vec<Stored>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM {}", self.store.naming().table("_endpoint"));
        Ok(self.store.fetch(&sql, &[], Stored::read).await?)
    }

    /// Seals everything with the present key that is not: what was stored before there were keys, and what an older key
    /// sealed. What cannot be opened stays as it is.
    pub(crate) async fn seal_again(&self) -> Result<(), Error> {
        let seal = self.seal();
        if seal.keys.id().is_none()
            || self.stored_endpoints().await?.iter().all(|stored| seal.is_current(stored))
        {
            return Ok(());
        }
        let slug = self.slug.clone();
        let write = move |session: &mut Session<'_>| {
            session.leave_no_trace()?;
            for stored in Stored::all(session)?.iter().filter(|stored| !seal.is_current(stored)) {
                let endpoint = stored.open(&seal);
                if endpoint.locked {
                    tracing::warn!(tenant = slug, connector = stored.connector, "a secret cannot be opened");
                } else {
                    put(session, &seal, &stored.connector, &endpoint)?;
                }
            }
            Ok::<_, Error>(())
        };
        self.store.write(write).await?;
        Ok(self.store.scrub()?)
    }

    /// Connectors whose address and secret cannot be opened with the keys of this installation.
    pub async fn locked_endpoints(&self) -> Result<Vec<String>, Error> {
        let mut locked: Vec<String> = self
            .all_endpoints()
            .await?
            .into_iter()
            .filter(|(_, one)| one.locked)
            .map(|(key, _)| key)
            .collect();
        locked.sort();
        Ok(locked)
    }

    /// All connectors of the installed apps, and e-mail first; for administrators.
    pub async fn endpoints(&self, actor: &Actor) -> Result<Vec<EndpointView>, Error> {
        administrator(actor)?;
        let mut known = self.all_endpoints().await?;
        let model = self.model();
        let mut view = |key: &str, label: Option<Text>, kind: Option<ConnectorKind>| {
            let endpoint = known.remove(key).unwrap_or_default();
            EndpointView {
                key: key.to_owned(),
                label,
                kind,
                ready: match kind {
                    Some(ConnectorKind::Inbound) => endpoint.secret.is_some(),
                    Some(ConnectorKind::Webhook) => endpoint.secret.is_some() && !endpoint.url.is_empty(),
                    _ => !endpoint.url.is_empty(),
                },
                host: host(&endpoint.url).to_owned(),
                has_secret: endpoint.secret.is_some(),
                locked: endpoint.locked,
                mail: endpoint.mail,
            }
        };
        let mut views = vec![view(EMAIL, None, None)];
        for connector in model.automation.connectors.values() {
            views.push(view(&connector.key, Some(connector.label.clone()), Some(connector.kind)));
        }
        Ok(views)
    }

    /// Sets where a connector leads; for administrators.
    pub async fn set_endpoint(&self, actor: &Actor, key: &str, input: EndpointInput) -> Result<(), Error> {
        administrator(actor)?;
        let kind = kind_of(&self.model(), key)?;
        let (work, seal) = (self.work(actor), self.seal());
        let key = key.to_owned();
        let write = move |session: &mut Session<'_>| {
            let known = Stored::all(session)?.into_iter().find(|stored| stored.connector == key);
            // What cannot be opened any more is given anew.
            let mut endpoint = known.map(|stored| stored.open(&seal)).unwrap_or_default();
            endpoint.locked = false;
            if let Some(url) = &input.url {
                url.trim().clone_into(&mut endpoint.url);
            }
            if let Some(secret) = &input.secret {
                endpoint.secret = Some(secret.trim().to_owned()).filter(|secret| !secret.is_empty());
            }
            if let Some(mail) = input.mail {
                endpoint.mail = mail;
            }
            let issues = check(kind, &endpoint);
            if !issues.is_empty() {
                return Err(Error::Invalid(issues));
            }
            put(session, &seal, &key, &endpoint)?;
            let details =
                json!({ "connector": key, "host": host(&endpoint.url), "secret": endpoint.secret.is_some() });
            session.audit(audit_entry(&work, "connector.changed", details.to_string()));
            Ok(())
        };
        self.store.write(write).await
    }

    /// Forgets where a connector leads; for administrators.
    pub async fn remove_endpoint(&self, actor: &Actor, key: &str) -> Result<(), Error> {
        administrator(actor)?;
        let work = self.work(actor);
        let key = key.to_owned();
        let write = move |session: &mut Session<'_>| {
            let table = session.naming.table("_endpoint");
            let sql = session.naming.sql(&format!("DELETE FROM {table} WHERE connector = ?1"));
            if session.execute(&sql, &[key.as_str().into()])? == 0 {
                return Err(unknown(&key));
            }
            let details = json!({ "connector": key });
            session.audit(audit_entry(&work, "connector.removed", details.to_string()));
            Ok(())
        };
        self.store.write(write).await
    }
}

fn put(session: &mut Session<'_>, seal: &Seal, key: &str, endpoint: &Endpoint) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (connector) DO UPDATE \
         SET url = excluded.url, secret = excluded.secret, options = excluded.options",
        session.naming.table("_endpoint")
    ));
    let options = serde_json::to_string(&endpoint.mail).unwrap_or_default();
    let secret = endpoint.secret.as_deref().map(|secret| seal.seal(key, "secret", secret)).transpose()?;
    let url = seal.seal(key, "url", &endpoint.url)?;
    let params: [Param; 4] = [key.into(), url.into(), Param::String(secret), options.into()];
    session.execute(&sql, &params)?;
    Ok(())
}

/// Everything that is wrong with an endpoint.
fn check(kind: Option<ConnectorKind>, endpoint: &Endpoint) -> Vec<FieldIssue> {
    let mut issues = Vec::new();
    let mut complain = |field: &str, issue: Issue| {
        issues.push(FieldIssue { field: field.to_owned(), issue, text: None });
    };
    let secret = endpoint.secret.as_deref();
    match kind {
        None => {
            let port = endpoint.url.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none() || !is_plain(host(&endpoint.url)) || host(&endpoint.url) != endpoint.url {
                complain("url", Issue::new("connector.mail_server"));
            }
            if !endpoint.mail.from.contains('@') || !is_short(&endpoint.mail.from) {
                complain("from", Issue::new("connector.mail_from"));
            }
            if !is_short(&endpoint.mail.user) {
                complain("user", Issue::new("connector.said_length").with("limit", SAID_CHARS_MAX));
            }
        }
        Some(ConnectorKind::Inbound) => {}
        Some(_) => {
            if !is_address(&endpoint.url) {
                complain("url", Issue::new("connector.url"));
            }
        }
    }
    let signed = matches!(kind, Some(ConnectorKind::Inbound | ConnectorKind::Webhook));
    if signed && signature::key(secret.unwrap_or_default()).is_none() {
        complain("secret", Issue::new("connector.secret").with("bytes", signature::KEY_BYTES_MIN));
    }
    if !is_short(secret.unwrap_or_default()) {
        complain("secret", Issue::new("connector.said_length").with("limit", SAID_CHARS_MAX));
    }
    issues
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= SAID_CHARS_MAX && !text.chars().any(char::is_control)
}

fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '@' | '\\' | '"' | '<' | '>'))
}

/// An address of the web, without a password in it.
fn is_address(url: &str) -> bool {
    let fits = url.len() <= URL_CHARS_MAX && url.chars().all(|c| c.is_ascii_graphic());
    fits && (url.starts_with("https://") || url.starts_with("http://")) && is_plain(host(url))
}

pub(super) fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_the_web_and_hold_no_password() {
        for good in ["https://example.com/x?y=1", "http://10.0.0.1:80"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "ftp://x", "https://", "https://a@b/", "https://a b", "file:///etc/passwd", "https:///x"]
        {
            assert!(!is_address(bad), "{bad}");
        }
        assert_eq!(host("https://oapi.dingtalk.com/robot/send?access_token=x"), "oapi.dingtalk.com");
    }

    #[test]
    fn an_endpoint_does_not_tell_its_secrets() {
        let endpoint = Endpoint {
            url: "https://open.feishu.cn/open-apis/bot/v2/hook/secret-token".to_owned(),
            secret: Some("also-secret".to_owned()),
            ..Endpoint::default()
        };
        assert_eq!(format!("{endpoint:?}"), "Endpoint(open.feishu.cn)");
    }
}
