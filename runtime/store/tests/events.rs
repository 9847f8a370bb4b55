//! Events and the lane that works them off, on both databases: what is written with an event, who may work, who is
//! called, and what becomes of tenants of an earlier version.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mortise_expr::Dialect;
use mortise_store::{Error, EventEntry, Head, Session, StoredEvent, TenantStore};
use uuid::Uuid;

use common::{Place, audit, check, check_postgres, event};

const FIRST: Uuid = Uuid::from_u128(1);
const SECOND: Uuid = Uuid::from_u128(2);

fn change(session: &mut Session<'_>, record: Uuid, changes: &str) {
    session.audit(audit(record, changes));
    session.event(event(record));
}

async fn write(
    store: &TenantStore,
    work: impl FnOnce(&mut Session<'_>) -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    store.write(work).await
}

async fn position(store: &TenantStore) -> i64 {
    store.write::<i64, Error, _>(|session| session.lane_position()).await.unwrap()
}

fn told(events: &[StoredEvent]) -> Vec<(Uuid, Option<&str>)> {
    events.iter().map(|event| (event.record, event.changes.as_deref())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_tells_what_its_own_entry_of_the_trail_tells() {
    check(async |place: &Place| {
        let store = place.open().await.unwrap();
        // All at once, so that they share transactions; one in three is undone, and a part of each other.
        let writes = (0..30u128).map(|number| {
            write(&store, move |session| {
                session.audit(audit(Uuid::nil(), "{}"));
                change(session, Uuid::from_u128(number), &format!("{{\"n\":[null,{number}]}}"));
                let undone = session.nested(|session| {
                    change(session, SECOND, "undone");
                    Err::<(), Error>(Error::Closed)
                });
                assert!(undone.is_err());
                change(session, Uuid::from_u128(number + 1_000), &format!("{number}"));
                if number % 3 == 0 { Err(Error::Fenced) } else { Ok(()) }
            })
        });
        futures_util::future::join_all(writes).await;
        let mut events = store.events(0, 1_000).await.unwrap();
        assert_eq!(events.len(), 40);
        events.sort_by_key(|event| event.record);
        for (event, number) in events.iter().zip((0..30u128).filter(|number| number % 3 != 0)) {
            assert_eq!(event.record, Uuid::from_u128(number));
            assert_eq!(event.changes, Some(format!("{{\"n\":[null,{number}]}}")));
        }
        let last = events.last().unwrap();
        assert_eq!((last.record, last.changes.as_deref()), (Uuid::from_u128(1_029), Some("29")));
        assert_eq!(store.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_in_order_and_in_pieces_with_what_they_follow_from() {
    check(async |place: &Place| {
        let store = place.open().await.unwrap();
        write(&store, |session| {
            change(session, FIRST, "one");
            Ok(())
        })
        .await
        .unwrap();
        let cause = store.events(0, 10).await.unwrap()[0].seq;
        write(&store, move |session| {
            session.audit(audit(SECOND, "two"));
            session.event(EventEntry {
                kind: "record.transitioned",
                actor: Some(FIRST),
                cause: Some(cause),
                depth: 3,
                rule: Some("desk.rule".to_owned()),
                detail: Some("close".to_owned()),
                ..event(SECOND)
            });
            // Those of this transaction are not there yet.
            assert_eq!(told(&session.events(0, 10)?), [(FIRST, Some("one"))]);
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(told(&store.events(0, 1).await.unwrap()), [(FIRST, Some("one"))]);
        let next = store.events(cause, 10).await.unwrap();
        let expected = StoredEvent {
            seq: next[0].seq,
            at: chrono::DateTime::UNIX_EPOCH,
            kind: "record.transitioned".to_owned(),
            entity: "desk.thing".to_owned(),
            record: SECOND,
            version: 1,
            actor: Some(FIRST),
            cause: Some(cause),
            depth: 3,
            rule: Some("desk.rule".to_owned()),
            detail: Some("close".to_owned()),
            audit: Some(2),
            changes: Some("two".to_owned()),
        };
        assert_eq!(next, [expected]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lane_cannot_write_any_more() {
    check(async |place: &Place| {
        let store = place.open().await.unwrap();
        let work = |epoch: i64, position: i64| {
            write(&store, move |session| {
                session.fence(epoch)?;
                change(session, FIRST, "done");
                session.set_lane_position(position)
            })
        };
        work(1, 5).await.unwrap();
        work(1, 6).await.unwrap();
        work(3, 7).await.unwrap();
        assert!(matches!(work(2, 99).await, Err(Error::Fenced)));
        work(3, 8).await.unwrap();
        assert_eq!(position(&store).await, 8);
        assert_eq!(store.events(0, 10).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lane_is_woken_by_commits_that_leave_it_something() {
    check(async |place: &Place| {
        let store = place.open().await.unwrap();
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        store.on_commit(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let wakes = async |work: fn(&mut Session<'_>) -> Result<(), Error>| {
            let before = woken.load(Ordering::SeqCst);
            let _ = write(&store, work).await;
            woken.load(Ordering::SeqCst) > before
        };
        assert!(
            wakes(|session| {
                change(session, FIRST, "event");
                Ok(())
            })
            .await
        );
        assert!(
            wakes(|session| {
                session.wake_lane();
                Ok(())
            })
            .await
        );
        assert!(
            !wakes(|session| {
                session.audit(audit(FIRST, "only told"));
                session.touch(0);
                Ok(())
            })
            .await
        );
        assert!(
            !wakes(|session| {
                change(session, FIRST, "undone");
                session.wake_lane();
                Err(Error::Closed)
            })
            .await
        );
    })
    .await;
}

/// Makes a tenant as version 1 made it, with an entry of the trail, its event and a comment.
async fn make_version_1(place: &Place) {
    let (tables, bytes, time) = match place.dialect {
        Dialect::Sqlite => (include_str!("fixtures/version_1_sqlite.sql"), "x'", "0"),
        Dialect::Postgres => {
            (include_str!("fixtures/version_1_postgres.sql"), "'\\x", "timestamptz '1970-01-01 00:00:00+00'")
        }
    };
    let id = match place.dialect {
        Dialect::Sqlite => format!("x'{}'", FIRST.simple()),
        Dialect::Postgres => format!("'{FIRST}'::uuid"),
    };
    let head = Head::START.next(&audit(FIRST, "{}"));
    let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let t = |name: &str| place.table(name);
    let rows = format!(
        "INSERT INTO {} (name, value) VALUES ('version', '1'), ('kept', 'yes');
         INSERT INTO {} VALUES (1, {time}, NULL, 'record.changed', 'desk.thing', {id}, 1, 'api', NULL, NULL, '{{}}', \
             {bytes}{hash}');
         INSERT INTO {} VALUES (1, {bytes}{hash}');
         INSERT INTO {} (at, kind, entity, record, version) VALUES ({time}, 'record.changed', 'desk.thing', {id}, 1);
         INSERT INTO {} VALUES ({id}, 'desk.thing', {id}, {time}, NULL, 'kept too');",
        t("_meta"),
        t("_audit"),
        t("_audit_head"),
        t("_event"),
        t("_comment"),
    );
    place.batch(&(tables.replace("$schema", &place.schema) + &rows)).await;
}

/// All columns and indexes of a tenant.
async fn shape(place: &Place) -> Vec<String> {
    place
        .texts(&match place.dialect {
            Dialect::Sqlite => "SELECT m.name || '.' || c.name || ' ' || c.type || c.\"notnull\" || c.pk || \
                 coalesce(c.dflt_value, '') FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND m.name LIKE '\\_%' ESCAPE '\\' \
                 UNION ALL SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1"
                .to_owned(),
            Dialect::Postgres => format!(
                "SELECT table_name || '.' || column_name || ' ' || data_type || is_nullable || \
                 coalesce(column_default, '') || coalesce(collation_name, '') FROM information_schema.columns \
                 WHERE table_schema = '{0}' \
                 UNION ALL SELECT replace(indexdef, '{0}', '') FROM pg_indexes WHERE schemaname = '{0}' ORDER BY 1",
                place.schema
            ),
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_of_version_1_opens_with_all_it_has_and_gets_what_a_new_one_has() {
    let fresh = std::sync::Mutex::new(Vec::new());
    check(async |place: &Place| {
        place.open().await.unwrap();
        let shape = shape(place).await;
        fresh.lock().unwrap().push(shape);
    })
    .await;
    check(async |place: &Place| {
        make_version_1(place).await;
        let store = place.open().await.unwrap();
        let as_new = fresh.lock().unwrap()[usize::from(place.dialect == Dialect::Postgres)].clone();
        assert_eq!(shape(place).await, as_new);
        assert_eq!(store.meta("kept").await.unwrap().as_deref(), Some("yes"));
        assert_eq!(place.texts(&format!("SELECT text FROM {}", place.table("_comment"))).await, ["kept too"]);
        let old = store.events(0, 10).await.unwrap();
        assert_eq!((told(&old), old[0].depth, old[0].cause), (vec![(FIRST, None)], 0, None));
        // What happened before there was a lane is not worked off; what happens from now on is.
        let position = position(&store).await;
        assert_eq!(position, old[0].seq);
        write(&store, |session| {
            change(session, SECOND, "new");
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(told(&store.events(position, 10).await.unwrap()), [(SECOND, Some("new"))]);
        store.close().await;
        let again = place.open().await.unwrap();
        assert_eq!(again.events(0, 10).await.unwrap().len(), 2);
        let verified = again.verify().await.unwrap();
        assert_eq!((verified.entries, verified.broken), (2, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_of_a_newer_program_is_left_alone() {
    check(async |place: &Place| {
        place.open().await.unwrap().close().await;
        let meta = place.table("_meta");
        place.batch(&format!("UPDATE {meta} SET value = '99' WHERE name = 'version'")).await;
        assert!(matches!(place.open().await, Err(Error::Newer { stored: 99, .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_may_open_a_new_tenant_at_the_same_moment() {
    check_postgres(async |place: &Place| {
        let opened = futures_util::future::join_all((0..4).map(|_| place.open())).await;
        assert!(opened.iter().all(Result::is_ok));
        let rows = place.texts(&format!("SELECT epoch::text FROM {}", place.table("_lane"))).await;
        assert_eq!(rows, ["0"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_knows_what_earlier_ones_of_its_transaction_did() {
    check(async |place: &Place| {
        let store = place.open().await.unwrap();
        let (go, gone) = std::sync::mpsc::channel();
        let first = write(&store, move |session| {
            // Until the others wait for their turn.
            gone.recv().unwrap();
            session.audit(audit(Uuid::nil(), "{}"));
            Ok(())
        });
        let second = write(&store, |session| {
            change(session, FIRST, "1");
            Ok(())
        });
        let third = write(&store, |session| {
            let before: Vec<Uuid> = session.events_before().map(|event| event.record).collect();
            assert_eq!((before, session.added_events().count()), (vec![FIRST], 0));
            change(session, FIRST, "2");
            let entity = session.added_events().next().unwrap().entity.clone();
            assert_eq!(session.changes_since(&entity, FIRST, 0, 10)?, ["1", "2"]);
            assert_eq!(session.changes_since(&entity, SECOND, 0, 10)?, [""; 0]);
            Ok(())
        });
        let (one, two, three, ()) = tokio::join!(first, second, third, async { go.send(()).unwrap() });
        one.and(two).and(three).unwrap();
    })
    .await;
}
