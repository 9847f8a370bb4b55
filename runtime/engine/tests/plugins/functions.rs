//! Functions of plugins in expressions: in computed fields, conditions, rules and columns of lists; asked once for many rows,
//! and told by name when they fail.

use std::collections::BTreeMap;

use mortise_engine::exchange::{Format, export};
use mortise_engine::{Error, FieldIssue};
use mortise_plugin_host::manifest::Point;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::common::desk::{field, plain, thing, words};
use crate::common::works::{World, check_works, rule};
use crate::common::{Bench, check_bare, issues, package};
use crate::support::{code, museum, of_parts};

const FAR: &str = "test.far";

/// A plugin made of text: the number of bytes of each text; but T breaks down, L never ends, F refuses, and W answers with
/// something else than a number.
fn far(version: &str, returns: &str) -> Vec<u8> {
    let name = format!("{}#{}", Point::Function.interface(), Point::Function.functions()[0]);
    let text = format!(
        r#"(data (i32.const 64) "sorrynot this one")
            (func (export "{name}") (param $name i32) (param $length i32) (param $rows i32) (param $count i32) (result i32)
                (local $row i32) (local $out i32) (local $value i32) (local $letter i32) (local $answer i32)
                (local.set $out (call $realloc (i32.const 0) (i32.const 0) (i32.const 8)
                    (i32.mul (local.get $count) (i32.const 24))))
                (block $done (loop $next
                    (br_if $done (i32.eq (local.get $row) (local.get $count)))
                    (local.set $value (i32.load (i32.add (local.get $rows) (i32.mul (local.get $row) (i32.const 8)))))
                    (local.set $letter (i32.const 0))
                    (if (i32.load offset=12 (local.get $value))
                        (then (local.set $letter (i32.load8_u (i32.load offset=8 (local.get $value))))))
                    (if (i32.eq (local.get $letter) (i32.const 84)) (then (unreachable)))
                    (if (i32.eq (local.get $letter) (i32.const 76)) (then (loop $ever (br $ever))))
                    (if (i32.eq (local.get $letter) (i32.const 70)) (then
                        (i32.store8 (i32.const 1024) (i32.const 1))
                        (i32.store (i32.const 1032) (i32.const 64)) (i32.store (i32.const 1036) (i32.const 5))
                        (i32.store (i32.const 1040) (i32.const 69)) (i32.store (i32.const 1044) (i32.const 12))
                        (i64.store (i32.const 1048) (i64.const 0))
                        (return (i32.const 1024))))
                    (local.set $answer (i32.add (local.get $out) (i32.mul (local.get $row) (i32.const 24))))
                    (i32.store8 (local.get $answer)
                        (select (i32.const 1) (i32.const 2) (i32.eq (local.get $letter) (i32.const 87))))
                    (i64.store offset=8 (local.get $answer)
                        (select (i64.const 1) (i64.extend_i32_u (i32.load offset=12 (local.get $value)))
                            (i32.eq (local.get $letter) (i32.const 87))))
                    (local.set $row (i32.add (local.get $row) (i32.const 1)))
                    (br $next)))
                (i32.store8 (i32.const 1024) (i32.const 0))
                (i32.store (i32.const 1032) (local.get $out)) (i32.store (i32.const 1036) (local.get $count))
                (i32.const 1024))"#
    );
    let manifest = json!({
        "id": FAR, "version": version, "title": {"en": "Far", "zh-CN": "远"}, "runtime": ">=0.1, <2",
        "exports": [{"point": "function", "name": "how-long", "returns": returns,
            "parameters": [{"name": "text", "type": "text"}]}],
    });
    let module = wat::parse_str(mortise_wit::module_text("", &text)).unwrap();
    let component =
        mortise_wit::componentize(&module, &["mortise:log/log@1.0.0"], &[Point::Function.interface()]);
    of_parts(&manifest, component.unwrap())
}

/// The app's declaration of it.
fn uses(otherwise: Option<Json>) -> Json {
    let mut function = json!({"parameters": ["text"], "returns": "integer"});
    if let Some(otherwise) = otherwise {
        function["otherwise"] = otherwise;
    }
    json!({"far": {"id": FAR, "version": ">=1, <2", "functions": {"how-long": function}}})
}

async fn install(bench: &Bench, bytes: Vec<u8>) {
    let report = bench.tenant.install_plugin(&bench.admin(), bytes, None).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

/// Runs a test with an app `desk` of these fields of `thing`.
async fn check(plugins: Json, fields: Vec<Json>, files: Vec<(&str, Json)>, test: impl AsyncFn(&Bench)) {
    check_bare(async |bench: &Bench| {
        let app = json!({"id": "desk", "version": "1.0.0", "label": words("Desk"), "plugins": plugins});
        let mut all = vec![("app.json", app), ("entities/thing.json", thing(fields.clone()))];
        all.extend(files.clone());
        bench.install(package(all)).await.unwrap();
        test(bench).await;
    })
    .await;
}

async fn create(bench: &Bench, values: Json) -> Result<Uuid, Error> {
    bench.try_create(&bench.admin(), "desk.thing", values).await
}

async fn see(bench: &Bench, id: Uuid) -> Json {
    bench.json(&bench.admin(), "desk.thing", id).await
}

fn calls(bench: &Bench) -> (u64, u64) {
    let calls = bench.tenant.plugin_calls().remove(FAR).unwrap_or_default();
    (calls.calls, calls.failures.values().sum())
}

/// What is said about each field, with the reason.
fn told(error: &Error) -> Vec<String> {
    let reason = |issue: &FieldIssue| {
        let arg = |name| issue.issue.args.iter().find(|(key, _)| *key == name).map_or("", |(_, arg)| arg);
        format!("{} {} {}: {}", issue.field, issue.issue.code, arg("plugin"), arg("reason"))
    };
    error.issues().iter().map(reason).collect()
}

#[tokio::test]
async fn computed_fields_and_defaults_keep_what_a_plugin_says() {
    let plugins = json!({
        "alike": {"id": "mortise.similarity", "version": "^1", "functions": {
            "company-similarity": {"parameters": ["text", "text"], "returns": "float"},
            "company-core": {"parameters": ["text"], "returns": "text"}}},
        "fabe": {"id": "mortise.fabe-check", "version": "^1", "functions": {
            "fabe": {"parameters": ["text"], "returns": "json"},
            "fabe-missing": {"parameters": ["text"], "returns": "many"}}},
    });
    let fields = vec![
        plain("other", "text"),
        field("core", "text", json!({"default": "alike.company_core(record.name)"})),
        field("alike", "computed", json!({"value": "alike.company_similarity(record.name, record.other)"})),
        field("missing", "computed", json!({"value": "size(fabe.fabe_missing(record.name))"})),
        field("found", "computed", json!({"value": "fabe.fabe(record.name)"})),
    ];
    check(plugins, fields, vec![], async |bench: &Bench| {
        install(bench, museum("similarity")).await;
        install(bench, museum("fabe-check")).await;
        let name = "深圳市华为技术有限公司";
        let id = create(bench, json!({"name": name, "other": "华为技术"})).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!((&record["alike"], &record["missing"]), (&json!(1.0), &json!(4)), "{record}");
        assert!(!record["core"].as_str().unwrap().contains("有限公司"), "{record}");
        assert!(serde_json::from_str::<Json>(record["found"].as_str().unwrap()).is_ok(), "{record}");

        bench.update(&bench.admin(), "desk.thing", id, json!({"other": "Zenith"})).await.unwrap();
        assert!(see(bench, id).await["alike"].as_f64().unwrap() < 0.4);
        bench.update(&bench.admin(), "desk.thing", id, json!({"other": null})).await.unwrap();
        assert_eq!(see(bench, id).await["alike"], Json::Null, "a call without an argument is empty");
        let alike = [("filter", "record.alike > 0.5 || record.missing == 4")];
        assert_eq!(
            bench.count(&bench.admin(), "desk.thing", &alike).await,
            1,
            "what is kept can be asked for"
        );
    })
    .await;
}

#[tokio::test]
async fn a_condition_says_whether_a_value_is_wrong_or_the_plugin() {
    let fields = vec![field(
        "note",
        "text",
        json!({"valid_when": "far.how_long(record.note) < 4", "message": words("Too long.")}),
    )];
    check(uses(Some(json!(0))), fields, vec![], async |bench: &Bench| {
        install(bench, far("1.0.0", "integer")).await;
        create(bench, json!({"name": "a", "note": "abc"})).await.unwrap();
        let refused =
            async |note: &str| told(&create(bench, json!({"name": "a", "note": note})).await.unwrap_err());
        assert_eq!(refused("abcd").await, ["note field.not_valid : "]);
        assert_eq!(refused("F").await, ["note expr.plugin_failed test.far: not this one"]);
        assert_eq!(
            refused("W").await,
            ["note expr.plugin_failed test.far: its answer is not of the declared type int"]
        );
        let trap = refused("T").await;
        assert!(trap[0].starts_with("note expr.plugin_failed test.far: the plugin broke down"), "{trap:?}");
        let fuel = refused("L").await;
        assert!(fuel[0].starts_with("note expr.plugin_failed test.far: "), "{fuel:?}");
        for _ in 0..5 {
            drop(create(bench, json!({"name": "a", "note": "T"})).await);
        }
        create(bench, json!({"name": "a", "note": "abcd"})).await.expect("it rests, and the stand-in is 0");
    })
    .await;
}

#[tokio::test]
async fn without_the_plugin_there_is_the_declared_value_or_an_error_that_names_it() {
    let length = || vec![field("length", "computed", json!({"value": "far.how_long(record.name)"}))];
    check(uses(Some(json!(-1))), length(), vec![], async |bench: &Bench| {
        let id = create(bench, json!({"name": "abc"})).await.unwrap();
        assert_eq!(see(bench, id).await["length"], -1, "not installed");
        install(bench, far("1.0.0", "integer")).await;
        let id = create(bench, json!({"name": "abc"})).await.unwrap();
        assert_eq!(see(bench, id).await["length"], 3);
        bench.tenant.set_plugin_enabled(&bench.admin(), FAR, false).await.unwrap();
        let id = create(bench, json!({"name": "abc"})).await.unwrap();
        assert_eq!(see(bench, id).await["length"], -1, "switched off");
    })
    .await;
    check(uses(None), length(), vec![], async |bench: &Bench| {
        let refused = async || told(&create(bench, json!({"name": "abc"})).await.unwrap_err());
        let missing = "length expr.plugin_missing test.far: ";
        assert_eq!(refused().await, [format!("{missing}it is not installed, or is switched off")]);
        install(bench, far("2.0.0", "integer")).await;
        assert_eq!(
            refused().await,
            [format!("{missing}version 2.0.0 is installed, but the app needs >=1, <2")]
        );
        bench.tenant.remove_plugin(&bench.admin(), FAR, false).await.unwrap();
        install(bench, far("1.1.0", "text")).await;
        let other = "version 1.1.0 declares other types for this function than the app";
        assert_eq!(refused().await, [format!("{missing}{other}")]);
    })
    .await;
}

#[tokio::test]
async fn what_an_upgrade_calculates_anew_is_asked_of_plugins_too() {
    check(uses(Some(json!(-1))), vec![plain("other", "text")], vec![], async |bench: &Bench| {
        install(bench, far("1.0.0", "integer")).await;
        let mut ids = Vec::new();
        for name in ["abc", "abcd", "abc", "T"] {
            ids.push(create(bench, json!({"name": name, "other": "ab"})).await.unwrap());
        }
        let upgrade = async |version: &str, of: &str| {
            let length = json!({"value": format!("far.how_long(record.{of})")});
            let app = json!({"id": "desk", "version": version, "label": words("Desk"), "plugins": uses(Some(json!(-1)))});
            let fields = vec![plain("other", "text"), field("length", "computed", length)];
            let files = vec![("app.json", app), ("entities/thing.json", thing(fields))];
            bench.install(package(files)).await.unwrap();
        };
        let lengths = async || {
            let mut lengths = Vec::new();
            for &id in &ids {
                lengths.push(see(bench, id).await["length"].clone());
            }
            lengths
        };
        upgrade("1.1.0", "name").await;
        assert_eq!(lengths().await, [json!(3), json!(4), json!(3), Json::Null], "one that fails stays empty");
        let before = calls(bench).0;
        upgrade("1.2.0", "other").await;
        assert_eq!(lengths().await, [2, 2, 2, 2]);
        assert_eq!(calls(bench).0, before + 1, "one call for all of them");
        bench.tenant.set_plugin_enabled(&bench.admin(), FAR, false).await.unwrap();
        upgrade("1.3.0", "name").await;
        assert_eq!(lengths().await, [-1, -1, -1, -1], "nobody is there to be asked");
        bench.tenant.set_plugin_enabled(&bench.admin(), FAR, true).await.unwrap();
        upgrade("1.4.0", "name + ''").await;
        let expected = [json!(3), json!(4), json!(3), Json::Null];
        assert_eq!(lengths().await, expected, "no result of an old formula stays");
    })
    .await;
}

/// A list with the length of each name, and with rows in red.
fn view() -> Json {
    json!({"id": "things", "entity": "thing", "label": words("Things"), "page_size": 200, "sort": ["name"],
        "columns": ["name", {"id": "length", "label": words("Length"), "expression": "far.how_long(record.name)"}],
        "highlights": [{"when": "far.how_long(record.name) > 3", "color": "red"}]})
}

#[tokio::test]
async fn a_list_of_a_thousand_rows_asks_once() {
    let files = vec![("views/things.json", view())];
    check(uses(None), vec![], files, async |bench: &Bench| {
        let names = (0..1_000).map(|number| json!({"name": format!("n{number}")}));
        bench.create_all(&bench.admin(), "desk.thing", names).await;
        install(bench, far("1.0.0", "integer")).await;
        let admin = bench.admin();
        let params = [("view", "desk.things"), ("limit", "1000")];
        let query = bench.tenant.query(&admin, "desk.thing", params.into_iter()).unwrap();
        let page = bench.tenant.list(&admin, &query).await.unwrap();
        assert_eq!((page.rows.len(), calls(bench)), (1_000, (1, 0)), "columns and colours share the answers");
        let reds = page.rows.iter().filter(|record| record.colour == Some(0)).count();
        assert_eq!(reds, 900, "n100 to n999");
        let json: Json =
            serde_json::from_slice(&bench.tenant.list_json(&admin, &query).await.unwrap()).unwrap();
        let lengths: Vec<i64> =
            json["rows"].as_array().unwrap().iter().map(|row| row["length"].as_i64().unwrap()).collect();
        assert_eq!(lengths.iter().sum::<i64>(), 10 * 2 + 90 * 3 + 900 * 4);
        assert_eq!(calls(bench), (2, 0));

        let file = export(&bench.tenant, &admin, query, Format::Csv).await.unwrap();
        let text = std::io::read_to_string(file.file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0].trim_start_matches('\u{feff}'), lines[1]), ("name,Length", "n0,2"));
        assert_eq!((lines.len(), calls(bench)), (1_001, (3, 0)));
    })
    .await;
}

#[tokio::test]
async fn one_row_that_a_plugin_stumbles_over_leaves_the_others_their_values() {
    let files = vec![("views/things.json", view())];
    check(uses(None), vec![], files, async |bench: &Bench| {
        install(bench, far("1.0.0", "integer")).await;
        let admin = bench.admin();
        let names = (0..300).map(|number| format!("n{number}")).chain(["F".into(), "T".into(), "W".into()]);
        bench.create_all(&admin, "desk.thing", names.map(|name| json!({"name": name}))).await;
        let params = [("view", "desk.things")];
        let rows = bench.rows(&admin, "desk.thing", &params).await.unwrap();
        let lengths: BTreeMap<&str, &Json> =
            rows.iter().map(|row| (row["name"].as_str().unwrap(), &row["length"])).collect();
        for (name, length) in lengths {
            match name {
                "F" | "T" | "W" => assert_eq!(*length, Json::Null, "{name}"),
                name => assert_eq!(*length, name.len(), "{name}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_person_may_not_see_is_empty_in_what_is_calculated() {
    let columns =
        json!([{"id": "length", "label": words("Length"), "expression": "far.how_long(record.secret)"}]);
    let view = json!({"id": "things", "entity": "thing", "label": words("Things"), "columns": columns});
    let role = json!({"id": "clerk", "label": words("Clerk"), "permissions": [
        {"entity": "thing", "operations": ["read"], "fields": {"secret": "hidden"}}]});
    let files = vec![("views/things.json", view), ("roles/clerk.json", role)];
    check(uses(None), vec![plain("secret", "text")], files, async |bench: &Bench| {
        install(bench, far("1.0.0", "integer")).await;
        create(bench, json!({"name": "a", "secret": "abc"})).await.unwrap();
        let clerk = bench.hire("cleo", &["desk.clerk"], |_| ());
        let params = [("view", "desk.things")];
        let seen = bench.rows(&bench.admin(), "desk.thing", &params).await.unwrap();
        let hidden = bench.rows(&clerk, "desk.thing", &params).await.unwrap();
        assert_eq!((&seen[0]["length"], &hidden[0]["length"]), (&json!(3), &Json::Null));
    })
    .await;
}

#[tokio::test]
async fn a_request_cannot_filter_by_a_function() {
    check(uses(None), vec![], vec![("views/things.json", view())], async |bench: &Bench| {
        let params = [("filter", "far.how_long(record.name) > 2")];
        let refused = bench.tenant.query(&bench.admin(), "desk.thing", params.into_iter());
        let error = refused.unwrap_err();
        let reason =
            error.issues().first().map_or_else(|| error.to_string(), |issue| format!("{:?}", issue.issue));
        assert!(reason.contains("keep its result in a computed field"), "{reason}");
        let params = [("sort", "length"), ("view", "desk.things")];
        assert!(bench.tenant.query(&bench.admin(), "desk.thing", params.into_iter()).is_err());
    })
    .await;
}

/// Installs an app again, with something that the database would have to ask a plugin for.
#[tokio::test]
async fn an_app_whose_filters_or_scopes_call_functions_is_not_installed() {
    check(uses(None), vec![], vec![], async |bench: &Bench| {
        let app = json!({"id": "desk", "version": "1.1.0", "label": words("Desk"), "plugins": uses(None)});
        let mut view = view();
        view["filter"] = json!("far.how_long(record.name) > 2");
        let files =
            vec![("app.json", app), ("entities/thing.json", thing(vec![])), ("views/things.json", view)];
        let refused = bench.install(package(files)).await.unwrap_err();
        let Error::Definition(problems) = &refused else { panic!("{refused:?}") };
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains("keep its result in a computed field")), "{said:?}");
    })
    .await;
}

#[tokio::test]
async fn rules_ask_plugins_and_are_parked_with_the_name_of_one_that_fails() {
    let app = json!({"id": "works", "version": "1.0.0", "label": words("Works"), "plugins": uses(None),
        "settings": {"limit": {"type": "integer", "label": words("Limit"), "default": 5}}});
    let long = rule(
        "long",
        json!({"on": [{"type": "created"}], "condition": "far.how_long(record.name) > 3",
            "do": [{"type": "set", "values": {"note": "'long: ' + string(far.how_long(record.name))"}}]}),
    );
    let files = vec![("app.json", app), ("rules/long.json", long)];
    check_works(files, async |world: &mut World| {
        install(&world.bench, far("1.0.0", "integer")).await;
        let (short, long) =
            (world.job(json!({"name": "abc"})).await, world.job(json!({"name": "abcd"})).await);
        assert_eq!(
            (&world.see(short).await["note"], &world.see(long).await["note"]),
            (&Json::Null, &json!("long: 4"))
        );
        world.job(json!({"name": "F"})).await;
        assert_eq!(world.parked().await, ["rule:works.long expr.plugin_failed"]);
    })
    .await;
}

#[tokio::test]
async fn one_piece_of_work_asks_the_same_question_once() {
    let value = json!({"value": "far.how_long(record.name)"});
    let fields = vec![
        field("one", "computed", value.clone()),
        field("two", "computed", value),
        field("note", "text", json!({"default": "'x'", "valid_when": "far.how_long(record.name) > 0"})),
    ];
    check(uses(None), fields, vec![], async |bench: &Bench| {
        install(bench, far("1.0.0", "integer")).await;
        create(bench, json!({"name": "abc"})).await.unwrap();
        assert_eq!(calls(bench), (1, 0));
        create(bench, json!({"name": "abc"})).await.unwrap();
        assert_eq!(calls(bench), (2, 0), "another piece of work remembers nothing");
        let wrong = create(bench, json!({"name": "T"})).await.unwrap_err();
        assert_eq!(issues(&wrong).len(), 3, "{wrong:?}");
        assert_eq!(calls(bench), (3, 1), "a failure is remembered, too");
        assert_eq!(code(Err::<(), _>(wrong)), "record.invalid");
    })
    .await;
}
