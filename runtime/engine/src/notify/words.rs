//! What templates see: values as people read them, in the language and with the eyes of a reader.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value as Word;
use minijinja::value::{Enumerator, Object};
use mortise_definition::model::{EntityModel, FieldKind, FigureUseModel, Slot, clock_slots, user_slots};
use mortise_definition::source::{Figure, Operation};
use mortise_expr::Value;
use mortise_store::Session;
use uuid::Uuid;

use crate::automation::Subject;
use crate::commands::Work;
use crate::error::Error;
use crate::people::{Directory, Person};
use crate::timeline::Titles;
use crate::values::{self, People};

/// Names of the members of `clock`, by slot.
const CLOCK: [&str; clock_slots::LATE + 1] =
    ["sla", "step", "started_at", "due_at", "limit", "elapsed", "late"];

/// Values by name.
pub(super) type Words = BTreeMap<String, Word>;

/// A reader of a record: their surroundings, and what of it they may see.
pub(super) struct Reader<'a> {
    pub(super) work: &'a Work,
    pub(super) app: usize,
    pub(super) subject: &'a Subject,
    pub(super) titles: &'a Titles,
    hidden: Vec<Slot>,
}

impl<'a> Reader<'a> {
    /// A reader by their surroundings.
    pub(super) fn new(work: &'a Work, app: usize, subject: &'a Subject, titles: &'a Titles) -> Reader<'a> {
        let entity = &subject.entity;
        let closed = work.closed(entity, Operation::Read, &subject.record);
        let hidden = |slot: &Slot| !work.access(entity).sees(*slot) || closed.contains(slot);
        let hidden = (0..entity.fields.len()).filter(hidden).collect();
        Reader { work, app, subject, titles, hidden }
    }

    /// Whether there is something of the record that may be told.
    pub(super) fn may_name(&self) -> bool {
        self.work.access(&self.subject.entity).may(Operation::Read)
            && !self.hidden.contains(&self.subject.entity.title)
    }

    /// Record, what it was before, clock, settings, and the present time.
    pub(super) fn words(&self) -> Words {
        let subject = self.subject;
        let now = self.plain(&Value::DateTime(self.work.now));
        BTreeMap::from([
            ("record".to_owned(), self.record(&subject.record)),
            ("previous".to_owned(), self.record(&subject.previous)),
            ("clock".to_owned(), self.clock()),
            ("settings".to_owned(), self.settings()),
            ("now".to_owned(), now),
        ])
    }

    fn record(&self, record: &[Value]) -> Word {
        let entity = &self.subject.entity;
        let member = |slot: Slot| {
            let value = record.get(slot).filter(|_| !self.hidden.contains(&slot)).unwrap_or(&Value::Null);
            (entity.fields[slot].name.to_string(), self.field(slot, value))
        };
        (0..entity.fields.len()).map(member).collect::<BTreeMap<String, Word>>().into()
    }

    fn field(&self, slot: Slot, value: &Value) -> Word {
        let field = &self.subject.entity.fields[slot];
        match (&field.kind, value) {
            (FieldKind::Reference { .. }, Value::Id(id)) => {
                Word::from(self.titles.get(&(slot, *id)).map_or("…", String::as_str))
            }
            (_, Value::Bool(yes)) => Word::from(*yes),
            (FieldKind::Integer { .. }, Value::Int(number)) => Word::from(*number),
            (_, value) => Word::from(values::display(field, value, &self.work.values())),
        }
    }

    /// A value without a field.
    pub(super) fn plain(&self, value: &Value) -> Word {
        match value {
            Value::Null => Word::from(""),
            Value::Bool(yes) => Word::from(*yes),
            Value::Int(number) => Word::from(*number),
            value => Word::from(values::display_plain(value, &self.work.values())),
        }
    }

    fn clock(&self) -> Word {
        let clock = &self.subject.clock;
        let language = &self.work.actor.user.language;
        let text = |slot: usize| clock.get(slot).and_then(Value::as_text).unwrap_or_default();
        let sla = self.work.model().automation.slas.get(text(clock_slots::SLA));
        let step = sla.and_then(|sla| sla.ladder.iter().find(|step| step.id == text(clock_slots::STEP)));
        let member = |(slot, name): (usize, &str)| {
            let word = match (slot, sla, step) {
                (clock_slots::SLA, Some(sla), _) => Word::from(sla.label.get(language)),
                (clock_slots::STEP, _, Some(step)) => Word::from(step.label.get(language)),
                _ => self.plain(clock.get(slot).unwrap_or(&Value::Null)),
            };
            (name.to_owned(), word)
        };
        CLOCK.into_iter().enumerate().map(member).collect::<BTreeMap<String, Word>>().into()
    }

    /// Figures by name, written as their metrics are.
    pub(super) fn figures(&self, uses: &[FigureUseModel], values: &[Value]) -> Word {
        let word = |(figure, value): (&FigureUseModel, &Value)| {
            let metric = self.work.model().automation.metrics.get(&figure.metric);
            let kind = metric.map_or(Figure::Number, |metric| metric.figure);
            (
                figure.id.clone(),
                value.as_number().map_or_else(|| Word::from(""), |number| self.figure(kind, number)),
            )
        };
        uses.iter().zip(values).map(word).collect::<BTreeMap<String, Word>>().into()
    }

    fn figure(&self, kind: Figure, number: f64) -> Word {
        match kind {
            Figure::Percent => Word::from(format!("{}%", digits(number * 100.0, 1))),
            #[expect(clippy::cast_possible_truncation, reason = "a length of time has few milliseconds")]
            Figure::Duration => self.plain(&Value::Duration((number * 1_000.0).round() as i64)),
            Figure::Money => Word::from(format!("{number:.2}")),
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction")]
            Figure::Number if number.fract() == 0.0 => Word::from(number as i64),
            Figure::Number => Word::from(digits(number, 2)),
        }
    }

    fn settings(&self) -> Word {
        let settings = &self.work.model().apps[self.app].settings;
        let word = |setting: &mortise_definition::model::SettingModel| {
            (setting.name.clone(), self.plain(&setting.value))
        };
        settings.iter().map(word).collect::<BTreeMap<String, Word>>().into()
    }
}

/// A number with at most so many places, and no idle ones.
fn digits(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A person of the directory, or nobody.
pub(super) fn person(directory: &Directory, person: Option<&Person>) -> Word {
    let text = |text: Option<&str>| Word::from(text.unwrap_or_default());
    let department = person.and_then(|person| directory.team_name(person.department?));
    let members = [
        ("id", text(person.map(|person| person.id.to_string()).as_deref())),
        ("name", text(person.map(|person| person.name.as_str()))),
        ("login", text(person.map(|person| person.login.as_str()))),
        ("email", text(person.and_then(|person| person.email.as_deref()))),
        ("department", text(department)),
    ];
    Word::from_object(Named(members.into()))
}

/// Who caused what happens, as the root `user` of expressions has them.
pub(super) fn user(work: &Work) -> Word {
    let id = work.actor.user.root[user_slots::ID].as_id();
    person(&work.directory, id.and_then(|id| work.directory.user(id)))
}

/// Something that is printed by its name.
struct Named(BTreeMap<&'static str, Word>);

impl Object for Named {
    fn get_value(self: &Arc<Self>, key: &Word) -> Option<Word> {
        self.0.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|name| Word::from(*name)).collect())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.0["name"].is_true()
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0["name"])
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Records that references point to, or pointed to, by the slot of the reference.
pub(super) struct Pointed(Vec<(Slot, Arc<EntityModel>, Vec<Value>)>);

/// The records that these point to, as far as a template mentions the references.
pub(super) fn pointed(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    records: &[&[Value]],
    templates: &[&str],
) -> Result<Pointed, Error> {
    let mut found = Vec::new();
    for field in entity.declared() {
        let FieldKind::Reference { entity: target } = &field.kind else { continue };
        if !templates.iter().any(|template| mentions(template, &field.name)) {
            continue;
        }
        let target = &work.published.model.entities[*target];
        for id in records.iter().filter_map(|record| record.get(field.slot)?.as_id()) {
            let record = work.published.layout.tables[target.index].load(session, id)?;
            found.extend(record.map(|record| (field.slot, target.clone(), record)));
        }
    }
    Ok(Pointed(found))
}

impl Pointed {
    /// What they are called, as far as a reader may see them.
    pub(super) fn titles(&self, reader: &Work, session: &mut Session<'_>) -> Result<Titles, Error> {
        let mut titles = Titles::new();
        for (slot, target, record) in &self.0 {
            if let Some(title) = title_of(reader, session, target, record)? {
                titles.insert((*slot, mortise_store::id_of(record)), title);
            }
        }
        Ok(titles)
    }
}

/// A template that takes a record as a whole mentions everything.
fn mentions(template: &str, name: &str) -> bool {
    let whole = |root: &str| template.matches(root).count() > template.matches(&format!("{root}.")).count();
    template.contains(name) || whole("record") || whole("previous")
}

/// What a record is called, wherever it is, for a reader who may see it.
pub(super) fn title(
    reader: &Work,
    session: &mut Session<'_>,
    entity: usize,
    id: Uuid,
) -> Result<Option<String>, Error> {
    let entity = reader.published.model.entities[entity].clone();
    match reader.published.layout.tables[entity.index].load(session, id)? {
        Some(record) => title_of(reader, session, &entity, &record),
        None => Ok(None),
    }
}

fn title_of(
    reader: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    record: &[Value],
) -> Result<Option<String>, Error> {
    let slot = entity.title;
    let open = reader.access(entity).sees(slot)
        && !reader.closed(entity, Operation::Read, record).contains(&slot)
        && reader.reaches_in(session, entity, Operation::Read, record, None)?;
    Ok(open.then(|| values::display(&entity.fields[slot], &record[slot], &reader.values())))
}
