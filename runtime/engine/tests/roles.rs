//! Several roles of one person, on real databases: a record is open as far as a role that covers it opens it. What one
//! role opens on its records is never open on the records of another.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::club::*;
use common::{Bench, check_bare, issues, package, text};
use mortise_engine::{Actor, Command, Outcome};
use serde_json::{Value as Json, json};
use uuid::Uuid;

const THING: &str = "firm.thing";
const FIELDS: [&str; 3] = ["red", "green", "blue"];

/// A role: which records, which operations, and how far each field is open.
struct Role {
    id: &'static str,
    rows: Json,
    operations: &'static [&'static str],
    fields: [&'static str; 3],
    covers: fn(&str) -> bool,
}

/// Records are named after what is true of them.
const ROLES: fn() -> [Role; 4] = || {
    [
        Role {
            id: "own",
            rows: json!("own"),
            operations: &["read", "update", "export"],
            fields: ["write", "read", "hidden"],
            covers: |record| record.contains("mine"),
        },
        Role {
            id: "pool",
            rows: json!({"where": "record.owner == null"}),
            operations: &["read", "update"],
            fields: ["hidden", "write", "read"],
            covers: |record| record.contains("pool"),
        },
        Role {
            id: "big",
            rows: json!({"where": "record.size > 10"}),
            operations: &["read", "export"],
            fields: ["read", "hidden", "write"],
            covers: |record| record.contains("big"),
        },
        Role {
            id: "all",
            rows: json!("all"),
            operations: &["read"],
            fields: ["hidden", "hidden", "read"],
            covers: |_| true,
        },
    ]
};

fn app() -> mortise_definition::Package {
    let field = |id: &str, more: Json| {
        let mut field = json!({"id": id, "type": "text", "label": words(id)});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        field
    };
    let mut fields = vec![field("name", json!({"search": true})), field("size", json!({"type": "integer"}))];
    fields.extend(FIELDS.map(|id| field(id, json!({"search": true}))));
    let permissions = |role: &Role| {
        let fields: serde_json::Map<String, Json> = FIELDS
            .iter()
            .zip(role.fields)
            .map(|(field, access)| ((*field).to_owned(), json!(access)))
            .collect();
        json!([{"entity": "thing", "operations": role.operations, "rows": role.rows, "fields": fields}])
    };
    let roles: Vec<(String, Json)> = ROLES()
        .iter()
        .map(|one| (format!("roles/{}.json", one.id), role(one.id, permissions(one))))
        .collect();
    let view = json!({"id": "sorted", "entity": "thing", "label": words("Sorted"), "columns": ["name", "red"], "sort": ["-red", "name"]});
    let mut files = vec![
        ("app.json", json!({"id": "firm", "version": "1.0.0", "label": words("Firm")})),
        (
            "entities/thing.json",
            json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": fields}),
        ),
        ("views/sorted.json", view),
    ];
    files.extend(roles.iter().map(|(path, json)| (path.as_str(), json.clone())));
    package(files)
}

/// Whether a role of these opens a field of a record for an operation.
fn opens(roles: &[&Role], record: &str, operation: &str, field: usize, wanted: &[&str]) -> bool {
    roles.iter().any(|role| {
        role.operations.contains(&operation) && (role.covers)(record) && wanted.contains(&role.fields[field])
    })
}

/// Records of every kind, with a value in each field that names record and field.
async fn records(bench: &Bench, me: &Actor, other: &Actor) -> Vec<(String, Uuid)> {
    let mut made = Vec::new();
    for owner in ["mine", "pool", "other"] {
        for size in ["big", "small"] {
            let name = format!("{owner} {size}");
            let who = match owner {
                "mine" => json!(me.user.id),
                "pool" => Json::Null,
                _ => json!(other.user.id),
            };
            let mut values = json!({"name": name, "owner": who, "size": if size == "big" { 20 } else { 5 }});
            for field in FIELDS {
                values[field] = json!(format!("{field} of {name}"));
            }
            made.push((name, bench.create(&bench.admin(), THING, values).await));
        }
    }
    made
}

async fn with_things(test: impl AsyncFn(&Bench, &[(String, Uuid)])) {
    check_bare(async |bench: &Bench| {
        bench.install(app()).await.unwrap();
        let (me, other) = (bench.hire("me", &[], |_| ()), bench.hire("other", &[], |_| ()));
        let made = records(bench, &me, &other).await;
        test(bench, &made).await;
    })
    .await;
}

/// All sets of roles.
fn sets(roles: &[Role]) -> Vec<Vec<&Role>> {
    let chosen = |set: usize| roles.iter().enumerate().filter(move |(index, _)| set >> index & 1 == 1);
    (1..1 << roles.len()).map(|set| chosen(set).map(|(_, role)| role).collect()).collect()
}

fn as_me(bench: &Bench, roles: &[&Role]) -> Actor {
    let keys: Vec<String> = roles.iter().map(|role| format!("firm.{}", role.id)).collect();
    bench.hire("me", &keys.iter().map(String::as_str).collect::<Vec<_>>(), |_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_and_changed_is_the_union_over_the_roles_that_cover_the_record() {
    with_things(async |bench: &Bench, made: &[(String, Uuid)]| {
        let roles = ROLES();
        for set in sets(&roles) {
            let me = as_me(bench, &set);
            let held: Vec<&str> = set.iter().map(|role| role.id).collect();
            let listed = bench.rows(&me, THING, &[]).await.unwrap();
            for (name, id) in made {
                let read = set.iter().any(|role| (role.covers)(name));
                let row = listed.iter().find(|row| row["name"] == name.as_str());
                assert_eq!(row.is_some(), read, "{held:?} {name}");
                let Some(row) = row else {
                    assert!(missing(bench.read(&me, THING, *id).await));
                    continue;
                };
                let record = bench.json(&me, THING, *id).await;
                let history = bench.tenant.timeline(&me, THING, *id, None, 100).await.unwrap();
                for (index, field) in FIELDS.iter().enumerate() {
                    let seen = opens(&set, name, "read", index, &["read", "write"]);
                    let told = [
                        row.get(*field).is_some(),
                        record.get(*field).is_some(),
                        history.last().unwrap().changes.iter().any(|change| change.field == *field),
                    ];
                    assert_eq!(told, [seen; 3], "{held:?} {name} {field}");
                    let taken = opens(&set, name, "update", index, &["write"]);
                    let value = json!({*field: format!("{field} of {name} by {held:?}")});
                    let result = bench.update(&me, THING, *id, value).await;
                    assert_eq!(result.is_ok(), taken, "{held:?} {name} {field} {result:?}");
                }
            }
        }
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_by_asking_what_is_closed_on_a_record() {
    with_things(async |bench: &Bench, made: &[(String, Uuid)]| {
        let roles = ROLES();
        for set in sets(&roles) {
            let me = as_me(bench, &set);
            let held: Vec<&str> = set.iter().map(|role| role.id).collect();
            for (index, field) in FIELDS.iter().enumerate() {
                let mut visible: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
                visible.retain(|name| opens(&set, name, "read", index, &["read", "write"]));
                visible.sort_unstable();
                let (starts, expression) =
                    (format!("where.{field}.starts"), format!("record.{field} != 'x'"));
                let empty = format!("where.{field}.empty");
                for params in
                    [(starts.as_str(), *field), ("filter", expression.as_str()), (empty.as_str(), "false")]
                {
                    match bench.rows(&me, THING, &[params]).await {
                        Ok(_) => {
                            let found = bench.column(&me, THING, "name", &[params]).await;
                            assert_eq!(found, visible, "{held:?} {params:?}");
                        }
                        Err(error) => {
                            assert!(
                                visible.is_empty() && error.code() == "query.unknown_field",
                                "{held:?} {error}"
                            );
                        }
                    }
                }
                let found = bench.column(&me, THING, "name", &[("q", field)]).await;
                assert_eq!(found, visible, "{held:?} {field}");
                // Nothing can be sorted by what is closed on some of the records.
                let everywhere = visible.len() == bench.rows(&me, THING, &[]).await.unwrap().len();
                let sorted = bench.tenant.query(&me, THING, [("sort", *field)].into_iter());
                assert!(
                    sorted.is_ok() == everywhere || visible.is_empty() && sorted.is_err(),
                    "{held:?} {field}"
                );
            }
            let page = bench.rows(&me, THING, &[("view", "sorted")]).await.unwrap();
            let open = page.iter().filter(|row| row.get("red").is_some()).count();
            if open < page.len() {
                let names: Vec<String> = page.iter().map(|row| text(&row["name"])).collect();
                assert!(names.is_sorted(), "{held:?} {names:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_hold_what_a_role_that_may_export_opens() {
    with_things(async |bench: &Bench, made: &[(String, Uuid)]| {
        let roles = ROLES();
        let slot = |name: &str| bench.tenant.model().entity(THING).unwrap().field(name).unwrap().slot;
        for set in
            sets(&roles).into_iter().filter(|set| set.iter().any(|role| role.operations.contains(&"export")))
        {
            let me = as_me(bench, &set);
            let held: Vec<&str> = set.iter().map(|role| role.id).collect();
            let query = bench.tenant.query(&me, THING, std::iter::empty()).unwrap();
            let mut rows = Vec::new();
            bench
                .tenant
                .export(&me, query, |batch| {
                    rows.extend_from_slice(batch);
                    Ok(())
                })
                .await
                .unwrap();
            for (name, id) in made {
                let may = set.iter().any(|role| role.operations.contains(&"export") && (role.covers)(name));
                let row = rows.iter().find(|row| row.id() == *id);
                assert_eq!(row.is_some(), may, "{held:?} {name}");
                let Some(row) = row else { continue };
                for (index, field) in FIELDS.iter().enumerate() {
                    let open = ["read", "export"]
                        .iter()
                        .all(|one| opens(&set, name, one, index, &["read", "write"]));
                    assert_eq!(!row.values[slot(field)].is_null(), open, "{held:?} {name} {field}");
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_field_is_unknown_where_it_is_hidden_and_closed_where_it_is_shown() {
    with_things(async |bench: &Bench, made: &[(String, Uuid)]| {
        let id = |wanted: &str| made.iter().find(|(name, _)| name == wanted).unwrap().1;
        let me = bench.hire("me", &["firm.own", "firm.pool", "firm.all"], |_| ());
        // Red may be changed on own records only; in the pool it is not even there. Blue may be changed nowhere.
        for (record, field, code) in [
            ("pool big", "blue", "blue field.no_permission"),
            ("pool big", "red", "red field.unknown"),
            ("mine big", "green", "green field.no_permission"),
        ] {
            let error = bench.update(&me, THING, id(record), json!({field: "x"})).await.unwrap_err();
            assert_eq!(issues(&error), [code]);
        }
        assert!(forbidden(bench.update(&me, THING, id("other big"), json!({"name": "x"})).await));
        // What was read may be sent back, in a batch as well; a guess at what is hidden may not.
        let same = json!({"red": "new", "green": "green of mine big"});
        let change = |id: Uuid, values: &Json| Command::Update {
            entity: THING.into(),
            id,
            version: None,
            values: values.as_object().unwrap().clone(),
        };
        let twice = vec![change(id("mine big"), &same), change(id("mine big"), &json!({"green": "y"}))];
        let Outcome::Batch(parts) =
            bench.run(&me, Command::Batch { commands: twice, atomic: false }).await.unwrap()
        else {
            panic!()
        };
        assert!(parts[0].is_ok());
        assert_eq!(issues(parts[1].as_ref().unwrap_err()), ["green field.no_permission"]);
        let guess = json!({"red": "red of pool big"});
        let error = bench.update(&me, THING, id("pool big"), guess).await.unwrap_err();
        assert_eq!(issues(&error), ["red field.unknown"]);
        // Rights come from the record as it was: whoever gives it away may do so, and no more afterwards.
        let away = json!({"owner": null, "red": "last"});
        bench.update(&me, THING, id("mine small"), away).await.unwrap();
        assert!(bench.json(&me, THING, id("mine small")).await.get("red").is_none());
        let record = bench.read(&me, THING, id("mine small")).await.unwrap();
        let slot = |name: &str| bench.tenant.model().entity(THING).unwrap().field(name).unwrap().slot;
        assert!(
            record.values[slot("red")].is_null() && !record.shows(slot("red")) && record.takes(slot("green"))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_a_record_for_others_is_told_its_id_and_no_more() {
    with_club(async |bench: &Bench| {
        let cat = bench.hire("cat", &["club.own"], |_| ());
        for (roles, seen) in
            [(vec!["club.creator"], false), (vec!["club.own"], false), (vec!["club.clerk"], true)]
        {
            let ann = bench.hire("ann", &roles, |_| ());
            let values = json!({"title": "for cat", "owner": cat.user.id});
            let values = values.as_object().unwrap().clone();
            let command = Command::Create { entity: CASE.into(), values, id: None, allow_duplicates: true };
            let Outcome::Record(written) = bench.run(&ann, command).await.unwrap() else { panic!() };
            let id = written.id;
            let told: Json =
                serde_json::from_slice(&bench.tenant.written_json(&ann, written).await.unwrap()).unwrap();
            assert_eq!(told.get("title").is_some(), seen, "{roles:?} {told}");
            assert_eq!((&told["id"], &told["version"]), (&json!(id), &json!(1)));
            assert_eq!(bench.read(&ann, CASE, id).await.is_ok(), seen, "{roles:?}");
            assert!(bench.read(&cat, CASE, id).await.is_ok());
        }
    })
    .await;
}
