//! The app of the simulation, `yard`: made so that everything that happens by itself happens in it, and so that what
//! happened can be counted afterwards. Not an example of a good app.

use mortise_definition::Package;
use serde_json::{Value as Json, json};

pub(crate) const CLIENT: &str = "yard.client";
pub(crate) const JOB: &str = "yard.job";
pub(crate) const TASK: &str = "yard.task";
pub(crate) const TICKET: &str = "yard.ticket";
pub(crate) const LOG: &str = "yard.log";
/// The clock of jobs.
pub(crate) const CLOCK: &str = "yard.answer";
/// The policy of tickets.
pub(crate) const POLICY: &str = "yard.ticket";
/// Where messages go.
pub(crate) const CHANNELS: [&str; 3] = ["email", "yard.robot", "yard.out"];

/// What one person can get in a day, and have open, unless settings say more.
pub(crate) const PER_DAY: i64 = 2;
pub(crate) const OPEN: i64 = 3;

/// The app; each edition has another calendar, every other one another step in its ladder.
pub(crate) fn yard(edition: u32) -> Package {
    let mut files = vec![("app.json", app(edition)), ("calendars/week.json", calendar(edition))];
    files.extend(entities());
    files.extend(lifecycles());
    files.extend(rules());
    files.extend([
        ("slas/answer.json", clock(edition)),
        ("assignments/ticket.json", policy()),
        ("notifications/news.json", notification()),
        ("connectors/robot.json", json!({"id": "robot", "label": words("Robot"), "kind": "dingtalk"})),
        ("connectors/out.json", json!({"id": "out", "label": words("Out"), "kind": "webhook"})),
    ]);
    files.extend(roles());
    let files = files.into_iter().map(|(name, json)| (name.to_owned(), json.to_string()));
    Package::from_files(files.collect()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Ids of the steps of the ladder.
pub(crate) fn ladder(edition: u32) -> &'static [&'static str] {
    let all = &["warn", "over", "last", "bad", "extra"];
    if edition.is_multiple_of(2) { &all[..4] } else { all }
}

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

fn field(id: &str, kind: &str, more: Json) -> Json {
    let mut field = json!({"id": id, "type": kind, "label": words(id)});
    if let (Some(field), Json::Object(more)) = (field.as_object_mut(), more) {
        field.extend(more);
    }
    field
}

fn plain(id: &str, kind: &str) -> Json {
    field(id, kind, json!({}))
}

fn choices(values: &[&str]) -> Json {
    let choice = |value: &&str| json!({"value": value, "label": words(value)});
    json!({"choices": values.iter().map(choice).collect::<Vec<_>>()})
}

fn app(edition: u32) -> Json {
    let number = |label: &str, default: i64| json!({"type": "integer", "label": words(label), "default": default, "min": 0, "max": 100});
    json!({"id": "yard", "version": format!("1.0.{edition}"), "label": words("Yard"), "settings": {
        "per_day": number("Per day", PER_DAY), "open": number("Open", OPEN), "pace": number("Pace", 0)}})
}

fn calendar(edition: u32) -> Json {
    let day = json!(["09:00-12:00", "13:30-18:00"]);
    // Spring festival, the days of May, the week in October with a Saturday that makes up for it, and one that moves.
    let moving = format!("2026-06-{:02}", 1 + edition % 28);
    json!({"id": "week", "label": words("Week"),
        "week": {"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day},
        "holidays": [{"date": "2026-05-01", "to": "2026-05-05"}, {"date": moving},
            {"date": "2026-10-01", "to": "2026-10-07"}, {"date": "2027-02-15", "to": "2027-02-23"}],
        "working_days": [{"date": "2026-10-10"}]})
}

fn entities() -> Vec<(&'static str, Json)> {
    let name = || field("name", "text", json!({"required": true}));
    let entity = |id: &str, title: &str, fields: Vec<Json>| json!({"id": id, "label": words(id), "title": title, "fields": fields});
    let what = || field("what", "text", json!({"required": true}));
    let job = vec![
        name(),
        field("state", "choice", choices(&["new", "active", "done", "lost"])),
        plain("amount", "integer"),
        plain("note", "text"),
        plain("reason", "text"),
        plain("hold", "boolean"),
        // Set by the plugin that watches, where there is one.
        plain("stamp", "text"),
        field("grade", "choice", choices(&["a", "b"])),
        field("client", "reference", json!({"entity": "client"})),
        field("tasks", "lines", json!({"entity": "task", "via": "job"})),
        field(
            "open",
            "rollup",
            json!({"entity": "task", "via": "job", "operation": "count", "filter": "record.done != true"}),
        ),
    ];
    let task = vec![
        field("job", "reference", json!({"entity": "job"})),
        what(),
        field("done", "boolean", json!({"default": "false"})),
    ];
    let ticket = vec![name(), field("state", "choice", choices(&["open", "closed"])), plain("agent", "user")];
    vec![
        ("entities/client.json", entity("client", "name", vec![name(), plain("moves", "integer")])),
        ("entities/job.json", entity("job", "name", job)),
        ("entities/task.json", entity("task", "what", task)),
        ("entities/ticket.json", entity("ticket", "name", ticket)),
        ("entities/log.json", entity("log", "what", vec![what()])),
    ]
}

fn lifecycles() -> Vec<(&'static str, Json)> {
    let job = json!({"id": "job", "entity": "job", "field": "state", "initial": "new", "transitions": [
        {"id": "begin", "label": words("Begin"), "from": ["new"], "to": "active", "set": {"note": "'begun'"}},
        {"id": "again", "label": words("Again"), "from": ["active"], "to": "active"},
        {"id": "finish", "label": words("Finish"), "from": ["active"], "to": "done",
         "guard": "record.amount > 0", "message": words("Nothing was earned.")},
        {"id": "lose", "label": words("Lose"), "from": ["new", "active"], "to": "lost", "requires": ["reason"]},
        {"id": "escalate", "label": words("Escalate"), "from": ["new"], "to": "active", "roles": [],
         "set": {"grade": "'b'"}}]});
    let ticket = json!({"id": "ticket", "entity": "ticket", "field": "state", "initial": "open", "transitions": [
        {"id": "close", "label": words("Close"), "from": ["open"], "to": "closed"}]});
    vec![("lifecycles/job.json", job), ("lifecycles/ticket.json", ticket)]
}

/// Makes a log entry that names the rule and the record.
fn log(what: &str) -> Json {
    json!({"type": "create", "entity": "log", "values": {"what": format!("'{what} ' + string(record.id)")}})
}

fn rule(id: &str, entity: &str, on: Json, condition: Option<&str>, actions: Json) -> Json {
    let mut rule = json!({"id": id, "label": words(id), "entity": entity, "on": on, "do": actions});
    if let Some(condition) = condition {
        rule["condition"] = json!(condition);
    }
    rule
}

fn rules() -> Vec<(&'static str, Json)> {
    let on = |kind: &str| json!([{ "type": kind }]);
    let amount = || json!([{"type": "changed", "fields": ["amount"]}]);
    let news = json!({"type": "notify", "notification": "news"});
    let both = json!([{"type": "created"}, {"type": "changed"}]);
    let moved = json!([{"type": "update_referenced", "when": "record.client != null", "field": "client",
        "values": {"moves": "coalesce(record.amount, 0)"}}]);
    // Half of this is done before it fails, where there is no reason.
    let odd = json!([log("odd"), {"type": "set", "values": {"name": "record.reason"}}]);
    let finished = json!([
        {"type": "update_related", "entity": "task", "via": "job", "values": {"done": "true"}},
        {"type": "webhook", "connector": "out", "body": {"job": "record.id"}}]);
    let weekly = json!([{"type": "schedule", "cron": "0 9 * * 1", "where": "record.state == 'open'"}]);
    let due = "'weekly ' + string(record.id) + ' ' + string(clock.due_at)";
    let told = json!([{"type": "create", "entity": "log", "values": {"what": due}}]);
    let more = json!([{"type": "set", "values": {"amount": "record.amount + 1"}}]);
    vec![
        ("rules/tally.json", rule("tally", "client", both, None, json!([log("tally")]))),
        (
            "rules/hello.json",
            rule(
                "hello",
                "client",
                on("created"),
                None,
                json!([{"type": "webhook", "connector": "out", "body": {"client": "record.id"}}]),
            ),
        ),
        ("rules/made.json", rule("made", "job", on("created"), None, json!([log("made"), news]))),
        ("rules/gone.json", rule("gone", "job", on("deleted"), None, json!([log("gone")]))),
        ("rules/back.json", rule("back", "job", on("restored"), None, json!([log("back")]))),
        ("rules/moved.json", rule("moved", "job", on("transition"), None, moved)),
        ("rules/odd.json", rule("odd", "job", amount(), Some("record.amount == 13"), odd)),
        ("rules/round.json", rule("round", "job", amount(), Some("record.note == 'round'"), more)),
        (
            "rules/finished.json",
            rule("finished", "job", json!([{"type": "transition", "transition": "finish"}]), None, finished),
        ),
        (
            "rules/deal.json",
            rule("deal", "ticket", on("created"), None, json!([{"type": "assign", "policy": "ticket"}])),
        ),
        ("rules/weekly.json", rule("weekly", "ticket", weekly, None, told)),
    ]
}

fn clock(edition: u32) -> Json {
    let step = |id: &str, base: &str, offset: &str, actions: Json| json!({"id": id, "label": words(id), "base": base, "offset": offset, "do": actions});
    let freeze = json!({"type": "freeze", "when": "record.owner != null", "person": "record.owner", "for": "hours(3)", "reason": words("Too late.")});
    let mut last =
        step("last", "start", "hours(20)", json!([{"type": "transition", "transition": "escalate"}]));
    last["condition"] = json!("record.amount > 5");
    let steps = [
        step("warn", "due", "hours(-1)", json!([{"type": "notify", "notification": "news"}])),
        step("over", "due", "minutes(0)", json!([log("over"), freeze])),
        last,
        // What it writes may be missing.
        step(
            "bad",
            "due",
            "hours(5)",
            json!([{"type": "create", "entity": "log", "values": {"what": "record.note"}}]),
        ),
        step("extra", "due", "hours(2)", json!([log("extra")])),
    ];
    let steps = steps.into_iter().filter(|step| ladder(edition).iter().any(|id| step["id"] == *id));
    json!({"id": "answer", "label": words("Answer"), "entity": "job", "calendar": "week", "start": "true",
        "stop": "record.state == 'done'", "cancel": "record.state == 'lost'", "pause": "record.hold == true",
        "reset": "record.client != previous.client", "limit": "hours(record.amount + settings.pace)",
        "ladder": steps.collect::<Vec<_>>()})
}

fn policy() -> Json {
    json!({"id": "ticket", "label": words("Ticket"), "entity": "ticket", "field": "agent",
        "pool": {"roles": ["agent"]}, "claim": "record.state == 'open'",
        "capacity": {"per_day": "settings.per_day", "open": "settings.open", "open_when": "record.state == 'open'"},
        "terms": [{"id": "load", "label": words("Load"), "weight": "1", "score": "1.0 - candidate.open / 10.0"}]})
}

fn notification() -> Json {
    json!({"id": "news", "entity": "job", "label": words("News"), "title": words("{{ record.name }}"),
        "body": words("{{ record.state }} {{ link }}"), "to": ["owner"], "email": true, "channels": ["robot"]})
}

fn roles() -> Vec<(&'static str, Json)> {
    let all = json!(["read", "create", "update", "delete", "import"]);
    let role =
        |id: &str, permissions: Json| json!({"id": id, "label": words(id), "permissions": permissions});
    let on = |entity: &str| json!({"entity": entity, "operations": all});
    let own = json!({"entity": "job", "operations": all, "rows": {"where": "record.owner == user.id"}});
    vec![
        ("roles/worker.json", role("worker", json!([on("client"), own, on("task")]))),
        (
            "roles/chief.json",
            role("chief", json!([on("client"), on("job"), on("task"), on("ticket"), on("log")])),
        ),
        ("roles/agent.json", role("agent", json!([on("ticket")]))),
    ]
}
