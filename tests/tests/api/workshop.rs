//! A small app for these tests: projects and their tasks, with a role that sees its own tasks and nothing of the costs.

use serde_json::{Value, json};

/// Files of the app in its first version.
pub(crate) fn files() -> Value {
    let entities = [("project", project()), ("task", task())];
    let roles = [("member", member()), ("guest", guest())];
    let mut files = serde_json::Map::new();
    let text = |value: &Value| Value::from(format!("{value:#}\n"));
    files.insert("app.json".into(), text(&app("1.0.0")));
    for (id, entity) in entities {
        files.insert(format!("entities/{id}.json"), text(&entity));
    }
    for (id, role) in roles {
        files.insert(format!("roles/{id}.json"), text(&role));
    }
    files.insert("views/open.json".into(), text(&open_tasks()));
    Value::Object(files)
}

/// The manifest with a version.
pub(crate) fn app(version: &str) -> Value {
    json!({
        "id": "workshop",
        "version": version,
        "label": {"en": "Workshop", "zh-CN": "工坊"},
        "settings": {"limit": {"type": "integer", "label": {"en": "Limit", "zh-CN": "上限"}, "default": 10}},
        "menu": ["open"],
    })
}

fn label(en: &str, zh: &str) -> Value {
    json!({"en": en, "zh-CN": zh})
}

fn project() -> Value {
    json!({
        "id": "project",
        "label": label("Project", "项目"),
        "title": "name",
        "fields": [
            {"id": "name", "label": label("Name", "名称"), "type": "text", "required": true, "unique": true, "search": true},
        ],
    })
}

/// The entity with most field types.
pub(crate) fn task() -> Value {
    json!({
        "id": "task",
        "label": label("Task", "任务"),
        "plural": label("Tasks", "任务"),
        "title": "name",
        "fields": [
            {"id": "name", "label": label("Name", "名称"), "type": "text", "max_length": 80, "required": true, "search": true},
            {"id": "code", "label": label("Code", "编号"), "type": "text", "unique": true},
            {"id": "status", "label": label("Status", "状态"), "type": "choice", "choices": [
                {"value": "open", "label": label("Open", "进行中")},
                {"value": "done", "label": label("Done", "已完成")},
            ], "default": "'open'"},
            {"id": "cost", "label": label("Cost", "成本"), "type": "decimal", "scale": 2, "min": "0"},
            {"id": "hours", "label": label("Hours", "工时"), "type": "integer", "min": 0, "max": 1000},
            {"id": "total", "label": label("Total", "合计"), "type": "computed", "value": "record.cost * record.hours"},
            {"id": "due", "label": label("Due", "截止日"), "type": "date"},
            {"id": "met_at", "label": label("Met at", "会面时间"), "type": "datetime"},
            {"id": "urgent", "label": label("Urgent", "紧急"), "type": "boolean"},
            {"id": "email", "label": label("E-mail", "邮箱"), "type": "email"},
            {"id": "phone", "label": label("Phone", "电话"), "type": "phone"},
            {"id": "project", "label": label("Project", "项目"), "type": "reference", "entity": "project"},
            {"id": "reason", "label": label("Reason", "原因"), "type": "text", "required_when": "record.urgent"},
        ],
        "duplicates": {"fields": [{"field": "phone", "compare": "exact"}], "show": ["name"]},
    })
}

fn member() -> Value {
    json!({
        "id": "member",
        "label": label("Member", "成员"),
        "permissions": [
            {
                "entity": "task",
                "operations": ["read", "create", "update", "delete", "export"],
                "rows": {"where": "record.owner == user.id || record.owner == null"},
                "fields": {"cost": "hidden", "total": "hidden", "code": "read"},
            },
            {"entity": "project", "operations": ["read"]},
        ],
    })
}

fn guest() -> Value {
    json!({
        "id": "guest",
        "label": label("Guest", "访客"),
        "permissions": [{"entity": "project", "operations": ["read"]}],
    })
}

fn open_tasks() -> Value {
    json!({
        "id": "open",
        "entity": "task",
        "label": label("Open tasks", "进行中的任务"),
        "columns": ["name", "status", "due"],
        "filter": "record.status == 'open'",
        "sort": ["-created_at"],
    })
}
