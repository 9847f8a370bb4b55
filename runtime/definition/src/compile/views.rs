//! Compiles views and forms: which fields they show, in which order, under which conditions.

use std::sync::Arc;

use indexmap::IndexMap;
use mortise_expr::{Expression, Type};

use super::Compiler;
use super::expressions::{Nulls, Site};
use super::names::check_name;
use super::place::Place;
use crate::model::{
    CalculatedModel, ColumnModel, EntityModel, FieldKind, FieldModel, FormModel, ItemModel, SectionModel,
    Slot, ViewModel, system,
};
use crate::problem::Problems;
use crate::source::{Column, Form, FormItem, FormPurpose, Section, View};
use crate::{Kind, Text, locale};

const PAGE_SIZE: u16 = 50;
const PAGE_SIZE_MIN: u16 = 10;
const PAGE_SIZE_MAX: u16 = 200;
const SECTION_COLUMNS: u8 = 2;
const SECTION_COLUMNS_MAX: u8 = 3;
/// Most columns of a view; more do not fit on any screen.
const COLUMNS_MAX: usize = 60;

impl Compiler<'_> {
    /// All views by key: per app those of the menu in its order, then the rest.
    pub(super) fn views(
        &self,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> IndexMap<String, Arc<ViewModel>> {
        let mut views = IndexMap::new();
        for (app, package) in self.packages.iter().enumerate() {
            let menu = &package.app.menu;
            let place = Place::new(package, Kind::App, "").key("menu");
            for (index, id) in menu.iter().enumerate() {
                if !package.views.iter().any(|view| view.id == *id) {
                    let problem = place.index(index).error("ref.view").arg("name", id);
                    problems.push(problem.suggest(id, package.views.iter().map(|view| view.id.as_str())));
                }
                if menu[..index].contains(id) {
                    problems.push(place.index(index).error("menu.twice").arg("name", id));
                }
            }
            let position = |view: &&View| menu.iter().position(|id| *id == view.id).unwrap_or(menu.len());
            let mut ordered: Vec<&View> = package.views.iter().collect();
            ordered.sort_by_key(position);
            for view in ordered {
                let place = Place::new(package, Kind::View, &view.id);
                if let Some(model) = self.view(app, view, &place, entities, problems) {
                    views.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        views
    }

    fn view(
        &self,
        app: usize,
        view: &View,
        place: &Place,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> Option<ViewModel> {
        let entity = self.names.entity(app, &view.entity, &place.key("entity"), problems)?;
        let site = Site { entity, app };
        if view.columns.is_empty() || view.columns.len() > COLUMNS_MAX {
            problems.push(place.key("columns").error("view.columns").arg("limit", COLUMNS_MAX));
        }
        let (columns, calculated) = self.columns(site, view, place, entities, problems);
        let filter = view.filter.as_deref();
        let filter =
            filter.and_then(|source| self.filter(site, source, &place.key("filter"), Nulls::Fine, problems));
        let quick = view.quick_filters.iter().enumerate().filter_map(|(index, name)| {
            self.quick_filter(&entities[entity], name, &place.key("quick_filters").index(index), problems)
        });
        let quick_filters = quick.collect();
        let highlights = view.highlights.iter().enumerate().filter_map(|(index, highlight)| {
            let place = place.key("highlights").index(index).key("when");
            let condition = self.condition(site, &highlight.when, &place, Nulls::Fine, problems)?;
            Some((condition, highlight.color.clone()))
        });
        let highlights = highlights.collect();
        let page_size = view.page_size.unwrap_or(PAGE_SIZE);
        if !(PAGE_SIZE_MIN..=PAGE_SIZE_MAX).contains(&page_size) {
            let problem = place.key("page_size").error("view.page_size");
            problems.push(problem.arg("min", PAGE_SIZE_MIN).arg("max", PAGE_SIZE_MAX));
        }
        Some(ViewModel {
            key: format!("{}.{}", self.packages[app].app.id, view.id),
            id: view.id.clone(),
            app,
            entity,
            label: view.label.clone(),
            kind: view.kind,
            layout: self.layout(&entities[entity], view, place, problems),
            columns,
            calculated,
            filter,
            sort: self.sort(&entities[entity], view, &place.key("sort"), problems),
            quick_filters,
            page_size,
            highlights,
            offline: view.offline,
        })
    }

    /// The columns that show fields, and those that show expressions.
    fn columns(
        &self,
        site: Site,
        view: &View,
        place: &Place,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> (Vec<ColumnModel>, Vec<CalculatedModel>) {
        let Site { entity, app } = site;
        let mut columns = Vec::with_capacity(view.columns.len());
        let mut calculated = Vec::new();
        for (index, column) in view.columns.iter().enumerate() {
            let place = place.key("columns").index(index);
            match column {
                Column::Field(path) => {
                    columns.extend(self.column(entity, (path, None, false), &place, entities, problems));
                }
                Column::Detailed { field, label, hide_on_phone } => {
                    let written = (field.as_str(), label.clone(), *hide_on_phone);
                    columns.extend(self.column(entity, written, &place.key("field"), entities, problems));
                }
                Column::Calculated { id, expression, label, hide_on_phone } => {
                    check_name(id, &place.key("id"), problems);
                    let twice = view.columns[..index]
                        .iter()
                        .any(|other| matches!(other, Column::Calculated { id: other, .. } if other == id));
                    if twice || entities[entity].field(id).is_some() {
                        problems.push(place.key("id").error("view.column_id").arg("name", id));
                    }
                    let place = place.key("expression");
                    let value = self.expression_with(site, &[], expression, None, &place, problems);
                    calculated.extend(value.and_then(|value| {
                        shown(app, index, (id, label, *hide_on_phone), value, &place, problems)
                    }));
                }
            }
        }
        (columns, calculated)
    }

    fn column(
        &self,
        entity: usize,
        (path, label, hide_on_phone): (&str, Option<Text>, bool),
        place: &Place,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> Option<ColumnModel> {
        let (name, through) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let slot = self.drafts[entity].find(name, place, problems)?;
        let field = &entities[entity].fields[slot];
        let mut heading = field.label.clone();
        let through = match through {
            None => None,
            Some(rest) => {
                let FieldKind::Reference { entity: target } = field.kind else {
                    // A field that is wrong itself was reported where it is declared.
                    if self.drafts[entity].fields[slot].ty.is_some() {
                        problems.push(place.error("view.through").arg("name", name));
                    }
                    return None;
                };
                let slot = self.drafts[target].find(rest, place, problems)?;
                heading = joined(&heading, &entities[target].fields[slot].label);
                Some((target, slot))
            }
        };
        let shown = through.map_or(field, |(target, slot)| &entities[target].fields[slot]);
        if !shown.stored() {
            problems.push(place.error("view.lines").arg("name", path));
        }
        Some(ColumnModel {
            slot,
            through: through.map(|(_, slot)| slot),
            path: path.to_owned(),
            label: label.unwrap_or(heading),
            hide_on_phone,
        })
    }

    /// The order, made total by the id. Newest first unless the view says otherwise.
    fn sort(
        &self,
        entity: &EntityModel,
        view: &View,
        place: &Place,
        problems: &mut Problems,
    ) -> Vec<(Slot, bool)> {
        let mut sort: Vec<(Slot, bool)> = Vec::new();
        for (index, written) in view.sort.iter().enumerate() {
            let place = place.index(index);
            let (name, descending) =
                written.strip_prefix('-').map_or((written.as_str(), false), |name| (name, true));
            let Some(slot) = self.drafts[entity.index].find(name, &place, problems) else { continue };
            if !comparable(&entity.fields[slot].kind) {
                problems.push(place.error("view.sort").arg("name", name));
            } else if sort.iter().any(|(other, _)| *other == slot) {
                problems.push(place.error("view.sort_twice").arg("name", name));
            }
            sort.push((slot, descending));
        }
        if sort.is_empty() {
            sort.push((system::CREATED_AT, true));
        }
        if !sort.iter().any(|(slot, _)| *slot == system::ID) {
            // The direction of the last part, so that one index serves the whole order.
            let descending = sort.last().is_some_and(|(_, descending)| *descending);
            sort.push((system::ID, descending));
        }
        sort
    }

    fn quick_filter(
        &self,
        entity: &EntityModel,
        name: &str,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<Slot> {
        let slot = self.drafts[entity.index].find(name, place, problems)?;
        let opaque = matches!(
            entity.fields[slot].kind,
            FieldKind::Lines { .. } | FieldKind::GeoPoint | FieldKind::File { .. } | FieldKind::Json
        );
        if opaque {
            problems.push(place.error("view.quick_filter").arg("name", name));
        }
        Some(slot)
    }

    /// All forms by key.
    pub(super) fn forms(
        &self,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> IndexMap<String, Arc<FormModel>> {
        let mut forms = IndexMap::new();
        for (app, package) in self.packages.iter().enumerate() {
            for form in &package.forms {
                let place = Place::new(package, Kind::Form, &form.id);
                if let Some(model) = self.form(app, form, &place, entities, problems) {
                    forms.insert(model.key.clone(), Arc::new(model));
                }
            }
        }
        forms
    }

    fn form(
        &self,
        app: usize,
        form: &Form,
        place: &Place,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> Option<FormModel> {
        let entity = self.names.entity(app, &form.entity, &place.key("entity"), problems)?;
        let mut seen: Vec<Slot> = Vec::new();
        let sections = form.sections.iter().enumerate().map(|(index, section)| {
            let place = place.key("sections").index(index);
            self.section(Site { entity, app }, section, &place, entities, &mut seen, problems)
        });
        let sections = sections.collect();
        let purpose = form.purpose.unwrap_or(FormPurpose::Both);
        if purpose != FormPurpose::Edit {
            let missing = entities[entity].declared().iter().filter(|field| {
                field.required && field.writable() && field.default.is_none() && !seen.contains(&field.slot)
            });
            for field in missing {
                problems
                    .push(place.key("sections").warning("form.required_missing").arg("name", &field.name));
            }
        }
        let key = format!("{}.{}", self.packages[app].app.id, form.id);
        Some(FormModel { key, entity, app, label: form.label.clone(), purpose, flow: form.flow, sections })
    }

    fn section(
        &self,
        site: Site,
        section: &Section,
        place: &Place,
        entities: &[EntityModel],
        seen: &mut Vec<Slot>,
        problems: &mut Problems,
    ) -> SectionModel {
        let columns = section.columns.unwrap_or(SECTION_COLUMNS);
        if !(1..=SECTION_COLUMNS_MAX).contains(&columns) {
            problems.push(place.key("columns").error("form.columns").arg("limit", SECTION_COLUMNS_MAX));
        }
        let visible_when = section.visible_when.as_deref().and_then(|source| {
            self.condition(site, source, &place.key("visible_when"), Nulls::Fine, problems)
        });
        let mut items = Vec::new();
        for (index, item) in section.fields.iter().enumerate() {
            let place = place.key("fields").index(index);
            let Some(item) = self.item(&entities[site.entity], item, &place, problems) else { continue };
            if seen.contains(&item.slot) {
                problems.push(place.error("form.twice").arg("name", section.fields[index].field()));
            }
            seen.push(item.slot);
            items.push(item);
        }
        SectionModel {
            label: section.label.clone(),
            help: section.help.clone(),
            columns,
            visible_when,
            items,
        }
    }

    fn item(
        &self,
        entity: &EntityModel,
        item: &FormItem,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<ItemModel> {
        let slot = match item {
            FormItem::Field(name) => self.drafts[entity.index].find(name, place, problems)?,
            FormItem::Detailed { field, .. } => {
                self.drafts[entity.index].find(field, &place.key("field"), problems)?
            }
        };
        let field = &entity.fields[slot];
        let fixed = !field.writable();
        let FormItem::Detailed { wide, large, read_only, required, placeholder, columns: names, .. } = item
        else {
            let columns = Vec::new();
            return Some(ItemModel {
                slot,
                wide: false,
                large: false,
                read_only: fixed,
                required: false,
                placeholder: None,
                columns,
            });
        };
        if *required && (fixed || *read_only) {
            problems.push(place.key("required").error("form.required_read_only").arg("name", &field.name));
        }
        let columns = match field.kind {
            FieldKind::Lines { entity: child, .. } => names
                .iter()
                .enumerate()
                .filter_map(|(at, name)| {
                    self.drafts[child].find(name, &place.key("columns").index(at), problems)
                })
                .collect(),
            _ => {
                if !names.is_empty() && self.drafts[entity.index].fields[slot].ty.is_some() {
                    problems.push(place.key("columns").error("form.columns_of").arg("name", &field.name));
                }
                Vec::new()
            }
        };
        Some(ItemModel {
            slot,
            wide: *wide,
            large: *large,
            read_only: *read_only || fixed,
            required: *required,
            placeholder: placeholder.clone(),
            columns,
        })
    }
}

/// A column that shows an expression.
fn shown(
    app: usize,
    position: usize,
    (id, label, hide_on_phone): (&str, &Text, bool),
    value: Expression,
    place: &Place,
    problems: &mut Problems,
) -> Option<CalculatedModel> {
    if matches!(value.ty(), Type::List(_) | Type::Geo | Type::Json | Type::Id | Type::Null) {
        problems.push(place.error("view.column_type").arg("type", value.ty()));
        return None;
    }
    let field = FieldModel {
        slot: Slot::MAX,
        id: id.to_owned(),
        name: id.into(),
        label: label.clone(),
        help: None,
        kind: FieldKind::Computed { value },
        required: false,
        unique: false,
        search: false,
        index: false,
        app,
        default: None,
        visible_when: None,
        required_when: None,
        valid_when: None,
        message: None,
    };
    Some(CalculatedModel { position, field, hide_on_phone })
}

/// True when records can be put into an order by such a field.
fn comparable(kind: &FieldKind) -> bool {
    !matches!(
        kind,
        FieldKind::Lines { .. }
            | FieldKind::GeoPoint
            | FieldKind::File { .. }
            | FieldKind::Json
            | FieldKind::Choices { .. }
            | FieldKind::LongText { .. }
    )
}

/// The heading of a column that shows a field of a referenced record.
fn joined(outer: &Text, inner: &Text) -> Text {
    let words = locale::languages()
        .into_iter()
        .map(|language| (language.to_owned(), format!("{} · {}", outer.get(language), inner.get(language))));
    Text::ByLanguage(words.collect())
}
