//! What people do in a scenario.

use mortise_definition::source::ScenarioStep;
use serde_json::{Map, Value as Json};

use super::stage::Stage;
use crate::commands::{Command, Outcome, RunOptions};
use crate::connect::{Call, Circumstances};
use crate::env::Env;
use crate::error::Error;
use crate::people::Actor;
use crate::values::Issue;

/// Records that one step makes at most.
const TIMES_MAX: u32 = 10_000;

impl Stage {
    /// Carries out a step; what went otherwise than expected comes back.
    pub(super) async fn step(&mut self, step: &ScenarioStep) -> Result<(), Issue> {
        match step {
            ScenarioStep::Create { by, entity, name, values, times, fails } => {
                let actor = self.actor(by.as_deref())?;
                self.create(&actor, entity, name.as_deref(), values, *times, fails.as_deref()).await?;
            }
            ScenarioStep::Update { by, record, values, fails } => {
                let (entity, id) = self.record(record)?;
                let values = self.values(&entity, values, None).await?;
                let command = Command::Update { entity, id, version: None, values };
                self.act(&self.actor(by.as_deref())?, command, fails.as_deref()).await?;
            }
            ScenarioStep::Transition { by, record, transition, values, fails } => {
                let (entity, id) = self.record(record)?;
                let values = self.values(&entity, values, None).await?;
                let transition = transition.clone();
                let command = Command::Transition { entity, id, version: None, transition, values };
                self.act(&self.actor(by.as_deref())?, command, fails.as_deref()).await?;
            }
            ScenarioStep::Claim { by, record, policy, fails } => {
                let (entity, id) = self.record(record)?;
                let command = Command::Claim { entity, id, policy: self.key(policy) };
                self.act(&self.actor(Some(by))?, command, fails.as_deref()).await?;
            }
            ScenarioStep::Receive { connector, body, ip, name } => {
                self.receive(connector, body, ip.as_deref(), name.as_deref()).await?;
            }
            ScenarioStep::Advance { by } => return self.advance(by).await,
            expectation => return self.expect(expectation).await,
        }
        self.settle().await
    }

    async fn create(
        &mut self,
        actor: &Actor,
        entity: &str,
        name: Option<&str>,
        values: &Map<String, Json>,
        times: Option<u32>,
        fails: Option<&str>,
    ) -> Result<(), Issue> {
        let entity = self.key(entity);
        let times = times.filter(|times| *times <= TIMES_MAX).or(times.is_none().then_some(0));
        let times = times.ok_or_else(|| Issue::new("scenario.times").with("max", TIMES_MAX))?;
        for number in 1..=times.max(1) {
            let values = self.values(&entity, values, Some(number)).await?;
            // Records of a scenario look alike on purpose.
            let command =
                Command::Create { entity: entity.clone(), values, id: None, allow_duplicates: true };
            let Some(outcome) = self.act(actor, command, fails).await? else { continue };
            if let (Some(name), Outcome::Record(written)) = (name, outcome) {
                let name = if times > 0 { format!("{name}{number}") } else { name.to_owned() };
                self.records.insert(name, (entity.clone(), written.id));
            }
        }
        Ok(())
    }

    /// Runs a command that is expected to succeed, or to fail with a code.
    async fn act(
        &self,
        actor: &Actor,
        command: Command,
        fails: Option<&str>,
    ) -> Result<Option<Outcome>, Issue> {
        match (self.tenant.run(actor, command, RunOptions::default()).await, fails) {
            (Ok(outcome), None) => Ok(Some(outcome)),
            (Ok(_), Some(code)) => Err(Issue::new("scenario.succeeded").with("code", code)),
            (Err(error), None) => Err(broken(error)),
            (Err(error), Some(code)) if codes(&error).contains(&code) => Ok(None),
            (Err(error), Some(code)) => {
                let found = codes(&error).join(", ");
                Err(Issue::new("scenario.failed_otherwise").with("code", code).with("found", found))
            }
        }
    }

    async fn receive(
        &mut self,
        connector: &str,
        body: &Json,
        ip: Option<&str>,
        name: Option<&str>,
    ) -> Result<(), Issue> {
        let key = self.key(connector);
        let ip = match ip {
            Some(ip) => Some(ip.parse().map_err(|_| Issue::of("scenario.address", ip))?),
            None => None,
        };
        let meta = Circumstances {
            id: Some(self.time.id().to_string()),
            at: Some(self.now()),
            ip,
            ..Circumstances::default()
        };
        let received = self.tenant.receive(Call::new(&key, body.clone(), meta)).await;
        let received = received.map_err(broken)?;
        if let Some(name) = name {
            self.records.insert(name.to_owned(), (received.entity, received.record));
        }
        Ok(())
    }
}

/// An error that a scenario does not expect.
pub(super) fn broken(error: impl Into<Error>) -> Issue {
    let error = error.into();
    let fields = error.issues().iter().map(|issue| format!("{}: {}", issue.field, issue.issue));
    let fields = fields.collect::<Vec<_>>().join("; ");
    let reason = if fields.is_empty() { error.to_string() } else { fields };
    Issue::new("scenario.failed").with("code", codes(&error).join(", ")).with("error", reason)
}

/// The code of an error, and those of its fields.
fn codes(error: &Error) -> Vec<&'static str> {
    let mut codes = vec![error.code()];
    codes.extend(error.issues().iter().map(|issue| issue.issue.code));
    codes
}
