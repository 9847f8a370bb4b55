//! What people may see and do, on real databases: operations, fields, row scopes, references and files. What somebody
//! may not see is in no list, no count, no search, no export, no history and no error.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::{Bench, check_bare, issues, package, text};
use mortise_definition::Package;
use mortise_engine::{Actor, Command, Error, Outcome, Record};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

fn role(id: &str, permissions: Json) -> Json {
    json!({"id": id, "label": words(id), "permissions": permissions})
}

/// The app `club`: cases with rows, firms, and a handful of roles.
fn club() -> Package {
    let field = |id: &str, kind: &str, more: Json| {
        let mut field = json!({"id": id, "type": kind, "label": words(id)});
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        field
    };
    let plain = |id: &str, kind: &str| field(id, kind, json!({}));
    let all = json!(["read", "create", "update", "delete", "export"]);
    let hidden = json!({"secret": "hidden", "salary": "hidden", "paper": "hidden", "count": "read"});
    let on_case = |operations: Json, rows: Json, fields: Json| json!({"entity": "case", "operations": operations, "rows": rows, "fields": fields});
    let roles = [
        ("roles/reader.json", role("reader", json!([on_case(json!(["read"]), json!("all"), json!({}))]))),
        ("roles/creator.json", role("creator", json!([on_case(json!(["create"]), json!("all"), json!({}))]))),
        (
            "roles/updater.json",
            role("updater", json!([on_case(json!(["read", "update"]), json!("all"), json!({}))])),
        ),
        ("roles/clerk.json", role("clerk", json!([on_case(all.clone(), json!("all"), hidden)]))),
        (
            "roles/boss.json",
            role(
                "boss",
                json!([on_case(json!(["read"]), json!("all"), json!({"salary": "read"})), {"entity": "firm", "operations": all, "rows": "all"}]),
            ),
        ),
        (
            "roles/own.json",
            role(
                "own",
                json!([on_case(all.clone(), json!("own"), json!({})), {"entity": "firm", "operations": all, "rows": "own"}, {"entity": "row", "operations": all, "rows": "own"}]),
            ),
        ),
        ("roles/team.json", role("team", json!([on_case(json!(["read"]), json!("team"), json!({}))]))),
        (
            "roles/department.json",
            role("department", json!([on_case(json!(["read"]), json!("department"), json!({}))])),
        ),
        (
            "roles/pool.json",
            role(
                "pool",
                json!([on_case(json!(["read"]), json!({"where": "record.owner == null"}), json!({}))]),
            ),
        ),
        (
            "roles/squad.json",
            role(
                "squad",
                json!([on_case(
                    json!(["read"]),
                    json!({"where": "record.squad == user.department || record.squad == null"}),
                    json!({})
                )]),
            ),
        ),
        (
            "roles/open.json",
            role(
                "open",
                json!([on_case(
                    json!(["read", "delete"]),
                    json!({"where": "record.title != 'x' || record.count > 3"}),
                    json!({})
                )]),
            ),
        ),
        ("roles/rows.json", role("rows", json!([{"entity": "row", "operations": all, "rows": "all"}]))),
    ];
    let mut files = vec![
        ("app.json", json!({"id": "club", "version": "1.0.0", "label": words("Club")})),
        (
            "entities/case.json",
            json!({
                "id": "case", "label": words("Case"), "title": "title",
                "fields": [
                    field("title", "text", json!({"required": true, "search": true})),
                    field("secret", "text", json!({"search": true})),
                    plain("salary", "money"),
                    plain("count", "integer"),
                    field("squad", "team", json!({})),
                    field("firm", "reference", json!({"entity": "firm"})),
                    field("rows", "lines", json!({"entity": "row", "via": "case"})),
                    plain("paper", "file"),
                    plain("papers", "files"),
                    plain("picture", "photo")
                ],
                "duplicates": {"fields": [{"field": "secret", "compare": "exact"}], "show": ["title"]}
            }),
        ),
        (
            "entities/row.json",
            json!({
                "id": "row", "label": words("Row"), "title": "what",
                "fields": [field("case", "reference", json!({"entity": "case"})), field("what", "text", json!({})), plain("doc", "file")]
            }),
        ),
        (
            "entities/firm.json",
            json!({
                "id": "firm", "label": words("Firm"), "title": "name",
                "fields": [field("name", "text", json!({"required": true, "search": true})), plain("town", "text")]
            }),
        ),
        (
            "views/paid.json",
            json!({
                "id": "paid", "entity": "case", "label": words("Paid"), "columns": ["title", "firm.town"], "sort": ["-salary", "title"]
            }),
        ),
    ];
    files.extend(roles);
    package(files)
}

const CASE: &str = "club.case";

async fn with_club(test: impl AsyncFn(&Bench)) {
    check_bare(async |bench: &Bench| {
        bench.install(club()).await.unwrap();
        test(bench).await;
    })
    .await;
}

async fn titles(bench: &Bench, actor: &Actor, params: &[(&str, &str)]) -> Vec<String> {
    bench.column(actor, CASE, "title", params).await
}

async fn exported(bench: &Bench, actor: &Actor, params: &[(&str, &str)]) -> Result<Vec<Record>, Error> {
    let query = bench.tenant.query(actor, CASE, params.iter().copied())?;
    let mut all = Vec::new();
    bench
        .tenant
        .export(actor, query, |rows| {
            all.extend_from_slice(rows);
            Ok(())
        })
        .await?;
    Ok(all)
}

async fn upload(bench: &Bench, actor: &Actor, kind: &str) -> Uuid {
    let bytes = futures_util::stream::iter([Ok(Bytes::from_static(b"content"))]);
    bench.tenant.put_file(actor, "note.txt", kind, bytes).await.unwrap().id
}

fn forbidden<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Forbidden(_)))
}

fn missing<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound(_)))
}

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
            assert!(forbidden(bench.tenant.trail(&actor, None, 10).await), "{name}");
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
