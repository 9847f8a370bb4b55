//! The audit trail on a real file: whatever byte of a stored entry is changed, the check finds it.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use mortise_store::{AuditEntry, Error, TenantStore, search};
use proptest::prelude::*;
use uuid::Uuid;

const COLUMNS: [&str; 11] =
    ["at", "actor", "action", "entity", "record", "version", "channel", "ip", "device", "changes", "hash"];

fn entry(number: u8) -> AuditEntry {
    AuditEntry {
        at: DateTime::<Utc>::from_timestamp_micros(1_700_000_000_000_000 + i64::from(number)).unwrap(),
        actor: Some(Uuid::from_u128(7)),
        action: "record.changed".into(),
        entity: Some("desk.thing".into()),
        record: Some(Uuid::from_u128(u128::from(number))),
        version: Some(i64::from(number)),
        channel: "api".into(),
        ip: Some("10.0.0.1".into()),
        device: Some("浏览器".into()),
        changes: format!("{{\"name\":[null,\"文字 {number}\"]}}"),
    }
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}

/// A file with five entries, as bytes.
fn original() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenant.db");
        runtime().block_on(async {
            let store = TenantStore::open_sqlite(&path).unwrap();
            for number in 1..=5 {
                let write = store.write::<(), Error, _>(move |session| {
                    session.audit(entry(number));
                    Ok(())
                });
                write.await.unwrap();
            }
            assert_eq!(store.verify().await.unwrap().entries, 5);
            store.close().await;
        });
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE").unwrap();
        drop(connection);
        std::fs::read(&path).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_byte_of_an_entry_is_found(seq in 1i64..=5, column in 0..COLUMNS.len(), at in 0usize..64, bit in 0u8..8) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenant.db");
        std::fs::write(&path, original()).unwrap();
        let name = COLUMNS[column];
        let connection = rusqlite::Connection::open(&path).unwrap();
        let value: rusqlite::types::Value =
            connection.query_row(&format!("SELECT {name} FROM _audit WHERE seq = ?1"), [seq], |row| row.get(0)).unwrap();
        let flip = |mut bytes: Vec<u8>| {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            bytes
        };
        let changed: rusqlite::types::Value = match value {
            rusqlite::types::Value::Integer(number) => (number ^ (1i64 << (at % 50))).into(),
            rusqlite::types::Value::Blob(bytes) => flip(bytes).into(),
            rusqlite::types::Value::Text(text) => {
                // Not every change of a byte is text again; the file takes it all the same.
                let bytes = flip(text.into_bytes());
                let sql = format!("UPDATE _audit SET {name} = CAST(?1 AS TEXT) WHERE seq = ?2");
                connection.execute(&sql, rusqlite::params![bytes, seq]).unwrap();
                rusqlite::types::Value::Null
            }
            other => panic!("{other:?}"),
        };
        if changed != rusqlite::types::Value::Null {
            connection.execute(&format!("UPDATE _audit SET {name} = ?1 WHERE seq = ?2"), rusqlite::params![changed, seq]).unwrap();
        }
        drop(connection);
        let verified = runtime().block_on(async { TenantStore::open_sqlite(&path).unwrap().verify().await }).unwrap();
        prop_assert_eq!(verified.broken.map(|(seq, _)| seq), Some(seq));
    }

    #[test]
    fn a_query_made_of_a_record_finds_it(text in "\\PC{0,40}") {
        // Every word of a query is the beginning of some word of a record that holds the same text.
        let tokens = search::tokens([text.as_str()].into_iter());
        for word in search::words(&text) {
            prop_assert!(tokens.iter().any(|token| token.starts_with(&word)), "{word} in {tokens:?}");
        }
        prop_assert!(tokens.iter().all(|token| !token.contains(['\'', '"', ' ', '\\'])));
    }
}

/// Searches both ways in SQLite itself: what the tokeniser makes of our words must be our words.
#[test]
fn the_index_finds_words_of_every_script() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE VIRTUAL TABLE t USING fts5(tokens, content='', contentless_delete=1, detail=none, tokenize='ascii')").unwrap();
    let texts = [
        "张伟明",
        "Müller GmbH",
        "İstanbul",
        "aⓐb",
        "हिन्दी भाषा",
        "Ｆｕｌｌ　ｗｉｄｔｈ",
        "+86 138-1234-5678",
        "ΣΊΣΥΦΟΣ",
        "x",
        "张",
        "한국어",
        "ß2²",
        "🦀 crab",
    ];
    for (row, text) in texts.iter().enumerate() {
        let tokens = search::tokens([*text].into_iter()).join(" ");
        connection
            .execute(
                "INSERT INTO t (rowid, tokens) VALUES (?1, ?2)",
                rusqlite::params![row as i64 + 1, tokens],
            )
            .unwrap();
    }
    for (row, text) in texts.iter().enumerate() {
        let query = search::sqlite_match(text).unwrap();
        let found: i64 = connection
            .query_row(
                "SELECT count(*) FROM t WHERE t MATCH ?1 AND rowid = ?2",
                rusqlite::params![query, row as i64 + 1],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(found, 1, "{text} by {query}");
    }
}
