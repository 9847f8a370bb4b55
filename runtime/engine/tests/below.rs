//! Child rows belong to their record, on real databases: who does not see the record sees none of its rows by any door,
//! and who may not change the record may not change its rows.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::club::*;
use common::{Bench, check_bare, issues, package, text};
use mortise_engine::{Actor, Command, Error};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

const ROW: &str = "club.row";

async fn rows(bench: &Bench, actor: &Actor, params: &[(&str, &str)]) -> Vec<String> {
    bench.column(actor, ROW, "what", params).await
}

async fn exported_rows(bench: &Bench, actor: &Actor) -> Vec<String> {
    let query = bench.tenant.query(actor, ROW, std::iter::empty()).unwrap();
    let slot = bench.tenant.model().entity(ROW).unwrap().field("what").unwrap().slot;
    let mut found = Vec::new();
    let each = |rows: &[mortise_engine::Record]| {
        found.extend(rows.iter().map(|row| row.values[slot].as_text().unwrap().to_owned()));
        Ok(())
    };
    bench.tenant.export(actor, query, each).await.unwrap();
    found.sort();
    found
}

async fn id_of(bench: &Bench, what: &str) -> Uuid {
    let found = bench.rows(&bench.admin(), ROW, &[("where.what", what)]).await.unwrap();
    text(&found[0]["id"]).parse().unwrap()
}

/// Everything that could tell of a row or change it.
async fn attempts(bench: &Bench, actor: &Actor, id: Uuid) -> Vec<Result<(), Error>> {
    let file = upload(bench, actor, "text/plain").await;
    let comment = Command::Comment { entity: ROW.into(), id, text: "hi".into() };
    let attach = Command::Attach { entity: ROW.into(), id, file };
    vec![
        bench.read(actor, ROW, id).await.map(drop),
        bench.tenant.timeline(actor, ROW, id, None, 10).await.map(drop),
        bench.tenant.form_state(actor, ROW, Some(id), &Map::new()).await.map(drop),
        bench.run(actor, comment).await.map(drop),
        bench.update(actor, ROW, id, json!({"what": "changed"})).await.map(drop),
        bench.run(actor, attach).await.map(drop),
        bench.delete(actor, ROW, id).await.map(drop),
        bench.run(actor, Command::Restore { entity: ROW.into(), id }).await.map(drop),
    ]
}

async fn rows_follow_their_record(bench: &Bench, role: &str) {
    let ann = bench.hire("ann", &[role], |_| ());
    let cat = bench.hire("cat", &[role], |_| ());
    let doc = upload(bench, &ann, "text/plain").await;
    let hers = json!({"title": "hers", "rows": [{"what": "a1", "doc": doc}, {"what": "a2"}]});
    let hers = bench.create(&ann, CASE, hers).await;
    bench.create(&cat, CASE, json!({"title": "other", "rows": [{"what": "c1"}]})).await;
    let loose = bench.create(&bench.admin(), ROW, json!({"what": "loose"})).await;
    assert_eq!(rows(bench, &ann, &[]).await, ["a1", "a2", "loose"]);
    assert_eq!(rows(bench, &cat, &[]).await, ["c1", "loose"]);
    assert_eq!(rows(bench, &bench.admin(), &[]).await, ["a1", "a2", "c1", "loose"]);
    for params in [("q", "a1"), ("where.what", "a1"), ("filter", "record.what == 'a1'")] {
        assert_eq!(rows(bench, &ann, &[params]).await, ["a1"]);
        assert!(rows(bench, &cat, &[params]).await.is_empty());
    }
    assert_eq!(rows(bench, &cat, &[("sort", "-what")]).await, ["c1", "loose"]);
    assert_eq!(exported_rows(bench, &ann).await, ["a1", "a2", "loose"]);
    assert_eq!(exported_rows(bench, &cat).await, ["c1", "loose"]);
    let of_hers = hers.to_string();
    assert_eq!(bench.count(&ann, ROW, &[("where.case", &of_hers)]).await, 2);
    assert_eq!(bench.count(&cat, ROW, &[("where.case", &of_hers)]).await, 0);
    let a1 = id_of(bench, "a1").await;
    assert!(attempts(bench, &cat, a1).await.into_iter().all(missing));
    assert!(bench.tenant.get_file(&cat, doc).await.is_err());
    assert!(bench.tenant.get_file(&ann, doc).await.is_ok());
    for row in [json!({"what": "x", "case": hers}), json!({"what": "x", "case": Uuid::new_v4()})] {
        let error = bench.try_create(&cat, ROW, row.clone()).await.unwrap_err();
        assert_eq!(issues(&error), ["case value.no_such_record"]);
        let error = bench.update(&cat, ROW, loose, row).await.unwrap_err();
        assert_eq!(issues(&error), ["case value.no_such_record"]);
    }
    // A record changes hands, and its rows go with it, out of totals that were counted before.
    bench.update(&ann, CASE, hers, json!({"owner": cat.user.id})).await.unwrap();
    assert_eq!(rows(bench, &ann, &[]).await, ["loose"]);
    assert_eq!(rows(bench, &cat, &[]).await, ["a1", "a2", "c1", "loose"]);
    assert!(bench.tenant.get_file(&ann, doc).await.is_err());
    // In the trash as well.
    bench.delete(&cat, CASE, hers).await.unwrap();
    assert!(rows(bench, &ann, &[("trash", "true")]).await.is_empty());
    assert_eq!(rows(bench, &cat, &[("trash", "true")]).await, ["a1", "a2"]);
    assert!(missing(bench.read(&ann, ROW, a1).await));
    assert!(bench.read(&cat, ROW, a1).await.is_ok());
    bench.run(&cat, Command::Restore { entity: CASE.into(), id: hers }).await.unwrap();
    assert!(attempts(bench, &cat, a1).await.into_iter().all(|attempt| attempt.is_ok()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_there_for_those_who_own_their_record() {
    with_club(async |bench: &Bench| rows_follow_their_record(bench, "club.keeper").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_there_for_those_who_see_their_record_and_many_others() {
    with_club(async |bench: &Bench| rows_follow_their_record(bench, "club.pooler").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_rows_but_no_records_sees_those_that_belong_to_none() {
    with_club(async |bench: &Bench| {
        let clerk = bench.hire("rows", &["club.rows"], |_| ());
        let ann = bench.hire("ann", &["club.keeper"], |_| ());
        bench.create(&ann, CASE, json!({"title": "t", "rows": [{"what": "below"}]})).await;
        bench.create(&ann, ROW, json!({"what": "free"})).await;
        assert_eq!(rows(bench, &clerk, &[]).await, ["free"]);
        assert!(attempts(bench, &clerk, id_of(bench, "below").await).await.into_iter().all(missing));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_changed_by_those_who_may_change_their_record() {
    with_club(async |bench: &Bench| {
        let ann = bench.hire("ann", &["club.keeper"], |_| ());
        let wat = bench.hire("wat", &["club.watcher"], |_| ());
        let case = bench.create(&ann, CASE, json!({"title": "t", "rows": [{"what": "below"}]})).await;
        let other = bench.create(&ann, CASE, json!({"title": "u"})).await;
        let below = id_of(bench, "below").await;
        // The watcher sees the record, and may do everything with rows, but not with the record.
        let told: Vec<Option<&str>> = attempts(bench, &wat, below)
            .await
            .iter()
            .map(|attempt| attempt.as_ref().err().map(Error::code))
            .collect();
        let denied = Some("permission.denied");
        assert_eq!(told, [None, None, None, None, denied, denied, denied, denied]);
        assert!(
            !bench.read(&wat, ROW, below).await.unwrap().may(mortise_definition::source::Operation::Update)
        );
        assert!(forbidden(bench.try_create(&wat, ROW, json!({"what": "x", "case": case})).await));
        let own = bench.create(&wat, ROW, json!({"what": "own"})).await;
        bench.update(&wat, ROW, own, json!({"what": "still own"})).await.unwrap();
        assert!(forbidden(bench.update(&wat, ROW, own, json!({"case": case})).await));
        assert!(forbidden(bench.update(&wat, CASE, case, json!({"rows": []})).await));
        // Who may change both takes a row from one to the other.
        bench.update(&ann, ROW, below, json!({"case": other})).await.unwrap();
        bench.update(&ann, ROW, below, json!({"case": null})).await.unwrap();
        assert_eq!(rows(bench, &wat, &[]).await, ["below", "still own"]);
        // What changed above after a command was prepared counts: all in one transaction.
        let commands = vec![
            update(CASE, other, json!({"owner": wat.user.id})),
            create(ROW, json!({"what": "late", "case": other})),
        ];
        let error = bench.run(&ann, Command::Batch { commands, atomic: true }).await.unwrap_err();
        assert_eq!(issues(&error), ["case value.no_such_record"]);
        let commands = vec![
            update(ROW, below, json!({"case": case})),
            update(CASE, case, json!({"owner": wat.user.id})),
            update(ROW, below, json!({"what": "late"})),
        ];
        let error = bench.run(&ann, Command::Batch { commands, atomic: true }).await.unwrap_err();
        assert_eq!(error.code(), "record.not_found");
        // Rows that come with a record which is given away in the same step are written.
        bench
            .update(&ann, CASE, case, json!({"owner": wat.user.id, "rows": [{"what": "last"}]}))
            .await
            .unwrap();
        assert!(missing(bench.read(&ann, CASE, case).await));
        assert_eq!(bench.json(&wat, CASE, case).await["rows"][0]["what"], "last");
    })
    .await;
}

fn values(json: Json) -> Map<String, Json> {
    json.as_object().unwrap().clone()
}

fn create(entity: &str, json: Json) -> Command {
    Command::Create { entity: entity.into(), values: values(json), id: None, allow_duplicates: true }
}

fn update(entity: &str, id: Uuid, json: Json) -> Command {
    Command::Update { entity: entity.into(), id, version: None, values: values(json) }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_below_rows_follow_the_record_at_the_top() {
    check_bare(async |bench: &Bench| {
        let field = |id: &str, kind: &str, more: Json| {
            let mut field = json!({"id": id, "type": kind, "label": words(id)});
            field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            field
        };
        let entity = |id: &str, above: Option<&str>, below: Option<&str>| {
            let mut fields = vec![field("name", "text", json!({"search": true}))];
            fields.extend(
                above.map(|above| field("above", "reference", json!({"entity": above, "required": true}))),
            );
            fields
                .extend(below.map(|below| field("below", "lines", json!({"entity": below, "via": "above"}))));
            json!({"id": id, "label": words(id), "title": "name", "fields": fields})
        };
        let node = json!({"id": "node", "label": words("Node"), "title": "name", "fields": [
            field("name", "text", json!({})),
            field("above", "reference", json!({"entity": "node"})),
            field("below", "lines", json!({"entity": "node", "via": "above"}))
        ]});
        let all = json!(["read", "create", "update", "delete"]);
        let permission =
            |entity: &str, rows: &str| json!({"entity": entity, "operations": all, "rows": rows});
        bench
            .install(package(vec![
                ("app.json", json!({"id": "deep", "version": "1.0.0", "label": words("Deep")})),
                ("entities/top.json", entity("top", None, Some("middle"))),
                ("entities/middle.json", entity("middle", Some("top"), Some("bottom"))),
                ("entities/bottom.json", entity("bottom", Some("middle"), None)),
                ("entities/node.json", node),
                (
                    "roles/owner.json",
                    role(
                        "owner",
                        json!([
                            permission("top", "own"),
                            permission("middle", "all"),
                            permission("bottom", "all"),
                            permission("node", "own")
                        ]),
                    ),
                ),
            ]))
            .await
            .unwrap();
        let ann = bench.hire("ann", &["deep.owner"], |_| ());
        let cat = bench.hire("cat", &["deep.owner"], |_| ());
        for actor in [&ann, &cat] {
            let name = &actor.user.name;
            bench
                .create(
                    actor,
                    "deep.top",
                    json!({"name": name, "below": [{"name": name, "below": [{"name": name}]}]}),
                )
                .await;
        }
        for entity in ["deep.top", "deep.middle", "deep.bottom"] {
            for actor in [&ann, &cat] {
                let name = [actor.user.name.as_str()];
                assert_eq!(bench.column(actor, entity, "name", &[]).await, name, "{entity}");
                assert_eq!(bench.column(actor, entity, "name", &[("q", name[0])]).await, name, "{entity}");
            }
            let hers = bench.rows(&cat, entity, &[]).await.unwrap()[0]["id"].clone();
            let hers: Uuid = text(&hers).parse().unwrap();
            assert!(missing(bench.read(&ann, entity, hers).await), "{entity}");
            assert!(missing(bench.update(&ann, entity, hers, json!({"name": "x"})).await), "{entity}");
            assert!(missing(bench.delete(&ann, entity, hers).await), "{entity}");
        }
        // Where rows are of the same kind as their record, one step is looked up.
        let mine =
            bench.create(&ann, "deep.node", json!({"name": "mine", "below": [{"name": "below"}]})).await;
        bench
            .create(
                &bench.admin(),
                "deep.node",
                json!({"name": "given", "above": mine, "owner": cat.user.id}),
            )
            .await;
        assert_eq!(bench.column(&ann, "deep.node", "name", &[]).await, ["below", "mine"]);
        assert!(bench.column(&cat, "deep.node", "name", &[]).await.is_empty());
        assert_eq!(bench.column(&bench.admin(), "deep.node", "name", &[]).await, ["below", "given", "mine"]);
    })
    .await;
}
