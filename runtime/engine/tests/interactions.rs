//! How forms are used: what is kept of it, what is not, and what administrators are told. The same on every database.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use chrono::TimeDelta;
use common::desk::words;
use common::works::{World, check_works};
use mortise_engine::{
    Actor, ErrorMet, FieldUse, FormUse, Interaction, InteractionFilter, InteractionKind as Kind, Screen,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn note_form() -> (&'static str, Json) {
    let form =
        json!({"id": "note", "entity": "job", "label": words("Note"), "sections": [{"fields": ["note"]}]});
    ("forms/note.json", form)
}

fn step(visit: Uuid, kind: Kind) -> Interaction {
    let (entity, form) = ("works.job".to_owned(), "works.note".to_owned());
    Interaction { visit, kind, entity, form, field: None, code: None, millis: None }
}

fn timed(visit: Uuid, kind: Kind, field: Option<&str>, millis: i64) -> Interaction {
    Interaction { field: field.map(str::to_owned), millis: Some(millis), ..step(visit, kind) }
}

fn refused(visit: Uuid, field: Option<&str>, code: &str) -> Interaction {
    let (field, code) = (field.map(str::to_owned), Some(code.to_owned()));
    Interaction { field, code, ..step(visit, Kind::Refused) }
}

fn note(world: &World, actor: &Actor, seen: Vec<Interaction>) -> usize {
    world.bench.tenant.note_interactions(actor, Screen::Phone, seen)
}

async fn uses(world: &World, role: Option<&str>) -> Vec<FormUse> {
    let role = role.map(str::to_owned);
    let since = world.now() - TimeDelta::days(1);
    let filter = InteractionFilter { since, until: world.now() + TimeDelta::seconds(1), role };
    world.bench.tenant.form_uses(&world.bench.admin(), &filter).await.unwrap().forms
}

/// A visit that saves after so many seconds, with so many of them in the field `note`.
fn saving(seconds: i64, in_note: i64) -> Vec<Interaction> {
    let visit = Uuid::new_v4();
    vec![
        step(visit, Kind::Opened),
        timed(visit, Kind::Field, Some("name"), 1_000),
        // A field that somebody comes back to counts once, with all of its time.
        timed(visit, Kind::Field, Some("note"), in_note * 1_000 - 500),
        timed(visit, Kind::Field, Some("note"), 500),
        timed(visit, Kind::Saved, None, seconds * 1_000),
    ]
}

#[tokio::test]
async fn forms_are_told_by_how_often_they_are_left_and_what_takes_long() {
    check_works(vec![note_form()], async |world: &mut World| {
        let ann = world.ann();
        for (seconds, in_note) in [(10, 4), (20, 6), (60, 50)] {
            assert_eq!(note(world, &ann, saving(seconds, in_note)), 5);
        }
        let (left, abandoned, late) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        let opened = |visit| step(visit, Kind::Opened);
        note(world, &ann, vec![opened(left), timed(left, Kind::Left, None, 900)]);
        note(
            world,
            &ann,
            vec![
                opened(abandoned),
                refused(abandoned, Some("note"), "field.required"),
                refused(abandoned, Some("note"), "field.required"),
                refused(abandoned, None, "record.duplicate"),
                timed(abandoned, Kind::Abandoned, None, 9_000),
            ],
        );
        // Put aside, and saved after all.
        let steps = [(Kind::Abandoned, 5_000), (Kind::Saved, 30_000)];
        let steps = steps.into_iter().map(|(kind, millis)| timed(late, kind, None, millis));
        note(
            world,
            &ann,
            [opened(late), refused(late, Some("note"), "field.required")].into_iter().chain(steps).collect(),
        );

        let slow = |field: &str, median_ms| FieldUse { field: field.to_owned(), median_ms, visits: 3 };
        let met = |field: Option<&str>, code: &str, visits| ErrorMet {
            field: field.map(str::to_owned),
            code: code.to_owned(),
            visits,
        };
        let expected = FormUse {
            entity: "works.job".to_owned(),
            form: "works.note".to_owned(),
            opened: 6,
            saved: 4,
            abandoned: 1,
            refused: 2,
            // Of 10, 20, 30 and 60 seconds.
            median_ms: Some(25_000),
            slowest: vec![slow("note", 6_000), slow("name", 1_000)],
            errors: vec![met(Some("note"), "field.required", 2), met(None, "record.duplicate", 1)],
        };
        assert_eq!(uses(world, None).await, [expected]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_kept_that_the_definitions_do_not_name() {
    check_works(vec![note_form()], async |world: &mut World| {
        let ann = world.ann();
        let visit = Uuid::new_v4();
        let with = |change: fn(&mut Interaction)| {
            let mut one = timed(visit, Kind::Field, Some("note"), 1);
            change(&mut one);
            one
        };
        let senseless = vec![
            with(|one| one.entity = "works.nothing".to_owned()),
            with(|one| one.form = "what somebody typed".to_owned()),
            with(|one| one.field = Some("13800138000".to_owned())),
            with(|one| one.field = None),
            with(|one| one.millis = None),
            refused(visit, None, "what somebody typed"),
            with(|one| one.kind = Kind::Refused),
        ];
        assert_eq!(note(world, &ann, senseless), 0);
        // Nobody is left for a day at one field.
        note(world, &ann, vec![step(visit, Kind::Opened), timed(visit, Kind::Field, Some("note"), i64::MAX)]);
        assert_eq!(uses(world, None).await[0].slowest[0].median_ms, 4 * 3_600_000);
        let rows = world.bench.dump().await.to_lowercase();
        let rows: Vec<&str> = rows.lines().filter(|line| line.starts_with("_interaction: ")).collect();
        assert_eq!(rows.len(), 2);
        assert!(!rows.iter().any(|row| row.contains(&ann.user.id.simple().to_string())), "{rows:?}");
        assert!(!rows.iter().any(|row| row.contains(&ann.user.id.to_string())), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn a_role_is_looked_at_only_when_enough_people_have_it() {
    check_works(vec![note_form()], async |world: &mut World| {
        let eve = world.bench.person("eve");
        note(world, &world.ann(), saving(10, 2));
        note(world, &eve, saving(10, 2));
        assert_eq!(uses(world, None).await[0].opened, 2);
        assert!(uses(world, Some("works.worker")).await.is_empty(), "two people have it");
        world.bench.hire("kim", &["works.worker", "works.chief"], |_| ());
        note(world, &world.bench.person("kim"), saving(10, 2));
        assert_eq!(uses(world, Some("works.worker")).await[0].opened, 2);
        assert!(uses(world, Some("works.chief")).await.is_empty());
        assert!(uses(world, Some("works.work%")).await.is_empty());
        world.sleep(TimeDelta::days(2));
        assert!(uses(world, None).await.is_empty(), "other days are not looked at");
    })
    .await;
}

#[tokio::test]
async fn switched_off_nothing_is_kept_and_what_was_kept_can_be_deleted() {
    check_works(vec![note_form()], async |world: &mut World| {
        let (tenant, root, ann) = (world.bench.tenant.clone(), world.bench.admin(), world.ann());
        assert_eq!(tenant.watch_forms(&ann, false).await.unwrap_err().code(), "permission.administrator");
        assert_eq!(tenant.delete_interactions(&ann).await.unwrap_err().code(), "permission.administrator");
        note(world, &ann, saving(10, 2));
        assert_eq!(uses(world, None).await.len(), 1);
        tenant.watch_forms(&root, false).await.unwrap();
        assert!(!tenant.watches_forms());
        assert_eq!(note(world, &ann, saving(10, 2)), 0);
        assert_eq!(uses(world, None).await[0].opened, 1, "what was kept stays");
        assert_eq!(tenant.delete_interactions(&root).await.unwrap(), 5);
        assert!(uses(world, None).await.is_empty());
        world.bench.crash().await;
        assert!(!world.bench.tenant.watches_forms(), "it is remembered");
        world.bench.tenant.watch_forms(&root, true).await.unwrap();
        assert_eq!(note(world, &ann, saving(10, 2)), 5);
        // What was recorded goes by itself when it is old.
        assert_eq!(uses(world, None).await.len(), 1);
        world.sleep(TimeDelta::days(91));
        world.bench.tenant.clear_old().await.unwrap();
        assert!(!world.bench.dump().await.contains("_interaction: "));
    })
    .await;
}

#[tokio::test]
async fn a_flood_is_cut_off_and_hinders_nobody_else() {
    check_works(vec![note_form()], async |world: &mut World| {
        let (ann, bob) = (world.ann(), world.bench.person("bob"));
        let flood = || vec![step(Uuid::new_v4(), Kind::Opened); 500];
        let taken: usize = (0..20).map(|_| note(world, &ann, flood())).sum();
        assert_eq!(taken, 1_000);
        assert_eq!(note(world, &bob, saving(10, 2)), 5);
        world.sleep(TimeDelta::minutes(1));
        assert_eq!(note(world, &ann, saving(10, 2)), 5);
    })
    .await;
}
