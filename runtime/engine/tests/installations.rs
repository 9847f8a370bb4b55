//! What belongs to an app beside its tables, on real databases: the data that it brings, settings, changes of
//! administrators, and installations that fail or are given up.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::desk::*;
use common::{Bench, check_bare, issues, text};
use mortise_definition::Package;
use mortise_engine::Error;
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn grade(more: Vec<Json>) -> Json {
    let mut fields = vec![
        field("code", "text", json!({"required": true, "unique": true})),
        field("name", "text", json!({"valid_when": "record.name != 'bad'", "message": words("No.")})),
        plain("days", "integer"),
        field("next", "reference", json!({"entity": "grade"})),
    ];
    fields.extend(more);
    entity("grade", fields, json!({"title": "code"}))
}

fn grades(version: &str, records: Json) -> Package {
    let data = json!({"id": "grades", "entity": "grade", "key": "code", "records": records});
    desk_with(version, vec![grade(vec![])], vec![("data/grades.json", data)])
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_an_app_is_kept_up_to_date_without_overwriting_what_people_changed() {
    check_bare(async |bench: &Bench| {
        let admin = bench.admin();
        bench
            .install(grades(
                "1.0.0",
                json!([
                    {"code": "L1", "name": "High", "days": 1},
                    {"code": "L2", "name": "Middle", "days": 2, "next": "L1"},
                    {"code": "L3", "name": "Low", "days": 3, "next": "L2"},
                    {"code": "L4", "name": "None", "days": 4},
                ]),
            ))
            .await
            .unwrap();
        let of = async |code: &str| {
            bench.rows(&admin, "desk.grade", &[("where.code", code)]).await.unwrap().pop().unwrap_or_default()
        };
        let id = |row: &Json| text(&row["id"]).parse::<Uuid>().unwrap();
        assert_eq!(of("L3").await["_titles"]["next"], "L2");
        // People rename one, empty a field of another, delete a third and make one of their own.
        bench.update(&admin, "desk.grade", id(&of("L1").await), json!({"name": "Hot"})).await.unwrap();
        bench.update(&admin, "desk.grade", id(&of("L2").await), json!({"days": null})).await.unwrap();
        bench.delete(&admin, "desk.grade", id(&of("L4").await)).await.unwrap();
        bench.create(&admin, "desk.grade", json!({"code": "L6", "name": "Ours"})).await;
        bench
            .install(grades(
                "1.1.0",
                json!([
                    {"code": "L1", "name": "Very high", "days": 10},
                    {"code": "L2", "name": "Medium", "days": 20, "next": "L1"},
                    {"code": "L3", "name": "Low", "days": 3, "next": "L1"},
                    {"code": "L4", "name": "Nothing", "days": 4},
                    {"code": "L5", "name": "New", "next": "L4"},
                    {"code": "L6", "name": "Theirs", "days": 6},
                ]),
            ))
            .await
            .unwrap();
        let told: Vec<String> = bench
            .rows(&admin, "desk.grade", &[("sort", "code")])
            .await
            .unwrap()
            .iter()
            .map(|row| {
                format!(
                    "{} {} {} {}",
                    text(&row["code"]),
                    text(&row["name"]),
                    text(&row["days"]),
                    text(&row["_titles"]["next"])
                )
            })
            .collect();
        assert_eq!(told, ["L1 Hot 10 ", "L2 Medium  L1", "L3 Low 3 L1", "L5 New  ", "L6 Ours 6 "]);
        // The same once more changes nothing.
        let before = bench.rows(&admin, "desk.grade", &[("sort", "code")]).await.unwrap();
        bench.tenant.rollback(&admin, "desk", Some(2), &[]).await.unwrap();
        assert_eq!(bench.rows(&admin, "desk.grade", &[("sort", "code")]).await.unwrap(), before);
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_data_are_stored_in_the_language_of_the_tenant_until_somebody_changes_them() {
    check_bare(async |bench: &Bench| {
        let admin = bench.admin();
        let version = |number: &str, high: Json, low: Json| {
            let records = json!([{"code": "L1", "name": high}, {"code": "L2", "name": low}]);
            grades(number, records)
        };
        let both = |en: &str, zh: &str| json!({"en": en, "zh-CN": zh});
        let names = async || bench.column(&admin, "desk.grade", "name", &[]).await;
        bench.speak("zh-CN");
        bench.install(version("1.0.0", both("High", "高"), both("Low", "低"))).await.unwrap();
        assert_eq!(names().await, ["低", "高"]);
        let id = bench.rows(&admin, "desk.grade", &[("where.code", "L2")]).await.unwrap();
        let id = text(&id[0]["id"]).parse().unwrap();
        bench.update(&admin, "desk.grade", id, json!({"name": "Low"})).await.unwrap();
        bench.install(version("1.1.0", both("Hot", "热"), both("Cold", "冷"))).await.unwrap();
        assert_eq!(names().await, ["Low", "热"]);
        // The same app again changes nothing, also when the tenant speaks another language by now.
        bench.speak("en");
        bench.install(version("1.1.0", both("Hot", "热"), both("Cold", "冷"))).await.unwrap();
        assert_eq!(names().await, ["Low", "热"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_fails_in_the_middle_leaves_the_tenant_exactly_as_it_was() {
    check_bare(async |bench: &Bench| {
        bench.install(grades("1.0.0", json!([{"code": "L1", "name": "High"}]))).await.unwrap();
        let before = bench.dump().await;
        let digest = bench.tenant.model().digest.clone();
        // The table gets a column, an index, a search index and a record before the last record is refused.
        let data = json!({"id": "grades", "entity": "grade", "key": "code", "records": [{"code": "L2"}, {"code": "L3", "name": "bad"}]});
        let more = vec![field("extra", "text", json!({"search": true, "unique": true}))];
        let other = entity("other", vec![plain("name", "text")], json!({}));
        let error = bench.install(desk_with("1.1.0", vec![grade(more), other], vec![("data/grades.json", data)])).await.unwrap_err();
        assert_eq!(issues(&error), ["desk/data/grades: name field.not_valid"]);
        assert_eq!(bench.dump().await, before);
        assert_eq!(bench.tenant.model().digest, digest);
        bench.create(&bench.admin(), "desk.grade", json!({"code": "L9"})).await;
        // A first installation that fails leaves nothing at all.
        let fresh = Bench::open(bench.database, common::databases().into_iter().find(|(name, _)| *name == bench.database).unwrap().1, std::sync::Arc::new(mortise_engine::System)).await;
        let before = fresh.dump().await;
        fresh.install(grades("1.0.0", json!([{"code": "L1"}, {"code": "L2", "name": "bad"}]))).await.unwrap_err();
        assert_eq!(fresh.dump().await, before);
        fresh.drop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_have_defaults_are_checked_and_outlive_an_upgrade() {
    check_bare(async |bench: &Bench| {
        let version = |version: &str| {
            desk(version, vec![thing(vec![field("due", "integer", json!({"default": "settings.days * 2"}))])])
        };
        bench.install(version("1.0.0")).await.unwrap();
        let due = async || see(bench, one(bench, json!({"name": "x"})).await).await["due"].clone();
        assert_eq!(due().await, 14);
        bench.tenant.set_setting(&bench.admin(), "desk", "days", json!(9)).await.unwrap();
        assert_eq!(due().await, 18);
        for (name, value, code) in [
            ("days", json!(31), "record.invalid"),
            ("days", json!("x"), "record.invalid"),
            ("nights", json!(1), "setting.unknown"),
        ] {
            assert_eq!(
                bench.tenant.set_setting(&bench.admin(), "desk", name, value).await.unwrap_err().code(),
                code
            );
        }
        let ann = bench.hire("ann", &[], |_| ());
        assert!(matches!(
            bench.tenant.set_setting(&ann, "desk", "days", json!(1)).await,
            Err(Error::Forbidden(_))
        ));
        assert!(matches!(
            bench.tenant.install(&ann, version("9.0.0").into(), &[]).await,
            Err(Error::Forbidden(_))
        ));
        bench.install(version("1.1.0")).await.unwrap();
        assert_eq!(due().await, 18);
        assert_eq!(bench.tenant.model().app("desk").unwrap().version, "1.1.0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_changed_outlives_upgrades_and_contradictions_are_shown() {
    check_bare(async |bench: &Bench| {
        let admin = bench.admin();
        let version = |version: &str, name: &str, more: Vec<Json>| {
            let mut thing = thing(more);
            thing["fields"][0]["label"] = words(name);
            desk(version, vec![thing])
        };
        bench.install(version("1.0.0", "Name", vec![])).await.unwrap();
        let id = one(bench, json!({"name": "one"})).await;
        // The administrator renames a label and adds a field.
        let changed = version("1.0.0", "Our name", vec![plain("ours", "text")]);
        bench.tenant.customize(&admin, changed.into(), &[]).await.unwrap();
        bench.update(&admin, "desk.thing", id, json!({"ours": "kept"})).await.unwrap();
        let label = || {
            bench
                .tenant
                .model()
                .entity("desk.thing")
                .unwrap()
                .field("name")
                .unwrap()
                .label
                .get("en")
                .to_owned()
        };
        assert_eq!(label(), "Our name");
        assert_eq!(bench.tenant.app_versions("desk").await.unwrap().len(), 1);
        // An upgrade elsewhere goes through; one of the same label is a conflict.
        bench.install(version("1.1.0", "Name", vec![plain("theirs", "text")])).await.unwrap();
        assert_eq!((label().as_str(), &see(bench, id).await["ours"]), ("Our name", &json!("kept")));
        let conflicting = || version("1.2.0", "Full name", vec![plain("theirs", "text")]);
        let plan = bench.tenant.plan(conflicting().into()).await.unwrap();
        assert_eq!(plan.conflicts.len(), 2);
        let error = bench.install(conflicting()).await.unwrap_err();
        let expected = ["entities/thing/fields/name/label/en", "entities/thing/fields/name/label/zh-CN"];
        assert_eq!(keys(&error), expected.map(|key| (key, "overlay_conflict")));
        assert_eq!(label(), "Our name");
        let all = expected.map(str::to_owned);
        bench.tenant.install(&admin, conflicting().into(), &all).await.unwrap();
        assert_eq!((label().as_str(), &see(bench, id).await["ours"]), ("Full name", &json!("kept")));
        // The exported app is what is in force; customizing back to the author's app takes the rest back.
        let exported = bench.tenant.package("desk").await.unwrap();
        assert!(exported.files()["entities/thing.json"].contains("ours"));
        let error = bench.tenant.customize(&admin, conflicting().into(), &[]).await.unwrap_err();
        assert_eq!(keys(&error), [("desk.thing.ours", "field_removed")]);
        bench.tenant.customize(&admin, conflicting().into(), &["desk.thing.ours".into()]).await.unwrap();
        assert_eq!(see(bench, id).await.get("ours"), None);
        // A change that does not compile is refused with the place, and nothing changes.
        let digest = bench.tenant.model().digest.clone();
        let broken = version(
            "1.2.0",
            "Full name",
            vec![plain("theirs", "text"), field("c", "computed", json!({"value": "record.nothing"}))],
        );
        assert!(matches!(
            bench.tenant.customize(&admin, broken.into(), &[]).await,
            Err(Error::Definition(_))
        ));
        assert_eq!(bench.tenant.model().digest, digest);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_an_administrator_are_listed_taken_back_one_by_one_and_brought_elsewhere() {
    check_bare(async |bench: &Bench| {
        let admin = bench.admin();
        let author = |version: &str, label: &str| {
            let mut thing = thing(vec![]);
            thing["fields"][0]["label"] = words(label);
            desk(version, vec![thing])
        };
        bench.install(author("1.0.0", "Name")).await.unwrap();
        let overlay = async || bench.tenant.overlay(&admin, "desk").await.unwrap();
        let places = async || {
            let patches = overlay().await.patches;
            patches.iter().map(|patch| format!("{} {}", patch.artifact, patch.path)).collect::<Vec<_>>()
        };
        assert_eq!(places().await, [""; 0]);
        let mut changed = thing(vec![plain("ours", "text")]);
        changed["fields"][0]["label"] = json!({"en": "Our name", "zh-CN": "Name"});
        bench.tenant.customize(&admin, desk("1.0.0", vec![changed]).into(), &[]).await.unwrap();
        let all = ["entities/thing fields/name/label/en", "entities/thing fields/ours"];
        assert_eq!(places().await, all);
        let saved = overlay().await;
        let id = one(bench, json!({"name": "one", "ours": "kept"})).await;
        // Taking back the field has to be confirmed, the label has not.
        let without = |place: &str| {
            let mut overlay = saved.clone();
            overlay.patches.retain(|patch| format!("{} {}", patch.artifact, patch.path) != place);
            overlay
        };
        let error = bench.tenant.set_overlay(&admin, without(all[1]), &[]).await.unwrap_err();
        assert_eq!(keys(&error), [("desk.thing.ours", "field_removed")]);
        assert_eq!(places().await, all);
        bench.tenant.set_overlay(&admin, without(all[0]), &[]).await.unwrap();
        assert_eq!(places().await, all[1..]);
        // A file made for this version brings all of them back; for another version it is brought over.
        bench.tenant.set_overlay(&admin, saved.clone(), &[]).await.unwrap();
        assert_eq!((places().await.len(), &see(bench, id).await["ours"]), (2, &json!("kept")));
        let none = mortise_definition::Overlay { patches: Vec::new(), ..saved.clone() };
        bench.tenant.set_overlay(&admin, none, &["desk.thing.ours".into()]).await.unwrap();
        bench.install(author("2.0.0", "Full name")).await.unwrap();
        let error = bench.tenant.set_overlay(&admin, saved.clone(), &[]).await.unwrap_err();
        assert_eq!(keys(&error), [("entities/thing/fields/name/label/en", "overlay_conflict")]);
        let given_up = ["entities/thing/fields/name/label/en".to_owned()];
        bench.tenant.set_overlay(&admin, saved.clone(), &given_up).await.unwrap();
        assert_eq!(places().await, all[1..]);
        assert_eq!(
            (overlay().await.version.as_str(), &see(bench, id).await["ours"]),
            ("2.0.0", &json!("kept"))
        );
        // What names nothing of the app is refused, and so is somebody who may not.
        let before = bench.dump().await;
        let mut wrong = overlay().await;
        wrong.patches[0].path = "fields/nothing/label".into();
        wrong.patches[0].after = Some(json!("x"));
        assert!(matches!(bench.tenant.set_overlay(&admin, wrong, &[]).await, Err(Error::Definition(_))));
        let elsewhere = mortise_definition::Overlay { app: "else".into(), ..saved.clone() };
        assert_eq!(
            bench.tenant.set_overlay(&admin, elsewhere, &[]).await.unwrap_err().code(),
            "app.not_installed"
        );
        let ann = bench.hire("ann", &[], |_| ());
        assert!(matches!(bench.tenant.overlay(&ann, "desk").await, Err(Error::Forbidden(_))));
        assert!(matches!(bench.tenant.set_overlay(&ann, saved, &[]).await, Err(Error::Forbidden(_))));
        assert_eq!(bench.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_finished_even_when_nobody_waits_for_it_any_more() {
    check_bare(async |bench: &Bench| {
        bench.install(desk("1.0.0", vec![thing(vec![])])).await.unwrap();
        for number in 0..20u64 {
            let fields = (0..=number).map(|field| plain(&format!("f{field}"), "text")).collect();
            let next = desk(&format!("1.{}.0", number + 1), vec![thing(fields)]);
            let (admin, package) = (bench.admin(), std::sync::Arc::new(next));
            let install = bench.tenant.install(&admin, package, &[]);
            let _ = tokio::time::timeout(std::time::Duration::from_micros(number * 700), install).await;
            // Whether it came to pass or not, definitions, tables and model agree.
            one(bench, json!({"name": "x"})).await;
            assert_eq!(columns(bench, "name").await.len() as u64, number + 1);
        }
        let fields: Vec<String> = bench
            .tenant
            .model()
            .entity("desk.thing")
            .unwrap()
            .declared()
            .iter()
            .map(|field| field.name.to_string())
            .collect();
        let current = bench.tenant.package("desk").await.unwrap();
        let text = &current.files()["entities/thing.json"];
        assert!(fields.iter().all(|name| text.contains(&format!("\"{name}\""))), "{fields:?} {text}");
        bench
            .install(desk(
                "2.0.0",
                vec![thing((0..20).map(|field| plain(&format!("f{field}"), "text")).collect())],
            ))
            .await
            .unwrap();
    })
    .await;
}
