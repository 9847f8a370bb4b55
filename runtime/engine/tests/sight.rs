//! What records point to, on real databases: other records, child rows and files are there only for those who may see
//! them, and are not lost when somebody else saves.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::club::*;
use common::{Bench, check_bare, issues, package, text};
use mortise_engine::{Actor, Command};
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn references_point_only_to_what_the_person_sees_and_titles_are_withheld() {
    with_club(async |bench: &Bench| {
        let ann = bench.hire("ann", &["club.own"], |_| ());
        let cat = bench.hire("cat", &["club.own"], |_| ());
        let reader = bench.hire("reader", &["club.reader"], |_| ());
        let hers = bench.create(&cat, "club.firm", json!({"name": "Hidden Works", "town": "Suzhou"})).await;
        let mine = bench.create(&ann, "club.firm", json!({"name": "Open Works", "town": "Ningbo"})).await;
        for (firm, refused) in [(mine, false), (hers, true), (Uuid::new_v4(), true)] {
            let result = bench.try_create(&ann, CASE, json!({"title": "t", "firm": firm})).await;
            assert_eq!(
                result.as_ref().err().map(issues),
                refused.then(|| vec!["firm value.no_such_record".to_owned()]),
                "{firm}"
            );
        }
        bench.delete(&ann, "club.firm", mine).await.unwrap();
        let error = bench.try_create(&ann, CASE, json!({"title": "t", "firm": mine})).await.unwrap_err();
        assert_eq!(issues(&error), ["firm value.no_such_record"]);
        bench.run(&ann, Command::Restore { entity: "club.firm".into(), id: mine }).await.unwrap();
        // Somebody else sets it; who may not see the firm sees that there is one, not which.
        let id: Uuid = text(&bench.rows(&ann, CASE, &[]).await.unwrap()[0]["id"]).parse().unwrap();
        bench.update(&bench.admin(), CASE, id, json!({"firm": hers})).await.unwrap();
        for actor in [&ann, &reader] {
            let record = bench.json(actor, CASE, id).await;
            assert_eq!(record["firm"], json!(hers));
            assert_eq!(record["_titles"].get("firm"), None, "{}", actor.user.name);
            let row = &bench.rows(actor, CASE, &[("view", "paid")]).await.unwrap()[0];
            assert_eq!((row.get("firm.town"), row["_titles"].get("firm")), (None, None), "{row}");
            let history = bench.tenant.timeline(actor, CASE, id, None, 10).await.unwrap();
            assert_eq!(history[0].changes[0].new.as_deref(), Some("…"));
        }
        let row = &bench.rows(&bench.admin(), CASE, &[("view", "paid")]).await.unwrap()[0];
        assert_eq!((&row["firm.town"], &row["_titles"]["firm"]), (&json!("Suzhou"), &json!("Hidden Works")));
        // An unchanged reference to what is out of sight does not stand in the way of other changes.
        bench.update(&ann, CASE, id, json!({"title": "still", "firm": hers})).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn child_rows_out_of_sight_are_neither_shown_nor_lost() {
    with_club(async |bench: &Bench| {
        let ann = bench.hire("ann", &["club.own"], |_| ());
        let id = bench.create(&ann, CASE, json!({"title": "t", "rows": [{"what": "mine"}]})).await;
        bench.create(&bench.admin(), "club.row", json!({"what": "foreign", "case": id, "owner": null})).await;
        let shown = async |actor: &Actor| {
            let record = bench.json(actor, CASE, id).await;
            record["rows"].as_array().unwrap().iter().map(|row| text(&row["what"])).collect::<Vec<String>>()
        };
        assert_eq!(shown(&ann).await, ["mine"]);
        assert_eq!(shown(&bench.admin()).await, ["mine", "foreign"]);
        let own = bench.json(&ann, CASE, id).await["rows"][0]["id"].clone();
        bench
            .update(&ann, CASE, id, json!({"rows": [{"id": own, "what": "changed"}, {"what": "more"}]}))
            .await
            .unwrap();
        assert_eq!(shown(&bench.admin()).await, ["changed", "foreign", "more"]);
        bench.update(&ann, CASE, id, json!({"rows": []})).await.unwrap();
        assert_eq!(shown(&bench.admin()).await, ["foreign"]);
        // Who may not see rows at all gets none, and takes none away.
        let clerk = bench.hire("clerk", &["club.clerk"], |_| ());
        assert!(shown(&clerk).await.is_empty());
        bench.update(&clerk, CASE, id, json!({"rows": []})).await.unwrap();
        assert_eq!(shown(&bench.admin()).await, ["foreign"]);
        let error = bench.update(&clerk, CASE, id, json!({"rows": [{"what": "new"}]})).await.unwrap_err();
        assert_eq!(issues(&error), ["rows/0/what field.unknown"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_for_those_who_see_their_record() {
    with_club(async |bench: &Bench| {
        let ann = bench.hire("ann", &["club.own"], |_| ());
        let cat = bench.hire("cat", &["club.own"], |_| ());
        let clerk = bench.hire("clerk", &["club.clerk"], |_| ());
        let reads = async |file: Uuid| {
            let mut who = Vec::new();
            for actor in [&ann, &cat, &clerk, &bench.admin()] {
                if bench.tenant.get_file(actor, file).await.is_ok() {
                    assert_eq!(bench.tenant.file_infos(actor, &[file]).await.unwrap().len(), 1);
                    who.push(actor.user.name.clone());
                } else {
                    assert!(bench.tenant.file_infos(actor, &[file]).await.unwrap().is_empty());
                }
            }
            who
        };
        let file = upload(bench, &ann, "text/plain").await;
        assert_eq!(reads(file).await, ["Ann", "Root"]);
        let error =
            bench.try_create(&cat, CASE, json!({"title": "thief", "papers": [file]})).await.unwrap_err();
        assert_eq!(issues(&error), ["papers value.no_such_file"]);
        let (paper, doc) = (upload(bench, &ann, "text/plain").await, upload(bench, &ann, "text/plain").await);
        let id = bench
            .create(
                &ann,
                CASE,
                json!({"title": "t", "papers": [file], "paper": paper, "rows": [{"what": "w", "doc": doc}]}),
            )
            .await;
        // The clerk sees the record, but neither the field `paper` nor the rows.
        assert_eq!(reads(file).await, ["Ann", "Clerk", "Root"]);
        assert_eq!(reads(paper).await, ["Ann", "Root"]);
        assert_eq!(reads(doc).await, ["Ann", "Root"]);
        let other = bench.create(&cat, CASE, json!({"title": "other"})).await;
        for stolen in [file, paper, doc, Uuid::new_v4()] {
            let error = bench.update(&cat, CASE, other, json!({"paper": stolen})).await.unwrap_err();
            assert_eq!(issues(&error), ["paper value.no_such_file"]);
            assert!(
                bench
                    .run(&cat, Command::Attach { entity: CASE.into(), id: other, file: stolen })
                    .await
                    .is_err()
            );
        }
        // Naming a hidden file in a field that is seen does not open it.
        bench.update(&clerk, CASE, id, json!({"papers": [file, paper]})).await.unwrap();
        assert_eq!(reads(paper).await, ["Ann", "Root"]);
        let attached = upload(bench, &ann, "text/plain").await;
        bench.run(&ann, Command::Attach { entity: CASE.into(), id, file: attached }).await.unwrap();
        assert_eq!(reads(attached).await, ["Ann", "Clerk", "Root"]);
        // A picture has to be one.
        for (kind, refused) in [("text/html", true), ("image/png", false)] {
            let picture = upload(bench, &ann, kind).await;
            let result = bench.update(&ann, CASE, id, json!({"picture": picture})).await;
            assert_eq!(
                result.as_ref().err().map(issues),
                refused.then(|| vec!["picture value.not_image".to_owned()])
            );
        }
        bench.delete(&ann, CASE, id).await.unwrap();
        assert_eq!(reads(file).await, ["Ann", "Clerk", "Root"]);
        let boss = bench.hire("boss", &["club.boss"], |_| ());
        assert!(bench.tenant.get_file(&boss, file).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_leads_only_to_the_record_of_its_own_entity() {
    with_club(async |bench: &Bench| {
        let ann = bench.hire("ann", &["club.own"], |_| ());
        let secret = bench
            .create(&bench.admin(), CASE, json!({"title": "hidden title", "secret": "hidden word"}))
            .await;
        bench
            .run(
                &bench.admin(),
                Command::Comment { entity: CASE.into(), id: secret, text: "hidden comment".into() },
            )
            .await
            .unwrap();
        assert!(missing(bench.read(&ann, "club.firm", secret).await));
        assert!(missing(bench.update(&bench.admin(), "club.firm", secret, json!({"name": "x"})).await));
        assert!(missing(bench.delete(&bench.admin(), "club.row", secret).await));
        // Somebody gives a firm the id of a record out of sight: its history, comments and files stay its own.
        let file = upload(bench, &bench.admin(), "text/plain").await;
        bench.update(&bench.admin(), CASE, secret, json!({"papers": [file]})).await.unwrap();
        let values = json!({"name": "decoy"}).as_object().unwrap().clone();
        bench
            .run(
                &ann,
                Command::Create {
                    entity: "club.firm".into(),
                    values,
                    id: Some(secret),
                    allow_duplicates: true,
                },
            )
            .await
            .unwrap();
        let history = bench.tenant.timeline(&ann, "club.firm", secret, None, 50).await.unwrap();
        assert_eq!(history.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["record.created"]);
        assert!(bench.tenant.get_file(&ann, file).await.is_err());
        assert_eq!(bench.tenant.timeline(&bench.admin(), CASE, secret, None, 50).await.unwrap().len(), 3);
        let again = json!({"title": "again"}).as_object().unwrap().clone();
        let error = bench
            .run(
                &ann,
                Command::Create {
                    entity: CASE.into(),
                    values: again,
                    id: Some(secret),
                    allow_duplicates: true,
                },
            )
            .await
            .unwrap_err();
        assert_eq!(issues(&error), ["id record.exists"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_made_for_somebody_else_gets_its_rows_all_the_same() {
    with_club(async |bench: &Bench| {
        let ann = bench.hire("ann", &["club.own"], |_| ());
        let cat = bench.hire("cat", &["club.own"], |_| ());
        let rows = json!([{"what": "one", "owner": cat.user.id}]);
        let id = bench.create(&ann, CASE, json!({"title": "hers", "owner": cat.user.id, "rows": rows})).await;
        assert!(missing(bench.read(&ann, CASE, id).await));
        assert_eq!(bench.json(&cat, CASE, id).await["rows"][0]["what"], "one");
        // A record goes only with all its rows.
        bench.create(&bench.admin(), "club.row", json!({"what": "foreign", "case": id, "owner": null})).await;
        assert!(forbidden(bench.delete(&cat, CASE, id).await));
        assert_eq!(bench.count(&bench.admin(), "club.row", &[]).await, 2);
        bench.delete(&bench.admin(), CASE, id).await.unwrap();
        assert_eq!(bench.count(&bench.admin(), "club.row", &[]).await, 0);
        assert!(forbidden(bench.run(&cat, Command::Restore { entity: CASE.into(), id }).await));
        assert_eq!(bench.count(&bench.admin(), CASE, &[]).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_below_rows_go_and_come_back_however_deep_they_lie_and_even_in_a_circle() {
    check_bare(async |bench: &Bench| {
        let node = json!({"id": "node", "label": words("Node"), "title": "name", "fields": [
            {"id": "name", "type": "text", "label": words("name")},
            {"id": "parent", "type": "reference", "entity": "node", "label": words("parent")},
            {"id": "children", "type": "lines", "entity": "node", "via": "parent", "label": words("children")},
            {"id": "count", "type": "rollup", "entity": "node", "via": "parent", "operation": "count", "label": words("count")}
        ]});
        let app = json!({"id": "tree", "version": "1.0.0", "label": words("Tree")});
        bench.install(package(vec![("app.json", app), ("entities/node.json", node)])).await.unwrap();
        let admin = bench.admin();
        let id = |number: u32| Uuid::from_u128(u128::from(number) + (1 << 80));
        const DEEP: u32 = 3_000;
        let create = |number: u32| Command::Create {
            entity: "tree.node".into(),
            values: json!({"name": "n", "parent": (number > 0).then(|| id(number - 1))}).as_object().unwrap().clone(),
            id: Some(id(number)),
            allow_duplicates: true,
        };
        bench.run(&admin, Command::Batch { commands: (0..DEEP).map(create).collect(), atomic: true }).await.unwrap();
        bench.update(&admin, "tree.node", id(0), json!({"parent": id(DEEP - 1)})).await.unwrap();
        for start in [0, DEEP / 2] {
            bench.delete(&admin, "tree.node", id(start)).await.unwrap();
            assert_eq!(bench.count(&admin, "tree.node", &[]).await, 0);
            bench.run(&admin, Command::Restore { entity: "tree.node".into(), id: id(start) }).await.unwrap();
            assert_eq!(bench.count(&admin, "tree.node", &[]).await, i64::from(DEEP));
        }
        assert_eq!(bench.json(&admin, "tree.node", id(7)).await["count"], 1);
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}
