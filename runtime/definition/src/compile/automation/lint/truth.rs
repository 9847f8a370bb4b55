//! What a condition is when only some members are known: true, false, or open. Never claims more than is certain.

use mortise_expr::{Expression, Membership, Value};

use crate::model::{Slot, roots};

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Open,
}

/// Fields of the record whose value is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Vec<(Slot, Value)>);

impl Known {
    /// Only this field is known.
    pub(super) fn one(slot: Slot, value: Value) -> Known {
        Known(vec![(slot, value)])
    }

    /// What must be known where a condition holds: the fields that it compares with one value.
    pub(super) fn where_holds(condition: Option<&Expression>) -> Known {
        let parts = condition.into_iter().flat_map(Expression::conjuncts);
        Known(parts.filter_map(|part| single(part.membership()?)).collect())
    }

    /// The field has this value from now on; without one it may have any.
    pub(super) fn set(&mut self, slot: Slot, value: Option<Value>) {
        self.0.retain(|(other, _)| *other != slot);
        self.0.extend(value.map(|value| (slot, value)));
    }

    fn get(&self, slot: Slot) -> Option<&Value> {
        self.0.iter().find(|(other, _)| *other == slot).map(|(_, value)| value)
    }
}

fn single(test: Membership) -> Option<(Slot, Value)> {
    let mut values = test.values.into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) if test.root == roots::RECORD && !test.negated => Some((test.slot, value)),
        _ => None,
    }
}

/// What the condition is.
pub(super) fn truth(condition: &Expression, known: &Known) -> Truth {
    if let Some(value) = condition.constant() {
        return if value.is_true() { Truth::Yes } else { Truth::No };
    }
    let parts = condition.conjuncts();
    if parts.len() > 1 {
        return joined(&parts, known, Truth::No, Truth::Yes);
    }
    let parts = condition.disjuncts();
    if parts.len() > 1 {
        return joined(&parts, known, Truth::Yes, Truth::No);
    }
    let test = condition.membership().filter(|test| test.root == roots::RECORD);
    match test.and_then(|test| Some((known.get(test.slot)?.clone(), test))) {
        Some((value, test)) if test.values.contains(&value) != test.negated => Truth::Yes,
        Some(_) => Truth::No,
        None => Truth::Open,
    }
}

/// One part of kind `decisive` decides; all of kind `neutral` leave that.
fn joined(parts: &[Expression], known: &Known, decisive: Truth, neutral: Truth) -> Truth {
    let mut result = neutral;
    for part in parts {
        match truth(part, known) {
            found if found == decisive => return decisive,
            Truth::Open => result = Truth::Open,
            _ => {}
        }
    }
    result
}

/// True when two conditions can never hold for the same record.
pub(super) fn exclusive(a: Option<&Expression>, b: Option<&Expression>) -> bool {
    let excluded = |one: Option<&Expression>, other: Option<&Expression>| {
        one.is_some_and(|one| truth(one, &Known::where_holds(other)) == Truth::No)
    };
    excluded(a, b) || excluded(b, a)
}
