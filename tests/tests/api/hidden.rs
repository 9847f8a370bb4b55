//! What a person may not see stays unseen in every face of it: lists, windows of rows, figures, columns of boards, cells, filters and
//! searches. And no page of another site starts anything in a person's name.

use mortise_tests::{Answer, Client};
use serde_json::{Value, json};

use crate::interactions::signed_in;
use crate::world::{World, on_both, text};

const PAGES: &str = "/t/demo/a/zoo/thing";
const THINGS: &str = "/t/demo/api/v1/records/zoo.thing";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// Words for the colour and the price, as a value or with marks between thousands.
const SECRETS: [&str; 3] = ["Crimson", "48151.62", "48,151.62"];

fn words(en: &str) -> Value {
    json!({"en": en, "zh-CN": en})
}

/// Things with a colour and a price, and people who see neither.
fn files() -> Value {
    let choice = |value: &str, label: &str| json!({"value": value, "label": words(label)});
    let files = [
        ("app.json", json!({"id": "zoo", "version": "1.0.0", "label": words("Zoo")})),
        (
            "entities/thing.json",
            json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": [
            {"id": "name", "label": words("Name"), "type": "text", "required": true, "search": true},
            {"id": "colour", "label": words("Colour"), "type": "choice",
             "choices": [choice("red", "Crimson"), choice("green", "Emerald")]},
            {"id": "price", "label": words("Price"), "type": "decimal", "scale": 2}]}),
        ),
        (
            "views/all.json",
            json!({"id": "all", "entity": "thing", "label": words("All"), "columns": ["name", "colour", "price"],
            "layout": {"by": "colour", "totals": {"price": "sum"}, "edit": ["name", "colour"]}}),
        ),
        (
            "views/board.json",
            json!({"id": "board", "entity": "thing", "label": words("Board"), "kind": "board",
            "columns": ["name", "price"], "layout": {"by": "colour", "sum": "price"}}),
        ),
        (
            "roles/blind.json",
            json!({"id": "blind", "label": words("Blind"), "permissions": [
            {"entity": "thing", "operations": ["read", "update"], "rows": "all",
             "fields": {"colour": "hidden", "price": "hidden"}}]}),
        ),
    ];
    let files = files.into_iter().map(|(path, file)| (path.to_owned(), Value::from(file.to_string())));
    Value::Object(files.collect())
}

fn install(world: &World) -> (String, Client) {
    world.call("POST", "/t/demo/api/v1/apps", &json!({"files": files()})).expect(200);
    let values = json!({"name": "Alpha", "colour": "red", "price": "48151.62"});
    let id = text(&world.call("POST", THINGS, &values).expect(201).json()["id"]);
    world.person("blind", &json!({"roles": ["zoo.blind"]}));
    (id, signed_in(world, "blind"))
}

fn get(client: &mut Client, path: &str) -> Answer {
    client.get(&format!("{PAGES}{path}")).expect("the server answers")
}

fn told(answer: &Answer) -> Option<&'static str> {
    let words = answer.text();
    SECRETS.into_iter().find(|secret| words.contains(*secret))
}

#[test]
fn a_hidden_field_is_in_no_list_window_figure_column_or_cell() {
    on_both(|world| {
        let (id, mut blind) = install(world);
        let mut admin = signed_in(world, "admin");
        for path in ["?view=zoo.all", "?view=zoo.board"] {
            assert!(told(&get(&mut admin, path).expect(200)).is_some(), "{path} shows it to who may see it");
        }
        assert!(get(&mut admin, "/cards?view=zoo.board&lane=red").expect(200).text().contains("Alpha"));
        let shown = ["?view=zoo.all", "?view=zoo.board", "/rows?view=zoo.all", "/figures?view=zoo.all"];
        for path in shown {
            assert_eq!(told(&get(&mut blind, path).expect(200)), None, "{path}");
        }
        assert!(get(&mut blind, "/rows?view=zoo.all").expect(200).text().contains("Alpha"));
        let lane = get(&mut blind, "/cards?view=zoo.board&lane=red");
        assert!(!lane.text().contains("Alpha"), "which column a record is in tells its colour");
        for path in ["/rows?where.colour=red", "/rows?sort=colour", "/rows?filter=record.price+%3E+1"] {
            get(&mut blind, path).expect(400);
        }
        let cell = format!("/{id}/cell/colour");
        for path in ["/bulk/colour", cell.as_str()] {
            get(&mut blind, path).expect(404);
        }
        let mut post = |path: &str, body: &str| {
            let path = format!("{PAGES}{path}");
            blind.send("POST", &path, &[FORM], body.as_bytes()).expect("the server answers").status
        };
        assert_eq!(post(&cell, "colour=green&_base=null"), 404);
        assert!(post(&format!("/{id}/move"), "view=zoo.board&to=green&version=1") >= 400);
        let record = world.call("GET", &format!("{THINGS}/{id}"), &json!({})).expect(200).json();
        assert_eq!(record["colour"], "red", "nothing has moved it");
    });
}

/// Items with a tag and a day; a clerk reads and exports all of them, without tag, day and owner, and has own ones.
fn vault() -> Value {
    let hidden = json!({"tag": "hidden", "day": "hidden", "owner": "hidden"});
    let files = [
        ("app.json", json!({"id": "vault", "version": "1.0.0", "label": words("Vault")})),
        (
            "entities/item.json",
            json!({"id": "item", "label": words("Item"), "title": "name", "fields": [
            {"id": "name", "label": words("Name"), "type": "text", "required": true},
            {"id": "tag", "label": words("Tag"), "type": "text"},
            {"id": "day", "label": words("Day"), "type": "datetime"}],
            "duplicates": {"fields": [{"field": "tag", "compare": "exact"}], "show": ["name"]}}),
        ),
        (
            "metrics/items.json",
            json!({"id": "items", "label": words("Items"), "entity": "item", "measure": {"type": "count"},
            "time": "day", "window": "year", "dimensions": ["owner", "name"]}),
        ),
        (
            "roles/clerk.json",
            json!({"id": "clerk", "label": words("Clerk"), "permissions": [
            {"entity": "item", "operations": ["read", "export"], "rows": "all", "fields": hidden}]}),
        ),
        (
            "roles/keeper.json",
            json!({"id": "keeper", "label": words("Keeper"), "permissions": [
            {"entity": "item", "operations": ["read", "create"], "rows": "own"}]}),
        ),
    ];
    let files = files.into_iter().map(|(path, file)| (path.to_owned(), Value::from(file.to_string())));
    Value::Object(files.collect())
}

#[test]
fn what_is_hidden_is_not_measured_found_alike_or_taken_out_of_the_trash() {
    on_both(|world| {
        world.call("POST", "/t/demo/api/v1/apps", &json!({"files": vault()})).expect(200);
        let items = "/t/demo/api/v1/records/vault.item";
        let values = json!({"name": "Alpha", "tag": "T-1", "day": "2026-11-02T09:00:00+08:00"});
        let id = text(&world.call("POST", items, &values).expect(201).json()["id"]);
        let clerk = world.person("clerk", &json!({"roles": ["vault.clerk", "vault.keeper"]}));
        let mut clerk = world.client(&clerk.token);
        let mut get = |path: &str| clerk.get(&format!("/t/demo/api/v1{path}")).expect("the server answers");
        for (asked, status) in
            [("?by=name", 200), ("?by=owner", 403), ("?by=name&per=day", 403), ("?by=name&window=7d", 403)]
        {
            assert_eq!(get(&format!("/metrics/vault.items{asked}")).status, status, "{asked}");
        }
        assert!(get("/records/vault.item/export?format=csv").expect(200).text().contains("Alpha"));
        for path in ["/records/vault.item?trash=true", "/records/vault.item/export?format=csv&trash=true"] {
            assert_eq!(get(path).status, 403, "{path}");
        }
        // Own records have tags, so that it makes sense to look for one; whose it is on others is not said.
        let alike = |client: &mut Client| {
            let typed = json!({"name": "Beta", "tag": "T-1"});
            let answer = client.json("POST", &format!("{items}/duplicates"), &typed);
            answer.expect("the server answers").expect(200).text()
        };
        assert!(alike(&mut world.client(&world.admin)).contains(&id));
        let told = alike(&mut clerk);
        assert!(told.contains("tag") && !told.contains(&id) && !told.contains("Alpha"), "{told}");
    });
}

#[test]
fn a_page_of_another_site_starts_nothing() {
    on_both(|world| {
        let (id, mut blind) = install(world);
        let foreign = [FORM, ("sec-fetch-site", "cross-site")];
        let own = ["/columns", "/filters", "/filter-words", "/split", "/bulk/name", "/bulk-delete"];
        let own = own.map(|path| format!("{PAGES}{path}"));
        let others =
            ["/api/v1/sync", "/api/v1/interactions", "/api/v1/files", "/inbox/read", "/profile/theme"];
        let others = others.map(|path| format!("/t/demo{path}"));
        let cell = [format!("{PAGES}/{id}/cell/name"), format!("{PAGES}/{id}/move")];
        for path in own.iter().chain(&others).chain(&cell) {
            let answer = blind.send("POST", path, &foreign, b"name=Omega").expect("the server answers");
            assert_eq!(answer.status, 403, "{path}");
        }
        let record = world.call("GET", &format!("{THINGS}/{id}"), &json!({})).expect(200).json();
        assert_eq!(record["name"], "Alpha");
    });
}
