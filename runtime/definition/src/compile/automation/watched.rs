//! Which rollups of an entity are worth an event when only child records change them: those that a rule or a clock waits
//! for. All others are brought up to date in silence, so that a thousand child rows cost nothing more.

use mortise_expr::Expression;

use crate::model::{
    ActionKind, Automation, EntityAutomation, EntityModel, FieldKind, LimitModel, RuleModel, SlaModel, Slot,
    TriggerModel, roots,
};

/// The rollups, by slot.
pub(super) fn rollups(automation: &Automation, own: &EntityAutomation, entity: &EntityModel) -> Vec<Slot> {
    let mut read: Vec<Slot> = own.rules.iter().flat_map(|rule| awaited(rule)).collect();
    read.extend(own.slas.iter().flat_map(|sla| asked(automation, sla)));
    read.retain(|slot| matches!(entity.fields[*slot].kind, FieldKind::Rollup { .. }));
    read.sort_unstable();
    read.dedup();
    read
}

/// Fields whose change can make a difference to the rule: those that it names, or, where any change sets it off, those
/// that it reads.
fn awaited(rule: &RuleModel) -> Vec<Slot> {
    let mut slots = Vec::new();
    for trigger in &rule.triggers {
        let TriggerModel::Changed(named) = trigger else { continue };
        slots.extend(named);
        if named.is_empty() {
            let values = rule.actions.iter().flat_map(|action| given(&action.kind));
            let when = rule.actions.iter().filter_map(|action| action.when.as_ref());
            slots.extend(rule.condition.iter().chain(when).chain(values).flat_map(read));
        }
    }
    slots
}

/// The expressions of what an action does.
fn given(action: &ActionKind) -> Vec<&Expression> {
    match action {
        ActionKind::Set { values }
        | ActionKind::Create { values, .. }
        | ActionKind::UpdateRelated { values, .. }
        | ActionKind::UpdateReferenced { values, .. } => values.iter().map(|(_, value)| value).collect(),
        ActionKind::Freeze { person, duration, .. } => std::iter::once(person).chain(duration).collect(),
        ActionKind::LookUp { value, .. } => vec![value],
        ActionKind::Unfreeze { person } => person.iter().collect(),
        ActionKind::Webhook { body: values, .. } | ActionKind::Plugin { input: values, .. } => {
            values.iter().map(|(_, value)| value).collect()
        }
        ActionKind::Signal { key, fields, .. } => {
            std::iter::once(key).chain(fields.iter().map(|(_, value)| value)).collect()
        }
        _ => Vec::new(),
    }
}

/// Fields that move the clock.
fn asked(automation: &Automation, sla: &SlaModel) -> Vec<Slot> {
    let optional = [&sla.cancel, &sla.pause, &sla.resume, &sla.reset];
    let conditions = [&sla.start, &sla.stop].into_iter().chain(optional.into_iter().flatten());
    let mut slots: Vec<Slot> = conditions.flat_map(read).collect();
    match &sla.limit {
        LimitModel::Expression(limit) => slots.extend(read(limit)),
        LimitModel::Decision { decision, .. } => {
            let table = automation.decisions.get(decision);
            let inputs = table.into_iter().flat_map(|table| &table.inputs);
            slots.extend(inputs.flat_map(|input| read(&input.value)));
        }
    }
    slots
}

fn read(expression: &Expression) -> impl Iterator<Item = Slot> + '_ {
    let of_record = expression.references().iter().filter(|reference| reference.root == roots::RECORD);
    of_record.map(|reference| reference.slot)
}
