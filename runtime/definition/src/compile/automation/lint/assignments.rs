//! Findings about assignment policies: capacity without end, and decisions that hang on a field which may be empty.

use mortise_expr::{Expression, Reference};

use super::{Lint, id_of};
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{AssignmentModel, automation_roots, roots};

impl Lint<'_> {
    pub(super) fn assignments(&mut self) {
        for policy in self.model.automation.assignments.values() {
            let place = self.place(Kind::Assignment, policy.app, id_of(&policy.key));
            if policy.per_day.is_none() && policy.open.is_none() {
                self.problems.push(place.warning("lint.assignment_no_capacity"));
            }
            for (key, limit) in [("per_day", &policy.per_day), ("open", &policy.open)] {
                if limit.as_ref().is_some_and(Expression::nullable) {
                    let place = place.key("capacity").key(key);
                    self.problems.push(place.warning("lint.assignment_capacity_empty"));
                }
            }
            if policy.terms.is_empty() {
                self.problems.push(place.warning("lint.assignment_no_terms"));
            }
            self.filters(policy, &place);
            self.terms(policy, &place);
        }
    }

    /// Where the field is empty, the filter keeps nobody, or only those whose own field is empty too: all records of
    /// a faulty form go to one person (CASE-02).
    fn filters(&mut self, policy: &AssignmentModel, place: &Place) {
        for (index, filter) in policy.filters.iter().enumerate() {
            let names = self.may_be_empty(policy, &filter.condition);
            if names.is_empty() {
                continue;
            }
            let dropped = policy.fallbacks.iter().any(|fallback| fallback.without.contains(&index));
            // An equality holds for two empty sides, so that the fallback is not even asked.
            let matches_empty = filter.condition.references().iter().any(|reference| {
                reference.root == automation_roots::PROFILE && reference.nullable && !reference.guarded
            });
            if !dropped || matches_empty {
                let place = place.key("filters").index(index).key("condition");
                let problem = place.warning("lint.assignment_empty").arg("id", &filter.id);
                let reason = if dropped { "equal" } else { "nobody" };
                self.problems.push(problem.arg("names", names.join(", ")).arg("reason", reason));
            }
        }
    }

    fn terms(&mut self, policy: &AssignmentModel, place: &Place) {
        for (index, term) in policy.terms.iter().enumerate() {
            let place = place.key("terms").index(index);
            let unguarded = |one: &&Reference| one.nullable && !one.guarded;
            let names = term.score.references().iter().filter(unguarded);
            let names: Vec<String> = names.map(|one| format!("{}.{}", one.root_name, one.name)).collect();
            if term.missing.is_none() && term.score.nullable() && !names.is_empty() {
                let problem = place.key("score").warning("lint.assignment_term_empty").arg("id", &term.id);
                self.problems.push(problem.arg("names", names.join(", ")));
            }
            if matches!(term.weight.constant(), Some(value) if is_zero(value)) {
                self.problems.push(place.key("weight").warning("lint.assignment_weight").arg("id", &term.id));
            }
        }
    }

    /// Fields of the record that may be empty without the condition saying what is meant then.
    fn may_be_empty(&self, policy: &AssignmentModel, condition: &Expression) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for reference in condition.references() {
            let open = reference.root == roots::RECORD && reference.nullable && !reference.guarded;
            if open
                && !self.always_filled(policy.entity, reference.slot)
                && !names.contains(&reference.name.to_string())
            {
                names.push(reference.name.to_string());
            }
        }
        names
    }
}

fn is_zero(value: &mortise_expr::Value) -> bool {
    match value {
        mortise_expr::Value::Int(number) => *number == 0,
        mortise_expr::Value::Decimal(number) => number.mantissa == 0,
        mortise_expr::Value::Float(number) => *number == 0.0,
        _ => false,
    }
}
