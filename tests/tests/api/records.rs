//! Records: made, read, changed, listed, removed, restored, and what each person may see of them.

use serde_json::json;

use crate::world::Who::{Admin, Anna, Ben, Guest};
use crate::world::{TASKS, on_both, step, text};

#[test]
fn a_record_lives_from_creation_to_the_trash_and_back() {
    on_both(|world| {
        world.play(&[
            step("a task is made", Anna, "POST /t/demo/api/v1/records/workshop.task")
                .body(json!({"name": "Paint", "hours": 3, "due": "2026-12-01", "owner": "$anna"}))
                .gives(201)
                .with("/version", json!(1))
                .keep("task"),
            step("it has its values and defaults", Anna, "GET /t/demo/api/v1/records/workshop.task/$task")
                .with("/name", json!("Paint"))
                .with("/status", json!("open"))
                .with("/due", json!("2026-12-01"))
                .with("/_titles/owner", json!("anna")),
            step("a change of what was seen", Anna, "PATCH /t/demo/api/v1/records/workshop.task/$task")
                .header("if-match", "\"1\"")
                .body(json!({"status": "done"}))
                .with("/version", json!(2)),
            step(
                "the tag of what was read names its version",
                Anna,
                "PATCH /t/demo/api/v1/records/workshop.task/$task",
            )
            .header("if-match", "\"1.00ff\"")
            .body(json!({"status": "done"}))
            .refused(412, "record.stale"),
            step("a change of what has passed", Anna, "PATCH /t/demo/api/v1/records/workshop.task/$task")
                .header("if-match", "\"1\"")
                .body(json!({"status": "open"}))
                .refused(412, "record.stale"),
            step(
                "the same with the version in the body",
                Anna,
                "PATCH /t/demo/api/v1/records/workshop.task/$task",
            )
            .body(json!({"status": "open", "version": 1}))
            .refused(409, "record.stale"),
            step("the whole record as the answer", Anna, "PATCH /t/demo/api/v1/records/workshop.task/$task")
                .header("prefer", "return=representation")
                .body(json!({"hours": 4}))
                .with("/hours", json!(4))
                .with("/status", json!("done")),
            step("into the trash", Anna, "DELETE /t/demo/api/v1/records/workshop.task/$task").gives(204),
            step("the list is empty", Anna, "GET /t/demo/api/v1/records/workshop.task")
                .with("/rows", json!([])),
            step("the trash is not", Anna, "GET /t/demo/api/v1/records/workshop.task?trash=true")
                .with("/rows/0/id", json!("$task")),
            step("out of the trash", Anna, "POST /t/demo/api/v1/records/workshop.task/$task/restore"),
            step("and there it is", Anna, "GET /t/demo/api/v1/records/workshop.task")
                .with("/rows/0/id", json!("$task")),
        ]);
    });
}

#[test]
fn nobody_sees_records_or_fields_outside_of_their_roles() {
    on_both(|world| {
        world.play(&[
            step("a task of Anna's", Admin, "POST /t/demo/api/v1/records/workshop.task")
                .body(json!({"name": "Secret", "cost": "12.50", "hours": 2, "owner": "$anna"}))
                .gives(201)
                .keep("task"),
            step("the administrator sees its cost", Admin, "GET /t/demo/api/v1/records/workshop.task/$task")
                .with("/cost", json!("12.50"))
                .with("/total", json!("25.00")),
            step("Anna does not", Anna, "GET /t/demo/api/v1/records/workshop.task/$task")
                .with("/cost", json!(null)),
            step("nor may she set it", Anna, "PATCH /t/demo/api/v1/records/workshop.task/$task")
                .body(json!({"cost": "1"}))
                .refused(422, "record.invalid"),
            step("nor ask for it", Anna, "GET /t/demo/api/v1/records/workshop.task?where.cost.gt=10")
                .refused(400, "query.unknown_field"),
            step(
                "nor in an expression",
                Anna,
                "GET /t/demo/api/v1/records/workshop.task?filter=record.cost%20%3E%2010",
            )
            .refused(400, "query.unknown_field"),
            step("nor sort by it", Anna, "GET /t/demo/api/v1/records/workshop.task?sort=cost")
                .refused(400, "query.unknown_field"),
            step("Ben does not see the task", Ben, "GET /t/demo/api/v1/records/workshop.task/$task")
                .refused(404, "record.not_found"),
            step("not in the list, not in the count", Ben, "GET /t/demo/api/v1/records/workshop.task")
                .with("/rows", json!([]))
                .with("/total", json!(0)),
            step("not in a search", Ben, "GET /t/demo/api/v1/records/workshop.task?q=Secret")
                .with("/rows", json!([])),
            step("cannot change it", Ben, "PATCH /t/demo/api/v1/records/workshop.task/$task")
                .body(json!({"name": "Mine"}))
                .refused(404, "record.not_found"),
            step("cannot remove it", Ben, "DELETE /t/demo/api/v1/records/workshop.task/$task")
                .refused(404, "record.not_found"),
            step("cannot read its history", Ben, "GET /t/demo/api/v1/records/workshop.task/$task/timeline")
                .refused(404, "record.not_found"),
            step("a guest may not even list", Guest, "GET /t/demo/api/v1/records/workshop.task")
                .refused(403, "permission.denied"),
            step("or make a project", Guest, "POST /t/demo/api/v1/records/workshop.project")
                .body(json!({"name": "House"}))
                .refused(403, "permission.denied"),
        ]);
        let export = format!("{TASKS}/export?format=csv");
        let answer = world.client(&world.ben.token).get(&export).expect("the server answers").expect(200);
        assert!(!answer.text().contains("Secret"), "{}", answer.text());
        let answer = world.client(&world.anna.token).get(&export).expect("the server answers").expect(200);
        assert!(answer.text().contains("Secret") && !answer.text().contains("12.50"), "{}", answer.text());
    });
}

#[test]
fn lists_filter_sort_search_and_page() {
    on_both(|world| {
        for index in 0..7 {
            let status = if index % 2 == 0 { "open" } else { "done" };
            let due = format!("2026-12-{:02}", index + 1);
            world.task(
                &world.admin,
                &json!({"name": format!("任务 {index}"), "status": status, "hours": index, "due": due}),
            );
        }
        world.play(&[
            step("by a field", Admin, "GET /t/demo/api/v1/records/workshop.task?where.status=done&sort=hours")
                .with("/total", json!(3))
                .with("/rows/0/hours", json!(1)),
            step("by a range", Admin, "GET /t/demo/api/v1/records/workshop.task?where.hours.gte=2&where.hours.lt=4&sort=-hours")
                .with("/rows/0/hours", json!(3))
                .with("/total", json!(2)),
            step("one of several", Admin, "GET /t/demo/api/v1/records/workshop.task?where.hours.in=1,2,9&total=true")
                .with("/total", json!(2)),
            step("by a day", Admin, "GET /t/demo/api/v1/records/workshop.task?where.due.gt=2026-12-06")
                .with("/rows/0/hours", json!(6)),
            step("empty", Admin, "GET /t/demo/api/v1/records/workshop.task?where.email.empty=true")
                .with("/total", json!(7)),
            step("by an expression", Admin, "GET /t/demo/api/v1/records/workshop.task?filter=record.hours%20%3E%204%20%26%26%20record.status%20%3D%3D%20'open'")
                .with("/total", json!(1)),
            step("by a view", Admin, "GET /t/demo/api/v1/records/workshop.task?view=open").with("/total", json!(4)),
            step("by words", Admin, "GET /t/demo/api/v1/records/workshop.task?q=%E4%BB%BB%E5%8A%A1%205")
                .with("/rows/0/hours", json!(5)),
        ]);
        let mut seen = Vec::new();
        let mut path = format!("{TASKS}?sort=-due&limit=3");
        loop {
            let page = world.client(&world.admin).get(&path).expect("the server answers").expect(200).json();
            seen.extend(page["rows"].as_array().expect("rows").iter().map(|row| row["hours"].clone()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("{TASKS}?sort=-due&limit=3&cursor={next}");
        }
        assert_eq!(json!(seen), json!([6, 5, 4, 3, 2, 1, 0]));
    });
}

#[test]
fn the_timeline_tells_who_changed_what() {
    on_both(|world| {
        let id = world.task(&world.anna.token, &json!({"name": "Saw", "hours": 1}));
        let path = format!("{TASKS}/{id}");
        let mut anna = world.client(&world.anna.token);
        anna.json("PATCH", &path, &json!({"hours": 2})).expect("an answer").expect(200);
        anna.json("POST", &format!("{path}/comments"), &json!({"text": "好的"}))
            .expect("an answer")
            .expect(201);
        let rows =
            anna.get(&format!("{path}/timeline")).expect("an answer").expect(200).json()["rows"].clone();
        assert_eq!(rows[0]["comment"], "好的", "{rows}");
        let change = &rows[1];
        assert_eq!(change["actor_name"], "anna", "{rows}");
        let hours =
            change["changes"].as_array().and_then(|all| all.iter().find(|one| one["field"] == "hours"));
        assert_eq!(hours.map(|one| (&one["old"], &one["new"])), Some((&json!("1"), &json!("2"))), "{rows}");
    });
}

#[test]
fn a_batch_is_all_or_nothing_or_each_by_itself() {
    on_both(|world| {
        let operations = json!([
            {"op": "create", "values": {"name": "one"}},
            {"op": "create", "values": {"name": "two", "hours": -1}},
            {"op": "create", "values": {"name": "three"}},
        ]);
        world.play(&[
            step(
                "nothing of a batch with a mistake",
                Anna,
                "POST /t/demo/api/v1/records/workshop.task/batch",
            )
            .body(json!({"operations": operations}))
            .refused(422, "record.invalid")
            .with("/index", json!(1)),
            step("nothing is there", Anna, "GET /t/demo/api/v1/records/workshop.task")
                .with("/total", json!(0)),
            step("each by itself", Anna, "POST /t/demo/api/v1/records/workshop.task/batch")
                .body(json!({"atomic": false, "operations": operations}))
                .gives(207)
                .with("/failed", json!(1))
                .with("/results/1/problem/code", json!("record.invalid")),
            step("two are there", Anna, "GET /t/demo/api/v1/records/workshop.task").with("/total", json!(2)),
        ]);
    });
}

#[test]
fn the_same_request_sent_twice_writes_once() {
    on_both(|world| {
        world.play(&[
            step("the first", Anna, "POST /t/demo/api/v1/records/workshop.task")
                .header("idempotency-key", "a1")
                .body(json!({"name": "Once"}))
                .gives(201)
                .keep("task"),
            step("the same again", Anna, "POST /t/demo/api/v1/records/workshop.task")
                .header("idempotency-key", "a1")
                .body(json!({"name": "Once"}))
                .gives(201)
                .with("/id", json!("$task")),
            step("the key for something else", Anna, "POST /t/demo/api/v1/records/workshop.task")
                .header("idempotency-key", "a1")
                .body(json!({"name": "Twice"}))
                .refused(422, "idempotency.key_reused"),
            step("the key of another person", Ben, "POST /t/demo/api/v1/records/workshop.task")
                .header("idempotency-key", "a1")
                .body(json!({"name": "Once"}))
                .gives(201),
            step("two records", Admin, "GET /t/demo/api/v1/records/workshop.task").with("/total", json!(2)),
        ]);
    });
}

#[test]
fn similar_records_are_shown_before_they_are_doubled() {
    on_both(|world| {
        world.play(&[
            step("the first", Anna, "POST /t/demo/api/v1/records/workshop.task")
                .body(json!({"name": "Call", "phone": "13800138000"}))
                .gives(201)
                .keep("task"),
            step("asked while typing", Anna, "POST /t/demo/api/v1/records/workshop.task/duplicates")
                .body(json!({"phone": "+86 138 0013 8000"}))
                .with("/suspects/0/id", json!("$task")),
            step("refused", Anna, "POST /t/demo/api/v1/records/workshop.task")
                .body(json!({"name": "Call again", "phone": "+8613800138000"}))
                .refused(409, "record.duplicate")
                .with("/suspects/0/id", json!("$task")),
            step(
                "wanted all the same",
                Anna,
                "POST /t/demo/api/v1/records/workshop.task?allow_duplicates=true",
            )
            .body(json!({"name": "Call again", "phone": "+8613800138000"}))
            .gives(201),
        ]);
    });
}

#[test]
fn a_form_is_told_what_is_required_while_somebody_types() {
    on_both(|world| {
        world.play(&[
            step("not urgent", Anna, "POST /t/demo/api/v1/records/workshop.task/form-state")
                .body(json!({"name": "x", "urgent": false}))
                .with("/required/reason", json!(false)),
            step("urgent, and a mistake", Anna, "POST /t/demo/api/v1/records/workshop.task/form-state")
                .body(json!({"name": "x", "urgent": true, "hours": 5000}))
                .with("/required/reason", json!(true))
                .with("/issues/0/field", json!("hours")),
        ]);
    });
}

#[test]
fn what_was_seen_before_is_not_sent_again_unless_it_says_something_else() {
    on_both(|world| {
        let tasks = "/t/demo/api/v1/records/workshop.task";
        let mut anna = world.client(&world.anna.token);
        let values = json!({"name": "Paint", "hours": 3, "owner": world.anna.id});
        let id = text(&anna.json("POST", tasks, &values).expect("an answer").expect(201).json()["id"]);
        let path = format!("{tasks}/{id}");
        let tag = anna.get(&path).expect("an answer").expect(200).header("etag").expect("a tag").to_owned();
        let mut again = |tag: &str| {
            anna.send("GET", &path, &[("if-none-match", tag)], b"").expect("the server answers").status
        };
        assert!(tag.starts_with("\"1."), "{tag}");
        assert_eq!((again(&tag), again("\"1\""), again("\"1.00\"")), (304, 200, 200));
        // The owner's name is part of the answer, and changes without the record.
        let user = format!("/t/demo/api/v1/users/{}", world.anna.id);
        world.call("PATCH", &user, &json!({"name": "Anna the Second"})).expect(200);
        assert_eq!(again(&tag), 200);
    });
}
