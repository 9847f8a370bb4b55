//! Compiles values that rules give to fields: the field is one that may be given, the expression of its type, and a
//! constant one of its choices.

use indexmap::IndexMap;
use mortise_expr::Expression;

use super::Build;
use super::area::Area;
use crate::compile::expressions::constant_text;
use crate::compile::place::Place;
use crate::model::{FieldKind, Slot};
use crate::source::Source;

/// What kind of record gets the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// One that is made with them.
    New,
    /// One that is there.
    Existing,
}

impl Build<'_> {
    /// Expressions by slot, for a record of `entity`, over the roots of `area`.
    pub(super) fn values(
        &mut self,
        area: &Area,
        entity: usize,
        values: &IndexMap<String, Source>,
        target: Target,
        place: &Place,
    ) -> Vec<(Slot, Expression)> {
        let mut compiled = Vec::with_capacity(values.len());
        for (name, source) in values {
            let place = place.key(name);
            let Some(slot) = self.field(entity, name, &place) else { continue };
            if !self.may_be_given(entity, slot, Some(source), target, &place) {
                continue;
            }
            let Some(want) = self.draft(entity).fields[slot].ty.clone() else { continue };
            if let Some(value) = self.value(area, source, &want, &place) {
                self.check_constant(entity, slot, source, &place);
                compiled.push((slot, value));
            }
        }
        if target == Target::New {
            self.check_complete(
                entity,
                |slot, name| values.contains_key(name) || compiled.iter().any(|(other, _)| *other == slot),
                place,
            );
        }
        compiled
    }

    /// Whether automation may give this field a value. The state of a record changes by transition only, but a new
    /// record may name the state that it begins in.
    pub(super) fn may_be_given(
        &mut self,
        entity: usize,
        slot: Slot,
        source: Option<&str>,
        target: Target,
        place: &Place,
    ) -> bool {
        let field = &self.entities[entity].fields[slot];
        if let Some((state, initial)) = self.states.get(&entity)
            && *state == slot
            && !(target == Target::New && source.and_then(constant_text) == Some(initial))
        {
            self.problems.push(place.error("action.state").arg("name", &field.name));
            return false;
        }
        let opaque = matches!(field.kind, FieldKind::Lines { .. } | FieldKind::File { .. });
        if !field.writable() || opaque {
            // A field that is wrong itself was reported where it is declared.
            if self.draft(entity).fields[slot].ty.is_some() {
                self.problems.push(place.error("action.not_writable").arg("name", &field.name));
            }
            return false;
        }
        true
    }

    /// A new record has what it must have.
    pub(super) fn check_complete(
        &mut self,
        entity: usize,
        given: impl Fn(Slot, &str) -> bool,
        place: &Place,
    ) {
        let state = self.states.get(&entity).map(|(slot, _)| *slot);
        for field in self.entities[entity].declared() {
            let needed = field.required && field.writable() && field.default.is_none();
            if needed && Some(field.slot) != state && !given(field.slot, &field.name) {
                self.problems.push(place.error("action.required").arg("name", &field.name));
            }
        }
    }

    /// A value that is written down has to suit the field as if a person had typed it.
    fn check_constant(&mut self, entity: usize, slot: Slot, source: &str, place: &Place) {
        let field = &self.entities[entity].fields[slot];
        if field.required && source.trim() == "null" {
            self.problems.push(place.error("action.empties_required").arg("name", &field.name));
        }
        let FieldKind::Choice { choices } = &field.kind else { return };
        let Some(value) = constant_text(source) else { return };
        if !choices.iter().any(|choice| choice.value == value) {
            let problem = place.error("action.choice").arg("value", value).arg("name", &field.name);
            self.problems.push(problem.suggest(value, choices.iter().map(|choice| choice.value.as_str())));
        }
    }
}
