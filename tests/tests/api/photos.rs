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

/// A chunk of a PNG: length, kind, data, CRC-32.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    let crc = body.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    });
    let length = u32::try_from(data.len()).expect("short");
    [&length.to_be_bytes()[..], &body, &(!crc).to_be_bytes()].concat()
}

/// A grey PNG of this size that is not compressed at all.
fn large_picture(width: u32, height: u32) -> Vec<u8> {
    let line = |y: u32| {
        std::iter::once(0).chain((0..width).map(move |x| u8::try_from((x + y) % 251).expect("a byte")))
    };
    let raw: Vec<u8> = (0..height).flat_map(line).collect();
    let (a, b) = raw.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    let mut zlib = vec![0x78, 0x01];
    let blocks = raw.chunks(65_535).enumerate();
    for (index, block) in blocks {
        let length = u16::try_from(block.len()).expect("cut");
        zlib.push(u8::from((index + 1) * 65_535 >= raw.len()));
        zlib.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        zlib.extend(block);
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let parts = [chunk(b"IHDR", &head), chunk(b"IDAT", &zlib), chunk(b"IEND", &[])].concat();
    [b"\x89PNG\r\n\x1a\n", &parts[..]].concat()
}

#[test]
fn a_page_of_pictures_loads_small_ones_and_only_whoever_may_see_them_does() {
    on_both(|world| {
        install(world);
        let stored = |query: &str, bytes: &[u8]| {
            let file = send(world, query, bytes).expect(201).json();
            (format!("{FILES}/{}", text(&file["id"])), file["size"].as_u64().expect("bytes"))
        };
        let anna = || world.client(&world.anna.token);
        let (large, size) = stored("name=a.png", &large_picture(1500, 1000));
        let preview = anna().get(&format!("{large}/preview")).expect("the server answers").expect(200);
        assert_eq!(preview.header("content-type"), Some("image/jpeg"));
        assert!(preview.body.starts_with(&[0xff, 0xd8]) && (preview.body.len() as u64) < size / 10);
        let tag = preview.header("etag").expect("a tag").to_owned();
        let again = anna().with_header("if-none-match", &tag).get(&format!("{large}/preview"));
        assert!(again.expect("the server answers").expect(304).body.is_empty());
        world
            .client(&world.ben.token)
            .get(&format!("{large}/preview"))
            .expect("the server answers")
            .expect(404);
        // What is small already, and what is no picture, comes as it is.
        for bytes in [decoded(STRIPES), vec![b'x'; 100_000]] {
            let (path, size) = stored("name=b.png", &bytes);
            let same = anna().get(&format!("{path}/preview")).expect("the server answers").expect(200);
            assert_eq!(same.body.len() as u64, size);
        }
    });
}
