//! The state of a form while it is filled in: what is shown, required, wrong and calculated for the values so far.
//! Worked out by the same rules as a save, so that a form never promises what the save refuses.

use std::collections::BTreeMap;

use mortise_definition::model::{EntityModel, FieldKind, Slot};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use serde_json::{Map, Value as Json};

use crate::commands::{Work, rules};
use crate::error::{Error, FieldIssue};
use crate::people::Actor;
use crate::records::Record;
use crate::tenant::Tenant;
use crate::values;

/// State of a form.
#[derive(Debug)]
pub struct FormState {
    /// Whether each field is shown, by name.
    pub visible: BTreeMap<String, bool>,
    /// Whether each field is required, by name.
    pub required: BTreeMap<String, bool>,
    /// What is wrong so far; empty required fields are not complained about before the save.
    pub issues: Vec<FieldIssue>,
    /// Calculated fields as words, by name.
    pub computed: BTreeMap<String, String>,
    /// All values by slot, as far as they could be read; a form shows its sections by them.
    pub values: Vec<Value>,
}

/// Works out the state of a form over `base` (a record, or a new one) with the values given so far.
pub(crate) fn state(
    work: &Work,
    entity: &EntityModel,
    base: Option<Record>,
    given: &Map<String, Json>,
) -> FormState {
    let cx = work.values();
    let access = work.access(entity);
    let operation = if base.is_some() { Operation::Update } else { Operation::Create };
    let empty = || Record::new(vec![Value::Null; entity.fields.len()]);
    let base = base.unwrap_or_else(empty);
    let sees = |slot: Slot| (access.sees(slot) || access.opens(operation, slot)) && base.shows(slot);
    let mut values = base.values.clone();
    let mut issues = Vec::new();
    for (name, json) in given {
        let Some(field) =
            entity.field(name).filter(|field| field.writable() && access.opens(operation, field.slot))
        else {
            continue;
        };
        if matches!(field.kind, FieldKind::Lines { .. }) {
            continue;
        }
        match values::from_json(field, json, &cx) {
            Ok(value) => values[field.slot] = value,
            Err(issue) => issues.push(FieldIssue { field: name.clone(), issue, text: None }),
        }
    }
    rules::calculate(work, entity, &mut values, &mut issues);
    rules::validate(work, entity, &values, &|_, _| true, &mut issues);
    issues.retain(|issue| issue.issue.code != "field.required");
    let seen = || entity.declared().iter().filter(|field| sees(field.slot));
    FormState {
        visible: seen().map(|field| (field.name.to_string(), rules::visible(work, field, &values))).collect(),
        required: seen()
            .map(|field| (field.name.to_string(), rules::required(work, field, &values)))
            .collect(),
        computed: seen()
            .filter(|field| matches!(field.kind, FieldKind::Computed { .. }))
            .map(|field| (field.name.to_string(), values::display(field, &values[field.slot], &cx)))
            .collect(),
        issues,
        values,
    }
}

impl Tenant {
    /// Values of a new record before anything is typed.
    pub fn defaults(&self, actor: &Actor, entity: &str) -> Result<Record, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?;
        work.access(entity).demand(Operation::Create, entity)?;
        Ok(Record::new(defaults(&work, entity)))
    }
}

/// Defaults of a new record, as a form shows them before anything is typed.
fn defaults(work: &Work, entity: &EntityModel) -> Vec<Value> {
    let mut values = vec![Value::Null; entity.fields.len()];
    for field in entity.declared() {
        let Some(default) = &field.default else { continue };
        let value = work.with_roots(field.app, &values, |cx| default.eval(cx));
        if let Ok(value) = value
            && values::check(field, &value).is_ok()
        {
            values[field.slot] = value;
        }
    }
    let mut ignored: Vec<FieldIssue> = Vec::new();
    rules::calculate(work, entity, &mut values, &mut ignored);
    values
}
