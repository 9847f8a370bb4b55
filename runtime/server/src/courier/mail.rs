//! E-mail by the tenant's own mail server. A message carries the id of its delivery, so that one that comes twice is
//! known as one.

use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use minijinja::HtmlEscape;
use mortise_definition::locale;
use mortise_engine::{Issue, MailSecurity, Parcel, Refusal};

use super::address;
use super::wire::Line;

/// So long a mail server may take for one step.
const STEP: Duration = Duration::from_secs(10);
/// So long it may take in all.
const TOTAL: Duration = Duration::from_secs(30);
/// Longest reason of a refusal in characters.
const REASON_CHARS_MAX: usize = 300;

/// Sends a parcel by e-mail.
pub(super) async fn send(line: &Line, parcel: &Parcel) -> Result<(), Refusal> {
    let message = message(parcel)?;
    let (host, port) = server(parcel)?;
    let sending = async {
        let addresses = address::find(&*line.network, host, port, line.allow_private).await;
        let addresses = addresses.map_err(|trouble| address::refusal(host, trouble))?;
        // Connected to is what was checked; the certificate has to be that of the name all the same.
        let transport = transport(parcel, host, addresses[0])?;
        transport.send(message).await.map(drop).map_err(|error| refusal(host, &error))
    };
    let late = |_| Refusal::passing(Issue::new("delivery.timeout").with("host", host));
    tokio::time::timeout(TOTAL, sending).await.map_err(late)?
}

fn server(parcel: &Parcel) -> Result<(&str, u16), Refusal> {
    let url = parcel.endpoint.url.as_str();
    let parts = url.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parts.ok_or_else(|| wrong(url))
}

fn wrong(address: &str) -> Refusal {
    Refusal::lasting(Issue::new("delivery.address").with("address", address))
}

fn transport(
    parcel: &Parcel,
    host: &str,
    address: std::net::SocketAddr,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Refusal> {
    let options = &parcel.endpoint.mail;
    let tls = || TlsParameters::new(host.to_owned()).map_err(|error| refusal(host, &error));
    let tls = match options.security {
        MailSecurity::Tls => Tls::Wrapper(tls()?),
        MailSecurity::Starttls => Tls::Required(tls()?),
        MailSecurity::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
        .port(address.port())
        .tls(tls)
        .timeout(Some(STEP));
    if !options.user.is_empty() {
        let password = parcel.endpoint.secret.clone().unwrap_or_default();
        builder = builder.credentials(Credentials::new(options.user.clone(), password));
    }
    Ok(builder.build())
}

fn message(parcel: &Parcel) -> Result<Message, Refusal> {
    let text = |name: &str| parcel.payload[name].as_str().unwrap_or_default();
    let from: Mailbox = parcel.endpoint.mail.from.parse().map_err(|_| wrong(&parcel.endpoint.mail.from))?;
    let to = parcel.target.parse().map_err(|_| wrong(&parcel.target))?;
    let name = Some(text("name").to_owned()).filter(|name| !name.is_empty());
    let domain = from.email.domain().to_owned();
    let link = parcel.payload["link"].as_str().filter(|link| link.starts_with("http"));
    let (plain, html) = bodies(text("text"), link, text("language"));
    Message::builder()
        .from(from)
        .to(Mailbox::new(name, to))
        .subject(text("subject"))
        .date(parcel.now.into())
        .message_id(Some(format!("<{}@{domain}>", parcel.id)))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(plain, html))
        .map_err(|error| {
            Refusal::lasting(Issue::new("delivery.mail").with("host", &domain).with("reason", error))
        })
}

/// The words as text and as HTML, both with the address of the record.
fn bodies(text: &str, link: Option<&str>, language: &str) -> (String, String) {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|part| format!("<p>{}</p>", HtmlEscape(part.trim()).to_string().replace('\n', "<br>")))
        .collect();
    let mut plain = text.to_owned();
    let mut html = paragraphs.concat();
    if let Some(link) = link {
        if !plain.contains(link) {
            plain = format!("{plain}\n\n{link}\n");
        }
        let open = locale::translate(language, "ui.mail.open", &[]);
        html.push_str(&format!("<p><a href=\"{}\">{}</a></p>", HtmlEscape(link), HtmlEscape(&open)));
    }
    let html =
        format!("<!doctype html><html><head><meta charset=\"utf-8\"></head><body>{html}</body></html>");
    (plain, html)
}

/// What the mail server says; "5xx" stays so.
fn refusal(host: &str, error: &lettre::transport::smtp::Error) -> Refusal {
    if error.is_timeout() {
        return Refusal::passing(Issue::new("delivery.timeout").with("host", host));
    }
    let mut reason = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        reason = format!("{reason}: {source}");
    }
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect();
    let issue = Issue::new("delivery.mail").with("host", host).with("reason", reason);
    if error.is_permanent() { Refusal::lasting(issue) } else { Refusal::passing(issue) }
}

#[cfg(test)]
mod tests {
    use mortise_engine::{Door, Endpoint, MailOptions};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn parcel(target: &str, subject: &str) -> Parcel {
        let mail = MailOptions { from: "销售 <sales@example.com>".to_owned(), ..MailOptions::default() };
        Parcel {
            id: Uuid::from_u128(7),
            door: Door::Email,
            endpoint: Endpoint { url: "mail.example.com:465".to_owned(), mail, ..Endpoint::default() },
            target: target.to_owned(),
            payload: json!({"name": "Li", "subject": subject, "text": "a < b\nc", "link": "https://example.com/x", "language": "zh-CN"}),
            now: "2026-03-02T01:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_message_has_its_delivery_as_id_and_no_line_of_anybody_else() {
        let sent = message(&parcel("li@example.com", "Hi\r\nBcc: eve@example.com")).unwrap();
        let text = String::from_utf8(sent.formatted()).unwrap();
        assert!(text.contains("Message-ID: <00000000-0000-0000-0000-000000000007@example.com>"), "{text}");
        assert!(!text.contains("\nBcc:"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
        assert_eq!(sent.envelope().to().len(), 1);
    }

    #[test]
    fn words_are_escaped_in_html_only_and_lead_to_the_record() {
        let (plain, html) = bodies("a < b\nc", Some("https://example.com/x"), "zh-CN");
        assert_eq!(plain, "a < b\nc\n\nhttps://example.com/x\n");
        assert!(
            html.contains(
                "<p>a &lt; b<br>c</p><p><a href=\"https:&#x2f;&#x2f;example.com&#x2f;x\">打开</a></p>"
            ),
            "{html}"
        );
    }

    #[test]
    fn addresses_that_are_none_are_given_up() {
        assert!(message(&parcel("nobody", "x")).unwrap_err().permanent);
    }
}
