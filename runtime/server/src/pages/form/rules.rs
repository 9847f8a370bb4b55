//! The rules of a form, written down for the browser, so that a form follows what is typed at once and without network. They are
//! the ones that the live state is worked out by; what the browser cannot know (fields that the person may not see, functions of
//! plugins, patterns, duplicates) is asked for as before, and every save is judged here.

use mortise_definition::locale::translate;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot};
use mortise_engine::values::Issue;
use mortise_engine::{Carrier, FieldIssue};
use mortise_expr::{Carried, Expression, Portable, Value};
use mortise_expr_web::{Calculated, Check, Input, Reads, Rules, Words};

use super::layout::{Item, gives};
use super::{Editing, issue_text};

/// Larger than the rules of any sensible form; beyond it the server is asked.
const RULES_BYTES_MAX: usize = 64 * 1024;

impl Editing<'_> {
    /// The rules of the form as JSON; none where nothing depends on what is typed.
    pub(super) fn rules(&self) -> Option<String> {
        if !self.lives() {
            return None;
        }
        let engine = &self.visit.tenant.engine;
        let writing =
            Writing { editing: self, carrier: engine.carrier(self.visit.actor()), rules: Rules::default() };
        let json = serde_json::to_string(&writing.written()).ok()?;
        (json.len() <= RULES_BYTES_MAX).then_some(json)
    }
}

struct Writing<'a> {
    editing: &'a Editing<'a>,
    carrier: Carrier,
    rules: Rules,
}

impl Writing<'_> {
    fn written(mut self) -> Rules {
        let entity = &self.editing.entity;
        let say = |key| translate(self.editing.visit.language, key, &[]);
        self.rules.words = Words { yes: say("ui.value.yes"), no: say("ui.value.no") };
        self.rules.slots = entity.fields.len();
        self.rules.asks = self.editing.record.is_none() && entity.duplicates.is_some();
        self.inputs();
        self.calculated();
        self.conditions();
        self.checks();
        self.base();
        self.rows();
        self.rules
    }

    fn carry(&self, app: usize, expression: &Expression) -> Option<Portable> {
        self.carrier.carry(app, expression)
    }

    fn inputs(&mut self) {
        for item in self.editing.layout.items().filter(|item| !item.read_only) {
            let field = &self.editing.entity.fields[item.slot];
            let Some((reads, confirm)) = reads(field) else { continue };
            let (name, slot) = (field.name.to_string(), item.slot);
            self.rules.inputs.push(Input { name, slot, reads, confirm });
        }
    }

    fn is_input(&self, slot: Slot) -> bool {
        self.rules.inputs.iter().any(|input| input.slot == slot)
    }

    fn calculated(&mut self) {
        for &slot in &self.editing.entity.computed {
            let field = &self.editing.entity.fields[slot];
            let FieldKind::Computed { value } = &field.kind else { continue };
            let shown = self.editing.layout.items().any(|item| item.slot == slot);
            match self.carry(field.app, value) {
                Some(value) => {
                    let name = shown.then(|| field.name.to_string());
                    self.rules.calculated.push(Calculated { name, slot, value });
                }
                None => {
                    self.rules.unknown.push(slot);
                    self.rules.asks |= shown;
                }
            }
        }
    }

    fn conditions(&mut self) {
        for item in self.editing.layout.items() {
            let field = &self.editing.entity.fields[item.slot];
            let name = || field.name.to_string();
            if let Some(condition) = &field.visible_when {
                match self.carry(field.app, condition) {
                    Some(condition) => self.rules.visible.push((name(), condition)),
                    None => self.rules.asks = true,
                }
            }
            let always = item.required || item.read_only || field.required;
            if let Some(condition) = field.required_when.as_ref().filter(|_| !always) {
                match self.carry(field.app, condition) {
                    Some(condition) => self.rules.required.push((name(), condition)),
                    None => self.rules.asks = true,
                }
            }
        }
        for section in &self.editing.layout.sections {
            let condition = section.condition();
            let carried = condition.and_then(|(condition, app)| self.carry(app, condition));
            self.rules.asks |= condition.is_some() && carried.is_none();
            self.rules.sections.push(carried);
        }
    }

    fn checks(&mut self) {
        let entity = &self.editing.entity;
        let fields = entity.declared().iter().filter_map(|field| {
            let told = FieldIssue {
                field: field.name.to_string(),
                issue: Issue::new("field.not_valid"),
                text: field.message.clone(),
            };
            Some((field.slot, Some(field.slot), field.app, field.valid_when.as_ref()?, told))
        });
        let records = entity.checks.iter().filter_map(|check| {
            let slot = check.field?;
            let told = FieldIssue {
                field: entity.fields[slot].name.to_string(),
                issue: Issue::new("record.check").with("check", &check.id),
                text: Some(check.message.clone()),
            };
            Some((slot, None, check.app, &check.condition, told))
        });
        for (slot, given, app, condition, told) in fields.chain(records) {
            let Some(at) = self.rules.inputs.iter().position(|input| input.slot == slot) else { continue };
            match self.carrier.carry(app, condition) {
                Some(holds) => {
                    let message = issue_text(self.editing.visit.language, &(&told).into());
                    self.rules.checks.push(Check { field: told.field, given, holds, message });
                }
                None => self.rules.inputs[at].confirm = true,
            }
        }
    }

    /// What is not typed here and read by some rule: its value, or that only the server knows it.
    fn base(&mut self) {
        let Some(record) = &self.editing.record else { return };
        let (entity, by) = (&self.editing.entity, &self.editing.visit.by);
        for slot in 0..entity.fields.len() {
            if self.is_input(slot)
                || self.rules.calculated.iter().any(|field| field.slot == slot)
                || !self.is_read(slot)
            {
                continue;
            }
            match &record.values[slot] {
                _ if !by.sees(entity, slot) || !record.shows(slot) => self.rules.unknown.push(slot),
                Value::Null => {}
                value => self.rules.base.push((slot, Carried::from(value))),
            }
        }
    }

    /// What child rows calculate from what is typed into them.
    fn rows(&mut self) {
        let model = self.editing.visit.tenant.engine.model();
        for item in self.editing.layout.items() {
            let field = &self.editing.entity.fields[item.slot];
            let FieldKind::Lines { entity: child, .. } = &field.kind else { continue };
            let rules = self.row_rules(&model.entities[*child], item);
            if !rules.calculated.is_empty() {
                self.rules.rows.insert(field.name.to_string(), rules);
            }
        }
    }

    fn row_rules(&self, child: &EntityModel, item: &Item) -> Rules {
        let mut rules =
            Rules { slots: child.fields.len(), words: self.rules.words.clone(), ..Rules::default() };
        let given = |slot: &&Slot| !item.read_only && self.editing.showing(|show| gives(show, child, **slot));
        for field in item.columns.iter().filter(given).map(|slot| &child.fields[*slot]) {
            if let Some((reads, confirm)) = reads(field) {
                rules.inputs.push(Input { name: field.name.to_string(), slot: field.slot, reads, confirm });
            }
        }
        for &slot in &child.computed {
            let field = &child.fields[slot];
            let FieldKind::Computed { value } = &field.kind else { continue };
            match self.carry(field.app, value) {
                Some(value) => {
                    let name = item.columns.contains(&slot).then(|| field.name.to_string());
                    rules.calculated.push(Calculated { name, slot, value });
                }
                None => rules.unknown.push(slot),
            }
        }
        let known = |slot: Slot| {
            rules.inputs.iter().any(|input| input.slot == slot)
                || rules.calculated.iter().any(|field| field.slot == slot)
        };
        let read = |slot: &Slot| {
            let reads = |root: usize, read: usize| root == 0 && read == *slot;
            rules.calculated.iter().any(|field| field.value.reads(&reads))
        };
        let elsewhere: Vec<Slot> = (0..rules.slots).filter(|slot| !known(*slot)).filter(read).collect();
        rules.unknown.extend(elsewhere);
        rules
    }

    fn is_read(&self, slot: Slot) -> bool {
        let rules = &self.rules;
        let named = rules.visible.iter().chain(&rules.required).map(|(_, condition)| condition);
        let mut all = named
            .chain(rules.sections.iter().flatten())
            .chain(rules.calculated.iter().map(|field| &field.value))
            .chain(rules.checks.iter().map(|check| &check.holds));
        all.any(|expression| expression.reads(&|root, read| root == 0 && read == slot))
    }
}

/// How a field is read where it is typed, and whether more can be wrong with it than its conditions say. Child rows are none.
fn reads(field: &FieldModel) -> Option<(Reads, bool)> {
    Some(match &field.kind {
        FieldKind::Text { max_length, pattern } => (Reads::Line(*max_length), pattern.is_some()),
        FieldKind::LongText { max_length } => (Reads::Text(*max_length), false),
        FieldKind::Integer { min, max } => (Reads::Int, *min != i64::MIN || *max != i64::MAX),
        FieldKind::Decimal { scale, min, max, .. } => {
            (Reads::Decimal(*scale), min.is_some() || max.is_some())
        }
        FieldKind::Boolean => (Reads::Bool, false),
        FieldKind::Date => (Reads::Day, false),
        FieldKind::Datetime => (Reads::Moment, false),
        FieldKind::Choice { .. } | FieldKind::Tree { .. } => (Reads::Word, false),
        FieldKind::Choices { .. } => (Reads::Words, false),
        FieldKind::Reference { .. } | FieldKind::User | FieldKind::Team => (Reads::Id, false),
        FieldKind::Lines { .. } => return None,
        _ => (Reads::Other, true),
    })
}
