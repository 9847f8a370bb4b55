//! The API of one tenant as an OpenAPI 3.1 document, made from its model: paths for every entity with the exact type of
//! every field. Fields that the caller may not see are described too; permissions decide at run time what is answered.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model};
use mortise_definition::source::Choice;
use serde_json::{Map, Value, json};

/// Version of the API, not of the product.
const API_VERSION: &str = "1";

/// The document. `server` is the address before `/api/v1`.
pub fn document(model: &Model, tenant: &str, server: &str, language: &str) -> Value {
    let mut paths = fixed_paths();
    let mut schemas = fixed_schemas();
    let mut tags = Vec::new();
    for entity in &model.entities {
        tags.push(json!({"name": entity.key, "description": entity.plural.get(language)}));
        schemas.insert(entity.key.clone(), record_schema(model, entity, language, true));
        schemas.insert(format!("{}.input", entity.key), record_schema(model, entity, language, false));
        entity_paths(entity, language, &mut paths);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": tenant, "version": API_VERSION, "summary": "Mortise REST API"},
        "servers": [{"url": format!("{server}/api/v1")}],
        "security": [{"token": []}, {"session": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": parameters(),
            "responses": {"Problem": {
                "description": "What is wrong, where, and what to do (RFC 9457).",
                "content": {"application/problem+json": {"schema": reference("Problem")}},
            }},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "mortise_session"},
            },
        },
    })
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn parameter(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// One operation while it is described.
struct Operation(Value);

impl Operation {
    /// With its id and summary; everything else goes wrong in the same way.
    fn new(id: &str, summary: &str) -> Self {
        let responses = json!({"default": {"$ref": "#/components/responses/Problem"}});
        Operation(json!({"operationId": id, "summary": summary, "responses": responses}))
    }

    fn tagged(mut self, tag: &str) -> Self {
        self.0["tags"] = json!([tag]);
        self
    }

    /// What it answers when all goes well.
    fn answers(mut self, status: &str, schema: Option<&Value>) -> Self {
        let mut success = json!({"description": self.0["summary"]});
        if let Some(schema) = schema {
            success["content"] = json!({"application/json": {"schema": schema}});
        }
        self.0["responses"][status] = success;
        self
    }

    fn takes(mut self, content_type: &str, schema: &Value) -> Self {
        self.0["requestBody"] = json!({"required": true, "content": {content_type: {"schema": schema}}});
        self
    }

    fn parameters(mut self, parameters: Vec<Value>) -> Self {
        if !parameters.is_empty() {
            self.0["parameters"] = parameters.into();
        }
        self
    }
}

const JSON: &str = "application/json";

fn entity_paths(entity: &EntityModel, language: &str, paths: &mut Map<String, Value>) {
    let (key, label, plural) = (&entity.key, entity.label.get(language), entity.plural.get(language));
    let one = |verb: &str| Operation::new(&format!("{verb}:{key}"), label).tagged(key);
    let many = |verb: &str| Operation::new(&format!("{verb}:{key}"), plural).tagged(key);
    let named = |names: &[&str]| names.iter().map(|name| parameter(name)).collect::<Vec<_>>();
    let (record, input, written) = (reference(key), reference(&format!("{key}.input")), reference("Written"));
    let any = json!({"type": "object"});
    let list = json!({
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": record},
            "next": {"type": ["string", "null"]},
            "total": {"type": "integer"},
            "total_exact": {"type": "boolean"},
        },
    });
    let comment = json!({
        "type": "object",
        "properties": {"text": {"type": "string"}, "file": {"type": "string", "format": "uuid"}},
    });
    let mut put = |path: &str, in_record: bool, operations: Vec<(&str, Operation)>| {
        let mut item: Map<String, Value> =
            operations.into_iter().map(|(method, operation)| (method.to_owned(), operation.0)).collect();
        if in_record {
            item.insert("parameters".into(), json!([parameter("id")]));
        }
        paths.insert(format!("/records/{key}{path}"), item.into());
    };
    let create = named(&["idempotency", "prefer", "allow_duplicates"]);
    put(
        "",
        false,
        vec![
            ("get", many("list").answers("200", Some(&list)).parameters(list_parameters(entity, language))),
            ("post", one("create").answers("201", Some(&written)).takes(JSON, &input).parameters(create)),
        ],
    );
    let update = named(&["if_match", "idempotency", "prefer"]);
    put(
        "/{id}",
        true,
        vec![
            ("get", one("read").answers("200", Some(&record))),
            ("patch", one("update").answers("200", Some(&written)).takes(JSON, &input).parameters(update)),
            ("delete", one("delete").answers("204", None).parameters(named(&["if_match"]))),
        ],
    );
    put("/{id}/restore", true, vec![("post", one("restore").answers("200", Some(&written)))]);
    put("/{id}/timeline", true, vec![("get", one("timeline").answers("200", Some(&any)))]);
    put("/{id}/comments", true, vec![("post", one("comment").answers("201", None).takes(JSON, &comment))]);
    course_paths(&mut put, &one, &input, &written);
    put(
        "/form-state",
        false,
        vec![("post", one("form_state").answers("200", Some(&any)).takes(JSON, &input))],
    );
    put(
        "/duplicates",
        false,
        vec![("post", one("duplicates").answers("200", Some(&any)).takes(JSON, &input))],
    );
    let batch = many("batch").takes(JSON, &reference("Batch")).parameters(named(&["idempotency"]));
    put("/batch", false, vec![("post", batch.answers("200", Some(&any)))]);
    let export = named(&["format", "view", "q", "filter", "sort", "fields"]);
    put("/export", false, vec![("get", many("export").answers("200", None).parameters(export))]);
}

/// What happens with a record by itself, and its transitions.
fn course_paths(
    put: &mut impl FnMut(&str, bool, Vec<(&str, Operation)>),
    one: &impl Fn(&str) -> Operation,
    input: &Value,
    written: &Value,
) {
    let rows =
        json!({"type": "object", "properties": {"rows": {"type": "array", "items": {"type": "object"}}}});
    let policy = json!({"type": "object", "properties": {"policy": {"type": "string"}}});
    let in_path =
        |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let person = json!({"name": "person", "in": "query", "schema": {"type": "string", "format": "uuid"}});
    for (path, verb) in [
        ("/{id}/transitions", "transitions"),
        ("/{id}/clocks", "clocks"),
        ("/{id}/assignments", "assignments"),
    ] {
        put(path, true, vec![("get", one(verb).answers("200", Some(&rows)))]);
    }
    let mut taking = vec![in_path("transition")];
    taking.extend(["if_match", "idempotency", "prefer"].map(parameter));
    let take = one("take").answers("200", Some(written)).takes(JSON, input).parameters(taking);
    put("/{id}/transitions/{transition}", true, vec![("post", take)]);
    let claim = one("claim").answers("200", Some(written)).takes(JSON, &policy);
    put("/{id}/claim", true, vec![("post", claim.parameters(vec![parameter("idempotency")]))]);
    let freezes = one("freezes").answers("200", Some(&rows));
    let lift = one("unfreeze").answers("204", None).parameters(vec![person]);
    put("/{id}/freezes", true, vec![("get", freezes), ("delete", lift)]);
}

/// What every list takes, and a filter for every field.
fn list_parameters(entity: &EntityModel, language: &str) -> Vec<Value> {
    let common =
        ["view", "q", "filter", "sort", "fields", "limit", "cursor", "total", "trash"].map(parameter);
    let filters = entity.fields.iter().filter(|field| field.stored()).map(|field| {
        let name = format!("where.{}", field.name);
        json!({"name": name, "in": "query", "schema": {"type": "string"}, "description": field.label.get(language)})
    });
    common.into_iter().chain(filters).collect()
}

/// The schema of a record as answered (`whole`) or as accepted.
fn record_schema(model: &Model, entity: &EntityModel, language: &str, whole: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in entity.fields.iter().filter(|field| whole || field.writable()) {
        properties.insert(field.name.to_string(), field_schema(model, field, language, whole));
        if field.required && field.writable() && field.default.is_none() && !whole {
            required.push(Value::from(field.name.as_ref()));
        }
    }
    let mut schema = json!({"type": "object", "title": entity.label.get(language), "properties": properties});
    if whole {
        let titles = json!({"type": "object", "additionalProperties": true, "readOnly": true});
        schema["properties"]["_titles"] = titles;
    } else {
        schema["additionalProperties"] = false.into();
    }
    if !required.is_empty() {
        // Needed for a new record only; a change may leave everything out.
        schema["x-required-on-create"] = required.into();
    }
    schema
}

fn field_schema(model: &Model, field: &FieldModel, language: &str, whole: bool) -> Value {
    let mut schema = kind_schema(model, field, whole);
    if let Some(text) = schema.get("type").and_then(Value::as_str).map(str::to_owned)
        && !(field.required && whole)
    {
        schema["type"] = json!([text, "null"]);
        if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
    }
    schema["title"] = field.label.get(language).into();
    if let Some(help) = &field.help {
        schema["description"] = help.get(language).into();
    }
    if !field.writable() {
        schema["readOnly"] = true.into();
    }
    schema
}

fn kind_schema(model: &Model, field: &FieldModel, whole: bool) -> Value {
    use mortise_definition::model::system;
    let uuid = json!({"type": "string", "format": "uuid"});
    let values = |choices: &[Choice]| choices.iter().map(|choice| choice.value.clone()).collect::<Vec<_>>();
    match &field.kind {
        FieldKind::System if field.slot == system::VERSION => json!({"type": "integer"}),
        FieldKind::System | FieldKind::Reference { .. } | FieldKind::User | FieldKind::Team => uuid,
        FieldKind::Text { max_length, .. } | FieldKind::LongText { max_length } => {
            json!({"type": "string", "maxLength": max_length})
        }
        FieldKind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        FieldKind::Decimal { scale, .. } => {
            json!({"type": "string", "pattern": format!(r"^-?\d+(\.\d{{1,{scale}}})?$")})
        }
        FieldKind::Boolean => json!({"type": "boolean"}),
        FieldKind::Date => json!({"type": "string", "format": "date"}),
        FieldKind::Datetime => json!({"type": "string", "format": "date-time"}),
        FieldKind::Duration => json!({"type": "string", "format": "duration"}),
        FieldKind::Choice { choices } => json!({"type": "string", "enum": values(choices)}),
        FieldKind::Choices { choices } => {
            json!({"type": "array", "items": {"type": "string", "enum": values(choices)}, "uniqueItems": true})
        }
        FieldKind::Tree { tree, .. } => json!({"type": "string", "x-tree": tree}),
        FieldKind::Phone | FieldKind::Autonumber { .. } => json!({"type": "string"}),
        FieldKind::Email => json!({"type": "string", "format": "email"}),
        FieldKind::Url => json!({"type": "string", "format": "uri"}),
        FieldKind::GeoPoint => json!({
            "type": "object",
            "required": ["lat", "lon"],
            "properties": {
                "lat": {"type": "number", "minimum": -90, "maximum": 90},
                "lon": {"type": "number", "minimum": -180, "maximum": 180},
            },
        }),
        FieldKind::File { many: true, .. } => json!({"type": "array", "items": uuid}),
        FieldKind::File { .. } => uuid,
        FieldKind::Lines { entity, .. } => {
            let key = &model.entities[*entity].key;
            let key = if whole { key.clone() } else { format!("{key}.input") };
            json!({"type": "array", "items": reference(&key)})
        }
        FieldKind::Json | FieldKind::Computed { .. } | FieldKind::Rollup { .. } => json!({}),
    }
}

fn parameters() -> Value {
    let query = |name: &str, schema: Value, description: &str| json!({"name": name, "in": "query", "schema": schema, "description": description});
    let text = || json!({"type": "string"});
    let header = |name: &str, description: &str| json!({"name": name, "in": "header", "schema": {"type": "string"}, "description": description});
    json!({
        "id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}},
        "view": query("view", text(), "Key of a view; its filter and order apply."),
        "q": query("q", text(), "Words to search for."),
        "filter": query("filter", text(), "Condition in CEL over `record`."),
        "sort": query("sort", text(), "Field names separated by commas, `-` before one for descending."),
        "fields": query("fields", text(), "Names of the fields wanted, separated by commas."),
        "trash": query("trash", json!({"type": "boolean"}), "The trash instead of the living records."),
        "limit": query("limit", json!({"type": "integer", "minimum": 1, "maximum": 1000}), "Records on a page."),
        "cursor": query("cursor", text(), "`next` of the page before."),
        "total": query("total", json!({"type": "boolean"}), "Whether to count."),
        "format": query("format", json!({"type": "string", "enum": ["csv", "xlsx"]}), "File format."),
        "allow_duplicates": query("allow_duplicates", json!({"type": "boolean"}), "Create although similar records exist."),
        "idempotency": header("Idempotency-Key", "The same key gives the same answer again and writes once."),
        "if_match": header("If-Match", "Version that was seen, in quotes; otherwise 412."),
        "prefer": header("Prefer", "`return=representation` answers with the whole record."),
    })
}

fn fixed_schemas() -> Map<String, Value> {
    let schemas = json!({
        "Written": {
            "type": "object",
            "required": ["id", "version"],
            "properties": {"id": {"type": "string", "format": "uuid"}, "version": {"type": "integer"}},
        },
        "Batch": {
            "type": "object",
            "required": ["operations"],
            "properties": {
                "atomic": {"type": "boolean", "default": true},
                "operations": {"type": "array", "items": {
                    "type": "object",
                    "required": ["op"],
                    "properties": {
                        "op": {"enum": ["create", "update", "delete", "restore"]},
                        "entity": {"type": "string"},
                        "id": {"type": "string", "format": "uuid"},
                        "version": {"type": "integer"},
                        "values": {"type": "object"},
                        "allow_duplicates": {"type": "boolean"},
                    },
                }},
            },
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "code"],
            "properties": {
                "type": {"type": "string", "format": "uri"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "code": {"type": "string"},
                "hint": {"type": "string"},
                "issues": {"type": "array", "items": {
                    "type": "object",
                    "properties": {
                        "field": {"type": "string"},
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                    },
                }},
            },
        },
    });
    schemas.as_object().cloned().unwrap_or_default()
}

/// Paths that do not depend on the model: method, path, summary, status of success, has a body.
const FIXED: &[(&str, &str, &str, &str, bool)] = &[
    ("get", "/session", "Who am I", "200", false),
    ("post", "/session", "Sign in", "201", true),
    ("patch", "/session", "Change own language or password", "204", true),
    ("delete", "/session", "Sign out", "204", false),
    ("post", "/batch", "Several changes, all or each", "200", true),
    ("post", "/files", "Upload a file", "201", true),
    ("get", "/files/{id}", "Download a file", "200", false),
    ("get", "/files/{id}/preview", "A small version of a picture; any other file as it is", "200", false),
    ("post", "/sync", "Take a save that waited on a device", "200", true),
    ("get", "/sync/keep", "What a device keeps for times without network", "200", false),
    ("get", "/users", "Users", "200", false),
    ("post", "/users", "Make a user", "201", true),
    ("get", "/users/{id}", "A user", "200", false),
    ("patch", "/users/{id}", "Change a user", "200", true),
    ("get", "/departments", "Departments", "200", false),
    ("post", "/departments", "Make a department", "201", true),
    ("patch", "/departments/{id}", "Change a department", "200", true),
    ("delete", "/departments/{id}", "Remove a department", "204", false),
    ("get", "/audit", "The audit trail", "200", false),
    ("get", "/audit/export", "The audit trail as CSV", "200", false),
    ("get", "/inbox", "What one was told, newest first", "200", false),
    ("post", "/inbox/read", "Mark messages as read", "204", true),
    ("get", "/deliveries", "What left the house, or could not", "200", false),
    ("post", "/deliveries/retry", "Send everything of a channel again that was not taken", "200", true),
    ("post", "/deliveries/{id}/retry", "Send a delivery again", "204", false),
    ("get", "/connectors", "Connectors and whether they are set up", "200", false),
    ("put", "/connectors/{key}", "Set up a connector", "204", true),
    ("delete", "/connectors/{key}", "Clear a connector", "204", false),
    ("post", "/connectors/{key}/secret", "Make a secret, told this once", "200", false),
    ("post", "/connectors/{key}/test", "Send a test message", "204", true),
    ("get", "/roles", "Roles", "200", false),
    ("get", "/interactions", "How forms were used, by `days` and `role`", "200", false),
    ("post", "/interactions", "Tell how forms are used", "204", true),
    ("put", "/interactions", "Watch forms, or not", "204", true),
    ("delete", "/interactions", "Delete what was recorded of forms", "204", false),
    ("get", "/choices/{name}", "What one chose for oneself under a name", "200", false),
    ("put", "/choices/{name}", "Remember what one chose", "204", true),
    ("delete", "/choices/{name}", "Forget what one chose", "204", false),
    ("get", "/saved-filters", "Filters over an entity: one's own, and shared ones", "200", false),
    ("post", "/saved-filters", "Keep a filter", "201", true),
    ("put", "/saved-filters/{id}", "Change one of one's own filters", "200", true),
    ("delete", "/saved-filters/{id}", "Throw a filter away", "204", false),
    ("get", "/metrics", "Metrics", "200", false),
    (
        "get",
        "/metrics/{key}",
        "Figures of a metric, by `by`, `per`, `window`, `best` and `where.`",
        "200",
        false,
    ),
    ("get", "/dashboards", "Dashboards", "200", false),
    ("get", "/dashboards/{key}", "A dashboard with its figures, narrowed by `by.` and `span`", "200", false),
    ("get", "/work", "Work that failed, and how the lane stands", "200", false),
    ("post", "/work/{id}/retry", "Try failed work again", "204", false),
    ("post", "/work/{id}/dismiss", "Decide that failed work is not to be done", "204", false),
    ("get", "/assignments/{policy}/replay", "What a policy would do with the latest records", "200", false),
    ("get", "/sessions", "Where one is signed in", "200", false),
    ("delete", "/sessions", "Sign out everywhere else", "204", false),
    ("delete", "/sessions/{id}", "Sign out one device", "204", false),
    ("get", "/users/{id}/sessions", "Where a person is signed in", "200", false),
    ("delete", "/users/{id}/sessions", "Sign a person out everywhere", "204", false),
    ("get", "/tokens", "Tokens", "200", false),
    ("post", "/tokens", "Make a token", "201", true),
    ("delete", "/tokens/{id}", "Remove a token", "204", false),
    ("get", "/apps", "Installed apps", "200", false),
    ("post", "/apps", "Install or upgrade an app", "200", true),
    ("post", "/apps/check", "Check an app", "200", true),
    ("post", "/apps/plan", "What an installation would do", "200", true),
    ("get", "/apps/{app}", "An installed app", "200", false),
    ("delete", "/apps/{app}", "Uninstall an app", "204", false),
    ("get", "/apps/{app}/export", "Files of an app", "200", false),
    (
        "post",
        "/apps/purge",
        "Drop what upgrades and removed apps left behind, or tell what there is",
        "200",
        true,
    ),
    ("post", "/apps/{app}/purge", "The same of one app", "200", true),
    ("get", "/apps/{app}/overlay", "What administrators changed in an app", "200", false),
    ("put", "/apps/{app}/overlay", "Other changes instead of these", "200", true),
    ("post", "/apps/{app}/rollback", "Go back to an earlier version", "200", true),
    ("patch", "/apps/{app}/settings", "Change settings", "200", true),
    ("post", "/apps/{app}/test", "Run the scenarios of an app", "200", true),
    ("post", "/sandbox", "What happens by itself in the next days, on a copy", "200", true),
    ("get", "/imports", "Imports", "200", false),
    ("post", "/imports", "Upload a file to import", "201", true),
    ("get", "/imports/{id}", "State and progress of an import", "200", false),
    ("delete", "/imports/{id}", "Forget an import; its records stay", "204", false),
    ("post", "/imports/{id}/preview", "What a mapping would do with the first rows", "200", true),
    ("post", "/imports/{id}/start", "Start or go on", "202", true),
    ("post", "/imports/{id}/cancel", "Stop after the batch at hand", "202", false),
    ("get", "/imports/{id}/report", "Refused rows as CSV", "200", false),
    ("get", "/openapi.json", "This document", "200", false),
];

fn fixed_paths() -> Map<String, Value> {
    let mut paths: Map<String, Value> = Map::new();
    for (method, path, summary, status, has_body) in FIXED.iter().chain(super::plugins::PATHS) {
        let id = format!("{method}{}", path.replace(['/', '{', '}', '.'], "_"));
        let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let in_path =
            |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
        let answer = (*status != "204").then(|| json!({}));
        let mut operation = Operation::new(&id, summary)
            .answers(status, answer.as_ref())
            .parameters(names.map(in_path).collect());
        if *has_body {
            let bytes = matches!(*path, "/files" | "/imports" | "/plugins" | "/plugins/inspect");
            let content = if bytes { "application/octet-stream" } else { JSON };
            operation = operation.takes(content, &json!({}));
        }
        let entry = paths.entry(*path).or_insert_with(|| json!({}));
        entry[*method] = operation.0;
    }
    paths
}
