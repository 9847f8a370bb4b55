//! Compiles actions: what rules and the steps of clocks do.

use mortise_expr::Type;

use super::Build;
use super::area::Area;
use super::template::{COMMENT, REPORT};
use super::values::Target;
use crate::Kind;
use crate::compile::place::Place;
use crate::model::{ActionKind, ActionModel, FieldKind, FieldModel, Slot, system};
use crate::source::{Action, ConnectorKind, Decision, HitPolicy, OutputType, Recipient};

/// Most actions in one list: they run in one transaction, which others wait for.
const ACTIONS_MAX: usize = 50;

impl Build<'_> {
    pub(super) fn actions(&mut self, area: &Area, actions: &[Action], place: &Place) -> Vec<ActionModel> {
        self.at_most(actions.len(), ACTIONS_MAX, place);
        let actions = actions.iter().enumerate().filter_map(|(index, action)| {
            let place = place.index(index);
            let when = self.optional_condition(area, action.when(), &place.key("when"));
            let kind = self.action(area, action, &place)?;
            Some(ActionModel { pointer: place.pointer().to_owned(), when, kind })
        });
        actions.collect()
    }

    fn action(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let (entity, app) = (area.site.entity, area.site.app);
        Some(match action {
            Action::Set { values, .. } => {
                if values.is_empty() {
                    self.problems.push(place.key("values").error("action.no_values"));
                }
                let values = self.values(area, entity, values, Target::Existing, &place.key("values"));
                ActionKind::Set { values }
            }
            Action::Add { field, value, remove, .. } => {
                let slot = self.list_field(entity, field, value, place)?;
                ActionKind::Add { slot, value: value.clone(), remove: *remove }
            }
            Action::Create { .. } => self.create(area, action, place)?,
            Action::UpdateRelated { .. } => self.update_related(area, action, place)?,
            Action::UpdateReferenced { .. } => self.update_referenced(area, action, place)?,
            Action::Transition { transition, .. } => {
                self.transition_exists(entity, transition, &place.key("transition"));
                ActionKind::Transition { transition: transition.clone() }
            }
            Action::Decide { .. } => self.decide(entity, app, action, place)?,
            Action::LookUp { .. } => self.look_up(area, action, place)?,
            Action::Assign { policy, .. } => {
                let place = place.key("policy");
                let (owner, id) = self.artifact(Kind::Assignment, app, policy, &place)?;
                let package = &self.compiler.packages[owner];
                let written = package.assignments.iter().find(|one| one.id == id)?;
                self.same_entity(owner, &written.entity, entity, &place);
                ActionKind::Assign { policy: self.key(owner, id) }
            }
            Action::Notify { .. } => self.notify(entity, app, action, place)?,
            Action::Freeze { .. } | Action::Unfreeze { .. } => self.rights(area, action, place)?,
            Action::Report { name, template, .. } => {
                self.template(area.site, name, &REPORT, &place.key("name"));
                self.template(area.site, template, &REPORT, &place.key("template"));
                ActionKind::Report { name: name.clone(), template: template.clone() }
            }
            Action::Comment { text, .. } => {
                self.template(area.site, text, &COMMENT, &place.key("text"));
                ActionKind::Comment { text: text.clone() }
            }
            Action::Webhook { .. } => self.webhook(area, action, place)?,
            Action::Plugin { .. } => self.plugin(area, action, place)?,
            Action::Signal { .. } => self.signal(area, action, place)?,
            Action::Run { rule, .. } => {
                let place = place.key("rule");
                let (owner, id) = self.artifact(Kind::Rule, app, rule, &place)?;
                let written = self.compiler.packages[owner].rules.iter().find(|one| one.id == id)?;
                self.same_entity(owner, &written.entity, entity, &place);
                ActionKind::Run { rule: self.key(owner, id) }
            }
        })
    }

    fn create(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::Create { entity, values, owner, .. } = action else { return None };
        let (own, app) = (area.site.entity, area.site.app);
        let entity = self.entity(app, entity, &place.key("entity"))?;
        let values = self.values(area, entity, values, Target::New, &place.key("values"));
        let at = place.key("owner");
        let owner = match owner {
            None => None,
            Some(Recipient::Role { .. }) => {
                self.problems.push(at.error("action.owner_role"));
                return None;
            }
            Some(_) if values.iter().any(|(slot, _)| *slot == system::OWNER) => {
                self.problems.push(at.error("automation.twice").arg("name", "owner"));
                return None;
            }
            Some(owner) => Some(self.recipient(own, app, owner, &at)?),
        };
        Some(ActionKind::Create { entity, values, owner })
    }

    fn rights(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let mut optional = |source: &Option<String>, want: Type, key: &str| match source {
            Some(source) => self.value(area, source, &want, &place.key(key)).map(Some),
            None => Some(None),
        };
        match action {
            Action::Freeze { person, duration, reason, .. } => {
                let duration = optional(duration, Type::Duration, "for");
                let person = self.value(area, person, &Type::Id, &place.key("person"))?;
                Some(ActionKind::Freeze { person, duration: duration?, reason: reason.clone() })
            }
            Action::Unfreeze { person, .. } => {
                Some(ActionKind::Unfreeze { person: optional(person, Type::Id, "person")? })
            }
            _ => None,
        }
    }

    /// The transition belongs to the lifecycle of the entity.
    pub(super) fn transition_exists(&mut self, entity: usize, id: &str, place: &Place) {
        if !self.with_lifecycle.contains(&entity) {
            let problem = place.error("action.no_lifecycle");
            return self.problems.push(problem.arg("entity", &self.entities[entity].key));
        }
        // A lifecycle that is wrong itself was reported already.
        let Some(lifecycle) = self.lifecycles.get(&entity) else { return };
        if lifecycle.transition(id).is_none() {
            let problem = place.error("ref.transition").arg("name", id).arg("lifecycle", &lifecycle.key);
            let known = lifecycle.transitions.iter().map(|transition| transition.id.as_str());
            self.problems.push(problem.suggest(id, known));
        }
    }

    fn list_field(&mut self, entity: usize, name: &str, value: &str, place: &Place) -> Option<Slot> {
        let slot = self.field(entity, name, &place.key("field"))?;
        let FieldKind::Choices { choices } = &self.entities[entity].fields[slot].kind else {
            if self.draft(entity).fields[slot].ty.is_some() {
                self.problems.push(place.key("field").error("action.not_list").arg("name", name));
            }
            return None;
        };
        if !choices.iter().any(|choice| choice.value == value) {
            let problem = place.key("value").error("action.choice").arg("value", value).arg("name", name);
            self.problems.push(problem.suggest(value, choices.iter().map(|choice| choice.value.as_str())));
        }
        Some(slot)
    }

    fn update_related(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::UpdateRelated { entity, via, condition, values, .. } = action else { return None };
        let app = area.site.app;
        let other = self.entity(app, entity, &place.key("entity"))?;
        let via = self.pointing(other, via, area.site.entity, &place.key("via"))?;
        let condition = match condition {
            Some(source) => Some(self.filter(other, app, source, &place.key("where"))?),
            None => None,
        };
        let values = self.values(area, other, values, Target::Existing, &place.key("values"));
        Some(ActionKind::UpdateRelated { entity: other, via, condition, values })
    }

    fn update_referenced(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::UpdateReferenced { field, condition, values, .. } = action else { return None };
        let (entity, app) = (area.site.entity, area.site.app);
        let at = place.key("field");
        let via = self.field(entity, field, &at)?;
        let FieldKind::Reference { entity: other } = self.entities[entity].fields[via].kind else {
            self.problems.push(at.error("action.not_a_reference").arg("name", field));
            return None;
        };
        let condition = match condition {
            Some(source) => Some(self.filter(other, app, source, &place.key("where"))?),
            None => None,
        };
        let values = self.values(area, other, values, Target::Existing, &place.key("values"));
        Some(ActionKind::UpdateReferenced { entity: other, via, condition, values })
    }

    /// A reference field of `entity` that points to records of `target`.
    pub(super) fn pointing(
        &mut self,
        entity: usize,
        name: &str,
        target: usize,
        place: &Place,
    ) -> Option<Slot> {
        let slot = self.field(entity, name, place)?;
        match self.entities[entity].fields[slot].kind {
            FieldKind::Reference { entity: points } if points == target => Some(slot),
            _ => {
                if self.draft(entity).fields[slot].ty.is_some() {
                    let problem = place.error("field.via").arg("name", name);
                    let problem = problem.arg("child", &self.entities[entity].key);
                    self.problems.push(problem.arg("entity", &self.entities[target].key));
                }
                None
            }
        }
    }

    fn decide(&mut self, entity: usize, app: usize, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::Decide { decision, values, .. } = action else { return None };
        let at = place.key("decision");
        let (owner, id) = self.artifact(Kind::Decision, app, decision, &at)?;
        let table = self.compiler.packages[owner].decisions.iter().find(|one| one.id == id)?;
        self.same_entity(owner, &table.entity, entity, &at);
        let mut outputs = Vec::with_capacity(values.len());
        for (name, output) in values {
            let place = place.key("values").key(name);
            let Some(slot) = self.field(entity, name, &place) else { continue };
            let Some(position) = self.output(table, output, &place) else { continue };
            if !self.may_be_given(entity, slot, None, Target::Existing, &place) {
                continue;
            }
            let Some(wanted) = self.draft(entity).fields[slot].ty.clone() else { continue };
            let found = output_type(table, position);
            let named = found == Type::Text && self.is_named_by_text(entity, slot);
            if !named && !fits(&found, &wanted) {
                let problem = place.error("action.output_type").arg("type", found).arg("name", name);
                self.problems.push(problem.arg("wanted", wanted));
                continue;
            }
            outputs.push((slot, position));
        }
        Some(ActionKind::Decide { decision: self.key(owner, id), values: outputs })
    }

    /// Whether a field points to records that a table can name by a unique text (`L2` of a list of grades).
    fn is_named_by_text(&self, entity: usize, slot: Slot) -> bool {
        let FieldKind::Reference { entity: target } = self.entities[entity].fields[slot].kind else {
            return false;
        };
        let is_key = |field: &FieldModel| field.unique && matches!(field.kind, FieldKind::Text { .. });
        self.entities[target].declared().iter().any(is_key)
    }

    /// The position of an output of a table.
    pub(super) fn output(&mut self, table: &Decision, name: &str, place: &Place) -> Option<usize> {
        let position = table.outputs.iter().position(|output| output.id == name);
        if position.is_none() {
            let problem = place.error("ref.output").arg("name", name).arg("decision", &table.id);
            let known = table.outputs.iter().map(|output| output.id.as_str());
            self.problems.push(problem.suggest(name, known));
        }
        position
    }

    fn notify(&mut self, entity: usize, app: usize, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::Notify { notification, to, .. } = action else { return None };
        let at = place.key("notification");
        let (owner, id) = self.artifact(Kind::Notification, app, notification, &at)?;
        let written = self.compiler.packages[owner].notifications.iter().find(|one| one.id == id)?;
        self.same_entity(owner, &written.entity, entity, &at);
        if to.is_empty() && written.to.is_empty() && written.channels.is_empty() {
            self.problems.push(at.error("action.nobody").arg("name", notification));
        }
        let to = self.recipients(entity, app, to, &place.key("to"));
        Some(ActionKind::Notify { notification: self.key(owner, id), to })
    }

    fn webhook(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::Webhook { connector, body, .. } = action else { return None };
        let at = place.key("connector");
        let connector = self.connector_of(area.site.app, connector, &[ConnectorKind::Webhook], &at)?;
        let mut values = Vec::with_capacity(body.len());
        for (key, source) in body {
            let value = self.any_value(area, source, &place.key("body").key(key));
            values.extend(value.map(|value| (key.clone(), value)));
        }
        Some(ActionKind::Webhook { connector, body: values })
    }
}

/// The type of what an output of a table gives, with its hit policy.
pub(super) fn output_type(table: &Decision, position: usize) -> Type {
    let one = written_type(table.outputs[position].kind);
    match table.hit {
        HitPolicy::Collect => Type::List(Box::new(one)),
        _ => one,
    }
}

/// The type of an output as it is written.
pub(super) fn written_type(kind: OutputType) -> Type {
    match kind {
        OutputType::Text => Type::Text,
        OutputType::Integer => Type::Int,
        OutputType::Decimal => Type::Decimal(super::decision::DECIMAL_SCALE),
        OutputType::Boolean => Type::Bool,
        OutputType::Duration => Type::Duration,
    }
}

/// Whether a field of one type takes a value of another; numbers are rounded to the places of the field.
fn fits(found: &Type, wanted: &Type) -> bool {
    match (found, wanted) {
        (Type::Int, Type::Decimal(_) | Type::Float) | (Type::Decimal(_), Type::Decimal(_) | Type::Float) => {
            true
        }
        (found, wanted) => found == wanted,
    }
}
