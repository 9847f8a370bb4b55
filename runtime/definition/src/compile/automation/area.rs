//! Which names an expression of automation may use at its place, and the shapes of the roots beyond the record.

use std::sync::Arc;

use mortise_expr::{Expression, Member, Shape, Type};

use super::Build;
use crate::compile::computed;
use crate::compile::draft::Draft;
use crate::compile::expressions::{Extra, Nulls, Site};
use crate::compile::place::Place;
use crate::model::{candidate_slots, clock_slots};

/// A place for expressions: whose record, whose settings, and which roots beyond.
#[derive(Debug, Clone)]
pub(super) struct Area {
    pub(super) site: Site,
    pub(super) extra: Vec<Extra>,
}

impl Area {
    /// `record`, `user`, `settings`.
    pub(super) fn plain(entity: usize, app: usize) -> Area {
        Area { site: Site { entity, app }, extra: Vec::new() }
    }
}

impl Build<'_> {
    /// The roots of clocks: those of every record, and `previous`.
    pub(super) fn clock_area(&self, entity: usize, app: usize) -> Area {
        let shape = Arc::clone(&self.previous[entity]);
        let extra = vec![Extra { name: "previous", shape, entity: Some(entity) }];
        Area { site: Site { entity, app }, extra }
    }

    /// The roots of rules, actions and steps: those of clocks, and `clock`.
    pub(super) fn rule_area(&self, entity: usize, app: usize) -> Area {
        let mut area = self.clock_area(entity, app);
        area.extra.push(Extra { name: "clock", shape: Arc::clone(&self.clock), entity: None });
        area
    }

    /// An expression whose value is wanted as `want`.
    pub(super) fn value(
        &mut self,
        area: &Area,
        source: &str,
        want: &Type,
        place: &Place,
    ) -> Option<Expression> {
        self.compiler.expression_with(area.site, &area.extra, source, Some(want), place, self.problems)
    }

    /// An expression of any type.
    pub(super) fn any_value(&mut self, area: &Area, source: &str, place: &Place) -> Option<Expression> {
        self.compiler.expression_with(area.site, &area.extra, source, None, place, self.problems)
    }

    /// An expression that gives some kind of number.
    pub(super) fn number(&mut self, area: &Area, source: &str, place: &Place) -> Option<Expression> {
        let expression = self.any_value(area, source, place)?;
        if expression.ty().is_number() || *expression.ty() == Type::Null {
            return Some(expression);
        }
        self.problems.push(place.error("automation.not_number").arg("type", expression.ty()));
        None
    }

    /// A condition that decides about a whole record.
    pub(super) fn condition(&mut self, area: &Area, source: &str, place: &Place) -> Option<Expression> {
        let expression = self.value(area, source, &Type::Bool, place)?;
        self.compiler.warn_of_nulls(area.site, &expression, place, Nulls::Warn, self.problems);
        Some(expression)
    }

    /// A condition that may be left out.
    pub(super) fn optional_condition(
        &mut self,
        area: &Area,
        source: Option<&String>,
        place: &Place,
    ) -> Option<Expression> {
        self.condition(area, source?, place)
    }

    /// A condition over many records at once.
    pub(super) fn filter(
        &mut self,
        entity: usize,
        app: usize,
        source: &str,
        place: &Place,
    ) -> Option<Expression> {
        self.compiler.filter(Site { entity, app }, source, place, Nulls::Fine, self.problems)
    }
}

/// The shape of the root `previous`: as the record, but anything may be empty and nothing is a column.
pub(super) fn previous_shape(draft: &Draft<'_>) -> Arc<Shape> {
    let shape = computed::shape(draft);
    let members = shape.members().iter();
    let members = members.map(|member| Member::new(member.name.clone(), member.ty.clone()).nullable());
    Arc::new(Shape::new(members.collect()))
}

/// The shape of the root `clock`, in the order of [`clock_slots`].
pub(super) fn clock_shape() -> Shape {
    let members = [
        ("sla", Type::Text),
        ("step", Type::Text),
        ("started_at", Type::DateTime),
        ("due_at", Type::DateTime),
        ("limit", Type::Duration),
        ("elapsed", Type::Duration),
        ("late", Type::Bool),
    ];
    debug_assert_eq!(members[clock_slots::LATE].0, "late");
    Shape::new(members.map(|(name, ty)| Member::new(name, ty).nullable()).into())
}

/// The shape of the root `candidate`, in the order of [`candidate_slots`].
pub(super) fn candidate_shape() -> Shape {
    let members = vec![
        Member::new("id", Type::Id),
        Member::new("name", Type::Text),
        Member::new("department", Type::Id).nullable(),
        Member::new("roles", Type::List(Box::new(Type::Text))),
        Member::new("open", Type::Int),
        Member::new("today", Type::Int),
    ];
    debug_assert_eq!(&*members[candidate_slots::TODAY].name, "today");
    Shape::new(members)
}
