//! What people may see and do, on real databases: operations, fields and row scopes. What somebody may not see is in no
//! list, no count, no search, no export, no history and no error.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::club::*;
use common::{Bench, issues, text};
use mortise_engine::{Command, Outcome};
use serde_json::{Value as Json, json};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_needs_its_own_permission() {
    with_club(async |bench: &Bench| {
        let id = bench.create(&bench.admin(), CASE, json!({"title": "one"})).await;
        for (name, roles, may) in [
            ("nobody", vec![], [false, false, false, false, false]),
            ("reader", vec!["club.reader"], [true, false, false, false, false]),
            ("creator", vec!["club.creator"], [false, true, false, false, false]),
            ("updater", vec!["club.updater"], [true, false, true, false, false]),
            ("clerk", vec!["club.clerk"], [true, true, true, true, true]),
            ("unknown", vec!["club.nothing", "other.clerk"], [false, false, false, false, false]),
        ] {
            let actor = bench.hire(name, &roles, |_| ());
            let comment = Command::Comment { entity: CASE.into(), id, text: "hi".into() };
            let got = [
                !forbidden(bench.read(&actor, CASE, id).await),
                !forbidden(bench.try_create(&actor, CASE, json!({"title": "new"})).await),
                !forbidden(bench.update(&actor, CASE, id, json!({"title": "one"})).await),
                !forbidden(bench.delete(&actor, CASE, id).await),
                !forbidden(exported(bench, &actor, &[]).await),
            ];
            assert_eq!(got, may, "{name}");
            assert_eq!(!forbidden(bench.run(&actor, comment).await), may[0], "{name}");
            assert_eq!(!forbidden(bench.tenant.query(&actor, CASE, std::iter::empty())), may[0], "{name}");
            assert_eq!(!forbidden(bench.tenant.timeline(&actor, CASE, id, None, 10).await), may[0], "{name}");
            assert_eq!(
                !forbidden(bench.run(&actor, Command::Restore { entity: CASE.into(), id }).await),
                may[3],
                "{name}"
            );
            assert!(forbidden(bench.tenant.trail(&actor, &Default::default(), None, 10).await), "{name}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_fields_are_nowhere_and_read_only_fields_are_not_taken() {
    with_club(async |bench: &Bench| {
        let clerk = bench.hire("clerk", &["club.clerk"], |_| ());
        for (title, secret, salary) in
            [("alpha", "zebra", "300"), ("beta", "tiger", "100"), ("gamma", "", "200")]
        {
            bench
                .create(
                    &bench.admin(),
                    CASE,
                    json!({"title": title, "secret": secret, "salary": salary, "count": 1}),
                )
                .await;
        }
        let rows = bench.rows(&clerk, CASE, &[]).await.unwrap();
        assert!(
            rows.iter()
                .all(|row| row.get("secret").is_none() && row.get("salary").is_none() && row["count"] == 1)
        );
        let id: Uuid = text(&rows[0]["id"]).parse().unwrap();
        let record = bench.json(&clerk, CASE, id).await;
        assert!(record.get("secret").is_none() && record.get("paper").is_none());
        let slot = |name: &str| bench.tenant.model().entity(CASE).unwrap().field(name).unwrap().slot;
        assert!(bench.read(&clerk, CASE, id).await.unwrap().values[slot("secret")].is_null());
        let out = exported(bench, &clerk, &[]).await.unwrap();
        assert!(
            out.len() == 3
                && out
                    .iter()
                    .all(|row| row.values[slot("secret")].is_null() && row.values[slot("salary")].is_null())
        );
        // Asking for them is as asking for what is not there.
        for params in [
            ("where.secret", "zebra"),
            ("where.secret.empty", "true"),
            ("where.salary.gt", "1"),
            ("sort", "-salary"),
            ("fields", "title,secret"),
            ("filter", "record.secret == 'zebra'"),
            ("filter", "record.title == 'x' || record.salary > 150.0"),
        ] {
            let error = bench.tenant.query(&clerk, CASE, [params].into_iter()).unwrap_err();
            assert_eq!(error.code(), "query.unknown_field", "{params:?}");
        }
        let error = bench.tenant.query(&clerk, CASE, [("where.secre", "x")].into_iter()).unwrap_err();
        assert!(error.args().iter().all(|(_, value)| value != "secret"), "{error}");
        // The search finds nothing by them, and everything else as before.
        assert_eq!(titles(bench, &bench.admin(), &[("q", "zebra")]).await, ["alpha"]);
        assert!(titles(bench, &clerk, &[("q", "zebra")]).await.is_empty());
        assert!(titles(bench, &clerk, &[("q", "alpha zeb")]).await.is_empty());
        assert_eq!(titles(bench, &clerk, &[("q", "ALPHA")]).await, ["alpha"]);
        // A view that sorts by them gives away neither their order nor, in its cursor, their values.
        let query = |cursor: &str| {
            bench
                .tenant
                .query(&clerk, CASE, [("view", "paid"), ("limit", "1"), ("cursor", cursor)].into_iter())
                .unwrap()
        };
        let first = bench.tenant.list(&clerk, &query("")).await.unwrap();
        let order: Vec<String> = bench
            .rows(&clerk, CASE, &[("view", "paid")])
            .await
            .unwrap()
            .iter()
            .map(|row| text(&row["title"]))
            .collect();
        assert_eq!(order, ["alpha", "beta", "gamma"]);
        let cursor = first.next.unwrap();
        let decoded =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &cursor).unwrap();
        assert!(!String::from_utf8(decoded).unwrap().contains("300"));
        assert_eq!(bench.tenant.list(&clerk, &query(&cursor)).await.unwrap().rows.len(), 1);
        // Not in the history either.
        bench
            .update(&bench.admin(), CASE, id, json!({"secret": "lion", "salary": "5", "title": "delta"}))
            .await
            .unwrap();
        let history = bench.tenant.timeline(&clerk, CASE, id, None, 10).await.unwrap();
        assert_eq!(
            history[0].changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(),
            ["title"]
        );
        assert!(
            history[1].changes.iter().all(|change| !["secret", "salary"].contains(&change.field.as_str()))
        );
        // What cannot be seen cannot be given, not even asked about.
        let error = bench
            .update(&clerk, CASE, id, json!({"secret": "mine", "salary": "9", "count": 2, "title": "ok"}))
            .await
            .unwrap_err();
        assert_eq!(
            issues(&error),
            ["count field.no_permission", "salary field.unknown", "secret field.unknown"]
        );
        let error = bench.try_create(&clerk, CASE, json!({"title": "new", "secre": "x"})).await.unwrap_err();
        assert!(error.issues()[0].issue.args.iter().all(|(_, value)| value != "secret"));
        let typed = json!({"secret": "tiger"});
        assert!(
            bench.tenant.suspects(&clerk, CASE, typed.as_object().unwrap(), None).await.unwrap().is_empty()
        );
        assert_eq!(
            bench
                .tenant
                .suspects(&bench.admin(), CASE, typed.as_object().unwrap(), None)
                .await
                .unwrap()
                .len(),
            1
        );
        let state = bench.tenant.form_state(&clerk, CASE, Some(id), &serde_json::Map::new()).await.unwrap();
        assert!(!state.visible.contains_key("secret") && state.values[slot("secret")].is_null());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_team_and_department_scopes_follow_the_people() {
    with_club(async |bench: &Bench| {
        let top = bench.department("Top", None);
        let (east, west) = (bench.department("East", Some(top)), bench.department("West", Some(top)));
        let ann = bench.hire("ann", &["club.own"], |ann| ann.department = Some(east));
        bench.hire("bob", &["club.team"], |bob| bob.department = Some(east));
        let cat = bench.hire("cat", &["club.own"], |cat| cat.department = Some(west));
        bench.hire("dan", &["club.department"], |dan| dan.department = Some(top));
        let eve = bench.hire("eve", &["club.department"], |_| ());
        let fay = bench.hire("fay", &["club.own"], |fay| fay.supervisor = Some(eve.user.id));
        bench.hire("gus", &["club.team"], |_| ());
        for actor in [&ann, &cat, &fay] {
            bench.create(actor, CASE, json!({"title": actor.user.name})).await;
        }
        bench.create(&bench.admin(), CASE, json!({"title": "Pool", "owner": null})).await;
        for (login, sees) in [
            ("ann", vec!["Ann"]),
            ("bob", vec!["Ann"]),
            ("cat", vec!["Cat"]),
            ("dan", vec!["Ann", "Cat"]),
            ("eve", vec!["Fay"]),
            ("fay", vec!["Fay"]),
            ("gus", vec![]),
            ("root", vec!["Ann", "Cat", "Fay", "Pool"]),
        ] {
            let actor = &bench.person(login);
            assert_eq!(titles(bench, actor, &[]).await, sees, "{}", actor.user.name);
            for row in bench.rows(&bench.admin(), CASE, &[]).await.unwrap() {
                let id = text(&row["id"]).parse().unwrap();
                let seen = sees.contains(&text(&row["title"]).as_str());
                assert_eq!(bench.read(actor, CASE, id).await.is_ok(), seen, "{} {row}", actor.user.name);
            }
        }
        // What is outside of the scope is missing, not forbidden, whatever one tries.
        let other: Uuid = text(&bench.rows(&cat, CASE, &[]).await.unwrap()[0]["id"]).parse().unwrap();
        assert!(missing(bench.update(&ann, CASE, other, json!({"title": "x"})).await));
        assert!(missing(bench.delete(&ann, CASE, other).await));
        assert!(missing(bench.run(&ann, Command::Restore { entity: CASE.into(), id: other }).await));
        assert!(missing(
            bench.run(&ann, Command::Comment { entity: CASE.into(), id: other, text: "x".into() }).await
        ));
        assert!(missing(bench.tenant.timeline(&ann, CASE, other, None, 10).await));
        assert!(missing(bench.tenant.form_state(&ann, CASE, Some(other), &serde_json::Map::new()).await));
        bench.delete(&bench.admin(), CASE, other).await.unwrap();
        assert!(titles(bench, &ann, &[("trash", "true")]).await.is_empty());
        assert_eq!(titles(bench, &cat, &[("trash", "true")]).await, ["Cat"]);
        // A person moves to another department, and the scope with them.
        let ann = bench.hire("ann", &["club.own"], |ann| ann.department = Some(west));
        assert!(titles(bench, &bench.person("bob"), &[]).await.is_empty());
        assert_eq!(titles(bench, &ann, &[]).await, ["Ann"]);
        // Who gives a record away no longer sees it, and is told what became of it all the same.
        let own: Uuid = text(&bench.rows(&ann, CASE, &[]).await.unwrap()[0]["id"]).parse().unwrap();
        let Outcome::Record(written) =
            bench.update(&ann, CASE, own, json!({"owner": cat.user.id})).await.unwrap()
        else {
            panic!()
        };
        let told: Json =
            serde_json::from_slice(&bench.tenant.written_json(&ann, written).await.unwrap()).unwrap();
        assert_eq!((&told["id"], &told["version"]), (&json!(own), &json!(2)));
        assert!(missing(bench.read(&ann, CASE, own).await));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_roles_add_up() {
    with_club(async |bench: &Bench| {
        let east = bench.department("East", None);
        let ann = bench.hire("ann", &["club.own", "club.pool"], |ann| ann.department = Some(east));
        let cat = bench.hire("cat", &["club.own"], |_| ());
        for (title, owner, squad) in [
            ("mine", json!(ann.user.id), json!(east)),
            ("hers", json!(cat.user.id), json!(null)),
            ("pool", json!(null), json!(east)),
        ] {
            bench
                .create(
                    &bench.admin(),
                    CASE,
                    json!({"title": title, "owner": owner, "squad": squad, "secret": title, "salary": "5"}),
                )
                .await;
        }
        assert_eq!(titles(bench, &ann, &[]).await, ["mine", "pool"]);
        // In the pool one may read, but not change.
        let pool: Uuid = text(&bench.rows(&ann, CASE, &[("where.title", "pool")]).await.unwrap()[0]["id"])
            .parse()
            .unwrap();
        assert!(forbidden(bench.update(&ann, CASE, pool, json!({"title": "x"})).await));
        assert!(forbidden(bench.delete(&ann, CASE, pool).await));
        assert_eq!(exported(bench, &ann, &[]).await.unwrap().len(), 1);
        // Three conditions, one of them twice.
        let all = bench.hire("ann", &["club.own", "club.pool", "club.team", "club.open"], |ann| {
            ann.department = Some(east)
        });
        assert_eq!(titles(bench, &all, &[]).await, ["hers", "mine", "pool"]);
        // A condition with "or" keeps to itself beside filters.
        let open = bench.hire("open", &["club.open"], |_| ());
        assert_eq!(titles(bench, &open, &[("where.title", "mine")]).await, ["mine"]);
        assert_eq!(titles(bench, &open, &[("trash", "true")]).await, Vec::<String>::new());
        bench.create(&bench.admin(), CASE, json!({"title": "x", "count": 1})).await;
        assert_eq!(titles(bench, &open, &[("where.title", "x")]).await, Vec::<String>::new());
        // Each record is there once, even for somebody whose department is as empty as the record's.
        let homeless = bench.hire("homeless", &["club.squad"], |_| ());
        assert_eq!(titles(bench, &homeless, &[]).await, ["hers", "x"]);
        let settled = bench.hire("settled", &["club.squad"], |settled| settled.department = Some(east));
        assert_eq!(titles(bench, &settled, &[]).await, ["hers", "mine", "pool", "x"]);
        // A field is as open as the most open role makes it.
        let clerk = bench.hire("clerk", &["club.clerk", "club.boss"], |_| ());
        let row = &bench.rows(&clerk, CASE, &[("where.title", "mine")]).await.unwrap()[0];
        assert_eq!((&row["salary"], &row["secret"]), (&json!("5.00"), &json!("mine")));
        let id: Uuid = text(&row["id"]).parse().unwrap();
        let error = bench
            .update(&bench.hire("clerk", &["club.clerk"], |_| ()), CASE, id, json!({"count": 3}))
            .await
            .unwrap_err();
        assert_eq!(issues(&error), ["count field.no_permission"]);
    })
    .await;
}
