//! The say that plugins have in a save: `before-save` looks at a record once defaults and calculated fields are there and may
//! change it, validators look at what is going to be stored. Whatever they say, the app's own rules hold.

use std::sync::Arc;

use mortise_definition::Text;
use mortise_definition::model::{EntityModel, Slot};
use mortise_expr::Value;
use mortise_plugin_host::manifest::{OnFailure, Point};
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::{Fault, Field, Verdict, Violation};
use mortise_plugin_host::{Scope, TransactionBudget};
use mortise_store::{Session, id_of, version_of};

use super::bind::is_optional;
use super::bound::{Binding, EntityPlugins};
use super::call::{Calling, kind_of};
use super::complaint::reason;
use super::entry;
use super::work::defer;
use crate::commands::rules::{self, Draft};
use crate::commands::{Work, lifecycle_of};
use crate::error::{Error, FieldIssue};
use crate::values::Issue;

/// What is done to a record, as plugins call it. What comes out of the trash comes into the world once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Update,
    Delete,
}

impl Op {
    fn name(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }
}

/// What a hook wants.
enum Wish {
    Change(Vec<(Slot, Value)>),
    Reject(Fault),
}

/// What is left when plugins were heard: what they may still use for this save, and checks that were put off.
#[derive(Default)]
pub(crate) struct Heard {
    budget: Option<Arc<TransactionBudget>>,
    deferred: Vec<(Op, Arc<Binding>)>,
}

impl Heard {
    /// What plugins may still use for what is written together with the record.
    pub(crate) fn budget(&self) -> Option<&Arc<TransactionBudget>> {
        self.budget.as_ref()
    }

    /// Queues the checks that were put off, in the transaction of the record.
    pub(crate) fn put_off(
        &self,
        work: &Work,
        session: &mut Session<'_>,
        entity: &EntityModel,
        before: Option<&[Value]>,
        after: &[Value],
    ) -> Result<(), Error> {
        let put_off = |(op, binding): &(Op, Arc<Binding>)| {
            defer(work, session, binding, entity, (op.name(), before, after))
        };
        self.deferred.iter().try_for_each(put_off)
    }
}

/// The plugins that are asked about one save.
pub(crate) struct Saving<'a> {
    work: &'a Work,
    entity: &'a EntityModel,
    plugins: &'a EntityPlugins,
    calling: Calling<'a>,
    op: Op,
    before: Option<&'a [Value]>,
    heard: Heard,
}

impl<'a> Saving<'a> {
    /// Those that are asked about a record which is going to be `values`; none where there are none.
    pub(crate) fn begin(
        work: &'a Work,
        entity: &'a EntityModel,
        op: Op,
        before: Option<&'a [Value]>,
        values: &[Value],
    ) -> Option<Saving<'a>> {
        let plugins = work.published.plugins.entity(entity.index);
        let hears = |point: Point| point == Point::BeforeSave || op != Op::Delete;
        let is_unfit = plugins.unfit.iter().any(|unfit| hears(unfit.point));
        if plugins.before_save.is_empty() && (op == Op::Delete || plugins.validators.is_empty()) && !is_unfit
        {
            return None;
        }
        let (id, version) = (id_of(values), version_of(values) + i64::from(before.is_some()));
        let mut calling = Calling::new(work, format!("{id}:{version}")).about(entity, id);
        // Of several plugins none keeps a place while another one is waited for.
        let mut asked = plugins.before_save.iter().chain(&plugins.validators);
        if asked.next().is_some_and(|first| asked.all(|one| Arc::ptr_eq(&one.version, &first.version))) {
            calling = calling.seated();
        }
        let heard = Heard { budget: calling.budget(), deferred: Vec::new() };
        Some(Saving { work, entity, plugins, calling, op, before, heard })
    }

    /// Asks every `before-save` in turn; each sees what those before it have changed, and what was calculated from that.
    pub(crate) async fn before(&mut self, mut draft: Draft) -> Result<Draft, Error> {
        self.fits()?;
        for binding in &self.plugins.before_save {
            if !draft.issues.is_empty() {
                break;
            }
            let after = (self.op != Op::Delete).then_some(&*draft.values);
            let judge = |verdict| self.wish(binding, verdict);
            let asked = self.calling.before_save(binding, self.op.name(), (self.before, after), judge).await;
            match asked {
                Ok(None) => {}
                Ok(Some(Ok(Wish::Change(changes)))) if !changes.is_empty() && self.op != Op::Delete => {
                    changes.into_iter().for_each(|(slot, value)| draft.values[slot] = value);
                    rules::calculate(self.work, self.entity, &mut draft.values, &mut draft.issues);
                }
                Ok(Some(Ok(Wish::Change(_)))) => {}
                Ok(Some(Ok(Wish::Reject(fault)))) => {
                    let issue = self.named("plugin.rejected", binding);
                    let issue = issue.with("reason", fault.message).with("fault", fault.code);
                    return Err(Error::Invalid(vec![about(String::new(), issue, None)]));
                }
                Ok(Some(Err(issue))) => self.trouble(binding, issue)?,
                Err(failure) => self.failed(binding, &failure)?,
            }
        }
        Ok(draft)
    }

    /// Refuses the record where somebody would have to be asked who does not fit to it any more.
    fn fits(&self) -> Result<(), Error> {
        let mut unfit = self.plugins.unfit.iter();
        let Some(unfit) = unfit.find(|unfit| unfit.point == Point::BeforeSave || self.op != Op::Delete)
        else {
            return Ok(());
        };
        let title = unfit.title.get(&self.work.actor.user.language);
        let issue = Issue::new("plugin.unfit").with("plugin", title);
        Err(Error::Invalid(vec![about(String::new(), issue, None)]))
    }

    /// Asks every validator about what is going to be stored. All that is wrong is told together.
    pub(crate) async fn check(&mut self, values: &[Value]) -> Result<(), Error> {
        let mut issues = Vec::new();
        for binding in &self.plugins.validators {
            match self.calling.validate(binding, self.before, values).await {
                Ok(violations) => {
                    let violations = violations.into_iter().flatten();
                    issues.extend(violations.map(|violation| self.violated(binding, violation)));
                }
                Err(failure) => self.failed(binding, &failure)?,
            }
        }
        if issues.is_empty() { Ok(()) } else { Err(Error::Invalid(issues)) }
    }

    /// What is left when all were heard.
    pub(crate) fn finish(self) -> Heard {
        self.heard
    }

    /// What a verdict means for this record, or why it cannot be used.
    fn wish(&self, binding: &Binding, verdict: Verdict) -> Result<Wish, Issue> {
        Ok(match verdict {
            Verdict::Proceed => Wish::Change(Vec::new()),
            Verdict::Change(fields) => Wish::Change(self.changes(binding, &fields)?),
            Verdict::Reject(fault) => Wish::Reject(fault),
        })
    }

    /// What a plugin wants to set, as values of the fields. The state of a record changes by transitions alone.
    fn changes(&self, binding: &Binding, fields: &[Field]) -> Result<Vec<(Slot, Value)>, Issue> {
        let kind_of = kind_of(self.work, &binding.version);
        let state = lifecycle_of(self.work, self.entity).map(|lifecycle| lifecycle.field);
        let one = |given: &Field| {
            let wrong = |issue: &Issue| {
                let issue = self.named("plugin.cannot_set", binding).with("reason", self.words(issue));
                issue.with("name", &given.name)
            };
            let output = binding.output.iter().find(|output| *output.name == *given.name);
            let slot = output.map(|output| output.slot).filter(|slot| Some(*slot) != state);
            let slot = slot.ok_or_else(|| wrong(&Issue::new("field.read_only")))?;
            let field = &self.entity.fields[slot];
            let value = entry::inward(field, &given.value, &kind_of, &self.work.values());
            Ok((slot, value.map_err(|issue| wrong(&issue))?))
        };
        fields.iter().map(one).collect()
    }

    fn violated(&self, binding: &Binding, violation: Violation) -> FieldIssue {
        let named = binding.export().entity.as_ref().and_then(|name| binding.version.names.entity(name));
        let slot = violation.field.as_deref().and_then(|name| {
            let name = name.split_once('.').map_or(name, |(first, _)| first);
            named?.slot(self.entity, name)
        });
        let issue = self.named("plugin.violation", binding);
        let issue = issue.with("violation", violation.code).with("message", &violation.message);
        let field = slot.map_or_else(String::new, |slot| self.entity.fields[slot].name.to_string());
        about(field, issue, Some(Text::Plain(violation.message)))
    }

    /// A call that has no answer. An allowance that all plugins share is nobody's to pass over.
    fn failed(&mut self, binding: &Arc<Binding>, failure: &Failure) -> Result<(), Error> {
        if let Failure::Limit(exceeded) = failure
            && exceeded.scope == Scope::Transaction
        {
            let issue = self.named("plugin.budget", binding).with("limit", exceeded.limit);
            let issue = issue.with("counter", exceeded.counter.name());
            return Err(Error::Invalid(vec![about(String::new(), issue, None)]));
        }
        if matches!(failure, Failure::Unavailable { .. }) && binding.version.loaded().is_none() {
            if is_optional(self.work.model(), &binding.plugin.id) {
                return Ok(());
            }
            let issue = self.named("plugin.unavailable", binding);
            return self.trouble(binding, issue);
        }
        let reason = reason(failure, &self.work.actor.user.language);
        let issue = self.named("plugin.failed", binding).with("reason", reason);
        self.trouble(binding, issue.with("failure", failure.code()))
    }

    /// What is declared for the failure of an export.
    fn trouble(&mut self, binding: &Arc<Binding>, issue: Issue) -> Result<(), Error> {
        match binding.export().failure_policy() {
            OnFailure::Skip => Ok(()),
            OnFailure::Defer => {
                self.heard.deferred.push((self.op, Arc::clone(binding)));
                Ok(())
            }
            OnFailure::Reject | OnFailure::Retry => {
                Err(Error::Invalid(vec![about(String::new(), issue, None)]))
            }
        }
    }

    fn named(&self, code: &'static str, binding: &Binding) -> Issue {
        let title = binding.version.manifest().title.get(&self.work.actor.user.language);
        Issue::new(code).with("plugin", title)
    }

    fn words(&self, issue: &Issue) -> String {
        let args: Vec<(&str, &str)> =
            issue.args.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let language = &self.work.actor.user.language;
        mortise_definition::locale::translate(language, &format!("error.{}", issue.code), &args)
    }
}

fn about(field: String, issue: Issue, text: Option<Text>) -> FieldIssue {
    FieldIssue { field, issue, text }
}
