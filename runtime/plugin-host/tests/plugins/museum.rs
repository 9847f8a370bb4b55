//! Plugins that were built with a released kit. They are never built again: a change of the host that breaks one of them
//! breaks somebody's plugin.

use std::sync::Arc;

use mortise_plugin_host::limits::{Counter, Settings};
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::{Failure, Run};
use mortise_plugin_host::value::{Entry, Field, Outcome, Value};
use mortise_plugin_host::{Package, Plugin, compatibility, inspect};

use crate::support::{Memory, Place, invocation, invocation_with, settings, version};

macro_rules! exhibit {
    ($name:literal) => {
        Package::read(include_bytes!(concat!("../museum/", $name, ".plugin")), &Settings::default()).unwrap()
    };
}

async fn install(package: &Package) -> (Place, Arc<Plugin>) {
    let place = Place::new(settings());
    let server = semver::Version::new(0, 1, 0);
    let plugin = place.host.install(package, &server).await.unwrap();
    (place, plugin)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn used<T>(run: &Run<T>, counter: Counter) -> u64 {
    run.record.used.iter().find(|used| used.counter == counter).unwrap().used
}

#[test]
fn every_exhibit_imports_and_exports_exactly_what_its_manifest_says() {
    for package in [
        exhibit!("rust-0.1.0-similarity"),
        exhibit!("rust-0.1.0-intent-heat"),
        exhibit!("rust-0.1.0-quote-pricing"),
        exhibit!("rust-0.1.0-fabe-check"),
        exhibit!("rust-0.1.0-win-forecast"),
    ] {
        let interfaces = inspect("plugin.wasm", &package.component).unwrap();
        let problems = compatibility(&interfaces, &package.manifest, &semver::Version::new(0, 1, 0));
        assert!(problems.is_empty(), "{}: {problems:?}", package.manifest.id);
        assert!(!interfaces.imports.iter().any(|import| import.starts_with("wasi:")), "{interfaces:?}");
        let newer = compatibility(&interfaces, &package.manifest, &version());
        assert!(newer.is_empty(), "{newer:?}");
    }
}

#[tokio::test]
async fn similar_names_are_found_for_a_thousand_rows_within_the_default_fuel() {
    let (_place, plugin) = install(&exhibit!("rust-0.1.0-similarity")).await;
    let pair = vec![text("深圳市华为技术有限公司"), text("华为技术（深圳）有限公司")];
    let run = plugin.call_many(&invocation(), "company-similarity", &vec![pair; 1_000]);
    assert!(run.outcome.is_ok(), "{}", run.record.detail.unwrap_or_default());
    assert!(run.outcome.unwrap().iter().all(|value| *value == Value::Float(1.0)));
    let again = plugin.call_many(&invocation(), "company-core", &[vec![text("Acme Trading Co., Ltd.")]]);
    assert_eq!(again.outcome, Ok(vec![text("acme trading")]));
    let wrong = plugin.call_many(&invocation(), "company-core", &[vec![Value::Integer(1)]]);
    assert!(matches!(wrong.outcome, Err(Failure::Fault(fault)) if fault.code == "argument"));
}

#[tokio::test]
async fn the_heat_of_a_lead_is_read_from_its_touches_and_only_if_that_was_granted() {
    let package = exhibit!("rust-0.1.0-intent-heat");
    let (_place, plugin) = install(&package).await;
    let touch = |kind: &str, at: &str| Entry {
        entity: "touch".into(),
        id: Some("t".into()),
        fields: vec![Field::new("kind", text(kind)), Field::new("happened_at", Value::Timestamp(at.into()))],
    };
    let things = vec![
        touch("pricing_page", "2026-03-31T08:00:00Z"),
        touch("pricing_page", "2026-03-31T07:00:00Z"),
        touch("form", "2026-03-30T08:00:00Z"),
    ];
    let memory = Memory { things, ..Memory::default() };
    let lead = Entry {
        entity: "lead".into(),
        id: Some("l1".into()),
        fields: vec![Field::new("status", text("new"))],
    };
    let granted = invocation_with(package.manifest.permissions.clone(), memory.clone());
    let run = plugin.score(&granted, "heat", std::slice::from_ref(&lead)).await;
    let scored = run.outcome.as_ref().unwrap();
    assert!(scored[0].score > 60.0, "{scored:?}");
    assert_eq!(scored[0].reasons[0].text, "High");
    assert_eq!((used(&run, Counter::HostCalls), used(&run, Counter::RowsRead)), (1, 3));

    let refused = invocation_with(mortise_plugin_host::Permissions::default(), memory);
    let failure = plugin.score(&refused, "heat", &[lead]).await.outcome.unwrap_err();
    assert!(matches!(failure, Failure::Fault(fault) if fault.code == "plugin.denied.read"));
}

#[tokio::test]
async fn a_quotation_is_priced_and_says_who_has_to_approve() {
    let (_place, plugin) = install(&exhibit!("rust-0.1.0-quote-pricing")).await;
    let quotation = r#"{"lines":[{"product":"A","quantity":"3","price":"19.99","discount_percent":"10"}]}"#;
    let input = [Field::new("quotation", Value::Json(quotation.into()))];
    let run = plugin.run(&invocation(), "price", &input, None).await;
    let Ok(Outcome::Done(fields)) = run.outcome else { panic!("{:?}", run.outcome) };
    let value = |name: &str| fields.iter().find(|field| field.name == name).unwrap().value.clone();
    assert_eq!(value("total"), Value::Decimal("53.97".into()));
    assert_eq!(value("approval"), text("manager"));
    assert_eq!(run.record.lines[0].message, "needs the approval of manager");
}

#[tokio::test]
async fn a_transcript_is_checked_in_both_languages() {
    let package = exhibit!("rust-0.1.0-fabe-check");
    let (_place, plugin) = install(&package).await;
    let rows = [
        vec![text("这款设备采用伺服电机。所以您可以节省人工。")],
        vec![text("It comes with a 3 kW laser. Scrap fell by 8 percent.")],
    ];
    let run = plugin.call_many(&invocation(), "fabe-missing", &rows);
    let many = |names: &[&str]| Value::Many(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(run.outcome, Ok(vec![many(&["advantage", "evidence"]), many(&["advantage", "benefit"])]));
    assert!(package.manifest.export(Point::Function, "fabe").is_some());
}

#[tokio::test]
async fn a_forecast_rests_on_what_a_job_has_put_into_the_store() {
    let package = exhibit!("rust-0.1.0-win-forecast");
    let (_place, plugin) = install(&package).await;
    let memory = Memory::default();
    let invocation = invocation_with(package.manifest.permissions.clone(), memory.clone());
    let fields = vec![
        Field::new("status", text("open")),
        Field::new("opened_on", Value::Date("2026-03-17".into())),
        Field::new("main_competitor", Value::Reference { entity: "competitor".into(), id: "c".into() }),
    ];
    let open = Entry { entity: "opportunity".into(), id: Some("o1".into()), fields };
    let refused = plugin.score(&invocation, "win-probability", std::slice::from_ref(&open)).await;
    assert!(matches!(refused.outcome, Err(Failure::Fault(fault)) if fault.code == "not_trained"));

    let begun = plugin.step(&invocation, "train", None, &[]).await.outcome.unwrap();
    let ended = plugin.step(&invocation, "train", begun.cursor.as_deref(), &[]).await.outcome.unwrap();
    assert!(ended.note.unwrap().starts_with("Too little data for a forecast: 0 won"));

    let learnt = r#"{"state":"trained","closed":100,"at":"2026-03-31T08:15:00Z","won":40,"lost":60,
        "words":{"budgets":[],"sources":[],"kinds":[]},"factors":["competitor"],"weights":[0.0,-1.0],
        "errors":[0.2,0.25],"means":[1.0,0.5],"slope":1.0,"shift":0.0,"quality":null}"#;
    memory.stored.lock().insert("model".into(), learnt.into());
    let scored = plugin.score(&invocation, "win-probability", &[open]).await.outcome.unwrap();
    assert_eq!((scored[0].score, scored[0].reasons[1].text.as_str()), (26.9, "a competitor is there"));
    let drivers = plugin.load(&invocation, "forecast-drivers", &[]).await.outcome.unwrap();
    assert_eq!(drivers.rows[0][0], "A competitor is there");
}
