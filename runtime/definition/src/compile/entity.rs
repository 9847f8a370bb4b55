//! Builds the models of entities: every field with its compiled rules, checks, duplicate check and search.

use mortise_expr::{Expression, Type};

use super::Compiler;
use super::computed::Computed;
use super::draft::{Draft, DraftKind, system_label};
use super::expressions::{Nulls, Site, constant_text};
use crate::model::{CheckModel, DuplicatesModel, EntityModel, FieldKind, FieldModel, Slot, roots, system};
use crate::problem::Problems;
use crate::source::{Compare, FieldType};
use crate::{Text, humanize};

const ICON: &str = "table";
const DUPLICATE_THRESHOLD_PERCENT: u8 = 85;

impl Compiler<'_> {
    /// The models of all entities, still without indexes.
    pub(super) fn entities(
        &mut self,
        mut computed: Vec<Computed>,
        problems: &mut Problems,
    ) -> Vec<EntityModel> {
        let mut entities: Vec<EntityModel> = (0..self.drafts.len())
            .map(|index| self.entity(index, std::mem::take(&mut computed[index]), problems))
            .collect();
        connect(&mut entities);
        entities
    }

    fn entity(&mut self, index: usize, mut computed: Computed, problems: &mut Problems) -> EntityModel {
        let slots = 0..self.drafts[index].fields.len();
        let fields: Vec<FieldModel> =
            slots.map(|slot| self.field(index, slot, computed.values.remove(&slot), problems)).collect();
        let draft = &self.drafts[index];
        let source = draft.source;
        EntityModel {
            index,
            app: draft.app,
            key: draft.key.clone(),
            id: source.id.clone(),
            table: draft.table.clone(),
            label: source.label.clone(),
            plural: source.plural.clone().unwrap_or_else(|| source.label.clone()),
            icon: source.icon.clone().unwrap_or_else(|| ICON.to_owned()),
            title: self.title(draft, &fields, problems),
            slot_by_name: draft.slots.iter().map(|(name, slot)| (name.to_string(), *slot)).collect(),
            shape: self.shapes[index].clone(),
            computed: computed.order,
            indexes: Vec::new(),
            duplicates: duplicates(draft, problems),
            checks: self.checks(index, problems),
            search: fields.iter().filter(|field| field.search).map(|field| field.slot).collect(),
            feeds: Vec::new(),
            referrers: Vec::new(),
            fields,
        }
    }

    fn field(
        &mut self,
        entity: usize,
        slot: Slot,
        value: Option<Expression>,
        problems: &mut Problems,
    ) -> FieldModel {
        let kind = std::mem::replace(&mut self.drafts[entity].fields[slot].kind, DraftKind::Broken);
        let kind = self.kind(entity, slot, kind, value, problems);
        let draft = &self.drafts[entity].fields[slot];
        let mut model = FieldModel {
            slot,
            id: draft.id.clone(),
            name: draft.name.clone(),
            label: Text::Plain(String::new()),
            help: None,
            kind,
            required: false,
            unique: false,
            search: false,
            index: false,
            app: draft.app,
            default: None,
            visible_when: None,
            required_when: None,
            valid_when: None,
            message: None,
        };
        let Some(source) = draft.source else {
            model.label = system_label(&draft.name);
            return model;
        };
        let site = Site { entity, app: draft.app };
        let mut condition = |source: &Option<String>, key: &str, nulls: Nulls| {
            self.condition(site, source.as_deref()?, &draft.place.key(key), nulls, problems)
        };
        model.visible_when = condition(&source.visible_when, "visible_when", Nulls::Fine);
        model.required_when = condition(&source.required_when, "required_when", Nulls::Fine);
        model.valid_when = condition(&source.valid_when, "valid_when", Nulls::WarnExcept(slot));
        model.default = self.default(site, slot, source.default.as_deref(), problems);
        model.label = source.label.clone().unwrap_or_else(|| Text::Plain(humanize(&draft.name).into_owned()));
        model.help.clone_from(&source.help);
        model.required = source.required;
        model.unique = source.unique;
        model.search = source.search;
        model.index = source.index;
        model.message.clone_from(&source.message);
        model
    }

    fn kind(
        &self,
        entity: usize,
        slot: Slot,
        kind: DraftKind<'_>,
        value: Option<Expression>,
        problems: &mut Problems,
    ) -> FieldKind {
        match (kind, value) {
            (DraftKind::Ready(kind), _) => kind,
            (DraftKind::Computed(_), Some(value)) => FieldKind::Computed { value },
            (DraftKind::Rollup { entity: child, via, operation, field, filter }, _) => {
                let draft = &self.drafts[entity].fields[slot];
                let place = draft.place.key("filter");
                let filter = filter.and_then(|source| {
                    let site = Site { entity: child, app: draft.app };
                    let filter = self.filter(site, source, &place, Nulls::Fine, problems)?;
                    let stable = !filter.volatile()
                        && filter.references().iter().all(|reference| reference.root == roots::RECORD);
                    if !stable {
                        problems.push(place.error("rollup.filter"));
                    }
                    Some(filter)
                });
                FieldKind::Rollup { entity: child, via, operation, field, filter }
            }
            // Never seen: a problem was reported, so there will be no model.
            (DraftKind::Computed(_) | DraftKind::Broken, _) => FieldKind::System,
        }
    }

    fn default(
        &self,
        site: Site,
        slot: Slot,
        source: Option<&str>,
        problems: &mut Problems,
    ) -> Option<Expression> {
        let source = source?;
        let draft = &self.drafts[site.entity];
        let place = draft.fields[slot].place.key("default");
        let want: &Type = draft.fields[slot].ty.as_ref()?;
        if let (Some(choices), Some(text)) = (draft.choices(slot), constant_text(source))
            && !choices.iter().any(|choice| choice.value == text)
        {
            let problem = place.error("field.default_choice").arg("value", text);
            problems.push(problem.suggest(text, choices.iter().map(|choice| choice.value.as_str())));
            return None;
        }
        let default = self.expression(site, source, want, &place, problems)?;
        for reference in default.references() {
            if reference.root == roots::RECORD && reference.slot == slot {
                problems.push(place.error("field.default_self").arg("name", &reference.name));
            }
        }
        Some(default)
    }

    fn checks(&self, index: usize, problems: &mut Problems) -> Vec<CheckModel> {
        let draft = &self.drafts[index];
        let mut checks: Vec<CheckModel> = Vec::new();
        for (app, place, check) in &draft.checks {
            if checks.iter().any(|other| other.app == *app && other.id == check.id) {
                problems.push(place.key("id").error("check.duplicate_id").arg("id", &check.id));
            }
            let field =
                check.field.as_deref().and_then(|name| draft.find(name, &place.key("field"), problems));
            let site = Site { entity: index, app: *app };
            let condition =
                self.condition(site, &check.condition, &place.key("condition"), Nulls::Warn, problems);
            if let Some(condition) = condition {
                let message = check.message.clone();
                checks.push(CheckModel { id: check.id.clone(), condition, message, field, app: *app });
            }
        }
        checks
    }

    fn title(&self, draft: &Draft<'_>, fields: &[FieldModel], problems: &mut Problems) -> Slot {
        let names_well = |field: &&FieldModel| {
            matches!(
                field.kind,
                FieldKind::Text { .. }
                    | FieldKind::Phone
                    | FieldKind::Email
                    | FieldKind::Url
                    | FieldKind::Autonumber { .. }
                    | FieldKind::Computed { .. }
            ) && draft.fields[field.slot].ty == Some(Type::Text)
        };
        if let Some(name) = &draft.source.title {
            let place = draft.place.key("title");
            let Some(slot) = draft.find(name, &place, problems) else { return system::ID };
            if !names_well(&&fields[slot]) && draft.fields[slot].ty.is_some() {
                problems.push(place.error("entity.title").arg("name", name));
            }
            return slot;
        }
        let declared = &fields[system::FIRST..];
        let text = declared.iter().find(|field| matches!(field.kind, FieldKind::Text { .. }));
        text.or_else(|| declared.iter().find(names_well)).map_or(system::ID, |field| field.slot)
    }
}

fn duplicates(draft: &Draft<'_>, problems: &mut Problems) -> Option<DuplicatesModel> {
    let source = draft.source.duplicates.as_ref()?;
    let place = draft.place.key("duplicates");
    if source.fields.iter().all(|entry| entry.hint) {
        problems.push(place.key("fields").error("duplicates.no_fields"));
    }
    let (mut fields, mut hints) = (Vec::new(), Vec::new());
    for (index, entry) in source.fields.iter().enumerate() {
        let place = place.key("fields").index(index).key("field");
        let Some(slot) = draft.find(&entry.field, &place, problems) else { continue };
        let kind = draft.fields[slot].source.map(|field| &field.kind);
        let free_text = matches!(kind, Some(FieldType::Text { .. } | FieldType::LongText { .. }));
        let exact =
            free_text || matches!(kind, Some(FieldType::Phone {} | FieldType::Email {} | FieldType::Url {}));
        if if entry.compare == Compare::Exact { !exact } else { !free_text } {
            problems.push(place.error("duplicates.type").arg("name", &entry.field));
        }
        fields.push((slot, entry.compare));
        if entry.hint {
            hints.push(slot);
        }
    }
    let threshold = source.threshold.unwrap_or(DUPLICATE_THRESHOLD_PERCENT);
    if !(1..=100).contains(&threshold) {
        problems.push(place.key("threshold").error("duplicates.threshold"));
    }
    let show = source.show.iter().enumerate();
    let show =
        show.filter_map(|(at, name)| draft.find(name, &place.key("show").index(at), problems)).collect();
    Some(DuplicatesModel { fields, hints, threshold: f64::from(threshold) / 100.0, show })
}

/// Tells every entity who depends on it.
fn connect(entities: &mut [EntityModel]) {
    let mut links: Vec<(usize, usize, Slot, bool)> = Vec::new();
    for entity in entities.iter() {
        for field in &entity.fields {
            match field.kind {
                FieldKind::Reference { entity: target } => {
                    links.push((target, entity.index, field.slot, false))
                }
                FieldKind::Rollup { entity: child, .. } => {
                    links.push((child, entity.index, field.slot, true))
                }
                _ => {}
            }
        }
    }
    for (target, entity, slot, feeds) in links {
        let target = &mut entities[target];
        if feeds { target.feeds.push((entity, slot)) } else { target.referrers.push((entity, slot)) }
    }
}
