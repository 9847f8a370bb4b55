//! What a device sends later, from outside: saves that come twice, late, or after everything has changed, and what a device is
//! told to keep.

use mortise_tests::Answer;
use serde_json::{Value, json};

use crate::workshop;
use crate::world::{Person, World, on_both};

const SYNC: &str = "/t/demo/api/v1/sync";
const TASK: &str = "0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a";
const FILE: &str = "0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5b";

/// Sends a save of Anna's for the task, with these details.
fn sync(world: &World, by: &Person, details: &Value) -> Answer {
    let mut body = json!({
        "key": "phone-1", "person": by.id, "entity": "workshop.task", "id": TASK, "pairs": [], "base": [],
    });
    let details = details.as_object().cloned().unwrap_or_default();
    body.as_object_mut().expect("an object").extend(details);
    world.client(&by.token).json("POST", SYNC, &body).expect("the server answers")
}

fn create(world: &World) {
    let pairs = json!([["name", "Paint"], ["hours", "3"], ["due", "2026-12-01"]]);
    let made = sync(world, &world.anna, &json!({"new": true, "pairs": pairs})).expect(200).json();
    assert_eq!((&made["state"], &made["id"]), (&json!("done"), &json!(TASK)), "{made}");
}

fn task(world: &World) -> Value {
    world.call("GET", &format!("/t/demo/api/v1/records/workshop.task/{TASK}"), &json!({})).expect(200).json()
}

fn change(world: &World, values: &Value) {
    world.call("PATCH", &format!("/t/demo/api/v1/records/workshop.task/{TASK}"), values).expect(200);
}

#[test]
fn a_save_that_comes_twice_makes_one_record_under_the_id_of_the_device() {
    on_both(|world| {
        create(world);
        create(world);
        let task = task(world);
        assert_eq!(
            (&task["name"], &task["hours"], &task["version"]),
            (&json!("Paint"), &json!(3), &json!(1))
        );
        // Changed on the device before the answer came: it is told that the record is there, and sends the rest as a change.
        let changed = json!({"key": "phone-2", "new": true, "pairs": [["name", "Varnish"]]});
        let told = sync(world, &world.anna, &changed).expect(200).json();
        assert_eq!(
            (&told["state"], &told["issues"][0]["field"]),
            (&json!("refused"), &json!("id")),
            "{told}"
        );
        let (anna, ben) = (&world.anna, &world.ben);
        // Whoever else is signed in on the device by now sends nothing of it.
        let body = json!({"key": "k", "person": anna.id, "entity": "workshop.task", "id": TASK, "pairs": []});
        let answer = world.client(&ben.token).json("POST", SYNC, &body).expect("the server answers");
        assert_eq!(answer.expect(409).json()["code"], "sync.other_person");
    });
}

#[test]
fn fields_that_others_left_alone_are_taken_and_those_that_both_changed_are_told_in_words() {
    on_both(|world| {
        create(world);
        change(world, &json!({"hours": 5, "due": "2026-12-24"}));
        let base = json!([["name", "Paint"], ["hours", "3"], ["due", "2026-12-01"]]);
        let mine = json!([["name", "Paint twice"], ["hours", "3"], ["due", "2026-12-31"]]);
        let details = json!({"key": "phone-2", "pairs": mine, "base": base});
        let told = sync(world, &world.anna, &details).expect(200).json();
        assert_eq!(told["state"], "conflict", "{told}");
        assert_eq!(told["fields"].as_array().map(Vec::len), Some(1), "{told}");
        let field = &told["fields"][0];
        assert_eq!((&field["name"], &field["pairs"]), (&json!("due"), &json!([["due", "2026-12-24"]])));
        for side in ["base", "mine", "theirs"] {
            assert!(field[side].as_str().is_some_and(|words| words.contains("12")), "{field}");
        }
        assert_eq!(task(world)["name"], "Paint", "nothing is written in part");
        let decided = json!({
            "key": "phone-3", "pairs": [["name", "Paint twice"], ["due", "2026-12-31"]],
            "base": [["name", "Paint"], ["due", "2026-12-24"]],
        });
        assert_eq!(sync(world, &world.anna, &decided).expect(200).json()["state"], "done");
        let task = task(world);
        let now = (&task["name"], &task["hours"], &task["due"]);
        assert_eq!(now, (&json!("Paint twice"), &json!(5), &json!("2026-12-31")));
    });
}

#[test]
fn what_is_refused_says_why_and_what_has_no_place_is_given_back() {
    on_both(|world| {
        let pairs = json!([["name", ""], ["hours", "many"], ["gone", "kept by hand"], ["cost", "3"]]);
        let told = sync(world, &world.anna, &json!({"new": true, "pairs": pairs})).expect(200).json();
        assert_eq!(told["state"], "refused", "{told}");
        let issues = told["issues"].as_array().cloned().unwrap_or_default();
        assert!(issues.iter().any(|issue| issue["field"] == "hours"), "{told}");
        let leftovers = told["leftovers"].as_array().cloned().unwrap_or_default();
        let gone = leftovers.iter().find(|leftover| leftover["name"] == "gone");
        assert_eq!(gone.map(|leftover| &leftover["text"]), Some(&json!("kept by hand")), "{told}");
        // The same save, mended: what was refused was not done.
        create(world);
        // Done, but the answer got lost: what had no place is given back once more.
        let pairs = json!([["name", "Paint"], ["gone", "kept by hand"]]);
        let told = sync(world, &world.anna, &json!({"new": true, "pairs": pairs})).expect(200).json();
        assert_eq!((&told["state"], &told["leftovers"][0]["text"]), (&json!("done"), &json!("kept by hand")));
        let missing = json!({"id": FILE, "pairs": [["name", "x"]], "key": "phone-9"});
        assert_eq!(sync(world, &world.anna, &missing).expect(404).json()["code"], "record.not_found");
    });
}

#[test]
fn what_no_form_can_have_sent_is_refused_before_it_is_looked_at() {
    on_both(|world| {
        let pairs: Vec<Value> = (0..1_001).map(|number| json!([format!("field{number}"), "x"])).collect();
        let told = sync(world, &world.anna, &json!({"new": true, "pairs": pairs})).expect(413).json();
        assert_eq!(told["code"], "http.too_large", "{told}");
    });
}

#[test]
fn a_file_sent_again_is_the_same_file_and_of_no_other_person() {
    on_both(|world| {
        let path = format!("/t/demo/api/v1/files?id={FILE}&name=a.txt");
        let put = |by: &Person, person: &Person, bytes: &[u8]| {
            let headers = [("content-type", "text/plain"), ("x-mortise-person", person.id.as_str())];
            world.client(&by.token).send("POST", &path, &headers, bytes).expect("the server answers")
        };
        let (anna, ben) = (&world.anna, &world.ben);
        assert_eq!(put(anna, anna, b"one").expect(201).json()["id"], FILE);
        assert_eq!(put(anna, anna, b"one").expect(201).json()["id"], FILE);
        put(anna, anna, b"two").expect(422);
        put(ben, ben, b"one").expect(422);
        assert_eq!(put(ben, anna, b"one").expect(409).json()["code"], "sync.other_person");
    });
}

#[test]
fn a_comment_that_comes_twice_is_said_once() {
    on_both(|world| {
        create(world);
        let path = format!("/t/demo/api/v1/records/workshop.task/{TASK}/comments");
        let say = |text: &str| {
            let body = json!({"text": text}).to_string();
            let headers = [
                ("content-type", "application/json"),
                ("x-mortise-person", world.anna.id.as_str()),
                ("idempotency-key", "phone-c"),
            ];
            world
                .client(&world.anna.token)
                .send("POST", &path, &headers, body.as_bytes())
                .expect("the server answers")
        };
        say("Dry by Monday").expect(201);
        // By its form at once the lines may have ended otherwise: the key says that it is the same.
        say("Dry by Monday\r\n").expect(201);
        let timeline = format!("/t/demo/api/v1/records/workshop.task/{TASK}/timeline");
        let told = world.client(&world.anna.token).get(&timeline).expect("the server answers").expect(200);
        assert_eq!(told.text().matches("Dry by Monday").count(), 1, "{}", told.text());
    });
}

#[test]
fn a_program_merges_by_giving_what_it_saw() {
    on_both(|world| {
        create(world);
        change(world, &json!({"hours": 5}));
        let path = format!("/t/demo/api/v1/records/workshop.task/{TASK}");
        let mut anna = world.client(&world.anna.token);
        let mut patch = |body: Value| anna.json("PATCH", &path, &body).expect("the server answers");
        patch(json!({"name": "Wood", "_base": {"name": "Paint"}})).expect(200);
        let told = patch(json!({"hours": 4, "_base": {"hours": 3}})).expect(409).json();
        assert_eq!(told["code"], "record.conflict", "{told}");
        let conflict = json!([{"field": "hours", "base": 3, "mine": 4, "theirs": 5}]);
        assert_eq!(told["conflicts"], conflict, "{told}");
    });
}

#[test]
fn a_device_is_told_to_keep_the_lists_that_are_meant_for_it_and_what_they_show() {
    on_both(|world| {
        create(world);
        let keep = |world: &World| {
            let mut anna = world.client(&world.anna.token);
            anna.get("/t/demo/api/v1/sync/keep").expect("the server answers").expect(200).json()
        };
        assert_eq!(
            keep(world)["pages"].as_array().map(Vec::len),
            Some(2),
            "the page of what waits, and home"
        );
        let mut files = workshop::files();
        let mut view: Value =
            serde_json::from_str(files["views/open.json"].as_str().unwrap_or_default()).expect("JSON");
        view["offline"] = json!(true);
        files["views/open.json"] = json!(view.to_string());
        files["app.json"] = json!(workshop::app("1.1.0").to_string());
        world.call("POST", "/t/demo/api/v1/apps", &json!({"files": files})).expect(200);
        let kept = keep(world);
        assert_eq!(kept["person"], json!(world.anna.id));
        let pages = kept["pages"].as_array().cloned().unwrap_or_default();
        let hrefs: Vec<&str> = pages.iter().filter_map(|page| page["href"].as_str()).collect();
        let base = "/t/demo/a/workshop/task";
        let wanted = [
            format!("{base}?view=workshop.open"),
            format!("{base}/{TASK}"),
            format!("{base}/{TASK}/edit"),
            format!("{base}/new"),
        ];
        for href in &wanted {
            assert!(hrefs.contains(&href.as_str()), "{href} of {hrefs:?}");
        }
        assert_eq!(kept["lookups"][0]["entity"], "workshop.project", "{kept}");
    });
}
