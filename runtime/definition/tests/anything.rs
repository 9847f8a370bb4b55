//! Whatever is given as an app or an overlay: the answer is an app or a list of problems, never a panic.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use mortise_definition::{Overlay, Package, Problem, compile};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

static TEMPLATE: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../app-templates/sales-core");
    let mut values = Package::read_folder(&folder).expect("the template is right").values();
    // The trees are large and have little to break.
    values.retain(|path, _| !path.starts_with("trees/region"));
    values
});

/// Every problem can be told in every language without a gap.
fn check_words(problems: &[Problem]) {
    for problem in problems {
        for language in ["en", "zh-CN"] {
            let message = problem.message(language);
            assert!(!message.starts_with("error."), "{message}");
        }
    }
}

fn run(files: BTreeMap<String, String>) {
    let trusted = Package::trusted_from_files(&files);
    let checked = Package::from_files(files);
    for package in [trusted, checked] {
        match package {
            Ok(package) => match compile(&[Arc::new(package)], &[], &BTreeMap::new()) {
                Ok(compiled) => check_words(&compiled.warnings),
                Err(problems) => check_words(&problems),
            },
            Err(problems) => {
                assert!(!problems.is_empty());
                check_words(&problems);
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Texts that mean something in the language, expressions among them, or nothing at all.
fn any_text() -> impl Strategy<Value = String> {
    let known = [
        "id",
        "name",
        "type",
        "fields",
        "entity",
        "label",
        "choices",
        "value",
        "rollup",
        "computed",
        "lines",
        "via",
        "account",
        "sales-core.account",
        "record.name",
        "record.owner == user.id",
        "record.",
        "now()",
        "a.b.c",
        "-name",
        "2.50",
        "own",
        "where",
        "en",
        "",
        "/",
        "~",
        "\u{0}",
        "客户",
        "record.amount > 'x' && (",
        "{0000}",
        "((((",
    ];
    prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}"]
}

/// Where in a value something is changed: one number per level.
fn place_in(value: &mut Value, path: &[u16], change: &Value, remove: bool) {
    let pick = |length: usize| path.first().map(|at| usize::from(*at) % length);
    match value {
        Value::Array(items) if !items.is_empty() && path.len() > 1 => {
            let at = pick(items.len()).expect("the path is not empty");
            if remove && path.len() == 2 {
                items.remove(at);
            } else {
                place_in(&mut items[at], &path[1..], change, remove);
            }
        }
        Value::Object(map) if !map.is_empty() && path.len() > 1 => {
            let at = pick(map.len()).expect("the path is not empty");
            let key = map.keys().nth(at).expect("the position is within").clone();
            if remove && path.len() == 2 {
                map.shift_remove(&key);
            } else {
                place_in(&mut map[&key], &path[1..], change, remove);
            }
        }
        other => other.clone_from(change),
    }
}

fn mutated(changes: &[(u16, Vec<u16>, Value, bool)]) -> BTreeMap<String, Value> {
    let mut values = TEMPLATE.clone();
    for (file, path, change, remove) in changes {
        let at = usize::from(*file) % values.len();
        let value = values.values_mut().nth(at).expect("the position is within");
        place_in(value, path, change, *remove);
    }
    values
}

fn any_changes() -> impl Strategy<Value = Vec<(u16, Vec<u16>, Value, bool)>> {
    prop::collection::vec(
        (any::<u16>(), prop::collection::vec(any::<u16>(), 1..6), any_json(), any::<bool>()),
        1..4,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_text_as_a_file_gives_problems(text in ".{0,200}", path in prop::sample::select(vec!["app.json", "entities/a.json", "x"])) {
        run(BTreeMap::from([(path.to_owned(), text)]));
    }

    #[test]
    fn any_json_as_an_artifact_gives_problems(app in any_json(), entity in any_json(), role in any_json()) {
        run(BTreeMap::from([
            ("app.json".to_owned(), app.to_string()),
            ("entities/a.json".to_owned(), entity.to_string()),
            ("roles/r.json".to_owned(), role.to_string()),
        ]));
    }

    #[test]
    fn an_app_that_is_changed_anywhere_gives_an_app_or_problems(changes in any_changes()) {
        run(mutated(&changes).into_iter().map(|(path, value)| (path, value.to_string())).collect());
    }

    #[test]
    fn what_loads_is_saved_and_loaded_again_without_a_change(changes in any_changes()) {
        let files = mutated(&changes).into_iter().map(|(path, value)| (path, value.to_string())).collect();
        if let Ok(package) = Package::from_files(files) {
            let saved = package.files();
            let again = Package::from_files(saved.clone()).expect("what was saved is right");
            prop_assert_eq!(&again.files(), &saved);
            prop_assert_eq!(Package::trusted_from_files(&saved).expect("what was saved is right").files(), saved);
        }
    }

    #[test]
    fn an_overlay_makes_one_version_of_any_other(changes in any_changes()) {
        let files = |values: BTreeMap<String, Value>| values.into_iter().map(|(path, value)| (path, value.to_string())).collect();
        let base = Package::from_files(files(TEMPLATE.clone())).expect("the template is right");
        if let Ok(changed) = Package::from_files(files(mutated(&changes))) {
            let overlay = Overlay::between(&base, &changed);
            let applied = overlay.apply(&base).expect("the overlay was made for this version");
            let mut expected = changed;
            expected.app.version.clone_from(&base.app.version);
            expected.app.id.clone_from(&base.app.id);
            prop_assert_eq!(sorted(&applied), sorted(&expected));
            let (again, conflicts) = overlay.rebase(&base);
            prop_assert_eq!((again, conflicts), (overlay, vec![]));
        }
    }

    #[test]
    fn any_patch_gives_an_app_or_problems(path in "(fields|name|#order|[a-z0-9/~]){0,4}", before in prop::option::of(any_json()), after in prop::option::of(any_json())) {
        let base = Package::from_files(BTreeMap::from([(
            "app.json".to_owned(),
            json!({"id": "a", "version": "1.0.0", "label": "A", "menu": ["x", "y"]}).to_string(),
        )])).expect("the app is right");
        let patch = json!({"artifact": "app", "path": path, "before": before, "after": after});
        let overlay: Overlay = serde_json::from_value(json!({"app": "a", "version": "1.0.0", "patches": [patch]})).expect("a patch is JSON");
        if let Err(problems) = overlay.apply(&base) {
            check_words(&problems);
        }
        overlay.rebase(&base);
    }
}

/// Values with keys in order: the order of keys within an object means nothing.
fn sorted(package: &Package) -> String {
    fn sort(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let sorted: BTreeMap<String, Value> =
                    map.into_iter().map(|(key, value)| (key, sort(value))).collect();
                sorted.into_iter().collect()
            }
            Value::Array(items) => items.into_iter().map(sort).collect(),
            other => other,
        }
    }
    package.values().into_iter().map(|(path, value)| format!("{path} {}\n", sort(value))).collect()
}
