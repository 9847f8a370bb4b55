//! Work without network: the service worker, the page of what waits on the phone, and the list of what a phone is to keep.
//! What waits there is known to the phone alone; nothing here stores anything.

use std::collections::{BTreeMap, HashSet};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use mortise_definition::model::{EntityModel, FieldKind, Model};
use mortise_definition::source::{FormPurpose, Operation};
use mortise_engine::Record;
use mortise_expr::Value;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::list::title_of;
use super::shell::entity_path;
use super::show::Show;
use super::visit::Visit;
use super::{assets, form, lookup};
use crate::api::body;
use crate::{AppState, Ctx, Failure};

/// Records of one view that a phone keeps: more than are looked at on a day on the road.
const RECORDS_MAX: usize = 50;
/// Records of all views, with those that they point to; each is a page or two.
const ALL_RECORDS_MAX: usize = 200;
/// Entries of a picker that a phone keeps.
const LOOKUP_MAX: usize = 200;
/// What pages need before anything else; other parts are kept when they are first used.
const KEPT_ASSETS: [&str; 5] = ["app.js", "app.css", "outbox.js", "mark.svg", "rules.wasm"];

/// What phones ask for as programs do, below `/api/v1`.
pub(super) fn phone() -> Router<AppState> {
    Router::new().route("/sync", post(form::send_later)).route("/sync/keep", get(keep))
}

/// `GET /sw.js`: the service worker of the tenant. Its scope is the tenant's base, its list of assets that of this build.
pub(super) async fn worker(Ctx(context): Ctx) -> Result<Response, Failure> {
    let script = assets::contents("sw.js").ok_or_else(|| Failure::not_found("http.not_found"))?;
    let own = |name: &str| assets::address(name).map(|address| context.base.path(&address));
    let settings = json!({
        "base": context.base.to_string(),
        "assets": KEPT_ASSETS.into_iter().filter_map(own).collect::<Vec<_>>(),
    });
    let body = format!("self.MORTISE={settings};\n{}", String::from_utf8_lossy(&script));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
        // A browser asks again each time, so that a new build takes over at the next page.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            HeaderName::from_static("service-worker-allowed"),
            HeaderValue::try_from(context.base.path("/")).unwrap_or(HeaderValue::from_static("/")),
        ),
    ];
    Ok((headers, body).into_response())
}

#[derive(Serialize)]
struct Outbox {}

/// `GET /offline`: what waits on this phone, what was refused, what needs a decision.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.page("offline.html", &visit.t("offline.title", &[]), Outbox {})
}

/// What a phone is to keep.
#[derive(Serialize)]
struct Keep {
    person: Uuid,
    /// Definitions, language and build that the pages were made with: with others, none is as it would be now.
    stamp: String,
    pages: Vec<Kept>,
    lookups: Vec<Lookup>,
}

/// A page; one whose version is the same need not be read again.
#[derive(Serialize)]
struct Kept {
    href: String,
    title: String,
    kind: &'static str,
    version: Option<i64>,
}

/// The entries of a picker.
#[derive(Serialize)]
struct Lookup {
    src: String,
    entity: String,
    items: Vec<lookup::Item>,
}

/// `GET /api/v1/sync/keep`: the lists of views that are kept, their records with those they point to, forms, pickers.
async fn keep(visit: Visit) -> Result<Response, Failure> {
    let model = visit.tenant.engine.model();
    let views = model.views.values().filter(|view| view.offline);
    let views: Vec<_> =
        views.filter(|view| visit.may(&model.entities[view.entity], Operation::Read)).cloned().collect();
    let mut keeping = Keeping { visit: &visit, model: &model, pages: Vec::new(), records: HashSet::new() };
    let outbox = visit.t("offline.title", &[]);
    keeping.page(visit.base.path("/offline"), outbox, "outbox", None);
    keeping.page(visit.base.path("/"), visit.t("home.title", &[]), "home", None);
    // A phone keeps them in this order and may be broken off: what is of most use comes first.
    let mut entities: BTreeMap<usize, &EntityModel> = BTreeMap::new();
    for view in &views {
        let entity = &model.entities[view.entity];
        let path = visit.base.path(&entity_path(&model, entity));
        let label = view.label.get(visit.language).to_owned();
        keeping.page(format!("{path}?view={}", view.key), label, "list", None);
        entities.insert(view.entity, entity);
    }
    let mut lookups: BTreeMap<String, Lookup> = BTreeMap::new();
    for entity in entities.values() {
        keeping.new_forms(entity);
        lookups.extend(keeping.lookups(entity).await?);
    }
    for view in &views {
        keeping.records_of(&model.entities[view.entity], &view.key).await?;
    }
    let build = assets::address("app.js").unwrap_or_default();
    let keep = Keep {
        person: visit.user().id,
        stamp: format!("{} {} {build}", model.digest, visit.language),
        pages: keeping.pages,
        lookups: lookups.into_values().collect(),
    };
    Ok(body::json(&keep))
}

/// The list while it is made.
struct Keeping<'a> {
    visit: &'a Visit,
    model: &'a Model,
    pages: Vec<Kept>,
    records: HashSet<Uuid>,
}

impl Keeping<'_> {
    fn page(&mut self, href: String, title: String, kind: &'static str, version: Option<i64>) {
        self.pages.push(Kept { href, title, kind, version });
    }

    /// The form for new records, and those that may be chosen instead.
    fn new_forms(&mut self, entity: &EntityModel) {
        if !self.visit.may(entity, Operation::Create) {
            return;
        }
        let language = self.visit.language;
        let href = self.visit.base.path(&format!("{}/new", entity_path(self.model, entity)));
        let title = self.visit.t("form.new_title", &[("label", entity.label.get(language))]);
        let forms = form::forms(self.model, entity, FormPurpose::Create);
        if forms.len() < 2 {
            return self.page(href, title, "new", None);
        }
        for (index, form) in forms.iter().enumerate() {
            let href = if index == 0 { href.clone() } else { format!("{href}?_form={}", form.key) };
            self.page(href, format!("{title} · {}", form.label.get(language)), "new", None);
        }
    }

    /// The records of a view, and those that they point to.
    async fn records_of(&mut self, entity: &EntityModel, view: &str) -> Result<(), Failure> {
        let (visit, model) = (self.visit, self.model);
        let engine = &visit.tenant.engine;
        let limit = RECORDS_MAX.to_string();
        let params = [("view", view), ("limit", &*limit), ("total", "false")];
        let query = engine.query(visit.actor(), &entity.key, params.into_iter())?;
        let page = engine.list(visit.actor(), &query).await?;
        let directory = engine.directory();
        let show = Show::new(&visit.by, model, &directory);
        for record in &page.rows {
            self.record(entity, record.id(), title_of(&show, entity, record), Some(record.version()));
        }
        for record in &page.rows {
            self.neighbours(entity, record);
        }
        Ok(())
    }

    fn neighbours(&mut self, entity: &EntityModel, record: &Record) {
        for field in entity.declared() {
            let FieldKind::Reference { entity: target } = &field.kind else { continue };
            let target = &self.model.entities[*target];
            if let (Value::Id(id), Some(title)) = (&record.values[field.slot], record.title(field.slot))
                && self.visit.may(target, Operation::Read)
            {
                self.record(target, *id, title.to_owned(), None);
            }
        }
    }

    fn record(&mut self, entity: &EntityModel, id: Uuid, title: String, version: Option<i64>) {
        if self.records.len() >= ALL_RECORDS_MAX || !self.records.insert(id) {
            return;
        }
        let href = self.visit.base.path(&format!("{}/{id}", entity_path(self.model, entity)));
        if self.visit.may(entity, Operation::Update) && version.is_some() {
            self.page(format!("{href}/edit"), title.clone(), "edit", version);
        }
        self.page(href, title, "record", version);
    }

    /// The entries of an entity's pickers, by the address that a picker asks.
    async fn lookups(&self, entity: &EntityModel) -> Result<BTreeMap<String, Lookup>, Failure> {
        let mut lookups = BTreeMap::new();
        for field in entity.declared() {
            let FieldKind::Reference { entity: target } = &field.kind else { continue };
            let target = &self.model.entities[*target];
            let opens = |operation| self.visit.by.opens(entity, operation, field.slot);
            if !(opens(Operation::Create) || opens(Operation::Update))
                || !self.visit.may(target, Operation::Read)
            {
                continue;
            }
            let src = lookup::reference_address(&self.visit.by, self.model, entity, field);
            let items = lookup::recent(self.visit, target, LOOKUP_MAX).await?;
            lookups.insert(src.clone(), Lookup { src, entity: target.key.clone(), items });
        }
        Ok(lookups)
    }
}
