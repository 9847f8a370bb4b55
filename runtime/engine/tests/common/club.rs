//! The app `club`: cases with rows and files, firms, and a handful of roles.

use bytes::Bytes;
use mortise_definition::Package;
use mortise_engine::{Actor, Error, Record};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Bench, check_bare, package};

pub fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

pub fn role(id: &str, permissions: Json) -> Json {
    json!({"id": id, "label": words(id), "permissions": permissions})
}

/// The app `club`: cases with rows, firms, and a handful of roles.
pub fn club() -> Package {
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
        (
            "roles/keeper.json",
            role(
                "keeper",
                json!([on_case(all.clone(), json!("own"), json!({})), {"entity": "row", "operations": all}]),
            ),
        ),
        (
            "roles/pooler.json",
            role(
                "pooler",
                json!([
                    on_case(all.clone(), json!({"where": "record.owner == user.id || record.owner == null"}), json!({})),
                    {"entity": "row", "operations": all}
                ]),
            ),
        ),
        (
            "roles/watcher.json",
            role(
                "watcher",
                json!([on_case(json!(["read"]), json!("all"), json!({})), {"entity": "row", "operations": all}]),
            ),
        ),
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
                "fields": [field("case", "reference", json!({"entity": "case"})), field("what", "text", json!({"search": true})), plain("doc", "file")]
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

pub const CASE: &str = "club.case";

pub async fn with_club(test: impl AsyncFn(&Bench)) {
    check_bare(async |bench: &Bench| {
        bench.install(club()).await.unwrap();
        test(bench).await;
    })
    .await;
}

pub async fn titles(bench: &Bench, actor: &Actor, params: &[(&str, &str)]) -> Vec<String> {
    bench.column(actor, CASE, "title", params).await
}

pub async fn exported(bench: &Bench, actor: &Actor, params: &[(&str, &str)]) -> Result<Vec<Record>, Error> {
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

pub async fn upload(bench: &Bench, actor: &Actor, kind: &str) -> Uuid {
    let bytes = futures_util::stream::iter([Ok(Bytes::from_static(b"content"))]);
    bench.tenant.put_file(actor, "note.txt", kind, bytes).await.unwrap().id
}

pub fn forbidden<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Forbidden(_)))
}

pub fn missing<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound(_)))
}
