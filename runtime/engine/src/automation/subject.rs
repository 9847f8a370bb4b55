//! What automation is about: a record at an event, with what it was before and the clock whose step is carried out.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, system};
use mortise_expr::{Context, EvalError, Expression, Value};
use mortise_store::Session;
use uuid::Uuid;

use crate::commands::Work;
use crate::error::Error;
use crate::plugins::plugin_issue;
use crate::values::Issue;

/// A record that rules and clocks look at.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Its entity.
    pub(crate) entity: Arc<EntityModel>,
    /// Its id.
    pub(crate) id: Uuid,
    /// Its values by slot, as they are now.
    pub(crate) record: Vec<Value>,
    /// Its values before the event: those that the event changed, and the others as they are now. Empty (all null) for
    /// a new record and where there is no event.
    pub(crate) previous: Vec<Value>,
    /// The clock whose step is carried out, by `clock_slots`; empty (all null) otherwise.
    pub(crate) clock: Vec<Value>,
    /// What metrics say, by the figures of the rule, clock or notification at work; empty without any.
    pub(crate) measures: Vec<Value>,
    /// What a plugin gave back, where something follows from that; empty otherwise.
    pub(crate) result: Vec<Value>,
    /// When the event happened.
    pub(crate) at: DateTime<Utc>,
    /// Whether the record is in the trash.
    pub(crate) deleted: bool,
}

impl Subject {
    /// A record, not at an event.
    pub(crate) fn new(entity: Arc<EntityModel>, record: Vec<Value>, at: DateTime<Utc>) -> Subject {
        Subject {
            id: mortise_store::id_of(&record),
            deleted: !record[system::DELETED_AT].is_null(),
            entity,
            record,
            previous: Vec::new(),
            clock: Vec::new(),
            measures: Vec::new(),
            result: Vec::new(),
            at,
        }
    }

    /// Reads a record, wherever it is; none when there is no such record any more.
    pub(crate) fn load(
        work: &Work,
        session: &mut Session<'_>,
        entity: &Arc<EntityModel>,
        id: Uuid,
        at: DateTime<Utc>,
    ) -> Result<Option<Subject>, Error> {
        let table = &work.published.layout.tables[entity.index];
        let record = table.load(session, id)?;
        Ok(record.map(|record| Subject::new(entity.clone(), record, at)))
    }

    /// Reads the record again, after something may have changed it.
    pub(crate) fn refresh(&mut self, work: &Work, session: &mut Session<'_>) -> Result<(), Error> {
        let table = &work.published.layout.tables[self.entity.index];
        let record = table.load(session, self.id)?.ok_or_else(Error::no_record)?;
        self.deleted = !record[system::DELETED_AT].is_null();
        self.record = record;
        Ok(())
    }

    /// Runs `evaluate` with the roots `record`, `user`, `settings` (of an app), `previous`, `clock`, `measures` and `result`.
    pub(crate) fn with_roots<R>(
        &self,
        work: &Work,
        app: usize,
        evaluate: impl FnOnce(&Context<'_>) -> R,
    ) -> R {
        let settings = &work.published.model.apps[app].setting_values;
        let user = &work.actor.user.root;
        let roots: [&[Value]; 7] =
            [&self.record, user, settings, &self.previous, &self.clock, &self.measures, &self.result];
        evaluate(&Context {
            now: work.now,
            tz: work.actor.user.tz,
            roots: &roots,
            functions: Some(&work.asking()),
        })
    }

    /// The value of an expression of an app. What cannot be calculated is an error, never a silent "no".
    pub(crate) fn eval(&self, work: &Work, app: usize, expression: &Expression) -> Result<Value, Error> {
        self.with_roots(work, app, |cx| expression.eval(cx)).map_err(|error| failed(expression, &error))
    }

    /// Whether a condition of an app holds.
    pub(crate) fn test(&self, work: &Work, app: usize, condition: &Expression) -> Result<bool, Error> {
        self.with_roots(work, app, |cx| condition.test(cx)).map_err(|error| failed(condition, &error))
    }
}

/// An expression could not be calculated.
pub(crate) fn failed(expression: &Expression, error: &EvalError) -> Error {
    if let Some(issue) = plugin_issue(error) {
        return Error::BadRequest(issue.with("expression", expression.source()));
    }
    let issue = match error {
        EvalError::Overflow { operation } => Issue::new("automation.overflow").with("operation", operation),
        EvalError::Pattern { reason } => Issue::new("automation.pattern").with("reason", reason),
        EvalError::Cost => Issue::new("automation.cost"),
        _ => Issue::new("automation.expression").with("reason", error),
    };
    Error::BadRequest(issue.with("expression", expression.source()))
}
