//! The store of a plugin: how full it is stays exact whatever is written, deleted or refused, and however many write at once.

use serde_json::{Value as Json, json};

use super::{ID, asked, check_clerk, connect};
use crate::common::works::World;

async fn keep(world: &World, what: &str, key: &str, size: usize) -> Result<Json, String> {
    let told = connect(world, "keep", &json!({"do": what, "key": key, "size": size})).await;
    told.map(|fields| fields["did"].clone())
}

/// How full the store is by its count, which has to be what is there.
async fn stored(world: &World) -> i64 {
    let counted = world.bench.tenant.plugin(&world.bench.admin(), ID).await.unwrap().stored_bytes;
    let rows: Vec<usize> = world
        .bench
        .dump()
        .await
        .lines()
        .filter_map(|line| line.strip_prefix("_plugin_storage: "))
        .map(bytes)
        .collect();
    assert_eq!(counted, i64::try_from(rows.iter().sum::<usize>()).unwrap(), "{rows:?}");
    counted
}

/// Bytes of key and value of a row in a dump.
fn bytes(row: &str) -> usize {
    let (front, value) = row.split_once("X'").or_else(|| row.split_once("\\x")).unwrap();
    let key = front.split(',').nth(1).unwrap().trim_matches(['\'', '"', '(', '\\']);
    key.len() + value.chars().take_while(char::is_ascii_hexdigit).count() / 2
}

#[tokio::test]
async fn a_store_is_counted_exactly_through_writing_overwriting_and_deleting() {
    check_clerk(vec![], async |world: &mut World| {
        for (what, key, size, expected) in [
            ("set", "a", 100, 101),
            ("set", "bb", 200, 303),
            ("set", "a", 300, 503),
            ("set", "a", 10, 213),
            ("set", "a", 10, 213),
            ("swap", "c", 20, 234),
            ("set", "empty", 0, 239),
            ("delete", "bb", 0, 37),
            ("delete", "bb", 0, 37),
            ("delete", "nothing", 0, 37),
        ] {
            assert_eq!(keep(world, what, key, size).await, Ok(json!(true)), "{what} {key} {size}");
            assert_eq!(stored(world).await, expected, "{what} {key} {size}");
        }
        assert_eq!(keep(world, "swap", "c", 500).await, Ok(json!(false)), "it is not as expected");
        assert_eq!(stored(world).await, 37);
        let kept = keep(world, "set-and-fail", "d", 9).await.unwrap_err();
        assert!(kept.contains("kept, and failed"), "{kept}");
        assert_eq!(stored(world).await, 47, "what was written before a failure stays, and counts");
    })
    .await;
}

#[tokio::test]
async fn a_store_takes_no_more_than_was_granted_and_can_always_shrink() {
    check_clerk(vec![], async |world: &mut World| {
        keep(world, "set", "a", 900).await.unwrap();
        let full = keep(world, "set", "b", 200).await.unwrap_err();
        assert!(full.contains("1000"), "{full}");
        assert_eq!(stored(world).await, 901, "nothing of it was written");
        keep(world, "set", "b", 98).await.unwrap();
        assert_eq!(stored(world).await, 1_000, "to the last byte");
        assert!(keep(world, "set", "c", 0).await.is_err());
        assert!(keep(world, "set", "b", 99).await.is_err());

        let mut narrow = asked();
        narrow.storage.as_mut().unwrap().bytes = 500;
        world.bench.tenant.grant_plugin(&world.bench.admin(), ID, 1, narrow).await.unwrap();
        assert!(keep(world, "set", "b", 99).await.is_err());
        keep(world, "set", "b", 50).await.unwrap();
        keep(world, "set", "a", 800).await.unwrap();
        assert_eq!(stored(world).await, 852, "more than is granted now, but less than before");
        keep(world, "delete", "a", 0).await.unwrap();
        keep(world, "set", "a", 400).await.unwrap();
        assert_eq!(stored(world).await, 452);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_the_store_and_its_count_as_they_were() {
    check_clerk(vec![], async |world: &mut World| {
        keep(world, "set", "a", 100).await.unwrap();
        // The value is written first; then the count fails.
        let statements = match world.bench.database {
            "sqlite" => vec![
                "CREATE TRIGGER broken BEFORE UPDATE OF stored_bytes ON _plugin BEGIN SELECT RAISE(ABORT, 'broken'); END",
                "DROP TRIGGER broken",
            ],
            _ => vec![
                "ALTER TABLE {schema}_plugin ADD CONSTRAINT broken CHECK (stored_bytes = 101)",
                "ALTER TABLE {schema}_plugin DROP CONSTRAINT broken",
            ],
        };
        world.bench.tamper(statements[0]).await;
        for (what, key) in [("set", "b"), ("set", "a"), ("delete", "a"), ("swap", "c")] {
            keep(world, what, key, 50).await.unwrap_err();
            assert_eq!(stored(world).await, 101, "{what} {key}");
        }
        world.bench.tamper(statements[1]).await;
        keep(world, "set", "b", 50).await.unwrap();
        assert_eq!(stored(world).await, 152);
    })
    .await;
}

#[tokio::test]
async fn many_who_write_at_once_never_go_beyond_what_was_granted() {
    check_clerk(vec![], async |world: &mut World| {
        let keys: Vec<String> = (0..6).map(|number| format!("key{number}")).collect();
        let writing = keys.iter().map(|key| keep(world, "set", key, 300));
        let done = futures_util::future::join_all(writing).await;
        assert_eq!(done.iter().filter(|told| told.is_ok()).count(), 3, "{done:?}");
        assert_eq!(stored(world).await, 3 * 304);
    })
    .await;
}
