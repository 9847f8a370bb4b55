//! Functions of plugins in expressions. A call that is alone is made at once; where many records are looked at, all of them
//! are evaluated first to see what they ask for, and each function is then called once for all of it. What was answered is
//! remembered for as long as the piece of work lasts, never longer: functions give the same answer to the same question, but
//! tomorrow another version of the plugin may be there.

mod answers;
mod convert;

use std::sync::Arc;

use indexmap::IndexMap;
use mortise_expr::{EvalError, Expression, OutsideFunction, OutsideFunctions, Value};
use mortise_plugin_host::Place;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure;
use parking_lot::Mutex;

use self::convert::{Args, Question};
use super::bound::Binding;
use crate::commands::Work;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// How often many records are evaluated to see what they ask for. What is still open then is asked for one by one.
const ROUNDS_MAX: usize = 8;
/// Answers that are remembered at most when a new batch begins: some batches of lists.
const REMEMBERED_MAX: usize = 10_000;

/// What functions answered in a piece of work, and what is still to be asked.
#[derive(Default)]
pub(crate) struct FunctionMemo(Mutex<Vec<Known>>);

/// What is known of a function.
struct Known {
    function: Arc<OutsideFunction>,
    callee: Callee,
    /// None where the question was noted and is not answered yet.
    answers: IndexMap<Args, Option<Result<Value, EvalError>>, ahash::RandomState>,
    /// Positions of the questions that are still to be asked.
    noted: Vec<usize>,
}

/// Whom a function leads to in this piece of work.
#[derive(Clone)]
enum Callee {
    Export(Arc<Binding>),
    /// What it gives while there is nobody.
    Nobody(Result<Value, EvalError>),
}

/// Questions for one function.
pub(super) struct Batch {
    function: Arc<OutsideFunction>,
    binding: Arc<Binding>,
    rows: Vec<Args>,
    /// Where the rows stood when they were noted, if they were.
    positions: Option<Vec<usize>>,
}

impl FunctionMemo {
    /// The answer to a question, if it is known. Notes the question where it is not and `note` says so.
    fn find(
        &self,
        work: &Work,
        function: &Arc<OutsideFunction>,
        args: &[Value],
        note: bool,
    ) -> Result<Result<Value, EvalError>, Arc<Binding>> {
        let mut memo = self.0.lock();
        let position = memo.iter().position(|known| same(&known.function, function));
        let position = position.unwrap_or_else(|| {
            memo.push(Known {
                function: Arc::clone(function),
                callee: callee(work, function),
                answers: IndexMap::default(),
                noted: Vec::new(),
            });
            memo.len() - 1
        });
        let known = &mut memo[position];
        let binding = match &known.callee {
            Callee::Nobody(answer) => return Ok(answer.clone()),
            Callee::Export(binding) => binding,
        };
        match known.answers.get(&Question(args)) {
            Some(Some(answer)) => Ok(answer.clone()),
            Some(None) if note => Ok(Err(EvalError::Pending)),
            None if note => {
                known.noted.push(known.answers.len());
                known.answers.insert(Args::new(args), None);
                Ok(Err(EvalError::Pending))
            }
            _ => Err(Arc::clone(binding)),
        }
    }

    fn keep(&self, batch: Batch, answers: Vec<Result<Value, EvalError>>) {
        let mut memo = self.0.lock();
        let Some(known) = memo.iter_mut().find(|known| same(&known.function, &batch.function)) else {
            return;
        };
        let mut positions = batch.positions.into_iter().flatten();
        for (args, answer) in batch.rows.into_iter().zip(answers) {
            let noted = positions.next().and_then(|position| known.answers.get_index_mut(position));
            match noted {
                // Another question may stand there by now, if room was made meanwhile.
                Some((question, open)) if question.is(&args) => *open = Some(answer),
                _ => drop(known.answers.insert(args, Some(answer))),
            }
        }
    }

    fn take_noted(&self) -> Vec<Batch> {
        let mut memo = self.0.lock();
        let batch = |known: &mut Known| {
            let positions = std::mem::take(&mut known.noted);
            let Callee::Export(binding) = &known.callee else { return None };
            let (function, binding) = (Arc::clone(&known.function), Arc::clone(binding));
            let rows: Vec<Args> = positions.iter().map(|position| known.question(*position)).collect();
            (!rows.is_empty()).then_some(Batch { function, binding, rows, positions: Some(positions) })
        };
        memo.iter_mut().filter_map(batch).collect()
    }

    /// Makes room for a batch, so that a long export does not remember all of it.
    fn trim(&self) {
        for known in self.0.lock().iter_mut().filter(|known| known.answers.len() > REMEMBERED_MAX) {
            known.answers.clear();
            known.noted.clear();
        }
    }
}

impl Known {
    fn question(&self, position: usize) -> Args {
        let (question, _) =
            self.answers.get_index(position).expect("questions are only taken away all at once");
        question.clone()
    }
}

/// Whether two are the same: nearly always they are one and the same.
fn same(one: &Arc<OutsideFunction>, other: &Arc<OutsideFunction>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// Whom a function leads to: an export of a plugin in force, of a version that the app can use, with the declared types.
fn callee(work: &Work, function: &Arc<OutsideFunction>) -> Callee {
    let nobody = |reason: &str, reason_zh: &str| Callee::Nobody(function.missing(reason, reason_zh));
    let key = work.now.timestamp_micros().to_string();
    let bound = &work.published.plugins;
    let found = bound.find(Point::Function, &function.owner, &function.export, work.actor.id(), &key);
    let Some(binding) = found else {
        return match bound.plugin(&function.owner) {
            None => nobody("it is not installed, or is switched off", "该插件未安装或已停用"),
            Some(_) => nobody("it has no such function", "该插件没有此函数"),
        };
    };
    let uses = work.model().apps.iter().flat_map(|app| &app.plugins);
    let mut uses = uses.filter(|plugin| plugin.functions.iter().any(|one| same(&one.function, function)));
    let version = &binding.version.manifest().version;
    if let Some(plugin) = uses.next()
        && !semver::Version::parse(version).is_ok_and(|version| plugin.version.matches(&version))
    {
        let wanted = &plugin.version;
        return nobody(
            &format!("version {version} is installed, but the app needs {wanted}"),
            &format!("已安装的版本是 {version}，而应用需要 {wanted}"),
        );
    }
    match convert::signature(binding.export()) {
        Some((parameters, returns)) if parameters == function.parameters && returns == function.returns => {
            Callee::Export(Arc::clone(binding))
        }
        _ => nobody(
            &format!("version {version} declares other types for this function than the app"),
            &format!("版本 {version} 中该函数的参数或结果类型与应用的声明不一致"),
        ),
    }
}

/// Answers calls of functions in expressions, for a piece of work.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    work: &'a Work,
    /// Notes questions instead of asking them.
    later: bool,
}

impl std::fmt::Debug for Asking<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Asking").field("later", &self.later).finish_non_exhaustive()
    }
}

impl OutsideFunctions for Asking<'_> {
    fn value(&self, function: &Arc<OutsideFunction>, args: &[Value]) -> Result<Value, EvalError> {
        let memo = &self.work.functions;
        let binding = match memo.find(self.work, function, args, self.later) {
            Ok(answer) => return answer,
            Err(binding) => binding,
        };
        let batch =
            Batch { function: Arc::clone(function), binding, rows: vec![Args::new(args)], positions: None };
        let answers = self.work.answers(&batch);
        let answer = answers.first().cloned().unwrap_or(Err(EvalError::Pending));
        memo.keep(batch, answers);
        answer
    }
}

impl Tenant {
    /// Whether a condition of an app over a record holds for somebody, who may see all of its values; none when that cannot
    /// be told.
    pub fn holds(&self, actor: &Actor, app: usize, record: &[Value], condition: &Expression) -> Option<bool> {
        let work = self.work(actor);
        // The definitions may have changed since the condition was looked up.
        work.model().apps.get(app)?;
        work.with_roots(app, record, |cx| condition.test(cx)).ok()
    }
}

/// What is wrong where a function of a plugin gave no value; none for everything else that can go wrong.
pub(crate) fn plugin_issue(error: &EvalError) -> Option<Issue> {
    let (code, function, owner, reason, reason_zh) = match error {
        EvalError::Missing { function, owner, reason, reason_zh } => {
            ("expr.plugin_missing", function, owner, reason, reason_zh)
        }
        EvalError::Failed { function, owner, reason, reason_zh } => {
            ("expr.plugin_failed", function, owner, reason, reason_zh)
        }
        _ => return None,
    };
    let issue = Issue::new(code).with("function", function).with("plugin", owner);
    // The sentence ends with a point of its own.
    let reason = reason.trim_end_matches('.');
    Some(issue.with("reason", reason).with("reason_zh", reason_zh))
}

impl Work {
    /// Answers functions of plugins in expressions, each call at once.
    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking { work: self, later: false }
    }

    /// The same as [`Work::foresee`] inside a write, where nothing can be waited for: the writer is busy with it.
    pub(crate) fn foresee_now(&self, mut evaluate: impl FnMut(&Asking<'_>)) {
        self.functions.trim();
        for _ in 0..ROUNDS_MAX {
            let batches = self.noted(&mut evaluate);
            if batches.is_empty() {
                return;
            }
            self.answer(batches);
        }
    }

    /// Prepares the evaluation of many records: finds out what their expressions ask of plugins, and asks it in batches.
    /// `evaluate` evaluates all of them; whatever it finds does not matter. What comes after is answered from memory.
    pub(crate) async fn foresee<'e>(
        &self,
        expressions: impl IntoIterator<Item = &'e Expression>,
        mut evaluate: impl FnMut(&Asking<'_>),
    ) {
        if expressions.into_iter().all(|expression| expression.outside().is_empty()) {
            return;
        }
        self.functions.trim();
        for _ in 0..ROUNDS_MAX {
            let batches = self.noted(&mut evaluate);
            if batches.is_empty() {
                return;
            }
            let place = match self.place().await {
                Ok(place) => place,
                Err(busy) => {
                    for batch in batches {
                        let answers = batch.unasked(&busy);
                        self.functions.keep(batch, answers);
                    }
                    continue;
                }
            };
            let work = self.clone();
            // A full batch keeps a thread busy for some milliseconds, and its place for as long, whether or not whoever asked is
            // still there.
            let asked = tokio::task::spawn_blocking(move || {
                let _place = place;
                work.answer(batches);
            });
            if asked.await.is_err() {
                return;
            }
        }
    }

    /// What an evaluation asks for and nobody has answered yet.
    fn noted(&self, evaluate: &mut impl FnMut(&Asking<'_>)) -> Vec<Batch> {
        evaluate(&Asking { work: self, later: true });
        self.functions.take_noted()
    }

    fn answer(&self, batches: Vec<Batch>) {
        for batch in batches {
            let answers = self.answers(&batch);
            self.functions.keep(batch, answers);
        }
    }

    /// A place among the calls of the tenant; none where no plugin was used yet.
    async fn place(&self) -> Result<Option<Place>, Failure> {
        match self.calls.house.opened() {
            Some(host) => host.place(self.calls.counted()).await.map(Some),
            None => Ok(None),
        }
    }
}
