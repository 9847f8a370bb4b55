//! What people, administrators and time do to the yard, chosen by the seed: sensible things, mostly, and some that are
//! refused or fail later.

use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use mortise_engine::exchange::{ColumnMapping, Mapping, State};
use mortise_engine::{Command, Crossing, Env, Error, WorkState};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::app::{self, CHANNELS, CLIENT, JOB, POLICY, TICKET};
use crate::invariants;
use crate::world::World;

/// One step in so many is begun with the machine about to fail.
const FAILURE_IN: u32 = 7;
/// Most crossings that it still gets past.
const CROSSINGS_MAX: u32 = 9;
/// Chances of each action, out of their sum.
const CHANCES: &[(u32, Action)] = &[
    (8, Action::MakeClient),
    (13, Action::MakeJob),
    (12, Action::MakeTicket),
    (16, Action::ChangeJob),
    (4, Action::ChangeClient),
    (13, Action::MoveJob),
    (7, Action::CloseTicket),
    (5, Action::Claim),
    (4, Action::Comment),
    (6, Action::Delete),
    (5, Action::Restore),
    (4, Action::Batch),
    (2, Action::Import),
    (3, Action::Unfreeze),
    (5, Action::FailedWork),
    (2, Action::Setting),
    (2, Action::People),
    (1, Action::Install),
    (1, Action::SendAgain),
    (1, Action::ReadInbox),
    (16, Action::Work),
    (12, Action::PassHours),
    (3, Action::PassDays),
    (2, Action::Sleep),
    (3, Action::FailAtRest),
];

#[derive(Debug, Clone, Copy)]
enum Action {
    MakeClient,
    MakeJob,
    MakeTicket,
    ChangeJob,
    ChangeClient,
    MoveJob,
    CloseTicket,
    Claim,
    Comment,
    Delete,
    Restore,
    Batch,
    Import,
    Unfreeze,
    FailedWork,
    Setting,
    People,
    Install,
    SendAgain,
    ReadInbox,
    Work,
    PassHours,
    PassDays,
    Sleep,
    FailAtRest,
}

fn values(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(values) => values,
        other => panic!("{other} are no values"),
    }
}

impl World {
    /// One step of the run.
    pub(crate) async fn act(&mut self) {
        self.step += 1;
        self.fate.advance(TimeDelta::seconds(self.dice.i64(0..2_400)));
        if self.dice.u32(..FAILURE_IN) == 0 {
            // What does not come so far in this step fails in one to come: the lane has more to cross than a command.
            self.fate.fail_after(self.dice.u32(..CROSSINGS_MAX));
        }
        let sum: u32 = CHANCES.iter().map(|(chance, _)| chance).sum();
        let mut thrown = self.dice.u32(..sum);
        let chosen = CHANCES.iter().find(|(chance, _)| {
            let here = thrown < *chance;
            thrown = thrown.saturating_sub(*chance);
            here
        });
        let (_, action) = chosen.expect("the chances add up");
        self.carry_out(*action).await;
        let (seq, hash) = self.head().await;
        self.tell(&format!("  {action:?}; the trail ends at {seq} {hash}"));
    }

    async fn carry_out(&mut self, action: Action) {
        match action {
            Action::MakeClient | Action::MakeJob | Action::MakeTicket => {
                let (login, command) = self.make(action);
                self.send(login, command).await;
            }
            Action::ChangeJob => self.change_job().await,
            Action::ChangeClient => self.change_client().await,
            Action::MoveJob => self.move_job().await,
            Action::CloseTicket => self.close_ticket().await,
            Action::Claim => self.claim().await,
            Action::Comment => self.comment().await,
            Action::Delete | Action::Restore | Action::Unfreeze => self.about_job(action).await,
            Action::Batch => self.batch().await,
            Action::Import => self.import().await,
            Action::FailedWork => self.decide_failed_work().await,
            Action::Setting => self.change_setting().await,
            Action::People => self.change_people(),
            Action::Install => self.install().await,
            Action::SendAgain => self.send_again().await,
            Action::ReadInbox => self.read_inbox().await,
            Action::Work => self.work().await,
            Action::PassHours => {
                let hours = self.dice.i64(1..12);
                self.pass(TimeDelta::hours(hours)).await;
                invariants::at_rest(self).await;
            }
            Action::PassDays => {
                let hours = self.dice.i64(24..96);
                self.pass(TimeDelta::hours(hours)).await;
                invariants::at_rest(self).await;
            }
            Action::Sleep => {
                // The machine is off for a while: over a week-end, the holidays, half a year.
                let days = [2, 5, 11, 40, 180][self.dice.usize(..5)];
                self.fate.advance(TimeDelta::days(days));
                self.fail().await;
                self.work().await;
            }
            Action::FailAtRest => self.fail().await,
        }
    }

    async fn work(&mut self) {
        self.settle().await;
        invariants::at_rest(self).await;
    }

    /// One of some; none where there are none.
    fn one(&mut self, ids: &[Uuid]) -> Option<Uuid> {
        (!ids.is_empty()).then(|| ids[self.dice.usize(..ids.len())])
    }

    fn somebody(&mut self, logins: &[&'static str]) -> &'static str {
        logins[self.dice.usize(..logins.len())]
    }

    /// Somebody who is there; people of agents leave now and then.
    fn agent(&mut self) -> Option<&'static str> {
        let login = self.somebody(&["tom", "una", "kim"]);
        let there = self.people.iter().any(|person| person.login == login && person.active);
        there.then_some(login)
    }

    /// Amounts that make limits, some that make none, the odd one, and none at all.
    fn amount(&mut self) -> Json {
        match self.dice.u32(..10) {
            0 => json!(null),
            1 => json!(0),
            2 => json!(13),
            _ => json!(self.dice.i64(1..40)),
        }
    }

    fn make(&mut self, action: Action) -> (&'static str, Command) {
        let id = self.fate.id();
        let (login, entity, given) = match action {
            Action::MakeClient => {
                (self.somebody(&["ann", "eve"]), CLIENT, json!({"name": format!("client {}", self.step)}))
            }
            Action::MakeTicket => ("eve", TICKET, json!({"name": format!("ticket {}", self.step)})),
            _ => {
                let rows = (0..self.dice.usize(..4)).map(|row| json!({"what": format!("row {row}")}));
                let rows: Vec<Json> = rows.collect();
                let clients = self.promises.clients();
                let client = self.one(&clients);
                let job = json!({"name": format!("job {}", self.step), "amount": self.amount(), "tasks": rows, "client": client});
                (self.somebody(&["ann", "bob", "eve"]), JOB, job)
            }
        };
        let (entity, values) = (entity.to_owned(), values(given));
        (login, Command::Create { entity, values, id: Some(id), allow_duplicates: true })
    }

    async fn change_job(&mut self) {
        let (jobs, clients) = (self.promises.jobs(), self.promises.clients());
        let Some(id) = self.one(&jobs) else { return };
        let note = if self.dice.u32(..8) == 0 { "round".to_owned() } else { format!("note {}", self.step) };
        let given = match self.dice.u32(..6) {
            0 | 1 => json!({"amount": self.amount()}),
            2 => json!({"hold": self.dice.bool()}),
            3 => json!({ "note": note }),
            4 => json!({"client": self.one(&clients)}),
            // The state is not for writing: this is refused.
            _ => {
                let state = self.somebody(&["new", "done"]);
                json!({"reason": format!("reason {}", self.step), "state": state})
            }
        };
        let login = self.somebody(&["ann", "bob", "eve", "eve"]);
        let entity = JOB.to_owned();
        self.send(login, Command::Update { entity, id, version: None, values: values(given) }).await;
    }

    async fn change_client(&mut self) {
        let clients = self.promises.clients();
        let Some(id) = self.one(&clients) else { return };
        let given = values(json!({"name": format!("client of {}", self.step)}));
        let version = self.dice.bool().then(|| self.dice.i64(1..4));
        self.send("ann", Command::Update { entity: CLIENT.to_owned(), id, version, values: given }).await;
    }

    async fn move_job(&mut self) {
        let jobs = self.promises.jobs();
        let Some(id) = self.one(&jobs) else { return };
        let ways = ["begin", "begin", "again", "finish", "finish", "lose", "escalate"];
        let transition = self.somebody(&ways).to_owned();
        let reason = self.dice.bool().then(|| json!({"reason": format!("lost in {}", self.step)}));
        let values = values(reason.unwrap_or_else(|| json!({})));
        let login = self.somebody(&["ann", "bob", "eve", "eve"]);
        let entity = JOB.to_owned();
        self.send(login, Command::Transition { entity, id, version: None, transition, values }).await;
    }

    async fn close_ticket(&mut self) {
        let tickets = self.promises.tickets();
        let (Some(id), Some(login)) = (self.one(&tickets), self.agent()) else { return };
        let (entity, transition) = (TICKET.to_owned(), "close".to_owned());
        let close = Command::Transition { entity, id, version: None, transition, values: Map::new() };
        self.send(login, close).await;
    }

    async fn claim(&mut self) {
        let tickets = self.promises.tickets();
        let (Some(id), Some(login)) = (self.one(&tickets), self.agent()) else { return };
        self.send(login, Command::Claim { entity: TICKET.to_owned(), id, policy: POLICY.to_owned() }).await;
    }

    async fn comment(&mut self) {
        let jobs = self.promises.jobs();
        let Some(id) = self.one(&jobs) else { return };
        let text = format!("comment {}", self.step);
        self.send("eve", Command::Comment { entity: JOB.to_owned(), id, text }).await;
    }

    async fn about_job(&mut self, action: Action) {
        let jobs = self.promises.jobs();
        let Some(id) = self.one(&jobs) else { return };
        let entity = JOB.to_owned();
        let (login, command) = match action {
            Action::Delete => ("eve", Command::Delete { entity, id, version: None }),
            Action::Restore => ("eve", Command::Restore { entity, id }),
            _ => ("root", Command::Unfreeze { entity, id, person: None }),
        };
        self.send(login, command).await;
    }

    async fn batch(&mut self) {
        let mut commands = Vec::new();
        for _ in 0..self.dice.usize(2..7) {
            let kind = [Action::MakeClient, Action::MakeJob, Action::MakeTicket][self.dice.usize(..3)];
            commands.push(self.make(kind).1);
        }
        if self.dice.u32(..4) == 0 {
            // A part that is refused.
            let (entity, id) = (JOB.to_owned(), self.fate.id());
            commands.push(Command::Delete { entity, id, version: None });
        }
        let atomic = self.dice.bool();
        self.send("eve", Command::Batch { commands, atomic }).await;
    }

    /// A file of which some rows are wrong; the machine may fail at any of its batches.
    async fn import(&mut self) {
        let (count, wrong) = (self.dice.usize(1..9), self.dice.usize(..3));
        let prefix = format!("row {}-", self.step);
        let mut text = "name,amount\n".to_owned();
        for row in 0..count {
            text.push_str(&format!("{prefix}{row},{row}\n"));
        }
        for row in 0..wrong {
            text.push_str(&format!("{prefix}x{row},many\n"));
        }
        let (eve, tenant) = (self.actor("eve"), self.tenant().clone());
        let bytes = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(text))]);
        let job = tenant.imports().upload(&tenant, &eve, JOB, "jobs.csv", bytes).await.unwrap();
        let column = |(column, field): (usize, &str)| ColumnMapping { column, field: field.to_owned() };
        let columns = ["name", "amount"].into_iter().enumerate().map(column).collect();
        let mapping = Mapping { columns, allow_duplicates: true, ..Mapping::default() };
        let started = tenant.imports().start(&tenant, &eve, job.id, Some(mapping)).await;
        drop((started.unwrap(), tenant));
        let job = self.await_import("eve", job.id).await;
        let done = (job.state, job.progress.created, job.progress.failed);
        assert_eq!(done, (State::Done, count as u64, wrong as u64), "{:?}", job.failure);
        self.promises.imported.push((prefix, count));
        self.tell(&format!("eve: {count} rows were imported, {wrong} refused"));
    }

    async fn decide_failed_work(&mut self) {
        let root = self.root();
        let state = if self.dice.u32(..4) == 0 { WorkState::Waiting } else { WorkState::Parked };
        let items = self.tenant().failed_work(&root, state, None, 200).await.unwrap();
        let Some(item) = (!items.is_empty()).then(|| &items[self.dice.usize(..items.len())]) else { return };
        let again = self.dice.u32(..3) > 0;
        let before = self.head().await;
        let result = match again {
            true => self.tenant().retry(&root, item.id).await,
            false => self.tenant().dismiss(&root, item.id).await,
        };
        let verb = if again { "tries again" } else { "dismisses" };
        self.done(&format!("root {verb} {} {}", item.id, item.handler), result, &before).await;
    }

    /// After an administrator's action: when the machine failed, the trail tells whether it was done.
    async fn done(&mut self, what: &str, result: Result<(), Error>, before: &(i64, String)) {
        let Some(crossing) = self.fate.failed() else {
            self.tell(&format!("{what}: {:?}", result.map_err(|error| error.code())));
            return;
        };
        self.fail().await;
        assert!(result.is_err(), "{what}: a machine that failed does not answer");
        let after = self.head().await;
        match crossing {
            Crossing::BeforeCommit => assert_eq!(after, *before, "{what}: not committed, and still there"),
            Crossing::AfterCommit => assert!(after.0 > before.0, "{what}: committed, and gone"),
        }
        self.tell(&format!("{what}: nobody heard"));
    }

    async fn change_setting(&mut self) {
        // Capacities only grow, so that what was right stays right.
        let (name, value) = match self.dice.u32(..3) {
            0 => ("per_day", self.limits.0 + 1),
            1 => ("open", self.limits.1 + 1),
            _ => ("pace", self.dice.i64(0..6)),
        };
        let (root, before) = (self.root(), self.head().await);
        let result = self.tenant().set_setting(&root, "yard", name, json!(value)).await;
        if result.is_ok() || self.fate.failed() == Some(Crossing::AfterCommit) {
            match name {
                "per_day" => self.limits.0 = value,
                "open" => self.limits.1 = value,
                _ => {}
            }
        }
        match self.fate.failed() {
            // The same pace again changes nothing, committed or not.
            Some(_) if name == "pace" => self.fail().await,
            _ => self.done(&format!("root sets {name} to {value}"), result, &before).await,
        }
    }

    fn change_people(&mut self) {
        let login = self.somebody(&["una", "kim"]);
        for person in self.people.iter_mut().filter(|person| person.login == login) {
            person.active = !person.active;
        }
        self.announce();
        self.tell(&format!("{login} comes or goes"));
    }

    /// Another edition of the app is in force wholly or not at all.
    async fn install(&mut self) {
        let edition = self.edition + 1;
        let (root, before) = (self.root(), self.tenant().model().digest.clone());
        let package = Arc::new(app::yard(edition));
        let result = self.tenant().install(&root, package, &[]).await.map(drop);
        match self.fate.failed() {
            None => {
                result.unwrap();
                self.edition = edition;
            }
            Some(crossing) => {
                self.fail().await;
                let same = self.tenant().model().digest == before;
                assert_eq!(same, crossing == Crossing::BeforeCommit, "the edition in force");
                self.edition = if same { self.edition } else { edition };
            }
        }
        self.tell(&format!("edition {} is in force", self.edition));
    }

    async fn send_again(&mut self) {
        let channel = CHANNELS[self.dice.usize(..CHANNELS.len())];
        let (root, before) = (self.root(), self.head().await);
        let result = self.tenant().send_all_again(&root, channel).await;
        match (&result, self.fate.failed()) {
            (_, Some(_)) => self.fail().await,
            _ => self.done(&format!("root sends {channel} again"), result.map(drop), &before).await,
        }
    }

    async fn read_inbox(&mut self) {
        let eve = self.actor("eve");
        let result = self.tenant().mark_read(&eve, None).await;
        match self.fate.failed() {
            Some(_) => self.fail().await,
            None => result.map(drop).unwrap(),
        }
    }
}
