//! The rules of one form and its state for what was typed. Evaluated in the order in which a save does it: what was typed,
//! what is calculated from it, then what is shown, required and wrong. One thing that is unknown makes unknown what reads
//! it, and nothing else.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mortise_expr::{Carried, Context, EvalError, Portable, Value, Zone};
use serde::{Deserialize, Serialize};

use crate::read::{self, Reads};
use crate::words::Words;

/// The rules of a form.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rules {
    /// Fields of a record.
    pub slots: usize,
    /// Values that are not typed here, by slot.
    pub base: Vec<(usize, Carried)>,
    /// Fields that are typed here.
    pub inputs: Vec<Input>,
    /// Calculated fields in the order of their dependence.
    pub calculated: Vec<Calculated>,
    /// Slots whose values only the server knows.
    pub unknown: Vec<usize>,
    /// When fields are shown, by name.
    pub visible: Vec<(String, Portable)>,
    /// When fields are required, by name.
    pub required: Vec<(String, Portable)>,
    /// When sections are shown, in the order of the form; none for those without condition and those of the server.
    pub sections: Vec<Option<Portable>>,
    /// What has to hold.
    pub checks: Vec<Check>,
    /// Rules of child rows, by the field that holds them; of these only what is calculated counts.
    pub rows: BTreeMap<String, Rules>,
    /// Words for calculated values.
    pub words: Words,
    /// Something on the form is known to the server only, whatever is typed.
    pub asks: bool,
}

/// A field that is typed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Name in the form.
    pub name: String,
    /// Slot in the record.
    pub slot: usize,
    /// How its text is read.
    pub reads: Reads,
    /// Whether only the server knows all that can be wrong with it.
    pub confirm: bool,
}

/// A calculated field.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calculated {
    /// Name; none where it is calculated for other rules only.
    pub name: Option<String>,
    /// Slot in the record.
    pub slot: usize,
    /// Its value.
    pub value: Portable,
}

/// A condition that a field has to meet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// The field beside which it is told.
    pub field: String,
    /// Asked only while this slot has a value.
    pub given: Option<usize>,
    /// Has to hold.
    pub holds: Portable,
    /// Told when it does not.
    pub message: String,
}

/// What was typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Typed {
    /// All texts by name, as a form would send them.
    pub values: BTreeMap<String, Vec<String>>,
    /// Those of child rows, by field and row.
    #[serde(default)]
    pub rows: BTreeMap<String, Vec<BTreeMap<String, Vec<String>>>>,
}

/// The state of a form, as far as it is known without the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Whether fields are shown, by name.
    pub visible: BTreeMap<String, bool>,
    /// Whether fields are required, by name.
    pub required: BTreeMap<String, bool>,
    /// Whether sections are shown; nothing where that is not known.
    pub sections: Vec<Option<bool>>,
    /// What is wrong, by name, also where that is nothing; fields that only the server can judge are missing.
    pub issues: BTreeMap<String, Vec<String>>,
    /// Calculated values in words.
    pub computed: BTreeMap<String, String>,
    /// Those of child rows, by field and row.
    pub rows: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    /// Whether the server has to be asked for the rest.
    pub ask: bool,
}

/// Values by slot; none is unknown.
struct Values<'a> {
    known: Vec<Option<Value>>,
    /// The same for expressions, with nothing in place of what is unknown.
    row: Vec<Value>,
    now: DateTime<Utc>,
    tz: Zone,
    words: &'a Words,
}

impl Rules {
    /// The state for what was typed, at this moment, in the zone of whoever types.
    pub fn state(&self, typed: &Typed, now: DateTime<Utc>, tz: Zone) -> State {
        let mut values = Values {
            known: vec![Some(Value::Null); self.slots],
            row: vec![Value::Null; self.slots],
            now,
            tz,
            words: &self.words,
        };
        for (slot, carried) in &self.base {
            values.put(*slot, Some(Value::from(carried.clone())));
        }
        for slot in &self.unknown {
            values.put(*slot, None);
        }
        let mut state = State { ask: self.asks, ..State::default() };
        let mut read = BTreeMap::new();
        for input in &self.inputs {
            let Some(texts) = typed.values.get(&input.name) else { continue };
            let title = typed.values.get(&format!("_title/{}", input.name)).and_then(|titles| titles.last());
            let value = read::value(input.reads, texts, title.map_or("", String::as_str), tz);
            let judged = match &value {
                Some(value) => !input.confirm || value.is_null(),
                None => false,
            };
            state.ask |= !judged;
            read.insert(input.name.as_str(), judged);
            values.put(input.slot, value);
        }
        self.calculate(&mut values, &mut state);
        self.judge(&values, &read, &mut state);
        for (field, rules) in &self.rows {
            let rows = typed.rows.get(field).into_iter().flatten().map(|values| {
                let row = Typed { values: values.clone(), rows: BTreeMap::new() };
                rules.state(&row, now, tz).computed
            });
            state.rows.insert(field.clone(), rows.collect());
        }
        state
    }

    fn calculate(&self, values: &mut Values<'_>, state: &mut State) {
        for field in &self.calculated {
            let value = values.eval(&field.value);
            let words = value.as_ref().and_then(|value| values.words.of(value));
            match (&field.name, words) {
                (Some(name), Some(words)) => drop(state.computed.insert(name.clone(), words)),
                (Some(_), None) => state.ask = true,
                (None, _) => state.ask |= value.is_none(),
            }
            values.put(field.slot, value);
        }
    }

    fn judge(&self, values: &Values<'_>, read: &BTreeMap<&str, bool>, state: &mut State) {
        let mut all = |conditions: &[(String, Portable)]| {
            let told = conditions.iter().filter_map(|(name, condition)| {
                let holds = values.test(condition);
                state.ask |= holds.is_none();
                Some((name.clone(), holds?))
            });
            told.collect::<BTreeMap<String, bool>>()
        };
        let (visible, required) = (all(&self.visible), all(&self.required));
        let section = |condition: &Option<Portable>| condition.as_ref().and_then(|c| values.test(c));
        state.sections = self.sections.iter().map(section).collect();
        state.ask |=
            self.sections.iter().zip(&state.sections).any(|(asked, told)| asked.is_some() && told.is_none());
        (state.visible, state.required) = (visible, required);
        let mut issues: BTreeMap<String, Option<Vec<String>>> =
            read.iter().map(|(name, judged)| ((*name).to_owned(), judged.then(Vec::new))).collect();
        for check in &self.checks {
            let Some(told) = issues.get_mut(&check.field) else { continue };
            if check.given.is_some_and(|slot| values.row.get(slot).is_none_or(Value::is_null)) {
                continue;
            }
            match (values.test(&check.holds), told.as_mut()) {
                (Some(false), Some(messages)) if !messages.contains(&check.message) => {
                    messages.push(check.message.clone());
                }
                (None, _) => {
                    state.ask = true;
                    *told = None;
                }
                _ => {}
            }
        }
        state.issues = issues.into_iter().filter_map(|(name, told)| Some((name, told?))).collect();
    }
}

impl Values<'_> {
    fn put(&mut self, slot: usize, value: Option<Value>) {
        if let (Some(known), Some(row)) = (self.known.get_mut(slot), self.row.get_mut(slot)) {
            *row = value.clone().unwrap_or_default();
            *known = value;
        }
    }

    /// The value of an expression; none where it reads what is unknown or cannot be evaluated.
    fn eval(&self, expression: &Portable) -> Option<Value> {
        self.with(expression, |cx| expression.eval(cx))
    }

    fn test(&self, condition: &Portable) -> Option<bool> {
        self.with(condition, |cx| condition.test(cx))
    }

    fn with<R>(
        &self,
        expression: &Portable,
        evaluate: impl FnOnce(&Context<'_>) -> Result<R, EvalError>,
    ) -> Option<R> {
        let unknown = |root: usize, slot: usize| root != 0 || !matches!(self.known.get(slot), Some(Some(_)));
        if expression.reads(&unknown) {
            return None;
        }
        evaluate(&Context { now: self.now, tz: self.tz, roots: &[&self.row], functions: None }).ok()
    }
}
