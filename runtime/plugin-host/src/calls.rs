//! The calls, one for each extension point: our types in, our types out. Each checks that the answer keeps to what was
//! asked: no undeclared field, no id that nobody sent, no number that is none.

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance};

use crate::manifest::{Export, Point};
use crate::plugin::{Invocation, Plugin, Target, typed};
use crate::run::{Failure, Run};
use crate::sitting::Sitting;
use crate::state::CallState;
use crate::v1::types as wire;
use crate::v1::{Checked, fields};
use crate::value::{Candidate, Document, Entry, Field, Outcome, Progress, Scored, Table, Verdict, Violation};

// What a call is given belongs to it: it may go on on another thread.
type Validate = (String, wire::Call, Option<wire::Entry>, wire::Entry);
type Hook = (String, wire::Call, String, Option<wire::Entry>, Option<wire::Entry>);
type Act = (String, wire::Call, Vec<wire::Field>, Option<Vec<wire::Field>>);
type Score = (String, wire::Call, Vec<wire::Entry>);
type Assign = (String, wire::Call, wire::Entry, Vec<wire::Candidate>);
type WithFields = (String, wire::Call, Vec<wire::Field>);
type Render = (String, wire::Call, wire::Entry, Vec<wire::Field>);
type Step = (String, wire::Call, Option<Vec<u8>>, Vec<wire::Field>);

/// Whether the function of a point has the types that this server calls it with.
pub(crate) fn check_type(
    point: Point,
    instance: &Instance,
    store: &mut Store<CallState>,
    index: &ComponentExportIndex,
) -> wasmtime::Result<()> {
    match point {
        Point::Validator => typed::<Validate, Vec<wire::Violation>>(instance, store, index),
        Point::BeforeSave => typed::<Hook, wire::Verdict>(instance, store, index),
        Point::AfterCommit => typed::<Hook, ()>(instance, store, index),
        Point::Action => typed::<Act, wire::Outcome>(instance, store, index),
        Point::Function => Ok(()),
        Point::Scorer => typed::<Score, Vec<wire::Scored>>(instance, store, index),
        Point::Assigner => typed::<Assign, Option<String>>(instance, store, index),
        Point::Provider => typed::<WithFields, wire::Table>(instance, store, index),
        Point::Renderer => typed::<Render, wire::Document>(instance, store, index),
        Point::Job => typed::<Step, wire::Progress>(instance, store, index),
        Point::Connector => typed::<WithFields, Vec<wire::Field>>(instance, store, index),
    }
}

fn target<'a>(point: Point, name: &'a str) -> Target<'a> {
    Target { point, function: point.functions()[0], name }
}

/// Most violations that count: whoever saves has enough to do with these.
const VIOLATIONS_MAX: usize = 100;
/// Longest reason for not using an answer; ids and names of a plugin in it may be of any length.
const REASON_CHARS_MAX: usize = 500;

fn output(reason: &str) -> Failure {
    Failure::Output { reason: reason.chars().take(REASON_CHARS_MAX).collect() }
}

impl Plugin {
    /// Checks a record before it is saved.
    pub async fn validate(
        &self,
        invocation: &Invocation,
        rule: &str,
        before: Option<&Entry>,
        after: &Entry,
    ) -> Run<Vec<Violation>> {
        self.validate_in(None, invocation, rule, before, after).await
    }

    /// The same in a sitting.
    pub async fn validate_in(
        &self,
        sitting: Option<&mut Sitting>,
        invocation: &Invocation,
        rule: &str,
        before: Option<&Entry>,
        after: &Entry,
    ) -> Run<Vec<Violation>> {
        let (call, before, after) =
            ((&invocation.call).into(), before.map(wire::Entry::from), wire::Entry::from(after));
        let params: Validate = (rule.to_owned(), call, before, after);
        let convert = |_: &Export, mut said: Vec<wire::Violation>| {
            said.truncate(VIOLATIONS_MAX);
            said.checked()
        };
        self.call_in(sitting, invocation, target(Point::Validator, rule), params, convert).await
    }

    /// Lets a plugin look at a record before it is saved, and change it.
    pub async fn before_save(
        &self,
        invocation: &Invocation,
        hook: &str,
        op: &str,
        before: Option<&Entry>,
        after: Option<&Entry>,
    ) -> Run<Verdict> {
        self.before_save_in(None, invocation, hook, op, (before, after)).await
    }

    /// The same in a sitting.
    pub async fn before_save_in(
        &self,
        sitting: Option<&mut Sitting>,
        invocation: &Invocation,
        hook: &str,
        op: &str,
        (before, after): (Option<&Entry>, Option<&Entry>),
    ) -> Run<Verdict> {
        let (call, before, after) =
            ((&invocation.call).into(), before.map(wire::Entry::from), after.map(wire::Entry::from));
        let params: Hook = (hook.to_owned(), call, op.to_owned(), before, after);
        let convert = |export: &Export, said: wire::Verdict| {
            let verdict = said.checked()?;
            match &verdict {
                Verdict::Change(fields) => declared(fields, &export.output)?,
                Verdict::Proceed | Verdict::Reject(_) => {}
            }
            Ok(verdict)
        };
        self.call_in(sitting, invocation, target(Point::BeforeSave, hook), params, convert).await
    }

    /// Tells a plugin about a change.
    pub async fn after_commit(
        &self,
        invocation: &Invocation,
        hook: &str,
        op: &str,
        before: Option<&Entry>,
        after: Option<&Entry>,
    ) -> Run<()> {
        let (call, before, after) =
            ((&invocation.call).into(), before.map(wire::Entry::from), after.map(wire::Entry::from));
        let params: Hook = (hook.to_owned(), call, op.to_owned(), before, after);
        self.call(invocation, target(Point::AfterCommit, hook), params, |_, ()| Ok(())).await
    }

    /// Runs a step of a rule or a workflow; `resumed` is what arrived since it asked to wait.
    pub async fn run(
        &self,
        invocation: &Invocation,
        action: &str,
        input: &[Field],
        resumed: Option<&[Field]>,
    ) -> Run<Outcome> {
        let (call, input, resumed) = ((&invocation.call).into(), fields(input), resumed.map(fields));
        let params: Act = (action.to_owned(), call, input, resumed);
        let convert = |_: &Export, said: wire::Outcome| said.checked();
        self.call(invocation, target(Point::Action, action), params, convert).await
    }

    /// Gives records numbers.
    pub async fn score(&self, invocation: &Invocation, scorer: &str, subjects: &[Entry]) -> Run<Vec<Scored>> {
        let entries: Vec<wire::Entry> = subjects.iter().map(Into::into).collect();
        let call = (&invocation.call).into();
        let params: Score = (scorer.to_owned(), call, entries);
        let convert = |_: &Export, said: Vec<wire::Scored>| {
            let scored = said.checked()?;
            let mut left: Vec<&str> = subjects.iter().filter_map(|subject| subject.id.as_deref()).collect();
            for score in &scored {
                let place = left.iter().position(|id| *id == score.id);
                let place = place.ok_or_else(|| output(&format!("nobody asked about {}", score.id)))?;
                left.swap_remove(place);
            }
            Ok(scored)
        };
        self.call(invocation, target(Point::Scorer, scorer), params, convert).await
    }

    /// Chooses one of the candidates.
    pub async fn assign(
        &self,
        invocation: &Invocation,
        assigner: &str,
        subject: &Entry,
        candidates: &[Candidate],
    ) -> Run<Option<String>> {
        let offered: Vec<wire::Candidate> = candidates.iter().map(Into::into).collect();
        let (call, subject) = ((&invocation.call).into(), wire::Entry::from(subject));
        let params: Assign = (assigner.to_owned(), call, subject, offered);
        let convert = |_: &Export, chosen: Option<String>| match chosen {
            Some(id) if !candidates.iter().any(|candidate| candidate.id == id) => {
                Err(output(&format!("{id} is not a candidate")))
            }
            chosen => Ok(chosen),
        };
        self.call(invocation, target(Point::Assigner, assigner), params, convert).await
    }

    /// Brings the figures of a tile.
    pub async fn load(&self, invocation: &Invocation, provider: &str, params: &[Field]) -> Run<Table> {
        let (call, given) = ((&invocation.call).into(), fields(params));
        let params: WithFields = (provider.to_owned(), call, given);
        let convert = |_: &Export, said: wire::Table| said.checked();
        self.call(invocation, target(Point::Provider, provider), params, convert).await
    }

    /// Makes a document of a record.
    pub async fn render(
        &self,
        invocation: &Invocation,
        renderer: &str,
        subject: &Entry,
        params: &[Field],
    ) -> Run<Document> {
        let (call, subject, given) = ((&invocation.call).into(), wire::Entry::from(subject), fields(params));
        let params: Render = (renderer.to_owned(), call, subject, given);
        let convert = |_: &Export, said: wire::Document| said.checked();
        self.call(invocation, target(Point::Renderer, renderer), params, convert).await
    }

    /// Does one step of a job.
    pub async fn step(
        &self,
        invocation: &Invocation,
        job: &str,
        cursor: Option<&[u8]>,
        params: &[Field],
    ) -> Run<Progress> {
        let (call, given) = ((&invocation.call).into(), fields(params));
        let params: Step = (job.to_owned(), call, cursor.map(<[u8]>::to_vec), given);
        let convert = |_: &Export, said: wire::Progress| said.checked();
        self.call(invocation, target(Point::Job, job), params, convert).await
    }

    /// Uses a connector.
    pub async fn invoke(&self, invocation: &Invocation, operation: &str, input: &[Field]) -> Run<Vec<Field>> {
        self.connect(invocation, target(Point::Connector, operation), input).await
    }

    /// Asks a connector whether the other system can be reached.
    pub async fn probe_connector(
        &self,
        invocation: &Invocation,
        operation: &str,
        input: &[Field],
    ) -> Run<Vec<Field>> {
        let target = Target { point: Point::Connector, function: "probe", name: operation };
        self.connect(invocation, target, input).await
    }

    async fn connect(&self, invocation: &Invocation, target: Target<'_>, input: &[Field]) -> Run<Vec<Field>> {
        let (call, given) = ((&invocation.call).into(), fields(input));
        let params: WithFields = (target.name.to_owned(), call, given);
        let convert = |_: &Export, said: Vec<wire::Field>| said.checked();
        self.call(invocation, target, params, convert).await
    }
}

/// A hook changes only what its manifest says, each field once.
fn declared(fields: &[Field], output_fields: &[String]) -> Result<(), Failure> {
    for (place, field) in fields.iter().enumerate() {
        if !output_fields.contains(&field.name) {
            return Err(output(&format!("{} is not among the fields it may change", field.name)));
        }
        if fields[..place].iter().any(|earlier| earlier.name == field.name) {
            return Err(output(&format!("{} is set twice", field.name)));
        }
    }
    Ok(())
}
