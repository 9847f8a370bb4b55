//! The page of a form: its sections with widgets, what was wrong with the last attempt, likely duplicates.

use std::sync::Arc;

use axum::response::Response;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, FormModel};
use mortise_definition::source::{FormFlow, FormPurpose};
use mortise_engine::values::from_json;
use mortise_engine::{FormState, Suspect};
use mortise_expr::Value;
use serde::Serialize;

use super::raw::Raw;
use super::widget::{Field, Messages, Widgets, input_id};
use super::{Editing, Trouble, layout, read, split};
use crate::Failure;
use crate::pages::assets;
use crate::pages::list::{field_label, title_of};
use crate::pages::shell::entity_path;
use crate::pages::show::{Cell, Show};

#[derive(Serialize)]
struct Page {
    form: FormContext,
}

/// What a form is drawn from.
#[derive(Serialize)]
pub(in crate::pages) struct FormContext {
    key: String,
    label: String,
    plural: String,
    list_url: String,
    back: String,
    action: String,
    state_url: String,
    draft: String,
    /// The field by which records are called.
    title_field: String,
    idempotency_key: String,
    record: Option<Existing>,
    others: Vec<Other>,
    live: bool,
    /// Its rules for the browser, what evaluates them there, and the zone of whoever types.
    rules: Option<String>,
    evaluator: Option<String>,
    zone: String,
    fresh: bool,
    problem: Option<String>,
    issues: Vec<Listed>,
    checks_duplicates: bool,
    allow_duplicates: bool,
    suspects: Vec<Similar>,
    /// Where a pasted message is taken apart; none on forms without places for it.
    split_url: Option<String>,
    /// Input of the first photo, which may be one of a card.
    card: Option<String>,
    flow: FormFlow,
    /// The section that is shown first, where they are shown one at a time.
    current: usize,
    /// The last section that is shown at all.
    last: usize,
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
    id: String,
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
    help: Option<String>,
    columns: u8,
    visible: bool,
    /// How many of its fields something is wrong with.
    wrong: usize,
    fields: Vec<Field>,
}

impl Editing<'_> {
    /// The form's page.
    pub(super) async fn show(&self, raw: &Raw, trouble: Trouble, fresh: bool) -> Result<Response, Failure> {
        let (form, title) = self.draw(raw, &trouble, fresh).await?;
        let mut response = self.visit.page("form.html", &title, Page { form })?;
        *response.status_mut() = trouble.status;
        Ok(response)
    }

    /// The form, and the heading of its page.
    pub(super) async fn draw(
        &self,
        raw: &Raw,
        trouble: &Trouble,
        fresh: bool,
    ) -> Result<(FormContext, String), Failure> {
        let reading = self.showing(|show| read::read(show, &self.layout, raw));
        let state = self.state(&reading).await?;
        Ok(self.showing(|show| self.context(show, raw, trouble, &state, fresh)))
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
        let sections = self.sections(show, raw, trouble, state);
        let first = |fits: &dyn Fn(&Section) -> bool| sections.iter().position(fits);
        let current = first(&|section| section.visible && section.wrong > 0);
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
            list_url: path.clone(),
            draft: self.draft(),
            title_field: entity.fields[entity.title].name.to_string(),
            idempotency_key: visit.state.new_id().to_string(),
            others: self.others(show, &own),
            live: self.lives(),
            rules: self.rules(),
            evaluator: assets::address("rules.wasm").map(|address| visit.base.path(&address)),
            zone: visit.user().tz.name().to_owned(),
            fresh,
            problem: trouble.problem.clone(),
            issues: self.listed(show, trouble),
            checks_duplicates: title.is_none() && entity.duplicates.is_some(),
            allow_duplicates: raw.get("allow_duplicates") == Some("true"),
            suspects: similar(show, entity, &trouble.suspects),
            split_url: (title.is_none() && split::takes(show, &self.layout)).then(|| format!("{path}/split")),
            card: self.card(),
            flow: if sections.len() > 1 { self.layout.flow } else { FormFlow::Page },
            current: current.or_else(|| first(&|section| section.visible)).unwrap_or(0),
            last: sections.iter().rposition(|section| section.visible).unwrap_or(0),
            sections,
            step: self.step(show),
            record: title.zip(self.record.as_ref()).map(|(title, record)| Existing {
                id: record.id().to_string(),
                title,
                version: record.version(),
            }),
            back: own,
        };
        (form, heading)
    }

    /// The input of the first photo.
    fn card(&self) -> Option<String> {
        let items = self.layout.items().filter(|item| !item.read_only);
        let mut fields = items.map(|item| &self.entity.fields[item.slot]);
        let photo =
            |field: &&FieldModel| matches!(field.kind, FieldKind::File { image: true, signature: false, .. });
        fields.find(photo).map(|field| input_id(&field.name))
    }

    /// Whether anything on the form depends on what is typed.
    pub(super) fn lives(&self) -> bool {
        if self.transition.is_some() {
            return false;
        }
        let depends = |field: &FieldModel| {
            field.visible_when.is_some()
                || field.required_when.is_some()
                || matches!(field.kind, FieldKind::Computed { .. })
        };
        let model = self.visit.tenant.engine.model();
        let calculates = |item: &layout::Item| match &self.entity.fields[item.slot].kind {
            FieldKind::Lines { entity, .. } => !model.entities[*entity].computed.is_empty(),
            _ => false,
        };
        self.entity.duplicates.is_some()
            || self.entity.declared().iter().any(depends)
            || self.layout.sections.iter().any(|section| section.condition().is_some())
            || self.layout.items().any(calculates)
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
        // In the order in which people meet the fields.
        let place = |path: &str| {
            let field = path.split('/').next().and_then(|name| self.entity.field(name));
            field.and_then(|field| self.layout.items().position(|item| item.slot == field.slot))
        };
        let mut issues: Vec<&(String, String)> = trouble.issues.iter().collect();
        issues.sort_by_key(|(path, _)| place(path).unwrap_or(usize::MAX));
        issues.into_iter().map(list).collect()
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
            let named = |path: &str, item: &layout::Item| {
                path.split('/').next() == Some(self.entity.fields[item.slot].name.as_ref())
            };
            let wrong = |item: &&layout::Item| trouble.issues.iter().any(|(path, _)| named(path, item));
            Section {
                label: section.label.clone(),
                help: section.help.clone(),
                columns: section.columns,
                wrong: section.items.iter().filter(wrong).count(),
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
