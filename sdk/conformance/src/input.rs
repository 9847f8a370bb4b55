//! The input of a case, handed to the function of its point. Every point is named, so that a new one does not compile
//! until cases can speak of it.

use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Run;
use mortise_plugin_host::value::{Entry, Field};
use mortise_plugin_host::{Invocation, Plugin};
use serde_json::Value as Json;

use crate::answer;
use crate::case::{Case, CaseError};
use crate::said::Said;
use crate::value::{candidate, each, entries, entry, fields, maybe, raw, text, value, wrong};

impl Case {
    /// Makes the call; its answer as a case would write it.
    pub(crate) async fn call(&self, plugin: &Plugin, with: &Invocation) -> Result<Run<Json>, CaseError> {
        self.check_keys()?;
        let name = self.export.as_str();
        Ok(match self.point {
            Point::Validator => {
                let (before, after) = (self.maybe_entry("before")?, self.entry("after")?);
                let run = plugin.validate(with, name, before.as_ref(), &after).await;
                answer::of(run, |said| answer::violations(&said))
            }
            Point::BeforeSave => {
                let (op, before, after) = self.change()?;
                let run = plugin.before_save(with, name, &op, before.as_ref(), after.as_ref()).await;
                answer::of(run, |said| answer::verdict(&said))
            }
            Point::AfterCommit => {
                let (op, before, after) = self.change()?;
                let run = plugin.after_commit(with, name, &op, before.as_ref(), after.as_ref()).await;
                answer::of(run, |()| Json::Null)
            }
            Point::Action => {
                let resumed = maybe(self.input.get("resumed"), |json| fields(json, "input.resumed"))?;
                let run = plugin.run(with, name, &self.fields("input")?, resumed.as_deref()).await;
                answer::of(run, |said| answer::outcome(&said))
            }
            Point::Function => {
                let row = |json: &Json, place: &str| each(json, place, value);
                let rows = each(self.get("rows"), "input.rows", row)?;
                answer::of(plugin.call_many(with, name, &rows), |said| answer::values(&said))
            }
            Point::Scorer => {
                let subjects = entries(self.get("subjects"), "input.subjects")?;
                answer::of(plugin.score(with, name, &subjects).await, |said| answer::scores(&said))
            }
            Point::Assigner => {
                let candidates = each(self.get("candidates"), "input.candidates", candidate)?;
                let run = plugin.assign(with, name, &self.entry("subject")?, &candidates).await;
                answer::of(run, Json::from)
            }
            Point::Provider => {
                let run = plugin.load(with, name, &self.fields("params")?).await;
                answer::of(run, |said| answer::table(&said))
            }
            Point::Renderer => {
                let run = plugin.render(with, name, &self.entry("subject")?, &self.fields("params")?).await;
                answer::of(run, |said| answer::document(&said))
            }
            Point::Job => {
                let cursor = maybe(self.input.get("cursor"), |json| raw(json, "input.cursor"))?;
                let run = plugin.step(with, name, cursor.as_deref(), &self.fields("params")?).await;
                answer::of(run, |said| answer::progress(&said))
            }
            Point::Connector => {
                let input = self.fields("input")?;
                let run = match self.get("probe").as_bool() {
                    Some(true) => plugin.probe_connector(with, name, &input).await,
                    _ => plugin.invoke(with, name, &input).await,
                };
                answer::of(run, |said| answer::fields(&said))
            }
        })
    }

    /// A key that the point does not have is a slip that would make the case say something else.
    fn check_keys(&self) -> Result<(), CaseError> {
        let known = match self.point {
            Point::Validator => ["before", "after"].as_slice(),
            Point::BeforeSave | Point::AfterCommit => &["op", "before", "after"],
            Point::Action => &["input", "resumed"],
            Point::Function => &["rows"],
            Point::Scorer => &["subjects"],
            Point::Assigner => &["subject", "candidates"],
            Point::Provider => &["params"],
            Point::Renderer => &["subject", "params"],
            Point::Job => &["cursor", "params"],
            Point::Connector => &["input", "probe"],
        };
        match self.input.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let reason = Said::new("keys").arg("point", self.point.name()).arg("known", known.join(", "));
                Err(wrong(&format!("input.{key}"), reason))
            }
        }
    }

    fn get(&self, key: &str) -> &Json {
        self.input.get(key).unwrap_or(&Json::Null)
    }

    fn fields(&self, key: &str) -> Result<Vec<Field>, CaseError> {
        fields(self.get(key), &format!("input.{key}"))
    }

    fn entry(&self, key: &str) -> Result<Entry, CaseError> {
        entry(self.get(key), &format!("input.{key}"))
    }

    fn maybe_entry(&self, key: &str) -> Result<Option<Entry>, CaseError> {
        maybe(self.input.get(key), |json| entry(json, &format!("input.{key}")))
    }

    fn change(&self) -> Result<(String, Option<Entry>, Option<Entry>), CaseError> {
        Ok((text(self.get("op"), "input.op")?, self.maybe_entry("before")?, self.maybe_entry("after")?))
    }
}
