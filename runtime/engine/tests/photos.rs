//! Photos that were used before, photos without a mark, and what a signature was put under; the same on both databases.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use bytes::Bytes;
use common::{Bench, check_bare, package};
use mortise_engine::{Actor, FileInfo, PhotoFacts, PhotoUse};
use mortise_expr::GeoPoint;
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn album() -> Vec<(&'static str, Json)> {
    let text = |en: &str| json!({"en": en, "zh-CN": en});
    let field = |id: &str, rest: Json| {
        let mut field = json!({"id": id, "label": text(id)});
        field.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        field
    };
    vec![
        ("app.json", json!({"id": "album", "version": "1.0.0", "label": text("Album")})),
        (
            "entities/shot.json",
            json!({"id": "shot", "label": text("Shot"), "plural": text("Shots"), "title": "name", "fields": [
                field("name", json!({"type": "text", "required": true})),
                field("amount", json!({"type": "money"})),
                field("double", json!({"type": "computed", "value": "record.amount * 2"})),
                field("proof", json!({"type": "photo", "watermark": true})),
                field("plain", json!({"type": "photo"})),
                field("sign", json!({"type": "signature"})),
            ]}),
        ),
        (
            "roles/keeper.json",
            json!({"id": "keeper", "label": text("Keeper"), "permissions": [
                {"entity": "shot", "operations": ["read", "create", "update"], "rows": "own"}
            ]}),
        ),
        (
            "roles/visitor.json",
            json!({"id": "visitor", "label": text("Visitor"), "permissions": [
                {"entity": "shot", "operations": ["read"], "rows": "all", "fields": {"amount": "hidden"}}
            ]}),
        ),
    ]
}

async fn with_album(test: impl AsyncFn(&Bench, &Actor, &Actor)) {
    check_bare(async |bench: &Bench| {
        bench.install(package(album())).await.unwrap();
        let ann = bench.hire("ann", &["album.keeper"], |_| ());
        let bob = bench.hire("bob", &["album.keeper"], |_| ());
        test(bench, &ann, &bob).await;
    })
    .await;
}

fn stream(text: &str) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Unpin {
    futures_util::stream::iter([Ok(Bytes::from(text.to_owned()))])
}

fn facts(bench: &Bench, hash: &str, look: u64) -> PhotoFacts {
    let place = Some(GeoPoint { lat: 31.23, lon: 121.47 });
    PhotoFacts { hash: hash.repeat(32), look, at: bench.tenant.now(), place, used_before: 0 }
}

/// Something that has enough in it to be told apart.
const LOOK: u64 = 0x0F0F_3355_AACC_1234;

async fn put(bench: &Bench, by: &Actor, contents: &str, facts: &PhotoFacts) -> FileInfo {
    bench.tenant.put_photo(by, None, ("a.jpg", "image/jpeg"), stream(contents), facts).await.unwrap()
}

#[tokio::test]
async fn a_photo_that_was_used_is_named_to_those_who_may_see_it_and_counted_for_the_others() {
    with_album(async |bench, ann, bob| {
        let first = facts(bench, "ab", LOOK);
        let file = put(bench, ann, "marked", &first).await;
        let none = bench.tenant.photo_uses(ann, &first, None).await.unwrap();
        assert!(none.seen.is_empty() && none.hidden == 0, "a photo that belongs to no record is not used");
        let id = bench.create(ann, "album.shot", json!({"name": "First", "proof": file.id})).await;

        let used = |same| PhotoUse { file: file.id, entity: "album.shot".into(), record: id, same };
        let uses = bench.tenant.photo_uses(ann, &first, None).await.unwrap();
        assert_eq!((uses.seen, uses.hidden), (vec![used(true)], 0));
        let alike = facts(bench, "cd", LOOK ^ 0b101_0000_0001);
        let uses = bench.tenant.photo_uses(ann, &alike, None).await.unwrap();
        assert_eq!((uses.seen, uses.hidden), (vec![used(false)], 0));
        assert!(bench.tenant.photo_uses(ann, &first, Some(id)).await.unwrap().seen.is_empty());

        let uses = bench.tenant.photo_uses(bob, &first, None).await.unwrap();
        assert_eq!((uses.seen.len(), uses.hidden), (0, 1));
        let different = facts(bench, "ef", !LOOK);
        let uses = bench.tenant.photo_uses(ann, &different, None).await.unwrap();
        assert_eq!((uses.seen.len(), uses.hidden), (0, 0));
        let told = bench.tenant.photo_facts(ann, file.id).await.unwrap().unwrap();
        assert_eq!((told.hash, told.look, told.place), (first.hash, LOOK, first.place));
        assert!(bench.tenant.photo_facts(bob, file.id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn pictures_of_nearly_one_colour_are_the_same_only_when_they_are() {
    with_album(async |bench, ann, _| {
        for (hash, look) in [("aa", 0), ("bb", u64::MAX)] {
            let paper = facts(bench, hash, look);
            let file = put(bench, ann, hash, &paper).await;
            bench.create(ann, "album.shot", json!({"name": hash, "plain": file.id})).await;
            let other = facts(bench, "cc", look ^ 1);
            assert!(bench.tenant.photo_uses(ann, &other, None).await.unwrap().seen.is_empty());
            assert_eq!(bench.tenant.photo_uses(ann, &paper, None).await.unwrap().seen.len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn where_a_mark_is_asked_for_only_marked_photos_are_taken() {
    with_album(async |bench, ann, _| {
        let plain = bench.tenant.put_file(ann, "a.jpg", "image/jpeg", stream("plain")).await.unwrap();
        let refused = bench.try_create(ann, "album.shot", json!({"name": "x", "proof": plain.id})).await;
        let error = refused.unwrap_err();
        let codes: Vec<&str> = error.issues().iter().map(|issue| issue.issue.code).collect();
        assert_eq!(codes, ["photo.unmarked"]);
        bench.create(ann, "album.shot", json!({"name": "x", "plain": plain.id})).await;
        // Noted as a photo, but nothing was drawn into it.
        let same = PhotoFacts { hash: plain.sha256.clone(), ..facts(bench, "aa", LOOK) };
        let unmarked = put(bench, ann, "plain", &same).await;
        assert_eq!(unmarked.sha256, same.hash);
        assert!(
            bench.try_create(ann, "album.shot", json!({"name": "y", "proof": unmarked.id})).await.is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn a_photo_that_comes_twice_is_stored_once() {
    with_album(async |bench, ann, bob| {
        let (id, facts) = (Uuid::now_v7(), facts(bench, "ab", LOOK));
        let send = async |text: &str| {
            bench.tenant.put_photo(ann, Some(id), ("a.jpg", "image/jpeg"), stream(text), &facts).await
        };
        assert!(bench.tenant.photo_sent(ann, id, &facts.hash).await.unwrap().is_none());
        assert_eq!(send("marked").await.unwrap().id, id);
        let known = bench.tenant.photo_sent(ann, id, &facts.hash).await.unwrap().unwrap();
        assert_eq!(known.id, id);
        assert!(bench.tenant.photo_sent(bob, id, &facts.hash).await.unwrap().is_none());
        assert!(bench.tenant.photo_sent(ann, id, "other").await.unwrap().is_none());
        assert!(send("marked anew, a minute later").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_signature_is_kept_with_what_was_signed() {
    with_album(async |bench, ann, bob| {
        let file = bench.tenant.put_file(ann, "s.png", "image/png", stream("ink")).await.unwrap();
        let id = bench
            .create(ann, "album.shot", json!({"name": "Deal", "amount": "12.50", "sign": file.id}))
            .await;
        let told = async || {
            let record = bench.read(ann, "album.shot", id).await.unwrap();
            bench.tenant.signatures(ann, "album.shot", &record).await.unwrap()
        };
        let first = told().await;
        assert_eq!((first.len(), first[0].file, first[0].person), (1, file.id, Some(ann.user.id)));
        assert!(first[0].unchanged && first[0].hash.as_ref().is_some_and(|hash| hash.len() == 64));
        // Whoever does not see the amount gets nothing by which it could be guessed.
        let visitor = bench.hire("visitor", &["album.visitor"], |_| ());
        let record = bench.read(&visitor, "album.shot", id).await.unwrap();
        let shown = bench.tenant.signatures(&visitor, "album.shot", &record).await.unwrap();
        assert!(shown[0].unchanged && shown[0].hash.is_none());

        bench.update(ann, "album.shot", id, json!({"amount": "13.00"})).await.unwrap();
        let later = told().await;
        assert_eq!((later[0].unchanged, &later[0].hash), (false, &first[0].hash));
        bench.update(ann, "album.shot", id, json!({"amount": "12.50"})).await.unwrap();
        assert!(told().await[0].unchanged);

        // Another hand, another content.
        bench.update(ann, "album.shot", id, json!({"amount": "14.00"})).await.unwrap();
        let again = bench.tenant.put_file(ann, "s.png", "image/png", stream("more ink")).await.unwrap();
        bench.update(ann, "album.shot", id, json!({"sign": again.id})).await.unwrap();
        let second = told().await;
        assert_eq!((second[0].file, second[0].unchanged), (again.id, true));
        assert_ne!(second[0].hash, first[0].hash);
        assert!(bench.read(bob, "album.shot", id).await.is_err());
        let dump = bench.dump().await;
        assert_eq!(dump.matches("record.signed").count(), 2);
    })
    .await;
}
