//! Findings about figures in conditions: a share of nothing is empty, and a condition that does not say what is meant then
//! simply does not hold.

use mortise_expr::Expression;

use super::{Lint, id_of};
use crate::Kind;
use crate::compile::expressions::is_equated;
use crate::compile::place::Place;
use crate::model::{ActionModel, automation_roots};

impl Lint<'_> {
    pub(super) fn measures(&mut self) {
        let automation = &self.model.automation;
        for rule in automation.rules.values().filter(|rule| !rule.measures.is_empty()) {
            let place = self.place(Kind::Rule, rule.app, id_of(&rule.key));
            self.perhaps_empty(rule.condition.as_ref(), &place.key("condition"));
            self.empty_in_actions(&rule.actions, &place.key("do"));
        }
        for sla in automation.slas.values().filter(|sla| !sla.measures.is_empty()) {
            let place = self.place(Kind::Sla, sla.app, id_of(&sla.key)).key("ladder");
            for (index, step) in sla.ladder.iter().enumerate() {
                let place = place.index(index);
                self.perhaps_empty(step.condition.as_ref(), &place.key("condition"));
                self.empty_in_actions(&step.actions, &place.key("do"));
            }
        }
    }

    fn empty_in_actions(&mut self, actions: &[ActionModel], place: &Place) {
        for (index, action) in actions.iter().enumerate() {
            self.perhaps_empty(action.when.as_ref(), &place.index(index).key("when"));
        }
    }

    fn perhaps_empty(&mut self, condition: Option<&Expression>, place: &Place) {
        let Some(condition) = condition else { return };
        let mut names: Vec<&str> = Vec::new();
        for reference in condition.references() {
            let open = reference.root == automation_roots::MEASURES
                && reference.nullable
                && !reference.guarded
                && !is_equated(condition.source(), &reference.span);
            if open && !names.contains(&&*reference.name) {
                names.push(&reference.name);
            }
        }
        if !names.is_empty() {
            self.problems.push(place.warning("lint.measure_empty").arg("names", names.join(", ")));
        }
    }
}
