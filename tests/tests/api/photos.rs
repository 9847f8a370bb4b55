//! Photos over the API: what is no picture is refused with its reason, and a marked one keeps nothing that the camera wrote beside it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mortise_tests::Answer;
use serde_json::{Value, json};

use crate::world::{World, on_both, text};

const FILES: &str = "/t/demo/api/v1/files";
/// 64 × 64 stripes with a comment as cameras leave them.
const STRIPES: &str = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAGnRFWHRDb21tZW50AHNlZW4gYnkgdGhlIGNh\
     bWVyYei2uFkAAAAvSURBVHja7cwxEQAACMQwhCEbgSxvgJVLty6pTpOuXwAAAAAAAAAAAAAAAAC+AwuhnIBqN6pRngAAAABJRU5ErkJggg==";
/// Says that it has 14,000 × 14,000 dots of eight bytes, in some seventy bytes.
const BOMB: &str =
    "iVBORw0KGgoAAAANSUhEUgAANrAAADawEAYAAAD0SykqAAAADElEQVR42mNgoD0AAABkAAG4me+ZAAAAAElFTkSuQmCC";

fn words(en: &str) -> Value {
    json!({"en": en, "zh-CN": en})
}

fn install(world: &World) {
    let files = [
        ("app.json", json!({"id": "album", "version": "1.0.0", "label": words("Album")})),
        (
            "entities/shot.json",
            json!({"id": "shot", "label": words("Shot"), "title": "name", "fields": [
            {"id": "name", "label": words("Name"), "type": "text", "required": true},
            {"id": "proof", "label": words("Proof"), "type": "photo", "watermark": true}]}),
        ),
    ];
    let files: Vec<(String, Value)> =
        files.into_iter().map(|(path, file)| (path.to_owned(), Value::from(file.to_string()))).collect();
    let files = Value::Object(files.into_iter().collect());
    world.call("POST", "/t/demo/api/v1/apps", &json!({"files": files})).expect(200);
}

fn send(world: &World, query: &str, bytes: &[u8]) -> Answer {
    let headers = [("content-type", "image/png")];
    let mut anna = world.client(&world.anna.token);
    anna.send("POST", &format!("{FILES}?{query}"), &headers, bytes).expect("the server answers")
}

fn decoded(picture: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(picture).expect("base64")
}

#[test]
fn what_is_no_photo_of_the_field_is_refused_with_its_reason() {
    on_both(|world| {
        install(world);
        let proof = "for=album.shot.proof&name=a.png";
        let code = |query: &str, bytes: &[u8]| send(world, query, bytes).expect(422).text();
        assert!(code(proof, b"<svg onload='alert(1)'/>").contains("photo.not_a_picture"));
        assert!(code(proof, b"").contains("photo.not_a_picture"));
        assert!(code(proof, &decoded(BOMB)).contains("photo.too_many_pixels"));
        assert!(code("for=album.shot.name", &decoded(STRIPES)).contains("photo.no_field"));
        assert!(code("for=../../etc", &decoded(STRIPES)).contains("photo.no_field"));
        let nowhere = format!("{proof}&place=91,0");
        assert!(code(&nowhere, &decoded(STRIPES)).contains("value.not_geo_point"));
    });
}

#[test]
fn a_marked_photo_keeps_nothing_that_the_camera_wrote_beside_the_picture() {
    on_both(|world| {
        install(world);
        let query = "for=album.shot.proof&name=a.png&place=31.23,121.47";
        let photo = send(world, query, &decoded(STRIPES)).expect(201).json();
        assert_eq!((&photo["name"], &photo["content_type"]), (&json!("a.jpg"), &json!("image/jpeg")));
        let path = format!("{FILES}/{}", text(&photo["id"]));
        let stored = world.client(&world.anna.token).get(&path).expect("the server answers").expect(200);
        assert!(stored.body.starts_with(&[0xff, 0xd8]), "a JPEG");
        assert!(!stored.text().contains("seen by the camera"));
        // Nobody else has it before it belongs to a record.
        world.client(&world.ben.token).get(&path).expect("the server answers").expect(404);
    });
}

#[test]
fn naming_a_record_hides_no_earlier_use_from_the_trail() {
    on_both(|world| {
        install(world);
        let upload = |more: &str| {
            let path = format!("{FILES}?for=album.shot.proof&name=a.png{more}");
            let headers = [("content-type", "image/png")];
            let answer = world.client(&world.admin).send("POST", &path, &headers, &decoded(STRIPES));
            answer.expect("the server answers").expect(201).json()
        };
        let first = upload("");
        let values = json!({"name": "First", "proof": first["id"]});
        let made = world.call("POST", "/t/demo/api/v1/records/album.shot", &values).expect(201).json();
        let record = text(&made["id"]);
        assert_eq!(upload("")["used"][0]["record"], json!(record));
        assert_eq!(upload(&format!("&record={record}"))["used"], json!([]), "its own record is no news");
        let trail = world.call("GET", "/t/demo/api/v1/audit?action=file.uploaded&limit=1", &json!({}));
        assert_eq!(trail.expect(200).json()["rows"][0]["changes"]["used_before"], json!(1));
    });
}
