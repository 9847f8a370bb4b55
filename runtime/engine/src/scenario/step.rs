//! What people do in a scenario.

use mortise_definition::source::ScenarioStep;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::stage::Stage;
use crate::commands::{Command, Outcome, RunOptions};
use crate::connect::{Call, Circumstances};
use crate::error::Error;
use crate::people::Actor;

/// Records that one step makes at most.
const TIMES_MAX: u32 = 10_000;

impl Stage {
    /// Carries out a step; what went otherwise than expected comes back as words.
    pub(super) async fn step(&mut self, step: &ScenarioStep) -> Result<(), String> {
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
    ) -> Result<(), String> {
        let entity = self.key(entity);
        let times = times.filter(|times| *times <= TIMES_MAX).or(times.is_none().then_some(0));
        let times = times.ok_or_else(|| format!("more than {TIMES_MAX} records in one step"))?;
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
    ) -> Result<Option<Outcome>, String> {
        match (self.tenant.run(actor, command, RunOptions::default()).await, fails) {
            (Ok(outcome), None) => Ok(Some(outcome)),
            (Ok(_), Some(code)) => Err(format!("it succeeded, although it should fail with {code}")),
            (Err(error), None) => Err(format!("it failed: {} ({error})", codes(&error).join(", "))),
            (Err(error), Some(code)) => match codes(&error).iter().any(|found| found == code) {
                true => Ok(None),
                false => Err(format!("it failed with {}, not with {code}", codes(&error).join(", "))),
            },
        }
    }

    async fn receive(
        &mut self,
        connector: &str,
        body: &Json,
        ip: Option<&str>,
        name: Option<&str>,
    ) -> Result<(), String> {
        let key = self.key(connector);
        let ip = match ip {
            Some(ip) => Some(ip.parse().map_err(|_| format!("{ip:?} is not an address"))?),
            None => None,
        };
        let meta = Circumstances {
            id: Some(Uuid::now_v7().to_string()),
            at: Some(self.now()),
            ip,
            ..Circumstances::default()
        };
        let received = self.tenant.receive(Call::new(&key, body.clone(), meta)).await;
        let received = received.map_err(|error| format!("the call was refused: {error}"))?;
        if let Some(name) = name {
            self.records.insert(name.to_owned(), (received.entity, received.record));
        }
        Ok(())
    }
}

/// The code of an error, and those of its fields.
fn codes(error: &Error) -> Vec<String> {
    let mut codes = vec![error.code().to_owned()];
    if let Error::Invalid(issues) = error {
        codes.extend(issues.iter().map(|issue| issue.issue.code.to_owned()));
    }
    codes
}
