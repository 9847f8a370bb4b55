//! Sign-in, sessions, tokens: right ones open, wrong ones do not, and guessing becomes slow.

use mortise_tests::Client;
use serde_json::{Value, json};

use crate::world::Who::{Admin, Anna, Nobody};
use crate::world::{PASSWORD, TASKS, World, on_both, step, text};

const SESSION: &str = "/t/demo/api/v1/session";

fn sign_in(world: &World, login: &str, password: &str) -> mortise_tests::Answer {
    let body = json!({"login": login, "password": password});
    Client::new(world.address).json("POST", SESSION, &body).expect("the server answers")
}

fn with_cookie(world: &World, login: &str, password: &str) -> Client {
    let answer = sign_in(world, login, password).expect(201);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    Client::new(world.address).with_header("cookie", cookie.split(';').next().unwrap_or_default())
}

#[test]
fn a_session_opens_with_the_password_and_ends_with_sign_out() {
    on_both(|world| {
        let answer = sign_in(world, "ANNA", PASSWORD).expect(201);
        let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
        for part in ["HttpOnly", "SameSite=Lax", "Path=/t/demo"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let mut client = with_cookie(world, "anna", PASSWORD);
        let who = client.get(SESSION).expect("an answer").expect(200).json();
        assert_eq!((&who["user"]["name"], &who["user"]["via"]), (&json!("anna"), &json!("session")));
        client.send("DELETE", SESSION, &[], &[]).expect("an answer").expect(204);
        client.get(SESSION).expect("an answer").expect(401);
    });
}

#[test]
fn a_wrong_password_and_an_unknown_login_look_the_same() {
    on_both(|world| {
        let wrong = sign_in(world, "anna", "not the password").expect(401).json();
        let unknown = sign_in(world, "nobody-here", "not the password").expect(401).json();
        assert_eq!(wrong, unknown);
        assert_eq!(wrong["code"], "auth.wrong_password");
    });
}

#[test]
fn guessing_is_throttled_even_with_the_right_password_at_last() {
    on_both(|world| {
        for _ in 0..5 {
            sign_in(world, "anna", "guess").expect(401);
        }
        let mut last = sign_in(world, "anna", "guess");
        for _ in 0..4 {
            last = sign_in(world, "anna", PASSWORD);
        }
        assert_eq!((last.status, &last.json()["code"]), (429, &json!("auth.throttled")));
        assert!(last.header("retry-after").is_some());
        sign_in(world, "ben", PASSWORD).expect(201);
    });
}

#[test]
fn pages_of_other_sites_cannot_use_a_session() {
    on_both(|world| {
        let mut anna = with_cookie(world, "anna", PASSWORD);
        let body = br#"{"name": "forged"}"#;
        let json_type = ("content-type", "application/json");
        for forged in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let answer = anna.send("POST", TASKS, &[json_type, forged], body).expect("an answer");
            assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("auth.foreign_origin")));
        }
        anna.send("POST", TASKS, &[json_type, ("sec-fetch-site", "same-origin")], body)
            .expect("an answer")
            .expect(201);
    });
}

#[test]
fn a_token_does_what_its_scopes_say_until_it_is_removed() {
    on_both(|world| {
        let mut anna = with_cookie(world, "anna", PASSWORD);
        let body = json!({"name": "reader", "scopes": ["read:workshop.task"]});
        let made = anna.json("POST", "/t/demo/api/v1/tokens", &body).expect("an answer").expect(201).json();
        let mut reader = world.client(&text(&made["token"]));
        reader.get(TASKS).expect("an answer").expect(200);
        let refused = [
            reader.get("/t/demo/api/v1/records/workshop.project"),
            reader.json("POST", TASKS, &json!({"name": "x"})),
            reader.json("POST", "/t/demo/api/v1/tokens", &body),
        ];
        for answer in refused {
            assert_eq!(answer.expect("an answer").expect(403).json()["code"], "token.scope_missing");
        }
        let list = anna.get("/t/demo/api/v1/tokens").expect("an answer").expect(200);
        assert!(!list.text().contains(&text(&made["token"])), "a token is shown once");
        let path = format!("/t/demo/api/v1/tokens/{}", text(&made["id"]));
        anna.send("DELETE", &path, &[], &[]).expect("an answer").expect(204);
        reader.get(TASKS).expect("an answer").expect(401);
    });
}

#[test]
fn tokens_with_invented_scopes_or_for_others_are_refused() {
    on_both(|world| {
        let mut anna = with_cookie(world, "anna", PASSWORD);
        let mut refuse = |body: Value, status: u16, code: &str| {
            let answer =
                anna.json("POST", "/t/demo/api/v1/tokens", &body).expect("an answer").expect(status).json();
            assert!(answer.to_string().contains(code), "{answer}");
        };
        refuse(json!({"name": "x", "scopes": ["everything"]}), 422, "token.scope");
        refuse(json!({"name": "x", "scopes": []}), 422, "token.scope");
        refuse(json!({"name": "x", "scopes": ["read"], "user": world.ben.id}), 403, "permission.denied");
        refuse(
            json!({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}),
            422,
            "token.expiry",
        );
        refuse(json!({"name": "x", "scopes": ["read"], "colour": 1}), 422, "json.form");
        world.play(&[
            step("a token that is none", Nobody, "GET /t/demo/api/v1/session")
                .header("authorization", "Bearer mrt_AAAA")
                .refused(401, "auth.token_invalid"),
            step("another kind of authorization", Nobody, "GET /t/demo/api/v1/session")
                .header("authorization", "Basic YTpi")
                .refused(401, "auth.token_invalid"),
        ]);
    });
}

#[test]
fn a_new_password_or_a_deactivation_ends_what_was_open() {
    on_both(|world| {
        let mut here = with_cookie(world, "anna", PASSWORD);
        let mut there = with_cookie(world, "anna", PASSWORD);
        let change = json!({"password": "another-password", "current_password": PASSWORD});
        here.json("PATCH", SESSION, &json!({"password": "another-password"})).expect("an answer").expect(422);
        here.json("PATCH", SESSION, &change).expect("an answer").expect(204);
        here.get(SESSION).expect("an answer").expect(200);
        there.get(SESSION).expect("an answer").expect(401);
        let path = format!("/t/demo/api/v1/users/{}", world.anna.id);
        world.call("PATCH", &path, &json!({"active": false})).expect(200);
        here.get(SESSION).expect("an answer").expect(401);
        world.client(&world.anna.token).get(TASKS).expect("an answer").expect(401);
        sign_in(world, "anna", "another-password").expect(401);
    });
}

#[test]
fn answers_carry_the_headers_that_make_browsers_careful() {
    on_both(|world| {
        let page = Client::new(world.address).get("/t/demo/sign-in").expect("an answer").expect(200);
        let data = world.client(&world.admin).get(SESSION).expect("an answer").expect(200);
        for (answer, name, part) in [
            (&page, "content-security-policy", "script-src 'self'"),
            (&page, "x-frame-options", "DENY"),
            (&page, "x-content-type-options", "nosniff"),
            (&page, "cache-control", "private"),
            (&data, "content-security-policy", "default-src 'none'"),
            (&data, "x-content-type-options", "nosniff"),
            (&data, "cache-control", "private"),
        ] {
            assert!(answer.header(name).is_some_and(|value| value.contains(part)), "{name}");
        }
        world.play(&[
            step("people choose their language", Admin, "GET /t/demo/api/v1/session")
                .header("accept-language", "zh-CN,en;q=0.5")
                .with("/language", json!("zh-CN")),
            step("or take the tenant's", Anna, "GET /t/demo/api/v1/session").with("/language", json!("en")),
        ]);
    });
}

#[test]
fn everybody_sees_and_ends_their_own_sessions_and_nobody_elses() {
    on_both(|world| {
        let sessions = "/t/demo/api/v1/sessions";
        let list =
            |client: &mut Client| client.get(sessions).expect("an answer").expect(200).json()["rows"].clone();
        let mut desk = with_cookie(world, "anna", PASSWORD).with_header("user-agent", "a desk");
        let mut phone = with_cookie(world, "anna", PASSWORD);
        let mut ben = with_cookie(world, "ben", PASSWORD);
        let rows = list(&mut desk);
        assert_eq!(rows.as_array().map(Vec::len), Some(2), "{rows}");
        let current: Vec<&Value> = rows.as_array().into_iter().flatten().map(|row| &row["current"]).collect();
        assert_eq!(current, [&json!(false), &json!(true)], "newest first");
        assert_eq!(rows[0]["ip"], json!("127.0.0.1"));
        let of_phone = format!("{sessions}/{}", text(&rows[0]["id"]));
        ben.send("DELETE", &of_phone, &[], &[]).expect("an answer").expect(404);
        phone.get(SESSION).expect("an answer").expect(200);
        desk.send("DELETE", &of_phone, &[], &[]).expect("an answer").expect(204);
        phone.get(SESSION).expect("an answer").expect(401);
        desk.send("DELETE", &of_phone, &[], &[]).expect("an answer").expect(404);
        let mut tablet = with_cookie(world, "anna", PASSWORD);
        desk.send("DELETE", sessions, &[], &[]).expect("an answer").expect(204);
        tablet.get(SESSION).expect("an answer").expect(401);
        assert_eq!(list(&mut desk).as_array().map(Vec::len), Some(1));
        let token = world.client(&world.anna.token).get(sessions).expect("an answer").expect(403);
        assert_eq!(token.json()["code"], "token.scope_missing");
        ben.get(SESSION).expect("an answer").expect(200);
    });
}

#[test]
fn administrators_end_the_sessions_of_a_person() {
    on_both(|world| {
        let mut anna = with_cookie(world, "anna", PASSWORD);
        let path = format!("/t/demo/api/v1/users/{}/sessions", world.anna.id);
        let mut ben = with_cookie(world, "ben", PASSWORD);
        ben.get(&path).expect("an answer").expect(403);
        ben.send("DELETE", &path, &[], &[]).expect("an answer").expect(403);
        let rows =
            world.client(&world.admin).get(&path).expect("an answer").expect(200).json()["rows"].clone();
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
        anna.get(SESSION).expect("an answer").expect(200);
        world.client(&world.admin).send("DELETE", &path, &[], &[]).expect("an answer").expect(204);
        anna.get(SESSION).expect("an answer").expect(401);
        ben.get(SESSION).expect("an answer").expect(200);
        world.client(&world.anna.token).get(TASKS).expect("an answer").expect(200);
        let nobody = "/t/demo/api/v1/users/0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a/sessions";
        world.client(&world.admin).get(nobody).expect("an answer").expect(404);
    });
}

#[test]
fn the_profile_shows_devices_and_ends_them() {
    on_both(|world| {
        let mut desk = with_cookie(world, "anna", PASSWORD);
        let mut phone = with_cookie(world, "anna", PASSWORD);
        let page = desk.get("/t/demo/profile").expect("an answer").expect(200).text();
        assert!(page.contains("/profile/end-sessions") && page.contains("127.0.0.1"), "{page}");
        desk.send("POST", "/t/demo/profile/end-sessions", &[], &[]).expect("an answer").expect(303);
        phone.get(SESSION).expect("an answer").expect(401);
        let page = desk.get("/t/demo/profile").expect("an answer").expect(200).text();
        assert!(!page.contains("/profile/end-sessions"), "nothing is left to end");
    });
}
