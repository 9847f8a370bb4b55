//! Finds the types of computed fields and rollups. A computed field may read other computed fields of its record,
//! so they are compiled each after those it reads; a circle among them is an error that names it.

use std::collections::HashMap;
use std::sync::Arc;

use mortise_expr::{Expression, Member, Shape, Type};

use super::Compiler;
use super::draft::{Draft, DraftKind};
use super::expressions::mentions;
use crate::model::{FieldKind, Slot, roots, system};
use crate::problem::Problems;
use crate::source::RollupOperation;

/// Computed fields of one entity.
#[derive(Default)]
pub(super) struct Computed {
    /// Slots in the order of calculation.
    pub(super) order: Vec<Slot>,
    /// Their expressions.
    pub(super) values: HashMap<Slot, Expression>,
}

/// System fields that change with every save, so that a value calculated from them is old at once.
const UNSTABLE: [Slot; 4] = [system::VERSION, system::UPDATED_AT, system::UPDATED_BY, system::DELETED_AT];

impl Compiler<'_> {
    /// Compiles the computed fields of all entities, then finds the types of rollups over them.
    pub(super) fn compute_types(&mut self, problems: &mut Problems) -> Vec<Computed> {
        let mut all = Vec::with_capacity(self.drafts.len());
        for entity in 0..self.drafts.len() {
            let slots = 0..self.drafts[entity].fields.len();
            let slots: Vec<Slot> = slots
                .filter(|slot| matches!(self.drafts[entity].fields[*slot].kind, DraftKind::Computed(_)))
                .collect();
            let mut computed = Computed::default();
            for slot in slots {
                self.visit(entity, slot, &mut Vec::new(), &mut computed, problems);
            }
            all.push(computed);
        }
        self.rollup_types(problems);
        all
    }

    fn visit(
        &mut self,
        entity: usize,
        slot: Slot,
        path: &mut Vec<Slot>,
        computed: &mut Computed,
        problems: &mut Problems,
    ) {
        let DraftKind::Computed(source) = self.drafts[entity].fields[slot].kind else { return };
        if computed.order.contains(&slot) {
            return;
        }
        if let Some(start) = path.iter().position(|entry| *entry == slot) {
            let draft = &mut self.drafts[entity];
            let names: Vec<&str> =
                path[start..].iter().chain([&slot]).map(|entry| &*draft.fields[*entry].name).collect();
            let problem = draft.fields[slot].place.key("value").error("computed.cycle");
            problems.push(problem.arg("cycle", names.join(" → ")));
            for entry in &path[start..] {
                draft.fields[*entry].kind = DraftKind::Broken;
            }
            return;
        }
        path.push(slot);
        let needed: Vec<Slot> =
            mentions(source).filter_map(|name| self.drafts[entity].slots.get(name).copied()).collect();
        for other in &needed {
            self.visit(entity, *other, path, computed, problems);
        }
        path.pop();
        let draft = &self.drafts[entity];
        let known = |slot: &Slot| match draft.fields[*slot].kind {
            DraftKind::Broken => false,
            DraftKind::Computed(_) => draft.fields[*slot].ty.is_some(),
            // Refused below, with the reason.
            DraftKind::Rollup { .. } | DraftKind::Ready(_) => true,
        };
        if matches!(draft.fields[slot].kind, DraftKind::Broken) || !needed.iter().all(known) {
            return;
        }
        if let Some(value) = self.compile_value(entity, slot, source, problems) {
            self.drafts[entity].fields[slot].ty = Some(value.ty().clone());
            computed.order.push(slot);
            computed.values.insert(slot, value);
        }
    }

    fn compile_value(
        &self,
        entity: usize,
        slot: Slot,
        source: &str,
        problems: &mut Problems,
    ) -> Option<Expression> {
        let draft = &self.drafts[entity];
        let field = &draft.fields[slot];
        let place = field.place.key("value");
        let scope = self.scope_with(Arc::new(shape(draft)), field.app);
        let value = match Expression::compile(source, &scope) {
            Ok(value) => value,
            Err(diagnostics) => {
                problems.extend(diagnostics.into_iter().map(|diagnostic| place.diagnostic(diagnostic)));
                return None;
            }
        };
        if value.volatile() {
            problems.push(place.error("computed.volatile"));
            return None;
        }
        for reference in value.references() {
            let source = &draft.fields[reference.slot.min(draft.fields.len() - 1)];
            let refused = reference.root != roots::RECORD
                || UNSTABLE.contains(&reference.slot)
                || matches!(source.kind, DraftKind::Rollup { .. })
                || matches!(
                    source.kind,
                    DraftKind::Ready(FieldKind::Autonumber { .. } | FieldKind::Lines { .. })
                );
            if refused {
                let name = format!("{}.{}", reference.root_name, reference.name);
                let mut problem = place.error("computed.reads").arg("name", name);
                problem.column = Some(reference.column);
                problems.push(problem);
                return None;
            }
        }
        if matches!(value.ty(), Type::List(_) | Type::Geo | Type::Json | Type::Null) {
            problems.push(place.error("computed.type").arg("type", value.ty()));
            return None;
        }
        Some(value)
    }

    fn rollup_types(&mut self, problems: &mut Problems) {
        let mut found: Vec<(usize, Slot, Type)> = Vec::new();
        for (entity, draft) in self.drafts.iter().enumerate() {
            for (slot, field) in draft.fields.iter().enumerate() {
                let DraftKind::Rollup { entity: child, operation, field: of, .. } = field.kind else {
                    continue;
                };
                let place = field.place.key("field");
                let ty = match of {
                    None => Some(Type::Int),
                    Some(of) if matches!(self.drafts[child].fields[of].kind, DraftKind::Rollup { .. }) => {
                        problems.push(place.error("rollup.of_rollup"));
                        None
                    }
                    Some(of) => {
                        let ty = self.drafts[child].fields[of].ty.clone();
                        if let Some(wrong) = ty.as_ref().filter(|ty| !suits(operation, ty)) {
                            problems.push(place.error("rollup.type").arg("type", wrong));
                        }
                        ty
                    }
                };
                found.extend(ty.map(|ty| (entity, slot, ty)));
            }
        }
        for (entity, slot, ty) in found {
            self.drafts[entity].fields[slot].ty = Some(ty);
        }
    }
}

fn suits(operation: RollupOperation, ty: &Type) -> bool {
    match operation {
        RollupOperation::Count => true,
        RollupOperation::Sum => ty.is_number() || *ty == Type::Duration,
        RollupOperation::Min | RollupOperation::Max => {
            ty.is_number() || matches!(ty, Type::Duration | Type::Date | Type::DateTime | Type::Text)
        }
    }
}

/// The shape of an entity's records: as far as types are known; the rest cannot be read by anything that compiles.
pub(super) fn shape(draft: &Draft<'_>) -> Shape {
    let members = draft.fields.iter().enumerate().map(|(slot, field)| {
        let ty = field.ty.clone().unwrap_or(Type::Json);
        let member = Member::new(field.name.clone(), ty);
        // What a record must have may still be missing in records that are older than the rule.
        let always = matches!(slot, system::ID | system::VERSION | system::CREATED_AT | system::UPDATED_AT);
        let member = if always { member } else { member.nullable() };
        if draft.is_lines(slot) { member } else { member.column(field.name.clone()) }
    });
    Shape::new(members.collect())
}
