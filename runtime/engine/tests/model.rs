//! Seeded commands against a tenant and against a model of it in memory, in a simulated world with crashes: after each
//! command both say the same, and the same seed gives the same run.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};
use common::{Bench, databases, package};
use mortise_definition::Package;
use mortise_engine::{Actor, Command, Database, Env, Error, Outcome, Simulated};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

/// Boxes hold balls; a ball has a unique name and a weight, a box their number and weight.
fn toys() -> Package {
    let field = |id: &str, more: Json| {
        let mut field = json!({"id": id, "label": words(id)});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        field
    };
    package(vec![
        ("app.json", json!({"id": "toys", "version": "1.0.0", "label": words("Toys")})),
        (
            "entities/box.json",
            json!({"id": "box", "label": words("Box"), "title": "name", "fields": [
                field("name", json!({"type": "text"})),
                field("balls", json!({"type": "rollup", "entity": "ball", "via": "box", "operation": "count"})),
                field("weight", json!({"type": "rollup", "entity": "ball", "via": "box", "operation": "sum", "field": "weight"})),
            ]}),
        ),
        (
            "entities/ball.json",
            json!({"id": "ball", "label": words("Ball"), "title": "name", "fields": [
                field("name", json!({"type": "text", "required": true, "unique": true, "search": true})),
                field("box", json!({"type": "reference", "entity": "box"})),
                field("weight", json!({"type": "integer", "min": 0})),
                field("double", json!({"type": "computed", "value": "record.weight * 2"})),
            ]}),
        ),
    ])
}

/// Splitmix64: small, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Ball {
    name: String,
    in_box: Option<usize>,
    weight: Option<i64>,
    version: i64,
    deleted: bool,
}

/// What the tenant should hold.
#[derive(Clone, Default)]
struct Toys {
    balls: BTreeMap<Uuid, Ball>,
}

impl Toys {
    fn taken(&self, name: &str, except: Option<Uuid>) -> bool {
        self.balls.iter().any(|(id, ball)| !ball.deleted && ball.name == name && Some(*id) != except)
    }

    /// Does what the tenant should do; the error's code when it should refuse.
    fn apply(&mut self, command: &Command, boxes: &[Uuid]) -> Result<(), &'static str> {
        let of = |values: &Map<String, Json>, ball: &mut Ball| {
            if let Some(name) = values.get("name") {
                ball.name = name.as_str().unwrap_or_default().to_owned();
            }
            if let Some(target) = values.get("box") {
                ball.in_box = boxes.iter().position(|id| json!(id) == *target);
            }
            if let Some(weight) = values.get("weight") {
                ball.weight = weight.as_i64();
            }
        };
        match command {
            Command::Create { id: Some(id), values, .. } => {
                let mut ball =
                    Ball { name: String::new(), in_box: None, weight: None, version: 1, deleted: false };
                of(values, &mut ball);
                if ball.name.is_empty()
                    || ball.weight.is_some_and(|weight| weight < 0)
                    || self.taken(&ball.name, None)
                    || self.balls.contains_key(id)
                {
                    return Err("record.invalid");
                }
                self.balls.insert(*id, ball);
            }
            Command::Update { id, version, values, .. } => {
                // What is wrong in itself is told before what depends on the record, and that before what is late.
                if values.get("weight").and_then(Json::as_i64).is_some_and(|weight| weight < 0) {
                    return Err("record.invalid");
                }
                let Some(old) = self.balls.get(id).filter(|ball| !ball.deleted).cloned() else {
                    return Err("record.not_found");
                };
                let mut ball = old.clone();
                of(values, &mut ball);
                if ball.name.is_empty() {
                    return Err("record.invalid");
                }
                if version.is_some_and(|version| version != old.version) {
                    return Err("record.stale");
                }
                if ball == old {
                    return Ok(());
                }
                if self.taken(&ball.name, Some(*id)) {
                    return Err("record.invalid");
                }
                ball.version += 1;
                self.balls.insert(*id, ball);
            }
            Command::Delete { id, version, .. } => {
                let Some(ball) = self.balls.get_mut(id).filter(|ball| !ball.deleted) else {
                    return Err("record.not_found");
                };
                if version.is_some_and(|version| version != ball.version) {
                    return Err("record.stale");
                }
                (ball.deleted, ball.version) = (true, ball.version + 1);
            }
            Command::Restore { id, .. } => {
                let Some(ball) = self.balls.get(id).cloned() else { return Err("record.not_found") };
                if !ball.deleted {
                    return Ok(());
                }
                if self.taken(&ball.name, Some(*id)) {
                    return Err("record.invalid");
                }
                let restored = Ball { deleted: false, version: ball.version + 1, ..ball };
                self.balls.insert(*id, restored);
            }
            Command::Batch { commands, atomic: true } => {
                let mut whole = self.clone();
                for command in commands {
                    whole.apply(command, boxes)?;
                }
                *self = whole;
            }
            Command::Batch { commands, .. } => {
                for command in commands {
                    let _ = self.apply(command, boxes);
                }
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}

const BALL: &str = "toys.ball";

struct Player {
    dice: Dice,
    toys: Toys,
    boxes: Vec<Uuid>,
    made: u64,
}

impl Player {
    fn some_ball(&mut self) -> Uuid {
        let sides = self.toys.balls.len() as u64 + 1;
        let at = self.dice.throw(sides) as usize;
        self.toys.balls.keys().nth(at).copied().unwrap_or(Uuid::from_u128(7))
    }

    fn values(&mut self, all: bool) -> Map<String, Json> {
        let mut values = Map::new();
        if all || self.dice.throw(3) == 0 {
            let name = self.dice.throw(40);
            values.insert("name".into(), if name == 0 { Json::Null } else { json!(format!("ball {name}")) });
        }
        if self.dice.throw(2) == 0 {
            let at = self.dice.throw(self.boxes.len() as u64 + 1) as usize;
            values.insert("box".into(), json!(self.boxes.get(at)));
        }
        if self.dice.throw(2) == 0 {
            let weight = self.dice.throw(12) as i64 - 1;
            values.insert("weight".into(), if weight == 10 { Json::Null } else { json!(weight) });
        }
        values
    }

    fn version(&mut self, id: Uuid) -> Option<i64> {
        let present = self.toys.balls.get(&id).map_or(1, |ball| ball.version);
        match self.dice.throw(4) {
            0 => Some(present),
            1 if present > 1 => Some(present - 1),
            _ => None,
        }
    }

    fn one(&mut self) -> Command {
        let entity = BALL.to_owned();
        match self.dice.throw(10) {
            0..=3 => {
                self.made += 1;
                let again = self.dice.throw(30) == 0;
                let id = if again {
                    self.some_ball()
                } else {
                    Uuid::from_u128(u128::from(self.made) << 64 | 1 << 63)
                };
                Command::Create { entity, values: self.values(true), id: Some(id), allow_duplicates: true }
            }
            4..=6 => {
                let id = self.some_ball();
                Command::Update { entity, id, version: self.version(id), values: self.values(false) }
            }
            7..=8 => {
                let id = self.some_ball();
                Command::Delete { entity, id, version: self.version(id) }
            }
            _ => Command::Restore { entity, id: self.some_ball() },
        }
    }

    fn command(&mut self) -> Command {
        if self.dice.throw(6) > 0 {
            return self.one();
        }
        let count = self.dice.throw(6);
        let atomic = self.dice.throw(2) == 0;
        Command::Batch { commands: (0..count).map(|_| self.one()).collect(), atomic }
    }
}

/// Both say the same about every ball and every box.
async fn compare(bench: &Bench, actor: &Actor, player: &Player) {
    let mut found = BTreeMap::new();
    for trash in ["false", "true"] {
        for row in bench.rows(actor, BALL, &[("trash", trash), ("sort", "name")]).await.unwrap() {
            let weight = row["weight"].as_i64();
            assert_eq!(row["double"].as_i64(), weight.map(|weight| weight * 2));
            let ball = Ball {
                name: row["name"].as_str().unwrap().to_owned(),
                in_box: player.boxes.iter().position(|id| json!(id) == row["box"]),
                weight,
                version: row["version"].as_i64().unwrap(),
                deleted: trash == "true",
            };
            found.insert(row["id"].as_str().unwrap().parse::<Uuid>().unwrap(), ball);
        }
    }
    assert_eq!(found, player.toys.balls);
    for (at, id) in player.boxes.iter().enumerate() {
        let inside: Vec<&Ball> =
            player.toys.balls.values().filter(|ball| !ball.deleted && ball.in_box == Some(at)).collect();
        let record = bench.json(actor, "toys.box", *id).await;
        let weight: i64 = inside.iter().filter_map(|ball| ball.weight).sum();
        assert_eq!((&record["balls"], &record["weight"]), (&json!(inside.len()), &json!(weight)));
    }
    let word = "7";
    let named = player
        .toys
        .balls
        .values()
        .filter(|ball| !ball.deleted && ball.name.split(' ').any(|part| part.starts_with(word)));
    assert_eq!(bench.count(actor, BALL, &[("q", word)]).await, named.count() as i64);
    assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
}

async fn play(name: &'static str, kind: Database, seed: u64, commands: u32) -> (Bench, u32) {
    let env = Arc::new(Simulated::new(Utc.with_ymd_and_hms(2026, 3, 1, 8, 0, 0).unwrap(), seed));
    let mut bench = Bench::open(name, kind, env.clone() as Arc<dyn Env>).await;
    bench.hire("root", &[], |root| (root.id, root.administrator) = (Uuid::from_u128(42), true));
    bench.install(toys()).await.unwrap();
    let actor = bench.admin();
    let mut boxes = Vec::new();
    for number in 0..3 {
        boxes.push(bench.create(&actor, "toys.box", json!({"name": format!("box {number}")})).await);
    }
    let mut player = Player { dice: Dice(seed), toys: Toys::default(), boxes, made: 0 };
    let mut refused = 0;
    for step in 0..commands {
        env.advance(TimeDelta::seconds(player.dice.throw(5_000) as i64));
        let command = player.command();
        let expected = player.toys.apply(&command, &player.boxes.clone());
        let result = bench.run(&bench.admin(), command.clone()).await;
        let got = match &result {
            Ok(_) => Ok(()),
            Err(Error::Store(error)) => panic!("seed {seed}, step {step}: {error} at {command:?}"),
            Err(error) => Err(error.code()),
        };
        match &command {
            // Parts that are wrong in themselves are found before any part is tried, so that another may be told first.
            Command::Batch { .. } => {
                assert_eq!(got.is_ok(), expected.is_ok(), "seed {seed}, step {step}: {command:?} {result:?}")
            }
            _ => assert_eq!(got, expected, "seed {seed}, step {step}: {command:?} {result:?}"),
        }
        if let Ok(Outcome::Batch(parts)) = &result {
            assert_eq!(
                parts.len(),
                match &command {
                    Command::Batch { commands, .. } => commands.len(),
                    _ => 0,
                }
            );
        }
        refused += u32::from(got.is_err());
        if player.dice.throw(25) == 0 {
            bench.crash().await;
        }
        if step % 10 == 0 || step + 1 == commands {
            compare(&bench, &bench.admin(), &player).await;
        }
    }
    (bench, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_commands_do_to_the_tenant_what_they_do_to_a_model_of_it() {
    for (name, kind) in databases() {
        for seed in 1..=3 {
            let (bench, refused) = play(name, kind.clone(), seed, 150).await;
            assert!(refused > 10, "a run in which next to nothing is refused proves little");
            bench.drop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_is_the_same_run() {
    let mut dumps = Vec::new();
    for _ in 0..2 {
        let (bench, _) = play("sqlite", Database::Sqlite, 11, 60).await;
        dumps.push(bench.dump().await);
        bench.drop().await;
    }
    assert_eq!(dumps[0], dumps[1]);
}
