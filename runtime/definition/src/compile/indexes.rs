//! Derives the indexes of every entity: those declared, those that uniqueness and references need, one for the order
//! by title that every list and picker offers, and one per view and row scope, so that a list is read in order straight
//! from an index: scope column, columns that the filter fixes, columns of the order, id.

use mortise_expr::Expression;
use sha2::{Digest, Sha256};

use super::Compiler;
use super::place::Place;
use super::roles::{DEPARTMENT, TEAM};
use crate::Kind;
use crate::model::{
    ActionKind, ActionModel, Automation, ConnectorModel, EntityModel, FieldKind, IndexModel, PermissionModel,
    RoleModel, Slot, ViewModel, roots, system,
};
use crate::package::hex;
use crate::problem::Problems;
use crate::source::{Operation, ViewKind};

/// Longest name of an index; PostgreSQL cuts at 63.
const NAME_CHARS_MAX: usize = 60;
/// Beyond so many indexes each record is noticeably slower to write: two dozen, and that of the title.
const INDEXES_WORTH_A_WARNING: usize = 25;
/// Most columns of a derived index; what is behind them hardly narrows.
const COLUMNS_MAX: usize = 8;

type Views = indexmap::IndexMap<String, std::sync::Arc<ViewModel>>;
type Roles = indexmap::IndexMap<String, std::sync::Arc<RoleModel>>;
type Connectors = indexmap::IndexMap<String, std::sync::Arc<ConnectorModel>>;

impl Compiler<'_> {
    /// Gives every entity its indexes.
    pub(super) fn indexes(
        &self,
        entities: &mut [EntityModel],
        views: &Views,
        roles: &Roles,
        automation: &Automation,
        problems: &mut Problems,
    ) {
        for entity in entities.iter_mut() {
            let mut found = Found { table: &entity.table, fields: entity, list: Vec::new() };
            found.fields();
            self.declared(&mut found, problems);
            // Calls of other systems look for the record that they belong to.
            for slot in found_by(entity.index, &automation.connectors) {
                found.add(vec![(slot, false)], false);
            }
            // Ranges are looked up by where they begin.
            for slot in looked_up(entity.index, automation) {
                found.add(vec![(slot, false)], false);
            }
            // Whoever is to get one more is asked how many they have.
            for policy in automation.assignments.values().filter(|policy| policy.entity == entity.index) {
                found.add(vec![(policy.field, false)], false);
            }
            let scopes = scope_columns(entity.index, roles);
            for view in views.values().filter(|view| view.entity == entity.index) {
                found.view(view, &scopes);
                self.warn_unindexed(view, problems);
            }
            let indexes = found.finish();
            if indexes.len() > INDEXES_WORTH_A_WARNING {
                let problem = self.drafts[entity.index].place.warning("entity.many_indexes");
                problems.push(problem.arg("count", indexes.len()).arg("limit", INDEXES_WORTH_A_WARNING));
            }
            entity.indexes = indexes;
        }
    }

    fn declared(&self, found: &mut Found<'_>, problems: &mut Problems) {
        let draft = &self.drafts[found.fields.index];
        for (place, index) in &draft.indexes {
            let place = place.key("fields");
            if index.fields.is_empty() {
                problems.push(place.error("index.empty"));
            }
            let mut slots: Vec<(Slot, bool)> = Vec::new();
            for (at, name) in index.fields.iter().enumerate() {
                let place = place.index(at);
                let Some(slot) = draft.find(name, &place, problems) else { continue };
                if !indexable(&found.fields.fields[slot].kind) {
                    problems.push(place.error("index.type").arg("name", name));
                }
                if slots.iter().any(|(other, _)| *other == slot) {
                    problems.push(place.error("index.twice").arg("name", name));
                }
                slots.push((slot, false));
            }
            found.add(slots, index.unique);
        }
    }

    /// Names the part of a filter that reads record after record because no index can narrow it.
    fn warn_unindexed(&self, view: &ViewModel, problems: &mut Problems) {
        let Some(filter) = &view.filter else { return };
        let parts = filter.conjuncts();
        if parts.iter().any(|part| part.equality().is_some()) {
            return;
        }
        let in_order = |slot: Slot| view.sort.iter().any(|(sorted, _)| *sorted == slot);
        let unserved = parts.iter().find(|part| !record_slots(part).all(in_order));
        if let Some(part) = unserved {
            let package = &self.packages[view.app];
            let place = Place::new(package, Kind::View, &view.id).key("filter");
            problems.push(place.warning("view.unindexed").arg("part", part.source()));
        }
    }
}

/// Fields by which calls find existing records of an entity.
fn found_by(entity: usize, connectors: &Connectors) -> impl Iterator<Item = Slot> {
    let receives = connectors.values().filter_map(|connector| connector.receive.as_ref());
    let attaches = receives.filter(move |receive| receive.entity == entity);
    attaches.filter_map(|receive| receive.attach.as_ref()).flat_map(|attach| attach.by.iter().copied())
}

/// Fields with the starts of ranges in which actions look something up.
fn looked_up(entity: usize, automation: &Automation) -> impl Iterator<Item = Slot> {
    let rules = automation.rules.values().flat_map(|rule| &rule.actions);
    let steps = automation.slas.values().flat_map(|sla| &sla.ladder).flat_map(|step| &step.actions);
    rules.chain(steps).flat_map(ActionModel::with_later).filter_map(move |action| match action.kind {
        ActionKind::LookUp { entity: table, first, .. } if table == entity => Some(first),
        _ => None,
    })
}

/// Columns that row scopes compare with something of the reader.
fn scope_columns(entity: usize, roles: &Roles) -> Vec<Slot> {
    let reads = |permission: &&PermissionModel| permission.operations.contains(&Operation::Read);
    let permissions = roles.values().filter_map(|role| role.permissions.get(&entity)).filter(reads);
    let mut columns: Vec<Slot> = Vec::new();
    for rows in permissions.filter_map(|permission| permission.rows.as_ref()) {
        for part in rows.disjuncts() {
            let column = match part.equality() {
                Some(equality) => Some(equality.slot),
                None if [TEAM, DEPARTMENT].contains(&part.source()) => Some(system::OWNER),
                None => None,
            };
            columns.extend(column.filter(|column| !columns.contains(column)));
        }
    }
    columns
}

fn record_slots(expression: &Expression) -> impl Iterator<Item = Slot> {
    expression
        .references()
        .iter()
        .filter(|reference| reference.root == roots::RECORD)
        .map(|reference| reference.slot)
}

struct Found<'a> {
    table: &'a str,
    fields: &'a EntityModel,
    list: Vec<IndexModel>,
}

impl Found<'_> {
    fn fields(&mut self) {
        for field in self.fields.declared() {
            if field.unique {
                self.add(vec![(field.slot, false)], true);
            }
            // Whoever deletes a record has to find those that refer to it.
            if field.index || matches!(field.kind, FieldKind::Reference { .. }) {
                self.add(vec![(field.slot, false)], false);
            }
        }
        let title = &self.fields.fields[self.fields.title];
        // A title that is unique has its order already.
        if title.stored() && indexable(&title.kind) && !title.unique {
            self.add(vec![(title.slot, false), (system::ID, false)], false);
        }
    }

    fn view(&mut self, view: &ViewModel, scopes: &[Slot]) {
        let mut fixed: Vec<Slot> = Vec::new();
        if let Some(filter) = &view.filter {
            let equalities = filter.conjuncts().into_iter().filter_map(|part| part.equality());
            for slot in equalities.map(|equality| equality.slot) {
                if !fixed.contains(&slot) && indexable(&self.fields.fields[slot].kind) {
                    fixed.push(slot);
                }
            }
        }
        for scope in scopes.iter().map(Some).chain([None]) {
            for way in ways(view) {
                let mut slots: Vec<(Slot, bool)> = scope.iter().map(|slot| (**slot, false)).collect();
                let rest = fixed.iter().map(|slot| (*slot, false)).chain(way);
                for (slot, descending) in rest {
                    if slots.len() < COLUMNS_MAX && !slots.iter().any(|(other, _)| *other == slot) {
                        slots.push((slot, descending));
                    }
                }
                self.add(slots, false);
            }
        }
    }

    fn add(&mut self, slots: Vec<(Slot, bool)>, unique: bool) {
        let known = self.list.iter().any(|index| index.slots == slots && (index.unique || !unique));
        if slots.is_empty() || known {
            return;
        }
        let name = self.name(&slots, unique);
        self.list.push(IndexModel { name, slots, unique });
    }

    fn name(&self, slots: &[(Slot, bool)], unique: bool) -> String {
        let mut name = format!("{}_", self.table);
        for (slot, descending) in slots {
            name.push('_');
            name.push_str(&self.fields.fields[*slot].name);
            name.push_str(if *descending { "_desc" } else { "" });
        }
        name.push_str(if unique { "__unique" } else { "" });
        if name.len() > NAME_CHARS_MAX {
            let digest = &hex(&Sha256::digest(name.as_bytes()))[..8];
            name.truncate(NAME_CHARS_MAX - 9);
            name = format!("{name}_{digest}");
        }
        name
    }

    /// Drops what another index serves as well; unique ones first.
    fn finish(self) -> Vec<IndexModel> {
        let serves = |other: &IndexModel, index: &IndexModel| {
            let same = other.slots == index.slots;
            let longer = !other.unique && other.slots.len() > index.slots.len();
            (same && other.unique) || (longer && other.slots.starts_with(&index.slots))
        };
        let needed = |index: &&IndexModel| {
            index.unique || !self.list.iter().any(|other| other != *index && serves(other, index))
        };
        let mut list: Vec<IndexModel> = self.list.iter().filter(needed).cloned().collect();
        list.sort_by_key(|index| !index.unique);
        list
    }
}

/// The orders in which the records of a view are read: its own, and those of the days of a calendar; each column of a board is
/// read by itself, and the board never as a whole.
fn ways(view: &ViewModel) -> Vec<Vec<(Slot, bool)>> {
    let layout = &view.layout;
    let days = [layout.start, layout.end].into_iter().flatten().map(|slot| vec![(slot, false)]);
    match (view.kind, layout.by) {
        (ViewKind::Board, Some(by)) => vec![[vec![(by, false)], view.sort.clone()].concat()],
        (ViewKind::Calendar | ViewKind::Timeline, _) => {
            std::iter::once(view.sort.clone()).chain(days).collect()
        }
        _ => vec![view.sort.clone()],
    }
}

/// True when a database keeps such values in order.
fn indexable(kind: &FieldKind) -> bool {
    !matches!(
        kind,
        FieldKind::Lines { .. }
            | FieldKind::Choices { .. }
            | FieldKind::GeoPoint
            | FieldKind::File { .. }
            | FieldKind::Json
            | FieldKind::LongText { .. }
    )
}
