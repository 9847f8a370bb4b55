//! Where connectors lead: a card for each with its state, a dialog to set it up, and a button to try it. A secret that was
//! made is shown once, on the page that answers.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::model::Model;
use mortise_definition::source::ConnectorKind;
use mortise_engine::{EMAIL, EndpointInput, EndpointView, MailOptions, MailSecurity};
use serde::Serialize;

use super::{administrator, value};
use crate::Failure;
use crate::api::connectors as api;
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Page {
    connectors: Vec<Row>,
    shown: Option<Shown>,
}

/// A secret that was just made.
#[derive(Serialize)]
struct Shown {
    name: String,
    secret: String,
}

#[derive(Serialize)]
struct Row {
    key: String,
    name: String,
    app: String,
    kind: &'static str,
    kind_name: String,
    icon: &'static str,
    ready: bool,
    host: String,
    has_secret: bool,
    /// May have a secret: all but robots without signatures.
    takes_secret: bool,
    /// Is called, or calls with a signature of its own.
    signed: bool,
    sends: bool,
    hook: Option<String>,
    security: MailSecurity,
    user: String,
    from: String,
}

fn row(visit: &Visit, model: &Model, view: EndpointView) -> Row {
    let (kind, icon) = match view.kind {
        None => ("email", "mail"),
        Some(ConnectorKind::Dingtalk) => ("dingtalk", "robot"),
        Some(ConnectorKind::Wecom) => ("wecom", "robot"),
        Some(ConnectorKind::Feishu) => ("feishu", "robot"),
        Some(ConnectorKind::Webhook) => ("webhook", "webhook"),
        Some(ConnectorKind::Inbound) => ("inbound", "plug-connected"),
    };
    let app = view.key.split('.').next().and_then(|app| model.app(app));
    let inbound = view.kind == Some(ConnectorKind::Inbound);
    Row {
        name: match &view.label {
            Some(label) => label.get(visit.language).to_owned(),
            None => visit.t("connectors.email", &[]),
        },
        app: app.map(|app| app.label.get(visit.language).to_owned()).unwrap_or_default(),
        kind_name: visit.t(&format!("connectors.kind.{kind}"), &[]),
        hook: inbound.then(|| api::hook(&visit.state, &visit.by, &view.key)),
        takes_secret: view.kind != Some(ConnectorKind::Wecom),
        signed: matches!(view.kind, Some(ConnectorKind::Inbound | ConnectorKind::Webhook)),
        sends: !inbound,
        kind,
        icon,
        ready: view.ready,
        host: view.host,
        has_secret: view.has_secret,
        security: view.mail.security,
        user: view.mail.user,
        from: view.mail.from,
        key: view.key,
    }
}

async fn page(
    visit: &Visit,
    shown: Option<(&str, String)>,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let model = visit.tenant.engine.model();
    let rows = api::all(&visit.by).await?.into_iter().map(|view| row(visit, &model, view));
    let connectors: Vec<Row> = rows.collect();
    let name_of = |key: &str| connectors.iter().find(|row| row.key == key).map(|row| row.name.clone());
    let shown = shown.map(|(key, secret)| Shown { name: name_of(key).unwrap_or_default(), secret });
    let title = visit.t("connectors.title", &[]);
    visit.page_telling("admin/connectors.html", &title, Page { connectors, shown }, failure)
}

/// `GET /admin/connectors`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, None, None).await
}

/// `POST /admin/connectors/{key}`: empty fields of address and secret leave them as they are.
pub(in crate::pages) async fn update(
    visit: Visit,
    Path(key): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let given = |name: &str| Some(value(&form, name).to_owned()).filter(|text| !text.is_empty());
    let mail = (key == EMAIL).then(|| MailOptions {
        security: match value(&form, "security") {
            "starttls" => MailSecurity::Starttls,
            "none" => MailSecurity::None,
            _ => MailSecurity::Tls,
        },
        user: value(&form, "user").to_owned(),
        from: value(&form, "from").to_owned(),
    });
    let input = EndpointInput { url: given("url"), secret: given("secret"), mail };
    let views = api::all(&visit.by).await?;
    let known = views.iter().find(|view| view.key == key);
    let signed = known.and_then(|view| view.kind);
    let signed = matches!(signed, Some(ConnectorKind::Inbound | ConnectorKind::Webhook));
    // A connector that signs needs a secret from the beginning; one is made where none was given.
    let makes = signed && input.secret.is_none() && known.is_some_and(|view| !view.has_secret);
    let input = match makes {
        true => EndpointInput { secret: Some(api::make_secret()?), ..input },
        false => input,
    };
    let made = input.secret.clone().filter(|_| makes);
    match visit.tenant.engine.set_endpoint(visit.actor(), &key, input).await.map_err(Failure::from) {
        Ok(()) if made.is_some() => page(&visit, made.map(|made| (key.as_str(), made)), None).await,
        Ok(()) => Ok(visit.go_with("/admin/connectors", &Toast::good(visit.t("connectors.saved", &[])))),
        Err(failure) if failure.status().is_client_error() => page(&visit, None, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

/// `POST /admin/connectors/{key}/secret`: makes a secret and shows it this once.
pub(in crate::pages) async fn secret(visit: Visit, Path(key): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    match api::new_secret(&visit.by, &key).await {
        Ok(secret) => page(&visit, Some((&key, secret)), None).await,
        Err(failure) if failure.status().is_client_error() => page(&visit, None, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

/// `POST /admin/connectors/{key}/delete`.
pub(in crate::pages) async fn remove(visit: Visit, Path(key): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    visit.tenant.engine.remove_endpoint(visit.actor(), &key).await?;
    Ok(visit.go_with("/admin/connectors", &Toast::good(visit.t("connectors.removed", &[]))))
}

/// `POST /admin/connectors/{key}/test`.
pub(in crate::pages) async fn test(
    visit: Visit,
    Path(key): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    match api::try_out(&visit.state, &visit.by, &key, Some(value(&form, "to"))).await {
        Ok(()) => Ok(visit.go_with("/admin/connectors", &Toast::good(visit.t("connectors.tried", &[])))),
        Err(failure) if failure.status().is_client_error() => page(&visit, None, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}
