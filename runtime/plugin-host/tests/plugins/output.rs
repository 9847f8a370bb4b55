//! Plugins whose answers are none: too long, out of bounds, no text, no number, about records that nobody asked about.

use mortise_plugin_host::limits::Counter;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::Candidate;

use crate::support::{Place, invocation, package, settings, thing, validator};

/// One violation at 2048, whose message is `length` bytes from `at`.
fn violation(at: i32, length: i32) -> String {
    format!(
        "(i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1)) \
         (i32.store (i32.const 2068) (i32.const {at})) (i32.store (i32.const 2072) (i32.const {length})) \
         (i32.const 1024)"
    )
}

async fn failure(body: &str, extra: &str) -> Failure {
    let place = Place::new(settings());
    let plugin = place.install(&validator("", extra, body)).await.unwrap();
    plugin.validate(&invocation(), "it", None, &thing("a")).await.outcome.unwrap_err()
}

#[tokio::test]
async fn a_violation_in_memory_is_read_as_it_stands() {
    let place = Place::new(settings());
    let extra = r#"(data (i32.const 64) "sparse")"#;
    let plugin = place.install(&validator("", extra, &violation(64, 6))).await.unwrap();
    let said = plugin.validate(&invocation(), "it", None, &thing("a")).await.outcome.unwrap();
    assert_eq!((said[0].message.as_str(), said[0].field.as_deref()), ("sparse", None));
}

#[tokio::test]
async fn a_hundred_megabytes_of_answer_are_never_copied() {
    let body = format!("(drop (memory.grow (i32.const 100))) {}", violation(0, 5_000_000));
    match failure(&body, "").await {
        Failure::Limit(exceeded) => assert_eq!(exceeded.counter, Counter::OutputBytes),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_outside_of_memory_is_a_breakdown() {
    assert!(matches!(failure(&violation(-8, 100), "").await, Failure::Trap { .. }));
    let long = "(i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const -1)) \
                (i32.const 1024)";
    assert!(matches!(failure(long, "").await, Failure::Trap { .. }));
    assert!(matches!(failure("(i32.const -4)", "").await, Failure::Trap { .. }));
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_a_breakdown() {
    let extra = r#"(data (i32.const 64) "\ff\fe\fd")"#;
    let failure = failure(&violation(64, 3), extra).await;
    assert!(matches!(failure, Failure::Trap { .. }), "{failure:?}");
    assert!(failure.is_breakdown());
}

#[tokio::test]
async fn an_answer_of_no_known_kind_is_a_breakdown() {
    let failure = failure("(i32.store8 (i32.const 1024) (i32.const 7)) (i32.const 1024)", "").await;
    assert!(matches!(failure, Failure::Trap { .. }), "{failure:?}");
}

/// One score at 2048: the id is `length` bytes from 64, the number has these bits.
fn score(length: i32, bits: i64) -> String {
    format!(
        "(i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1)) \
         (i32.store (i32.const 2048) (i32.const 64)) (i32.store (i32.const 2052) (i32.const {length})) \
         (i64.store (i32.const 2056) (i64.const {bits})) (i32.const 1024)"
    )
}

async fn scored(body: &str) -> Result<f64, Failure> {
    let place = Place::new(settings());
    let extra = r#"(data (i32.const 64) "1forged")"#;
    let plugin = place.install(&package(Point::Scorer, "", extra, body)).await.unwrap();
    let run = plugin.score(&invocation(), "it", &[thing("a")]).await;
    run.outcome.map(|scores| scores[0].score)
}

#[tokio::test]
async fn a_score_is_a_finite_number_about_a_record_that_was_asked_about() {
    assert_eq!(scored(&score(1, 1.5_f64.to_bits().cast_signed())).await, Ok(1.5));
    for bits in [f64::NAN.to_bits(), f64::INFINITY.to_bits()] {
        let failure = scored(&score(1, bits.cast_signed())).await.unwrap_err();
        assert!(matches!(failure, Failure::Output { .. }), "{failure:?}");
    }
    let forged = scored(&score(7, 0)).await.unwrap_err();
    assert!(matches!(&forged, Failure::Output { reason } if reason.contains("1forged")), "{forged:?}");
}

#[tokio::test]
async fn somebody_who_is_no_candidate_is_not_chosen() {
    let place = Place::new(settings());
    // ok(some("boss")): the option at 1032, the text at 1036.
    let body = "(i32.store8 (i32.const 1032) (i32.const 1)) (i32.store (i32.const 1036) (i32.const 64)) \
                (i32.store (i32.const 1040) (i32.const 4)) (i32.const 1024)";
    let extra = r#"(data (i32.const 64) "boss")"#;
    let plugin = place.install(&package(Point::Assigner, "", extra, body)).await.unwrap();
    let candidate = |id: &str| Candidate { id: id.into(), fields: Vec::new() };
    let forged = plugin.assign(&invocation(), "it", &thing("a"), &[candidate("ann")]).await.outcome;
    assert!(matches!(forged, Err(Failure::Output { .. })), "{forged:?}");
    let chosen = plugin.assign(&invocation(), "it", &thing("a"), &[candidate("boss")]).await.outcome;
    assert_eq!(chosen, Ok(Some("boss".into())));
}

#[tokio::test]
async fn a_hook_changes_only_what_its_manifest_says() {
    // ok(change([field])): the verdict at 1032, the list at 1040, one field at 2048 with its value `null`.
    let body = |length: i32| {
        format!(
            "(i32.store8 (i32.const 1032) (i32.const 1)) \
             (i32.store (i32.const 1040) (i32.const 2048)) (i32.store (i32.const 1044) (i32.const 1)) \
             (i32.store (i32.const 2048) (i32.const 64)) (i32.store (i32.const 2052) (i32.const {length})) \
             (i32.const 1024)"
        )
    };
    let place = Place::new(settings());
    let extra = r#"(data (i32.const 64) "names")"#;
    let allowed = place.install(&package(Point::BeforeSave, "", extra, &body(4))).await.unwrap();
    let run = allowed.before_save(&invocation(), "it", "create", None, Some(&thing("a"))).await;
    assert!(run.outcome.is_ok(), "{:?}", run.outcome);
    let other = place.install(&package(Point::BeforeSave, "", extra, &body(5))).await.unwrap();
    let run = other.before_save(&invocation(), "it", "create", None, Some(&thing("a"))).await;
    let reason = run.outcome.unwrap_err().to_string();
    assert!(reason.contains("names is not among the fields"), "{reason}");
}
