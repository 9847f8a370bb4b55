//! What a person was told: newest first, unread marked, each with the way to its record.

use axum::extract::Form;
use axum::response::Response;
use mortise_definition::model::Model;
use mortise_engine::Message;
use serde::Serialize;
use uuid::Uuid;

use super::shell::entity_path;
use super::show::Show;
use super::visit::Visit;
use crate::Failure;

/// Messages shown at once.
const SHOWN: i64 = 30;
/// Messages of the panel below the bell: what fits without scrolling.
const LATEST: i64 = 8;

#[derive(Serialize)]
struct Page {
    inbox: Inbox,
}

#[derive(Serialize)]
struct Inbox {
    rows: Vec<Row>,
    unread: i64,
    only_unread: bool,
    older: Option<String>,
    newest: Option<&'static str>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    title: String,
    body: String,
    href: Option<String>,
    entity: Option<String>,
    icon: String,
    unread: bool,
    iso: String,
    exact: String,
    when: String,
}

/// `GET /inbox?show=unread&before=`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let engine = &visit.tenant.engine;
    let only_unread = visit.look.param("show") == Some("unread");
    let before: Option<Uuid> = visit.look.param("before").and_then(|text| text.parse().ok());
    let mut messages = engine.inbox(visit.actor(), only_unread, before, SHOWN + 1).await?;
    let limit = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let more = messages.len() > limit;
    messages.truncate(limit);
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let filter = if only_unread { "show=unread&" } else { "" };
    let older = messages.last().filter(|_| more);
    let inbox = Inbox {
        unread: engine.unread(visit.actor()).await?,
        older: older.map(|last| visit.base.path(&format!("/inbox?{filter}before={}", last.id))),
        newest: before.map(|_| if only_unread { "/inbox?show=unread" } else { "/inbox" }),
        rows: messages.into_iter().map(|message| row(&visit, &model, &show, message)).collect(),
        only_unread,
    };
    visit.page("inbox.html", &visit.t("inbox.title", &[]), Page { inbox })
}

/// `GET /inbox/panel`: the latest messages, below the bell.
pub(super) async fn panel(visit: Visit) -> Result<Response, Failure> {
    let engine = &visit.tenant.engine;
    let messages = engine.inbox(visit.actor(), false, None, LATEST).await?;
    let unread = engine.unread(visit.actor()).await?;
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let rows = messages.into_iter().map(|message| row(&visit, &model, &show, message)).collect();
    let inbox = Inbox { rows, unread, only_unread: false, older: None, newest: None };
    visit.page("parts/notices.html", "", Page { inbox })
}

fn row(visit: &Visit, model: &Model, show: &Show<'_>, message: Message) -> Row {
    let entity = message.entity.as_deref().and_then(|key| model.entity(key));
    let link = |record: Uuid| Some(visit.base.path(&format!("{}/{record}", entity_path(model, entity?))));
    Row {
        id: message.id.to_string(),
        title: message.title,
        body: message.body,
        href: message.record.and_then(link),
        entity: entity.map(|entity| entity.label.get(visit.language).to_owned()),
        icon: entity.map_or_else(|| "bell".to_owned(), |entity| entity.icon.clone()),
        unread: message.read_at.is_none(),
        iso: message.at.to_rfc3339(),
        exact: message.at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M:%S").to_string(),
        when: show.ago(message.at),
    }
}

/// `POST /inbox/read`: marks one message (`id`), or all; goes on to the record (`open`) where there is one, or shows the
/// panel again (`panel`).
pub(super) async fn read(visit: Visit, Form(form): Form<Vec<(String, String)>>) -> Result<Response, Failure> {
    let value = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    // Only without any id it is about all of them.
    let ids = value("id").map(|text| text.parse().ok().into_iter().collect());
    visit.tenant.engine.mark_read(visit.actor(), ids).await?;
    if value("panel").is_some() {
        return panel(visit).await;
    }
    Ok(visit.go(match value("open").and_then(|open| open.strip_prefix(&*visit.base.0)) {
        // Only pages of records, wherever a form might want to lead.
        Some(path) if path.starts_with("/a/") => path,
        _ => "/inbox",
    }))
}
