//! Forms for new and existing records. Whatever goes wrong, the answer is the same form with everything that was typed.

mod codes;
mod conflict;
mod later;
mod layout;
mod page;
mod raw;
mod read;
mod rules;
pub(super) mod single;
mod split;
mod state;
mod transition;
mod widget;

use std::sync::Arc;

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DurationRound, TimeDelta};
use mortise_definition::locale::sentences;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel};
use mortise_definition::source::Operation;
use mortise_engine::{
    Command, FileInfo, FormState, Outcome, Record, RunOptions, Suspect, TransitionOffer, Written,
};
use mortise_expr::Value;
use uuid::Uuid;

pub(super) use later::send as send_later;
pub(super) use layout::{Layout, forms, line_columns};
pub(super) use page::FormContext;
pub(super) use split::split;
pub(super) use state::live;
pub(super) use transition::{show as transition, take};

use self::raw::Raw;
use self::read::{Reading, with_hint};
use super::flash::Toast;
use super::list::entity_of;
use super::shell::entity_path;
use super::show::{Show, file_ids};
use super::visit::Visit;
use crate::Failure;

type Pairs = Form<Vec<(String, String)>>;

/// All that one form is about.
struct Editing<'a> {
    visit: &'a Visit,
    entity: Arc<EntityModel>,
    layout: Layout,
    /// The record as it is stored; none for a new one.
    record: Option<Record>,
    files: Vec<FileInfo>,
    /// The transition that is taken by it; none for ordinary changes.
    transition: Option<TransitionOffer>,
}

/// What was wrong with the last attempt.
#[derive(Default)]
struct Trouble {
    status: StatusCode,
    problem: Option<String>,
    issues: Vec<(String, String)>,
    suspects: Vec<Suspect>,
}

/// The entity of an address, if the person may do this with it.
fn entity_for(
    visit: &Visit,
    app: &str,
    entity: &str,
    operation: Operation,
) -> Result<Arc<EntityModel>, Failure> {
    let key = format!("{app}.{entity}");
    let model = visit.tenant.engine.model();
    match model.entity(&key) {
        Some(entity) if visit.may(entity, operation) => Ok(entity.clone()),
        Some(entity) => Err(Failure::forbidden().with("entity", &entity.key)),
        None => entity_of(visit, app, entity),
    }
}

/// `GET /a/{app}/{entity}/new`, with values for fields in the address.
pub(super) async fn new(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_for(&visit, &app, &entity, Operation::Create)?;
    let editing = Editing::of_new(&visit, entity, visit.look.param("_form"));
    let mut raw = editing.defaults().await?;
    for (name, value) in &visit.look.params {
        if let Some(field) = editing.entity.field(name) {
            editing.prefill(&mut raw, field, value).await;
        }
    }
    editing.show(&raw, Trouble::default(), true).await
}

/// A form for a new record of an entity that the person may create, for a page on which more than the form stands.
pub(super) async fn entry(
    visit: &Visit,
    entity: Arc<EntityModel>,
    form: &str,
) -> Result<FormContext, Failure> {
    let editing = Editing::of_new(visit, entity, Some(form));
    let raw = editing.defaults().await?;
    let (form, _) = editing.draw(&raw, &Trouble::default(), true).await?;
    Ok(form)
}

/// Nobody would type the seconds of "now".
fn whole_minutes(value: &mut Value) {
    if let Value::DateTime(at) = value
        && let Ok(minute) = at.duration_trunc(TimeDelta::minutes(1))
    {
        *at = minute;
    }
}

/// `GET /a/{app}/{entity}/{id}/edit`.
pub(super) async fn edit(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
) -> Result<Response, Failure> {
    let entity = entity_for(&visit, &app, &entity, Operation::Update)?;
    let editing = Editing::of_record(&visit, entity, id, visit.look.param("_form")).await?;
    let record = editing.record.as_ref().ok_or_else(|| Failure::not_found("record.not_found"))?;
    if !record.may(Operation::Update) {
        return Err(Failure::forbidden().with("entity", &editing.entity.key));
    }
    let raw = editing.raw(record).await;
    editing.show(&raw, Trouble::default(), true).await
}

/// `POST /a/{app}/{entity}/new`.
pub(super) async fn create(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Form(pairs): Pairs,
) -> Result<Response, Failure> {
    let raw = Raw(pairs);
    let entity = entity_for(&visit, &app, &entity, Operation::Create)?;
    let editing = Editing::of_new(&visit, entity, raw.get("_form"));
    editing.save(raw).await
}

/// `POST /a/{app}/{entity}/{id}/edit`.
pub(super) async fn update(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
    Form(pairs): Pairs,
) -> Result<Response, Failure> {
    let mut raw = Raw(pairs);
    let entity = entity_for(&visit, &app, &entity, Operation::Update)?;
    let editing = Editing::of_record(&visit, entity, id, raw.get("_form")).await?;
    conflict::apply_choices(&mut raw);
    if raw.get("_review") == Some("1") {
        return editing.review(raw).await;
    }
    editing.save(raw).await
}

impl<'a> Editing<'a> {
    fn of_new(visit: &'a Visit, entity: Arc<EntityModel>, form: Option<&str>) -> Editing<'a> {
        let model = visit.tenant.engine.model();
        let layout = Layout::of(&visit.by, &model, &entity, None, form);
        Editing { visit, entity, layout, record: None, files: Vec::new(), transition: None }
    }

    async fn of_record(
        visit: &'a Visit,
        entity: Arc<EntityModel>,
        id: Uuid,
        form: Option<&str>,
    ) -> Result<Editing<'a>, Failure> {
        let engine = &visit.tenant.engine;
        let record = engine.read(visit.actor(), &entity.key, id).await?;
        let layout = Layout::of(&visit.by, &engine.model(), &entity, Some(&record), form);
        let ids: Vec<Uuid> = entity
            .declared()
            .iter()
            .filter(|field| matches!(field.kind, FieldKind::File { .. }))
            .flat_map(|field| file_ids(&record.values[field.slot]))
            .collect();
        let files = engine.file_infos(visit.actor(), &ids).await?;
        Ok(Editing { visit, entity, layout, record: Some(record), files, transition: None })
    }

    fn id(&self) -> Option<Uuid> {
        self.record.as_ref().map(Record::id)
    }

    /// Runs `work` with what values are shown by.
    fn showing<R>(&self, work: impl FnOnce(&Show) -> R) -> R {
        let (model, directory) = (self.visit.tenant.engine.model(), self.visit.tenant.engine.directory());
        work(&Show {
            by: &self.visit.by,
            model: &model,
            directory: &directory,
            now: self.visit.tenant.engine.now(),
            files: &self.files,
        })
    }

    /// The pairs of a new record that nobody has typed anything into.
    async fn defaults(&self) -> Result<Raw, Failure> {
        let mut defaults = self.visit.tenant.engine.defaults(self.visit.actor(), &self.entity.key)?;
        defaults.values.iter_mut().for_each(whole_minutes);
        Ok(self.raw(&defaults).await)
    }

    /// The pairs of a record or of defaults; titles of default references are looked up.
    async fn raw(&self, record: &Record) -> Raw {
        let mut raw = self.showing(|show| Raw::of_record(show, &self.layout, record));
        for field in self.entity.declared() {
            if let (FieldKind::Reference { .. }, Value::Id(id), None) =
                (&field.kind, &record.values[field.slot], record.title(field.slot))
            {
                self.prefill(&mut raw, field, &id.to_string()).await;
            }
        }
        raw
    }

    /// Puts a value of the address into the form, with the title of the record that it names.
    async fn prefill(&self, raw: &mut Raw, field: &FieldModel, value: &str) {
        raw.remove(&field.name);
        raw.set(&field.name, value);
        let id: Option<Uuid> = value.parse().ok();
        let title = match (&field.kind, id) {
            (FieldKind::Reference { entity }, Some(id)) => {
                let model = self.visit.tenant.engine.model();
                super::lookup::title(self.visit, &model.entities[*entity], id).await
            }
            (FieldKind::User | FieldKind::Team, Some(id)) => {
                self.showing(|show| show.words(field, &Value::Id(id)))
            }
            (FieldKind::Tree { .. }, _) => self.showing(|show| show.words(field, &Value::text(value))),
            _ => return,
        };
        raw.set(&format!("_title/{}", field.name), title);
    }

    fn path(&self) -> String {
        entity_path(&self.visit.tenant.engine.model(), &self.entity)
    }

    fn draft(&self) -> String {
        match (self.id(), &self.transition) {
            (Some(id), Some(offer)) => format!("{}/{id}/{}", self.entity.key, offer.id),
            (Some(id), None) => format!("{}/{id}", self.entity.key),
            (None, _) => format!("{}/new", self.entity.key),
        }
    }

    /// State of the form for what was typed; what cannot be read counts as empty.
    async fn state(&self, reading: &Reading) -> Result<FormState, Failure> {
        let engine = &self.visit.tenant.engine;
        Ok(engine.form_state(self.visit.actor(), &self.entity.key, self.id(), &reading.values).await?)
    }

    /// Reads the form, drops what is not shown, and saves. Anything that goes wrong shows the form again.
    async fn save(&self, raw: Raw) -> Result<Response, Failure> {
        let mut reading = self.showing(|show| read::read(show, &self.layout, &raw));
        let state = self.state(&reading).await?;
        self.keep_visible(&mut reading, &state);
        self.keep_changed(&mut reading, &raw);
        let missing = self.missing(&state, &reading);
        if !reading.issues.is_empty() || !missing.is_empty() {
            let mut issues = std::mem::take(&mut reading.issues);
            issues.extend(missing);
            // What else is missing from the record is no matter of a transition that does not ask for it.
            let told = state.issues.iter().filter(|_| self.transition.is_none());
            for issue in told {
                let path = reading.path_in_form(&issue.field);
                if !issues.iter().any(|(known, _)| *known == path) {
                    issues.push((path, issue_text(self.visit.language, &issue.into())));
                }
            }
            let codes = self.codes(&raw, &reading, &state, &issues);
            let trouble = Trouble { status: StatusCode::UNPROCESSABLE_ENTITY, issues, ..Trouble::default() };
            return Ok(codes::told(self.show(&raw, trouble, false).await?, &codes));
        }
        let options = RunOptions {
            idempotency_key: raw
                .get("_key")
                .filter(|key| !key.is_empty())
                .map(|key| format!("{}:page:{key}", self.visit.user().id)),
        };
        match self.visit.tenant.engine.run(self.visit.actor(), self.command(&raw, &reading), options).await {
            Ok(Outcome::Record(written)) => Ok(self.saved(&raw, &written).await),
            Ok(_) => Err(Failure::internal("a command for one record wrote none")),
            Err(error @ mortise_engine::Error::Stale { .. }) if self.transition.is_none() => {
                let codes = codes::of_failure(&Failure::from(error));
                Ok(codes::told(conflict::show(self, &raw).await?, &codes))
            }
            Err(error) => match self.told_on_record(&error) {
                Some(response) => Ok(response),
                None => self.refused(&raw, &reading, error).await,
            },
        }
    }

    fn command(&self, raw: &Raw, reading: &Reading) -> Command {
        let (entity, values) = (self.entity.key.clone(), reading.values.clone());
        match (self.id(), &self.transition) {
            (Some(id), Some(offer)) => self.taking(offer, id, raw, reading),
            (Some(id), None) => Command::Update {
                entity,
                id,
                version: raw.get("_version").and_then(|text| text.parse().ok()),
                values,
            },
            (None, _) => {
                let allow_duplicates = raw.get("allow_duplicates") == Some("true");
                // The key of the form is the id of the record, so that a save which comes twice makes one record.
                let id = raw.get("_key").and_then(|key| Uuid::try_parse(key).ok());
                Command::Create { entity, values, id, allow_duplicates }
            }
        }
    }

    /// Values of fields that are not shown are not sent: the rules of the app ask for that.
    fn keep_visible(&self, reading: &mut Reading, state: &FormState) {
        let sections = self.showing(|show| self.layout.visible_sections(show, &state.values));
        for (section, shown) in self.layout.sections.iter().zip(sections) {
            for item in &section.items {
                let name = self.entity.fields[item.slot].name.as_ref();
                if !shown || state.visible.get(name) == Some(&false) {
                    reading.values.shift_remove(name);
                    reading.issues.retain(|(path, _)| path.split('/').next() != Some(name));
                }
            }
        }
    }

    /// What was not touched is not sent, so that two people can work on different fields of one record.
    fn keep_changed(&self, reading: &mut Reading, raw: &Raw) {
        let Some(record) = &self.record else { return };
        let stored = self.showing(|show| Raw::of_record(show, &self.layout, record));
        let untouched = |name: &str| {
            stored.all(name).eq(raw.all(name)) && stored.rows(name).is_empty() && raw.rows(name).is_empty()
        };
        reading.values.retain(|name, _| !untouched(name));
    }

    /// Fields that this form requires beyond what the app's rules do (those the engine checks itself).
    fn missing(&self, state: &FormState, reading: &Reading) -> Vec<(String, String)> {
        let sections = self.showing(|show| self.layout.visible_sections(show, &state.values));
        let sections = self.layout.sections.iter().zip(sections).filter(|(_, shown)| *shown);
        let items = sections.flat_map(|(section, _)| &section.items).filter(|item| !item.read_only);
        let complaints = !reading.issues.is_empty();
        let empty = |item: &&layout::Item| {
            let name = self.entity.fields[item.slot].name.as_ref();
            let required = item.required || complaints && state.required.get(name) == Some(&true);
            let unread = reading.issues.iter().any(|(path, _)| path == name);
            let lines = reading
                .values
                .get(name)
                .is_some_and(|json| json.as_array().is_some_and(|rows| !rows.is_empty()));
            required
                && !unread
                && !lines
                && state.visible.get(name) != Some(&false)
                && state.values[item.slot].is_null()
        };
        let say = |item: &layout::Item| {
            let name = self.entity.fields[item.slot].name.to_string();
            (name, with_hint(self.visit.language, "field.required", &[]))
        };
        items.filter(empty).map(say).collect()
    }

    async fn saved(&self, raw: &Raw, written: &Written) -> Response {
        let path = self.path();
        let again = raw.get("_again") == Some("1");
        // Who enters a record for others, or gives one away, may not see it any more.
        let shown =
            self.visit.tenant.engine.read(self.visit.actor(), &self.entity.key, written.id).await.is_ok();
        let toast = match &self.record {
            _ if !shown => Toast::good(self.visit.t("form.saved_for_others", &[])),
            Some(_) => match &self.transition {
                Some(offer) => {
                    let label = offer.label.get(self.visit.language);
                    Toast::good(self.visit.t("transition.taken", &[("transition", label)]))
                }
                None => Toast::good(self.visit.t("form.saved", &[])),
            },
            None => {
                let title = self.showing(|show| {
                    let record = |values: &Vec<Value>| {
                        show.words(&self.entity.fields[self.entity.title], &values[self.entity.title])
                    };
                    Some(&written.values).filter(|values| !values.is_empty()).map(record)
                });
                match title.filter(|title| !title.is_empty()) {
                    Some(title) => Toast::good(self.visit.t("form.created", &[("title", &title)])),
                    None => Toast::good(self.visit.t("form.saved", &[])),
                }
            }
        };
        let next = match (again, shown) {
            (true, _) => format!("{path}/new"),
            (_, true) => format!("{path}/{}", written.id),
            (_, false) if self.visit.may(&self.entity, Operation::Read) => path,
            (_, false) => format!("{path}/new"),
        };
        self.visit.go_with(&next, &toast.forgetting(self.draft()))
    }

    /// The form again, with what the engine said.
    async fn refused(
        &self,
        raw: &Raw,
        reading: &Reading,
        error: mortise_engine::Error,
    ) -> Result<Response, Failure> {
        let suspects = match &error {
            mortise_engine::Error::Duplicate(suspects) => suspects.clone(),
            _ => Vec::new(),
        };
        let failure = Failure::from(error);
        if let Some(cause) = failure.log() {
            tracing::error!(code = failure.code(), cause, "a form could not be saved");
        }
        let language = self.visit.language;
        let issues: Vec<(String, String)> = failure
            .issues()
            .iter()
            .map(|issue| (reading.path_in_form(&issue.field), issue_text(language, issue)))
            .collect();
        let said = || sentences(&failure.title(language), &failure.hint(language));
        let problem = (issues.is_empty()).then(said);
        let trouble = Trouble { status: failure.status(), problem, issues, suspects };
        Ok(codes::told(self.show(raw, trouble, false).await?, &codes::of_failure(&failure)))
    }

    /// After a conflict: the form again, over the version that is stored now.
    async fn review(&self, raw: Raw) -> Result<Response, Failure> {
        let record = self.record.as_ref().ok_or_else(|| Failure::not_found("record.not_found"))?;
        let mut merged = self.raw(record).await;
        for field in self.layout.items().map(|item| &self.entity.fields[item.slot]) {
            let below = format!("{}/", field.name);
            let mine = |name: &str| {
                let plain = name.strip_prefix("_title/").unwrap_or(name);
                plain == field.name.as_ref() || plain.starts_with(&below)
            };
            if raw.0.iter().any(|(name, _)| mine(name)) {
                merged.remove(&field.name);
                merged.0.extend(raw.0.iter().filter(|(name, _)| mine(name)).cloned());
            }
        }
        self.show(&merged, Trouble::default(), false).await
    }
}

/// An issue in words, with what to do.
fn issue_text(language: &str, issue: &crate::failure::Issue) -> String {
    match &issue.message {
        Some(text) => text.get(language).to_owned(),
        None => {
            let args: Vec<(&str, &str)> =
                issue.args.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
            with_hint(language, &issue.code, &args)
        }
    }
}
