//! The page of a form: its sections with widgets, what was wrong with the last attempt, likely duplicates.

use std::sync::Arc;

use axum::response::Response;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, FormModel};
use mortise_definition::source::FormPurpose;
use mortise_engine::values::from_json;
use mortise_engine::{FormState, Record, Suspect};
use mortise_expr::Value;
use serde::Serialize;

use super::raw::Raw;
use super::widget::{Field, Messages, Widgets, input_id};
use super::{Editing, Trouble, layout, read};
use crate::Failure;
use crate::pages::list::{field_label, title_of};
use crate::pages::shell::entity_path;
use crate::pages::show::{Cell, Show};

#[derive(Serialize)]
struct Page {
    form: FormContext,
}

#[derive(Serialize)]
struct FormContext {
    key: String,
    label: String,
    plural: String,
    list_url: String,
    back: String,
    action: String,
    state_url: String,
    draft: String,
    idempotency_key: String,
    record: Option<Existing>,
    others: Vec<Other>,
    live: bool,
    fresh: bool,
    problem: Option<String>,
    issues: Vec<Listed>,
    checks_duplicates: bool,
    allow_duplicates: bool,
    suspects: Vec<Similar>,
    sections: Vec<Section>,
    step: Option<Step>,
}

/// The transition that a form takes.
#[derive(Serialize)]
struct Step {
    label: String,
    to: Cell,
    message: Option<String>,
}

#[derive(Serialize)]
struct Existing {
    title: String,
    version: i64,
}

#[derive(Serialize)]
struct Other {
    label: String,
    href: String,
    active: bool,
}

#[derive(Serialize)]
struct Listed {
    id: Option<String>,
    label: String,
    text: String,
}

/// A record that looks like the one being typed.
#[derive(Serialize)]
pub(super) struct Similar {
    title: String,
    href: String,
    facts: Vec<Fact>,
    hint: bool,
}

#[derive(Serialize)]
struct Fact {
    label: String,
    text: String,
}

#[derive(Serialize)]
struct Section {
    label: Option<String>,
    columns: u8,
    visible: bool,
    fields: Vec<Field>,
}

impl Editing<'_> {
    /// The form's page.
    pub(super) async fn show(&self, raw: &Raw, trouble: Trouble, fresh: bool) -> Result<Response, Failure> {
        let reading = self.showing(|show| read::read(show, &self.layout, raw));
        let state = self.state(&reading).await?;
        let (form, title) = self.showing(|show| self.context(show, raw, &trouble, &state, fresh));
        let mut response = self.visit.page("form.html", &title, Page { form })?;
        *response.status_mut() = trouble.status;
        Ok(response)
    }

    fn context(
        &self,
        show: &Show,
        raw: &Raw,
        trouble: &Trouble,
        state: &FormState,
        fresh: bool,
    ) -> (FormContext, String) {
        let (visit, entity) = (self.visit, &self.entity);
        let path = visit.base.path(&self.path());
        let own = match self.id() {
            Some(id) => format!("{path}/{id}"),
            None => path.clone(),
        };
        let title = self.record.as_ref().map(|record| title_of(show, entity, record));
        let heading = match &title {
            _ if self.transition.is_some() => {
                self.transition.as_ref().map_or("", |offer| offer.label.get(visit.language)).to_owned()
            }
            Some(title) => visit.t("form.edit_title", &[("title", title)]),
            None => visit.t("form.new_title", &[("label", entity.label.get(visit.language))]),
        };
        let form = FormContext {
            key: self.layout.key.clone(),
            label: self.layout.label.clone(),
            plural: entity.plural.get(visit.language).to_owned(),
            action: match (&self.transition, &title) {
                (Some(offer), _) => format!("{own}/transitions/{}", offer.id),
                (None, Some(_)) => format!("{own}/edit"),
                (None, None) => format!("{path}/new"),
            },
            state_url: match self.id() {
                Some(id) => format!("{path}/form-state?id={id}"),
                None => format!("{path}/form-state"),
            },
            list_url: path,
            draft: self.draft(),
            idempotency_key: visit.state.new_id().to_string(),
            others: self.others(show, &own),
            live: self.lives(),
            fresh,
            problem: trouble.problem.clone(),
            issues: self.listed(show, trouble),
            checks_duplicates: title.is_none() && entity.duplicates.is_some(),
            allow_duplicates: raw.get("allow_duplicates") == Some("true"),
            suspects: similar(show, entity, &trouble.suspects),
            sections: self.sections(show, raw, trouble, state),
            step: self.step(show),
            record: title
                .map(|title| Existing { title, version: self.record.as_ref().map_or(0, Record::version) }),
            back: own,
        };
        (form, heading)
    }

    /// Whether anything on the form depends on what is typed.
    fn lives(&self) -> bool {
        if self.transition.is_some() {
            return false;
        }
        let depends = |field: &FieldModel| {
            field.visible_when.is_some()
                || field.required_when.is_some()
                || matches!(field.kind, FieldKind::Computed { .. })
        };
        self.entity.duplicates.is_some() || self.entity.declared().iter().any(depends)
    }

    fn step(&self, show: &Show) -> Option<Step> {
        let offer = self.transition.as_ref()?;
        let entity = &self.entity;
        let lifecycle = show.model.automation.by_entity.get(entity.index)?.lifecycle.as_ref()?;
        let language = show.by.language;
        let message = offer.message.as_ref().filter(|_| !offer.ready);
        Some(Step {
            label: offer.label.get(language).to_owned(),
            to: show.value(&entity.fields[lifecycle.field], &Value::text(offer.to.as_str()), None),
            message: message.map(|text| text.get(language).to_owned()),
        })
    }

    fn others(&self, show: &Show, own: &str) -> Vec<Other> {
        let (purpose, action) = match self.record {
            Some(_) => (FormPurpose::Edit, "edit"),
            None => (FormPurpose::Create, "new"),
        };
        let forms = layout::forms(show.model, &self.entity, purpose);
        if forms.len() < 2 || self.transition.is_some() {
            return Vec::new();
        }
        let other = |form: &&Arc<FormModel>| Other {
            label: form.label.get(show.by.language).to_owned(),
            href: format!("{own}/{action}?_form={}", form.key),
            active: form.key == self.layout.key,
        };
        forms.iter().map(other).collect()
    }

    fn listed(&self, show: &Show, trouble: &Trouble) -> Vec<Listed> {
        let list = |(path, text): &(String, String)| {
            let mut parts = path.split('/');
            let field = parts.next().and_then(|name| self.entity.field(name));
            let on_form = field.is_some_and(|field| self.layout.items().any(|item| item.slot == field.slot));
            let row = parts.next().and_then(|index| index.parse::<usize>().ok()).map(|index| index + 1);
            let label = field.map(|field| field_label(show, field)).unwrap_or_default();
            Listed {
                id: on_form.then(|| input_id(path)),
                label: row.map_or_else(|| label.clone(), |row| format!("{label} {row}")),
                text: text.clone(),
            }
        };
        trouble.issues.iter().map(list).collect()
    }

    fn sections(&self, show: &Show, raw: &Raw, trouble: &Trouble, state: &FormState) -> Vec<Section> {
        let mut messages = Messages::new();
        for (path, text) in &trouble.issues {
            messages.entry(path.clone()).or_default().push(text.clone());
        }
        let widgets = Widgets {
            show,
            raw,
            messages: &messages,
            record: self.record.as_ref(),
            computed: &state.computed,
        };
        let field = |item: &layout::Item| {
            let name = self.entity.fields[item.slot].name.as_ref();
            let visible = state.visible.get(name) != Some(&false);
            let required = item.required || state.required.get(name) == Some(&true);
            widgets.field(&self.entity, item, visible, required)
        };
        let section = |section: &layout::Section| {
            let fields: Vec<Field> = section.items.iter().map(field).collect();
            Section {
                label: section.label.clone(),
                columns: section.columns,
                visible: section.visible(show, &state.values) && fields.iter().any(|field| field.visible),
                fields,
            }
        };
        self.layout.sections.iter().map(section).collect()
    }
}

/// Likely duplicates, as far as the person may know of them.
pub(super) fn similar(show: &Show, entity: &EntityModel, suspects: &[Suspect]) -> Vec<Similar> {
    let one = |suspect: &Suspect| {
        let shown = suspect.shown.iter().filter_map(|(name, json)| Some((entity.field(name)?, json)));
        let shown: Vec<(&FieldModel, String)> =
            shown.map(|(field, json)| (field, words(show, field, json))).collect();
        let title = shown.iter().find(|(field, _)| field.slot == entity.title).or(shown.first());
        let facts = shown.iter().filter(|(field, text)| {
            !text.is_empty() && title.is_none_or(|(title, _)| title.slot != field.slot)
        });
        let title = title.map(|(_, text)| text.clone()).filter(|text| !text.is_empty());
        let hidden =
            || mortise_definition::locale::translate(show.by.language, "ui.form.suspect_hidden", &[]);
        Similar {
            title: title.unwrap_or_else(hidden),
            href: suspect
                .id
                .map(|id| show.by.base.path(&format!("{}/{id}", entity_path(show.model, entity))))
                .unwrap_or_default(),
            facts: facts
                .map(|(field, text)| Fact { label: field_label(show, field), text: text.clone() })
                .collect(),
            hint: suspect.hint,
        }
    };
    suspects.iter().map(one).collect()
}

/// A value of a suspect in words; nothing for what would take another question to the database.
fn words(show: &Show, field: &FieldModel, json: &serde_json::Value) -> String {
    let Ok(value) = from_json(field, json, &show.values()) else { return String::new() };
    match (&field.kind, &value) {
        (FieldKind::Reference { .. } | FieldKind::File { .. } | FieldKind::Lines { .. }, _) => String::new(),
        (_, Value::DateTime(at)) => show.ago(*at),
        (_, Value::Date(day)) => show.day_words(*day),
        _ => show.words(field, &value),
    }
}
