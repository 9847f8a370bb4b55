//! Compiles the action that looks something up in a table of ranges.

use mortise_expr::Type;

use super::Build;
use super::area::Area;
use super::values::Target;
use crate::compile::place::Place;
use crate::model::{ActionKind, FieldKind, Slot};
use crate::source::Action;

impl Build<'_> {
    pub(super) fn look_up(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::LookUp { entity: table, value, first, last, values, .. } = action else { return None };
        let (entity, app) = (area.site.entity, area.site.app);
        let table = self.entity(app, table, &place.key("entity"))?;
        let value = self.value(area, value, &Type::Text, &place.key("value"));
        let first = self.bound(table, first, &place.key("first"));
        let last = self.bound(table, last, &place.key("last"));
        let place = place.key("values");
        if values.is_empty() {
            self.problems.push(place.error("action.no_values"));
        }
        let mut pairs = Vec::with_capacity(values.len());
        for (name, source) in values {
            let place = place.key(name);
            let (own, other) = (self.field(entity, name, &place), self.field(table, source, &place));
            let (Some(own), Some(other)) = (own, other) else { continue };
            if self.may_be_given(entity, own, None, Target::Existing, &place)
                && self.alike(entity, own, table, other, &place)
            {
                pairs.push((own, other));
            }
        }
        Some(ActionKind::LookUp { entity: table, value: value?, first: first?, last: last?, values: pairs })
    }

    /// A text field of the table.
    fn bound(&mut self, table: usize, name: &str, place: &Place) -> Option<Slot> {
        let slot = self.field(table, name, place)?;
        let ty = self.draft(table).fields[slot].ty.as_ref()?;
        if *ty != Type::Text {
            self.problems.push(place.error("action.bound").arg("name", name).arg("type", ty));
            return None;
        }
        Some(slot)
    }

    /// Whether every value of one field is one of the other.
    fn alike(&mut self, entity: usize, own: Slot, table: usize, other: Slot, place: &Place) -> bool {
        let (own, other) = (&self.entities[entity].fields[own], &self.entities[table].fields[other]);
        let same = match (&own.kind, &other.kind) {
            (FieldKind::Reference { entity: one }, FieldKind::Reference { entity: two }) => one == two,
            (FieldKind::Tree { tree: one, .. }, FieldKind::Tree { tree: two, .. }) => one == two,
            (FieldKind::Text { .. } | FieldKind::LongText { .. }, FieldKind::Text { .. }) => true,
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        };
        if !same {
            let problem = place.error("action.unlike").arg("name", &own.name);
            self.problems.push(problem.arg("of", &other.name));
        }
        same
    }
}
