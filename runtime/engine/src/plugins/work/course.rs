//! How a call of the background goes on after a try: what state follows from what became of it, and when it is made again.
//! Pure: whoever calls tells the time and throws the dice.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_plugin_host::limits::Counter;
use mortise_plugin_host::manifest::OnFailure;
use mortise_plugin_host::run::Failure as RunFailure;
use mortise_plugin_host::value::{Field, Retry};
use serde_json::Value as Json;

use super::row::{CallState, PluginCall};
use crate::again::{ATTEMPTS_MAX, pause};
use crate::automation::Failure;

/// How often one call may ask to be called again; a workflow that needs more is a circle.
const STEPS_MAX: u32 = 1_000;
/// Shortest sleep: who asks for none would otherwise never let anybody else come in.
const SLEEP_MIN: TimeDelta = TimeDelta::seconds(1);
/// Longest name of a signal in bytes.
const KEY_BYTES_MAX: usize = 200;
/// Pause before a call that was not made because too many others were under way.
const CROWDED: TimeDelta = TimeDelta::seconds(2);

/// What a plugin said to a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// It has finished.
    Done(Vec<Field>),
    /// Call again at this time.
    SleepUntil(String),
    /// Call again when this signal comes.
    WaitFor(String),
}

/// Whose try it was, and when it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    pub(super) now: DateTime<Utc>,
    pub(super) dice: u64,
    pub(super) on_failure: OnFailure,
}

impl PluginCall {
    /// What has become of it after a try.
    pub(super) fn after(&self, tried: Try, said: &Result<Said, RunFailure>) -> PluginCall {
        let call = PluginCall { attempts: self.attempts + 1, error: None, ..self.clone() };
        match said {
            Ok(Said::Done(fields)) => {
                PluginCall { result: Some(json(fields)), ..call.over(CallState::Done, tried.now) }
            }
            Ok(Said::SleepUntil(at)) => call.sleeps(tried, at),
            Ok(Said::WaitFor(key)) => call.waits(tried, key),
            // The call was never made, so that it was no try.
            Err(failure @ RunFailure::Resting { left }) => {
                let left = TimeDelta::from_std(*left).unwrap_or(CROWDED).max(CROWDED);
                self.put_off(tried.now + left, failure)
            }
            Err(failure @ RunFailure::Busy) => self.put_off(tried.now + CROWDED, failure),
            Err(failure) => call.failed(tried, failure),
        }
    }

    /// Something that follows from its result failed: the plugin is not asked again, only that is tried again.
    pub(super) fn follow_up_failed(&self, tried: Try, failure: Failure, heals: bool) -> PluginCall {
        let call = PluginCall { error: Some(failure), ..self.clone() };
        if !heals || call.attempts >= ATTEMPTS_MAX {
            return call.over(CallState::Dead, tried.now);
        }
        let next = tried.now + pause(call.attempts, None, tried.dice);
        PluginCall { state: CallState::Waiting, next_at: Some(next), ended_at: None, ..call }
    }

    fn over(self, state: CallState, now: DateTime<Utc>) -> PluginCall {
        PluginCall { state, next_at: None, wait_key: None, ended_at: Some(now), ..self }
    }

    /// Not made now, which is no try.
    pub(super) fn put_off(&self, at: DateTime<Utc>, failure: &RunFailure) -> PluginCall {
        PluginCall { next_at: Some(at), error: Some(self.reason(failure)), ..self.clone() }
    }

    fn sleeps(self, tried: Try, at: &str) -> PluginCall {
        let Ok(at) = DateTime::parse_from_rfc3339(at) else {
            let reason = format!("“{}” is not a moment", at.chars().take(40).collect::<String>());
            return self.failed(tried, &RunFailure::Output { reason });
        };
        let at = at.with_timezone(&Utc).max(tried.now + SLEEP_MIN);
        let next_at = Some(at);
        self.steps(tried, PluginCall { state: CallState::Sleeping, next_at, ..self.clone() })
    }

    fn waits(self, tried: Try, key: &str) -> PluginCall {
        if key.is_empty() || key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
            let reason = format!("the name of a signal has between 1 and {KEY_BYTES_MAX} bytes");
            return self.failed(tried, &RunFailure::Output { reason });
        }
        let wait_key = Some(key.to_owned());
        self.steps(tried, PluginCall { state: CallState::Awaiting, next_at: None, wait_key, ..self.clone() })
    }

    /// The plugin got on: what comes next is other work, with tries of its own.
    fn steps(&self, tried: Try, next: PluginCall) -> PluginCall {
        if self.why.steps >= STEPS_MAX {
            let reason = format!("it has asked to be called again {STEPS_MAX} times");
            return self.clone().failed(tried, &RunFailure::Output { reason });
        }
        let mut next = PluginCall { attempts: 0, resumed: None, ..next };
        next.why.steps += 1;
        next
    }

    fn failed(self, tried: Try, failure: &RunFailure) -> PluginCall {
        let call = PluginCall { error: Some(self.reason(failure)), ..self };
        // A plugin that says “later” is asked again also where its failures do not matter: it knows that it will have an answer.
        let given_up = match (tried.on_failure, failure) {
            (OnFailure::Skip, RunFailure::Fault(_)) => CallState::Dismissed,
            (OnFailure::Skip, _) => return call.over(CallState::Dismissed, tried.now),
            (OnFailure::Reject, _) => return call.over(CallState::Dead, tried.now),
            _ => CallState::Dead,
        };
        let asked = match failure.retry() {
            Retry::Never => return call.over(given_up, tried.now),
            Retry::Backoff => None,
            Retry::AfterMs(asked) => {
                Some(TimeDelta::milliseconds(i64::try_from(asked).unwrap_or(i64::MAX / 2_000_000)))
            }
        };
        // What is too deep now is too deep for ever.
        let deep = matches!(failure, RunFailure::Limit(exceeded) if exceeded.counter == Counter::Depth);
        if deep || call.attempts >= ATTEMPTS_MAX {
            return call.over(given_up, tried.now);
        }
        let next = tried.now + pause(call.attempts, asked, tried.dice);
        PluginCall { state: CallState::Waiting, next_at: Some(next), ..call }
    }

    fn reason(&self, failure: &RunFailure) -> Failure {
        reason(&self.plugin, &self.export, failure)
    }
}

/// Why a call failed, in the form in which it is stored.
pub(super) fn reason(plugin: &str, export: &str, failure: &RunFailure) -> Failure {
    let words = failure.to_string();
    let args = [("plugin", plugin), ("export", export), ("reason", words.as_str())];
    Failure {
        code: failure.code().to_owned(),
        args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        reason: words,
        ..Failure::default()
    }
}

fn json(fields: &[Field]) -> Json {
    serde_json::to_value(fields).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mortise_plugin_host::value::Fault;
    use uuid::Uuid;

    use super::super::row::Why;
    use super::*;

    fn call() -> PluginCall {
        PluginCall {
            id: Uuid::nil(),
            at: DateTime::UNIX_EPOCH,
            plugin: "p.q".into(),
            point: "action".into(),
            export: "e".into(),
            state: CallState::Waiting,
            attempts: 0,
            next_at: Some(DateTime::UNIX_EPOCH),
            wait_key: None,
            ended_at: None,
            error: None,
            held: false,
            entity: None,
            record: None,
            actor: None,
            event: None,
            depth: 0,
            input: Json::Null,
            resumed: None,
            result: None,
            why: Why::default(),
        }
    }

    fn tried() -> Try {
        Try { now: DateTime::UNIX_EPOCH, dice: 0, on_failure: OnFailure::Retry }
    }

    fn fault(retry: Retry) -> Result<Said, RunFailure> {
        Err(RunFailure::Fault(Fault { code: "x".into(), message: "no".into(), retry }))
    }

    #[test]
    fn what_fails_is_tried_again_with_growing_pauses_and_then_given_up() {
        let (mut call, mut pauses) = (call(), Vec::new());
        while call.state == CallState::Waiting {
            call = call.after(tried(), &fault(Retry::Backoff));
            pauses.push(call.next_at.map(|at| at.timestamp()));
        }
        let expected = [Some(10), Some(30), Some(90), Some(270), Some(810), Some(2430), Some(7290), None];
        assert_eq!((call.state, pauses.as_slice()), (CallState::Dead, &expected[..]));
    }

    #[test]
    fn a_call_that_was_never_made_is_no_try() {
        for failure in [RunFailure::Busy, RunFailure::Resting { left: Duration::from_secs(30) }] {
            let after = call().after(tried(), &Err(failure));
            assert_eq!((after.state, after.attempts), (CallState::Waiting, 0));
            assert!(after.next_at > Some(DateTime::UNIX_EPOCH));
        }
    }

    #[test]
    fn the_author_says_what_follows_from_failure() {
        for (on_failure, retry, state) in [
            (OnFailure::Skip, Retry::Never, CallState::Dismissed),
            (OnFailure::Skip, Retry::Backoff, CallState::Waiting),
            (OnFailure::Reject, Retry::Backoff, CallState::Dead),
            (OnFailure::Retry, Retry::Never, CallState::Dead),
        ] {
            let after = call().after(Try { on_failure, ..tried() }, &fault(retry));
            assert_eq!(after.state, state, "{on_failure:?} {retry:?}");
        }
        let skips = Try { on_failure: OnFailure::Skip, ..tried() };
        let breakdown = Err(RunFailure::Output { reason: "nonsense".into() });
        assert_eq!(call().after(skips, &breakdown).state, CallState::Dismissed);
        let last = PluginCall { attempts: ATTEMPTS_MAX - 1, ..call() };
        assert_eq!(last.after(skips, &fault(Retry::Backoff)).state, CallState::Dismissed);
        let after = call().after(tried(), &fault(Retry::AfterMs(60_000)));
        assert_eq!(after.next_at.map(|at| at.timestamp()), Some(60));
    }

    #[test]
    fn who_waits_gets_a_new_key_and_new_tries() {
        let failed = call().after(tried(), &fault(Retry::Backoff));
        let waits = failed.after(tried(), &Ok(Said::WaitFor("paid".into())));
        assert_eq!((waits.state, waits.attempts), (CallState::Awaiting, 0));
        assert_eq!((waits.wait_key.as_deref(), waits.next_at), (Some("paid"), None));
        assert_ne!(waits.key(), failed.key());
        let sleeps = waits.after(tried(), &Ok(Said::SleepUntil("1969-01-01T00:00:00Z".into())));
        assert_eq!((sleeps.state, sleeps.next_at.map(|at| at.timestamp())), (CallState::Sleeping, Some(1)));
    }

    #[test]
    fn nonsense_and_waiting_without_end_are_given_up() {
        for said in [Said::SleepUntil("soon".into()), Said::WaitFor(String::new())] {
            assert_eq!(call().after(tried(), &Ok(said)).state, CallState::Dead);
        }
        let mut call = call();
        for _ in 0..=STEPS_MAX {
            call = call.after(tried(), &Ok(Said::SleepUntil("1970-01-02T00:00:00Z".into())));
        }
        assert_eq!(call.state, CallState::Dead);
    }
}
