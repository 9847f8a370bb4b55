//! Users, departments and roles: what administrators may do, and that nobody else may.

use mortise_tests::Client;
use serde_json::json;

use crate::world::Who::{Admin, Anna, Ben};
use crate::world::{PASSWORD, on_both, step};

#[test]
fn users_are_made_changed_and_checked() {
    on_both(|world| {
        world.play(&[
            step("a user", Admin, "POST /t/demo/api/v1/users")
                .body(json!({"login": "Carl", "name": "Carl", "password": "long enough", "roles": ["workshop.guest"], "supervisor": "$anna"}))
                .gives(201)
                .with("/login", json!("carl"))
                .with("/version", json!(1))
                .with("/has_password", json!(true))
                .keep("carl"),
            step("the login is taken", Admin, "POST /t/demo/api/v1/users")
                .body(json!({"login": "carl", "name": "Another"}))
                .refused(422, "record.invalid")
                .with("/issues/0/code", json!("user.login_taken")),
            step("everything that is wrong", Admin, "POST /t/demo/api/v1/users")
                .body(json!({"login": "a b", "password": "short", "email": "x", "language": "xx", "roles": ["nothing"]}))
                .refused(422, "record.invalid")
                .with("/issues/0/field", json!("login"))
                .with("/issues/1/field", json!("password"))
                .with("/issues/2/field", json!("email"))
                .with("/issues/3/field", json!("language"))
                .with("/issues/4/field", json!("roles"))
                .with("/issues/5/field", json!("name")),
            step("a member that is unknown", Admin, "POST /t/demo/api/v1/users")
                .body(json!({"login": "x", "name": "x", "admin": true}))
                .refused(422, "json.form"),
            step("a change of what was seen", Admin, "PATCH /t/demo/api/v1/users/$carl")
                .header("if-match", "\"1\"")
                .body(json!({"name": "Karl", "phone": "123"}))
                .with("/version", json!(2)),
            step("a change of what has passed", Admin, "PATCH /t/demo/api/v1/users/$carl")
                .header("if-match", "\"1\"")
                .body(json!({"name": "Carlo"}))
                .refused(412, "record.stale"),
            step("emptied by null", Admin, "PATCH /t/demo/api/v1/users/$carl")
                .body(json!({"phone": null}))
                .with("/phone", json!(null))
                .with("/name", json!("Karl")),
            step("nobody supervises their own supervisor", Admin, "PATCH /t/demo/api/v1/users/$anna")
                .body(json!({"supervisor": "$carl"}))
                .refused(422, "record.invalid")
                .with("/issues/0/code", json!("user.supervisor")),
            step("a member may not change users", Anna, "PATCH /t/demo/api/v1/users/$carl")
                .body(json!({"administrator": true}))
                .refused(403, "token.scope_missing"),
            step("and sees names only", Anna, "GET /t/demo/api/v1/users").with("/rows/0/login", json!(null)),
        ]);
    });
}

#[test]
fn the_last_administrator_stays() {
    on_both(|world| {
        let users = world.call("GET", "/t/demo/api/v1/users", &json!({})).expect(200).json();
        let admin =
            users["rows"].as_array().expect("rows").iter().find(|user| user["login"] == "admin").cloned();
        let path = format!(
            "/t/demo/api/v1/users/{}",
            admin.expect("an administrator")["id"].as_str().expect("an id")
        );
        for change in [json!({"administrator": false}), json!({"active": false})] {
            let answer = world.call("PATCH", &path, &change).expect(422).json();
            assert_eq!(answer["issues"][0]["code"], "user.last_administrator");
        }
    });
}

#[test]
fn departments_are_a_tree_without_circles() {
    on_both(|world| {
        world.play(&[
            step("the house", Admin, "POST /t/demo/api/v1/departments")
                .body(json!({"name": "House"}))
                .gives(201)
                .keep("house"),
            step("a room", Admin, "POST /t/demo/api/v1/departments")
                .body(json!({"name": "Room", "parent": "$house"}))
                .gives(201)
                .keep("room"),
            step("no house in its own room", Admin, "PATCH /t/demo/api/v1/departments/$house")
                .body(json!({"parent": "$room"}))
                .refused(422, "record.invalid"),
            step("nor in itself", Admin, "PATCH /t/demo/api/v1/departments/$house")
                .body(json!({"parent": "$house"}))
                .refused(422, "record.invalid"),
            step("Anna lives in the room", Admin, "PATCH /t/demo/api/v1/users/$anna")
                .body(json!({"department": "$room"}))
                .with("/department", json!("$room")),
            step("the room goes", Admin, "DELETE /t/demo/api/v1/departments/$room").gives(204),
            step("Anna moves up", Admin, "GET /t/demo/api/v1/users/$anna")
                .with("/department", json!("$house")),
            step("it is gone", Admin, "DELETE /t/demo/api/v1/departments/$room")
                .refused(404, "department.not_found"),
            step("everybody reads them", Ben, "GET /t/demo/api/v1/departments")
                .with("/rows/0/name", json!("House")),
        ]);
    });
}

#[test]
fn a_new_role_takes_effect_with_the_next_request() {
    on_both(|world| {
        let tasks = "GET /t/demo/api/v1/records/workshop.task";
        let guest = world.guest.clone();
        let mut client = world.client(&guest.token);
        client.get(tasks.split_once(' ').expect("a path").1).expect("an answer").expect(403);
        let path = format!("/t/demo/api/v1/users/{}", guest.id);
        world.call("PATCH", &path, &json!({"roles": ["workshop.member"]})).expect(200);
        client.get(tasks.split_once(' ').expect("a path").1).expect("an answer").expect(200);
        world.call("PATCH", &path, &json!({"roles": []})).expect(200);
        client.get(tasks.split_once(' ').expect("a path").1).expect("an answer").expect(403);
    });
}

#[test]
fn roles_of_apps_are_listed_with_what_they_reach() {
    on_both(|world| {
        let roles = world.call("GET", "/t/demo/api/v1/roles", &json!({})).expect(200).json();
        let member =
            roles["rows"].as_array().expect("rows").iter().find(|role| role["key"] == "workshop.member");
        let member = member.expect("the app brings it");
        assert_eq!(member["entities"], json!(["workshop.project", "workshop.task"]));
        assert_eq!(member["label"], "Member");
    });
}

#[test]
fn the_audit_trail_is_for_administrators() {
    on_both(|world| {
        let audit = "/t/demo/api/v1/audit";
        let rows = world.call("GET", audit, &json!({})).expect(200).json()["rows"].clone();
        let rows = rows.as_array().expect("rows").clone();
        assert!(rows.iter().any(|row| row["action"] == "user_created"), "{rows:?}");
        assert!(rows.windows(2).all(|pair| pair[0]["seq"].as_i64() > pair[1]["seq"].as_i64()));
        assert!(!json!(rows).to_string().contains("argon2"), "no secret is written down");
        world.client(&world.anna.token).get(audit).expect("an answer").expect(403);
    });
}

#[test]
fn two_administrators_do_not_overwrite_each_other_unseen() {
    on_both(|world| {
        let path = format!("/t/demo/admin/users/{}", world.anna.id);
        let login = json!({"login": "admin", "password": PASSWORD});
        let answer =
            Client::new(world.address).json("POST", "/t/demo/api/v1/session", &login).expect("an answer");
        let cookie = answer.expect(201).header("set-cookie").expect("a cookie").to_owned();
        let mut pages =
            Client::new(world.address).with_header("cookie", cookie.split(';').next().unwrap_or_default());
        let page = pages.get(&path).expect("an answer").expect(200).text();
        let version = page.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let version = version.expect("the form names a version").to_owned();
        let user = format!("/t/demo/api/v1/users/{}", world.anna.id);
        world.call("PATCH", &user, &json!({"phone": "020 1234", "email": "new@example.com"})).expect(200);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let save = |pages: &mut Client, version: &str| {
            let body = format!(
                "version={version}&login=anna&name=Anna+B&roles=workshop.member&email=old@example.com"
            );
            pages.send("POST", &path, &form, body.as_bytes()).expect("an answer")
        };
        let stale = save(&mut pages, &version).expect(412).text();
        for shown in ["value=\"Anna B\"", "old@example.com", "new@example.com", "020 1234"] {
            assert!(stale.contains(shown), "{shown} is not in {stale}");
        }
        let now = stale.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        save(&mut pages, now.expect("the form names the version now")).expect(303);
        let saved = world.client(&world.admin).get(&user).expect("an answer").expect(200).json();
        assert_eq!((&saved["name"], &saved["email"]), (&json!("Anna B"), &json!("old@example.com")));
    });
}
