//! Which fields a form shows, in which order: by the app's form, or all of them where an app has none.

use mortise_definition::model::{
    EntityModel, FieldKind, FieldModel, FormModel, ItemModel, Model, Slot, system,
};
use mortise_definition::source::{FormFlow, FormPurpose, Operation};
use mortise_engine::Record;
use mortise_expr::{Expression, Value};
use std::sync::Arc;

use crate::SignedIn;
use crate::pages::show::Show;

/// Columns of child rows when the form names none.
const LINE_COLUMNS: usize = 6;

/// A form, ready to be filled.
pub(in crate::pages) struct Layout {
    pub(in crate::pages) entity: Arc<EntityModel>,
    /// Key of the app's form; empty for the one made of all fields.
    pub(in crate::pages) key: String,
    pub(in crate::pages) label: String,
    /// How the sections follow each other.
    pub(in crate::pages) flow: FormFlow,
    pub(in crate::pages) sections: Vec<Section>,
}

pub(in crate::pages) struct Section {
    pub(in crate::pages) label: Option<String>,
    pub(in crate::pages) help: Option<String>,
    pub(in crate::pages) columns: u8,
    visible_when: Option<(Expression, usize)>,
    pub(in crate::pages) items: Vec<Item>,
}

pub(in crate::pages) struct Item {
    pub(in crate::pages) slot: Slot,
    pub(in crate::pages) wide: bool,
    /// Large letters in a large box.
    pub(in crate::pages) large: bool,
    pub(in crate::pages) read_only: bool,
    pub(in crate::pages) required: bool,
    pub(in crate::pages) placeholder: Option<String>,
    /// Columns of child rows.
    pub(in crate::pages) columns: Vec<Slot>,
}

/// Fields that need the whole width.
fn is_wide(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::LongText { .. } | FieldKind::Lines { .. } | FieldKind::Json)
}

/// The forms of an entity for a purpose, in order of the app.
pub(in crate::pages) fn forms<'a>(
    model: &'a Model,
    entity: &'a EntityModel,
    purpose: FormPurpose,
) -> Vec<&'a Arc<FormModel>> {
    let fits = |form: &&Arc<FormModel>| {
        form.entity == entity.index && (form.purpose == purpose || form.purpose == FormPurpose::Both)
    };
    let mut forms: Vec<_> = model.forms.values().filter(fits).collect();
    forms.sort_by_key(|form| form.purpose != purpose);
    forms
}

impl Layout {
    /// The form of a key for a record or a new one, else the entity's first for that, else one of all fields.
    pub(in crate::pages) fn of(
        by: &SignedIn,
        model: &Model,
        entity: &Arc<EntityModel>,
        record: Option<&Record>,
        key: Option<&str>,
    ) -> Layout {
        let (purpose, operation) = match record {
            Some(_) => (FormPurpose::Edit, Operation::Update),
            None => (FormPurpose::Create, Operation::Create),
        };
        let forms = forms(model, entity, purpose);
        let form = forms.iter().find(|form| Some(form.key.as_str()) == key).or_else(|| forms.first());
        let mut layout = match form {
            Some(form) => Self::of_form(by, model, entity, form),
            None => Self::of_all(model, entity, purpose),
        };
        let gives =
            |slot: Slot| by.opens(entity, operation, slot) && record.is_none_or(|record| record.takes(slot));
        let sees = |slot: Slot| {
            let shown = by.sees(entity, slot) && record.is_none_or(|record| record.shows(slot));
            shown || gives(slot)
        };
        for section in &mut layout.sections {
            section.items.retain(|item| sees(item.slot));
            for item in &mut section.items {
                if let FieldKind::Lines { entity: child, .. } = &entity.fields[item.slot].kind {
                    let child = &model.entities[*child];
                    item.columns.retain(|slot| by.sees(child, *slot) || gives_row(by, child, *slot));
                }
                item.read_only |= !gives(item.slot) || !entity.fields[item.slot].writable();
            }
        }
        layout.sections.retain(|section| !section.items.is_empty());
        layout
    }

    fn of_form(by: &SignedIn, model: &Model, entity: &Arc<EntityModel>, form: &FormModel) -> Layout {
        let language = by.language;
        let item = |item: &ItemModel| Item {
            slot: item.slot,
            wide: item.wide || is_wide(&entity.fields[item.slot].kind),
            large: item.large,
            read_only: item.read_only,
            required: item.required,
            placeholder: item.placeholder.as_ref().map(|text| text.get(language).to_owned()),
            columns: line_columns(model, entity, item.slot, &item.columns),
        };
        let sections = form.sections.iter().map(|section| Section {
            label: section.label.as_ref().map(|text| text.get(language).to_owned()),
            help: section.help.as_ref().map(|text| text.get(language).to_owned()),
            columns: section.columns.clamp(1, 3),
            visible_when: section.visible_when.clone().map(|when| (when, form.app)),
            items: section.items.iter().map(item).collect(),
        });
        Layout {
            entity: entity.clone(),
            key: form.key.clone(),
            label: form.label.get(language).to_owned(),
            flow: form.flow,
            sections: sections.collect(),
        }
    }

    fn of_all(model: &Model, entity: &Arc<EntityModel>, purpose: FormPurpose) -> Layout {
        // Of what the system gives, a new record has only what is calculated while typing.
        let calculated = |field: &FieldModel| matches!(field.kind, FieldKind::Computed { .. });
        let shown = |slot: &Slot| {
            let field = &entity.fields[*slot];
            field.writable() || calculated(field) || purpose == FormPurpose::Edit
        };
        let slots = (system::FIRST..entity.fields.len()).chain([system::OWNER]).filter(shown);
        let items = slots.map(|slot| Item {
            slot,
            wide: is_wide(&entity.fields[slot].kind),
            large: false,
            read_only: false,
            required: false,
            placeholder: None,
            columns: line_columns(model, entity, slot, &[]),
        });
        Self::plain(entity, 2, items.collect())
    }

    /// A form of these fields of a record, all of which have to be filled.
    pub(super) fn of_slots(
        by: &SignedIn,
        model: &Model,
        entity: &Arc<EntityModel>,
        record: &Record,
        slots: &[Slot],
    ) -> Layout {
        let item = |&slot: &Slot| Item {
            slot,
            wide: is_wide(&entity.fields[slot].kind),
            large: false,
            read_only: !by.opens(entity, Operation::Update, slot) || !record.takes(slot),
            required: true,
            placeholder: None,
            columns: line_columns(model, entity, slot, &[]),
        };
        let seen = |slot: &&Slot| by.sees(entity, **slot) && record.shows(**slot);
        Self::plain(entity, 1, slots.iter().filter(seen).map(item).collect())
    }

    /// One section without heading; none where nothing is asked.
    fn plain(entity: &Arc<EntityModel>, columns: u8, items: Vec<Item>) -> Layout {
        let section = Section { label: None, help: None, columns, visible_when: None, items };
        let sections = if section.items.is_empty() { Vec::new() } else { vec![section] };
        let (key, label) = (String::new(), String::new());
        Layout { entity: entity.clone(), key, label, flow: FormFlow::Page, sections }
    }

    /// All fields.
    pub(in crate::pages) fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|section| &section.items)
    }

    /// Which sections are shown for these values.
    pub(in crate::pages) fn visible_sections(&self, show: &Show, values: &[Value]) -> Vec<bool> {
        self.sections.iter().map(|section| section.visible(show, values)).collect()
    }
}

impl Section {
    /// Under which condition the section is shown, with the app whose settings it sees.
    pub(super) fn condition(&self) -> Option<(&Expression, usize)> {
        self.visible_when.as_ref().map(|(when, app)| (when, *app))
    }

    /// Whether the section is shown; a condition that cannot be told hides nothing.
    pub(in crate::pages) fn visible(&self, show: &Show, values: &[Value]) -> bool {
        let Some((when, app)) = &self.visible_when else { return true };
        show.holds(*app, when, values)
    }
}

/// Whether people may give this field of a child row.
pub(super) fn gives(show: &Show, child: &EntityModel, slot: Slot) -> bool {
    child.fields[slot].writable() && gives_row(show.by, child, slot)
}

fn gives_row(by: &SignedIn, child: &EntityModel, slot: Slot) -> bool {
    by.opens(child, Operation::Create, slot) || by.opens(child, Operation::Update, slot)
}

/// Columns of child rows: those of the form, else the first fields of the child that people fill in.
pub(in crate::pages) fn line_columns(
    model: &Model,
    entity: &EntityModel,
    slot: Slot,
    asked: &[Slot],
) -> Vec<Slot> {
    let FieldKind::Lines { entity: child, via } = &entity.fields[slot].kind else { return Vec::new() };
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let fields = model.entities[*child].declared().iter();
    let fits = |kind: &FieldKind| {
        !matches!(kind, FieldKind::Lines { .. } | FieldKind::Json | FieldKind::File { .. })
    };
    fields
        .filter(|field| field.slot != *via && fits(&field.kind))
        .map(|field| field.slot)
        .take(LINE_COLUMNS)
        .collect()
}
