//! Fields as their templates need them: kind of widget, typed text, options, limits, messages.

use std::collections::HashMap;

use mortise_definition::locale::translate;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot};
use mortise_definition::source::{Choice, RollupOperation};
use mortise_engine::{Record, values};
use mortise_expr::Type;
use serde::Serialize;

use super::layout::{Item, gives};
use super::raw::Raw;
use crate::pages::list::field_label;
use crate::pages::show::{Cell, FileLink, Show};
use crate::pages::{lookup, trees};

/// Up to so many choices are all shown at once; more go into a select.
const PILLS_MAX: usize = 6;
/// Limit of photos, which have none of their own.
const PHOTO_MIB: u32 = 25;

/// Messages by path.
pub(super) type Messages = HashMap<String, Vec<String>>;

/// A field of a form.
#[derive(Debug, Default, Serialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) label: String,
    help: Option<String>,
    kind: &'static str,
    pub(super) required: bool,
    pub(super) visible: bool,
    wide: bool,
    large: bool,
    read_only: bool,
    placeholder: Option<String>,
    value: String,
    title: String,
    errors: Vec<String>,
    options: Vec<Choosable>,
    pills: bool,
    max_length: Option<u32>,
    currency: Option<String>,
    autocomplete: Option<&'static str>,
    source: String,
    leaf_only: bool,
    max_mib: u32,
    files: Vec<FileLink>,
    photo: Option<Photo>,
    shown: Option<Cell>,
    rows: Vec<Line>,
    blank: Option<Line>,
    /// Sums below child rows, by column; empty where nothing is summed.
    totals: Vec<Option<Total>>,
}

#[derive(Debug, Serialize)]
struct Choosable {
    value: String,
    label: String,
    color: Option<String>,
    selected: bool,
}

/// A child row.
#[derive(Debug, Serialize)]
struct Line {
    index: String,
    id: Option<String>,
    version: Option<String>,
    remove: String,
    fields: Vec<Field>,
}

/// What is asked of a photo.
#[derive(Debug, Serialize)]
struct Photo {
    /// `app.entity.field`.
    field: String,
    camera: bool,
    watermark: bool,
    /// Where it was taken is asked for.
    place: bool,
}

/// The sum of a column, which the record keeps.
#[derive(Debug, Serialize)]
struct Total {
    label: String,
    digits: u8,
}

/// The id of a field's input in the page.
pub(super) fn input_id(path: &str) -> String {
    format!("f-{}", path.replace('/', "-"))
}

/// Makes the fields of one form.
pub(super) struct Widgets<'a> {
    pub(super) show: &'a Show<'a>,
    pub(super) raw: &'a Raw,
    pub(super) messages: &'a Messages,
    /// The record as it is stored, for what is only shown.
    pub(super) record: Option<&'a Record>,
    /// Calculated values in words.
    pub(super) computed: &'a std::collections::BTreeMap<String, String>,
}

impl Widgets<'_> {
    fn t(&self, key: &str) -> String {
        translate(self.show.by.language, &format!("ui.{key}"), &[])
    }

    /// A field of a form.
    pub(super) fn field(&self, entity: &EntityModel, item: &Item, visible: bool, required: bool) -> Field {
        let model = &entity.fields[item.slot];
        let mut field = self.input(entity, model, &model.name, item.read_only, self.record);
        field.visible = visible;
        field.required = required && !item.read_only;
        field.wide = item.wide;
        field.large = item.large;
        field.placeholder = item.placeholder.clone().or(field.placeholder);
        if let FieldKind::Lines { entity: child, .. } = &model.kind {
            let child = &self.show.model.entities[*child];
            let stored = self.record.map(|record| record.rows(item.slot)).unwrap_or_default();
            let line = |index: String| self.line(child, item, &model.name, index, stored);
            field.rows =
                self.raw.rows(&model.name).into_iter().map(|number| line(number.to_string())).collect();
            field.blank = Some(line("__row__".to_owned()));
            field.totals = self.totals(entity, item);
        }
        field
    }

    /// Sums of those columns that the record sums itself: what else is a number need not be worth adding up.
    fn totals(&self, entity: &EntityModel, item: &Item) -> Vec<Option<Total>> {
        let FieldKind::Lines { entity: child, via } = &entity.fields[item.slot].kind else {
            return Vec::new();
        };
        let sum = |slot: &Slot| {
            let digits = match &self.show.model.entities[*child].fields[*slot].kind {
                FieldKind::Integer { .. } => 0,
                FieldKind::Decimal { scale, .. } => *scale,
                FieldKind::Computed { value } => match value.ty() {
                    Type::Int => 0,
                    Type::Decimal(scale) => (*scale).min(2),
                    _ => return None,
                },
                _ => return None,
            };
            let of_column = |field: &&FieldModel| {
                let FieldKind::Rollup { entity, via: by, operation, field, filter } = &field.kind else {
                    return false;
                };
                let sums = *operation == RollupOperation::Sum && *field == Some(*slot) && filter.is_none();
                sums && entity == child && by == via
            };
            let field = entity.declared().iter().find(of_column)?;
            Some(Total { label: field_label(self.show, field), digits })
        };
        let totals: Vec<Option<Total>> = item.columns.iter().map(sum).collect();
        if totals.iter().any(Option::is_some) { totals } else { Vec::new() }
    }

    fn line(&self, child: &EntityModel, item: &Item, name: &str, index: String, stored: &[Record]) -> Line {
        let prefix = format!("{name}/{index}");
        let part = |part: &str| {
            self.raw.get(&format!("{prefix}/{part}")).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let id = part("id");
        let stored = stored.iter().find(|row| id.as_deref() == Some(&row.id().to_string()));
        let cell = |slot: &usize| {
            let model = &child.fields[*slot];
            let read_only = item.read_only || !gives(self.show, child, *slot);
            let mut field = self.input(child, model, &format!("{prefix}/{}", model.name), read_only, stored);
            field.required = model.required;
            field.visible = true;
            field
        };
        Line {
            version: part("version"),
            remove: part("_remove").unwrap_or_default(),
            fields: item.columns.iter().map(cell).collect(),
            index,
            id,
        }
    }

    fn input(
        &self,
        entity: &EntityModel,
        model: &FieldModel,
        name: &str,
        read_only: bool,
        stored: Option<&Record>,
    ) -> Field {
        let mut field = Field {
            id: input_id(name),
            label: field_label(self.show, model),
            help: model.help.as_ref().map(|text| text.get(self.show.by.language).to_owned()),
            value: self.raw.get(name).unwrap_or_default().to_owned(),
            title: self.raw.title(name).to_owned(),
            errors: self.messages.get(name).cloned().unwrap_or_default(),
            read_only,
            name: name.to_owned(),
            ..Field::default()
        };
        self.kind(entity, model, &mut field, stored);
        // Words that were typed into a picker without being picked are still there.
        if field.value.is_empty()
            && !field.title.is_empty()
            && field.errors.is_empty()
            && field.source.is_empty()
        {
            field.title.clear();
        }
        field
    }

    /// Kind of widget, with what it needs. `stored` is the record or child row that the field belongs to.
    fn kind(&self, entity: &EntityModel, model: &FieldModel, field: &mut Field, stored: Option<&Record>) {
        let shown = || Some(stored.map_or(Cell::None, |record| self.show.cell(entity, record, model.slot)));
        field.kind = match &model.kind {
            FieldKind::Text { max_length, .. } => {
                field.max_length = Some(*max_length);
                "text"
            }
            FieldKind::LongText { max_length } => {
                field.max_length = Some(*max_length);
                "long_text"
            }
            FieldKind::Integer { .. } => "integer",
            FieldKind::Decimal { currency: Some(currency), .. } => {
                field.currency = Some(values::currency_sign(currency).unwrap_or_else(|code| code).to_owned());
                "money"
            }
            FieldKind::Decimal { .. } => "decimal",
            FieldKind::Boolean => "boolean",
            FieldKind::Date => "date",
            FieldKind::Datetime => "datetime",
            FieldKind::Duration => {
                field.placeholder = Some(self.t("duration.hint"));
                "duration"
            }
            FieldKind::Phone => "phone",
            FieldKind::Email => "email",
            FieldKind::Url => "url",
            FieldKind::GeoPoint => {
                field.placeholder = Some(self.t("geo.hint"));
                "geo_point"
            }
            FieldKind::Json => "json",
            FieldKind::Lines { .. } => "lines",
            // Calculated values follow while typing.
            FieldKind::Computed { .. } => {
                let own = !field.name.contains('/');
                let kept = || stored.map(|row| self.show.words(model, &row.values[model.slot]));
                let told = if own { self.computed.get(model.name.as_ref()).cloned() } else { kept() };
                field.value = told.unwrap_or_default();
                "computed"
            }
            FieldKind::Autonumber { .. } => "shown",
            FieldKind::Rollup { .. } | FieldKind::System => "shown",
            FieldKind::File { image, photo, signature, .. } => {
                field.photo = (*image && !signature).then(|| Photo {
                    field: format!("{}.{}", entity.key, model.name),
                    camera: photo.camera,
                    watermark: photo.watermark,
                    place: photo.camera || photo.watermark,
                });
                self.file(&model.kind, field)
            }
            _ => self.picker(entity, model, field),
        };
        // What may not be changed is shown as on the record's page.
        if field.kind == "shown" || field.read_only && !matches!(field.kind, "computed" | "lines") {
            field.shown = shown();
            field.kind = "shown";
        }
    }

    /// Widgets that choose from something.
    fn picker(&self, entity: &EntityModel, model: &FieldModel, field: &mut Field) -> &'static str {
        let (by, definitions) = (self.show.by, self.show.model);
        match &model.kind {
            FieldKind::Choice { choices } => {
                field.options = self.options(choices, &field.name);
                field.pills = field.options.len() <= PILLS_MAX && !field.name.contains('/');
                "choice"
            }
            FieldKind::Choices { choices } => {
                field.options = self.options(choices, &field.name);
                "choices"
            }
            FieldKind::Tree { tree, leaf_only, region } => {
                field.source = trees::address(by, definitions, tree);
                field.leaf_only = *leaf_only;
                if *region { "region" } else { "tree" }
            }
            FieldKind::User => {
                field.source = lookup::users_address(by);
                "user"
            }
            FieldKind::Team => {
                field.source = lookup::teams_address(by);
                "team"
            }
            _ => {
                field.source = lookup::reference_address(by, definitions, entity, model);
                "reference"
            }
        }
    }

    fn file(&self, kind: &FieldKind, field: &mut Field) -> &'static str {
        let FieldKind::File { many, image, max_mib, signature, .. } = kind else { return "file" };
        if *signature {
            return "signature";
        }
        field.files = self.files(&field.name, *image);
        field.max_mib = if *max_mib == 0 { PHOTO_MIB } else { *max_mib };
        match (many, image) {
            (true, _) => "files",
            (false, true) => "photo",
            (false, false) => "file",
        }
    }

    /// Choices still offered, and those already chosen even when no longer offered.
    fn options(&self, choices: &[Choice], name: &str) -> Vec<Choosable> {
        let option = |choice: &Choice| Choosable {
            selected: self.raw.all(name).any(|value| value == choice.value),
            value: choice.value.clone(),
            label: choice.label.get(self.show.by.language).to_owned(),
            color: choice.color.clone(),
        };
        let options = choices.iter().map(|choice| (choice.retired, option(choice)));
        options.filter(|(retired, option)| !retired || option.selected).map(|(_, option)| option).collect()
    }

    fn files(&self, name: &str, image: bool) -> Vec<FileLink> {
        let names = self.raw.titles(name);
        let links = self.raw.all(name).zip(names.map(str::to_owned).chain(std::iter::repeat(String::new())));
        let link = |(id, name): (&str, String)| FileLink {
            href: self.show.by.base.path(&format!("/api/v1/files/{id}")),
            name: if name.is_empty() { id.to_owned() } else { name },
            id: id.to_owned(),
            image,
        };
        links.map(link).collect()
    }
}
