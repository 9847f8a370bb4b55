//! What a scaffold declares and shows for each point, the same in every language: the export in the manifest and a case that
//! passes with the example code.

use mortise_plugin_host::manifest::Point;
use serde_json::{Value, json};

use super::Parameters;

/// The export of a point.
pub(super) fn export(point: Point, parameters: &Parameters) -> Value {
    let mut export = json!({ "point": point, "name": parameters.name });
    if point.needs_entity() {
        export["entity"] = json!(parameters.entity);
        export["input"] = json!(parameters.input);
    }
    match point {
        Point::BeforeSave => export["output"] = json!([parameters.field()]),
        Point::Function => {
            export["parameters"] = json!([{ "name": "text", "type": "text" }]);
            export["returns"] = json!("integer");
        }
        Point::Job => export["schedule"] = json!("0 3 * * *"),
        Point::Validator
        | Point::AfterCommit
        | Point::Action
        | Point::Scorer
        | Point::Assigner
        | Point::Provider
        | Point::Renderer
        | Point::Connector => {}
    }
    export
}

/// A case of a point.
pub(super) fn case(point: Point, parameters: &Parameters) -> Value {
    let (about, input, expect) = match point.needs_entity() {
        true => of_record(point, parameters),
        false => of_values(point),
    };
    let mut case = json!({ "about": about, "point": point, "export": parameters.name, "input": input, "expect": expect });
    match point {
        Point::AfterCommit => case["log"] = json!(["info: create: Acme"]),
        Point::Job => case["log"] = json!(["info: finished"]),
        _ => {}
    }
    case
}

/// What a case shows, its input and its answer, at a point that is about records.
fn of_record(point: Point, parameters: &Parameters) -> (String, Value, Value) {
    let field = parameters.field();
    let record =
        |id: &str, text: &str| json!({ "entity": parameters.entity, "id": id, "fields": { field: text } });
    match point {
        Point::Validator => (
            format!("a record without {field} is refused"),
            json!({ "after": record("1", " ") }),
            json!([{ "field": field, "code": "missing", "message": "must be filled in" }]),
        ),
        Point::BeforeSave => (
            format!("spaces around {field} are removed"),
            json!({ "op": "create", "after": record("1", " Acme ") }),
            json!({ "change": { field: "Acme" } }),
        ),
        Point::AfterCommit => (
            "a change is written into the log".to_owned(),
            json!({ "op": "create", "after": record("1", "Acme") }),
            Value::Null,
        ),
        Point::Scorer => (
            "what is filled in counts".to_owned(),
            json!({ "subjects": [record("1", "Acme"), record("2", "")] }),
            json!([
                { "id": "1", "score": 10, "reasons": [{ "text": format!("{field} is filled in"), "weight": 10 }] },
                { "id": "2", "score": 0, "reasons": [] }
            ]),
        ),
        Point::Assigner => (
            "the first candidate is chosen".to_owned(),
            json!({
                "subject": record("1", "Acme"),
                "candidates": [{ "id": "anna", "fields": {} }, { "id": "bo", "fields": {} }]
            }),
            json!("anna"),
        ),
        _ => (
            "the document holds the record".to_owned(),
            json!({ "subject": record("1", "Acme"), "params": {} }),
            json!({ "name": format!("{}.txt", parameters.name), "media_type": "text/plain", "content": "Acme\n" }),
        ),
    }
}

/// The same at a point that is not.
fn of_values(point: Point) -> (String, Value, Value) {
    let (about, input, expect) = match point {
        Point::Action => (
            "the action counts words",
            json!({ "input": { "text": "one two three" } }),
            json!({ "done": { "words": 3 } }),
        ),
        Point::Function => {
            ("the function counts words", json!({ "rows": [["one two three"], [""]] }), json!([3, 0]))
        }
        Point::Provider => (
            "the table has a row",
            json!({ "params": {} }),
            json!({
                "columns": [
                    { "name": "what", "label": "What", "kind": "text" },
                    { "name": "count", "label": "Count", "kind": "integer" }
                ],
                "rows": [["example", 1]]
            }),
        ),
        Point::Job => (
            "the job ends with its second step",
            json!({ "cursor": "second", "params": {} }),
            json!({ "cursor": null, "processed": 1, "note": "finished" }),
        ),
        _ => ("what is sent comes back", json!({ "input": { "ping": "pong" } }), json!({ "ping": "pong" })),
    };
    (about.to_owned(), input, expect)
}
