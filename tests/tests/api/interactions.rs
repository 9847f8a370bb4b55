//! How forms are used, from outside: what pages may tell, what is refused, who reads the figures, and that a save which is refused
//! says by which codes.

use mortise_tests::Client;
use serde_json::{Value, json};

use crate::world::Who::{Admin, Anna, Guest, Nobody};
use crate::world::{PASSWORD, World, on_both, step};

const TOLD: &str = "POST /t/demo/api/v1/interactions";
const VISIT: &str = "0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a";

fn seen(kind: &str, more: &Value) -> Value {
    let mut seen = json!({"visit": VISIT, "kind": kind, "entity": "workshop.task"});
    let more = more.as_object().cloned().unwrap_or_default();
    seen.as_object_mut().expect("an object").extend(more);
    seen
}

fn told(seen: &[Value]) -> Value {
    json!({"screen": "phone", "seen": seen})
}

#[test]
fn what_pages_tell_of_forms_is_summed_up_for_administrators() {
    on_both(|world| {
        let whole = [
            seen("opened", &json!({})),
            seen("field", &json!({"field": "name", "millis": 3000})),
            seen("field", &json!({"field": "due", "millis": 9000})),
            seen("refused", &json!({"field": "due", "code": "field.required"})),
            seen("saved", &json!({"millis": 15000})),
        ];
        let many = vec![seen("opened", &json!({})); 201];
        world.play(&[
            step("a visit", Anna, TOLD).body(told(&whole)).gives(204),
            step("what nobody defined is left out", Anna, TOLD)
                .body(told(&[seen("field", &json!({"field": "13800138000", "millis": 1}))]))
                .gives(204),
            step("there is no place for what was typed", Anna, TOLD)
                .body(told(&[seen("field", &json!({"field": "name", "millis": 1, "value": "secret"}))]))
                .refused(422, "json.form"),
            step("too many at once", Anna, TOLD).body(told(&many)).refused(400, "interactions.too_many"),
            step("nobody is nobody", Nobody, TOLD).body(told(&[])).refused(401, "auth.required"),
            step("not for everybody", Guest, "GET /t/demo/api/v1/interactions")
                .refused(403, "token.scope_missing"),
            step("the figures", Admin, "GET /t/demo/api/v1/interactions?days=7")
                .with("/on", json!(true))
                .with("/rows/0/entity", json!("workshop.task"))
                .with("/rows/0/form", json!(null))
                .with("/rows/0/opened", json!(1))
                .with("/rows/0/saved", json!(1))
                .with("/rows/0/refused", json!(1))
                .with("/rows/0/median_ms", json!(15000))
                .with("/rows/0/slowest/0/field", json!("due"))
                .with("/rows/0/errors/0/code", json!("field.required"))
                .with("/rows/1", json!(null)),
            step(
                "of two people alone nothing is told",
                Admin,
                "GET /t/demo/api/v1/interactions?role=workshop.member",
            )
            .with("/rows", json!([])),
            step("a time that is none", Admin, "GET /t/demo/api/v1/interactions?days=0")
                .refused(400, "interactions.days"),
            step("off", Admin, "PUT /t/demo/api/v1/interactions").body(json!({"on": false})).gives(204),
            step("nothing is kept any more", Anna, TOLD).body(told(&whole)).gives(204),
            step("as the figures say", Admin, "GET /t/demo/api/v1/interactions")
                .with("/on", json!(false))
                .with("/rows/0/opened", json!(1)),
            step("deleted", Admin, "DELETE /t/demo/api/v1/interactions").gives(204),
            step("and gone", Admin, "GET /t/demo/api/v1/interactions").with("/rows", json!([])),
            step("on record", Admin, "GET /t/demo/api/v1/audit?limit=2")
                .with("/rows/0/action", json!("interactions.deleted"))
                .with("/rows/1/action", json!("interactions.switched")),
        ]);
    });
}

/// A connection with the session of a person, as pages have it.
pub(crate) fn signed_in(world: &World, login: &str) -> Client {
    let credentials = json!({"login": login, "password": PASSWORD});
    let answer = Client::new(world.address).json("POST", "/t/demo/api/v1/session", &credentials);
    let answer = answer.expect("the server answers").expect(201);
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    Client::new(world.address).with_header("cookie", cookie.expect("whoever signs in gets a cookie"))
}

#[test]
fn a_refused_save_of_a_page_says_its_codes_and_nothing_else() {
    on_both(|world| {
        let form = "name=&hours=many&due=2026-12-01&phone=12&reason=secret";
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let mut anna = signed_in(world, "anna");
        let answer = anna.send("POST", "/t/demo/a/workshop/task/new", &headers, form.as_bytes());
        let answer = answer.expect("the server answers").expect(422);
        let codes = answer.header("mortise-refused").expect("the codes are told");
        let mut codes: Vec<&str> = codes.split(',').collect();
        codes.sort_unstable();
        assert_eq!(codes, ["hours=value.not_integer", "name=field.required", "phone=value.not_phone"]);
    });
}
