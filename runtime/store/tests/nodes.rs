//! Several nodes: leases of lanes in the control plane on both databases, and signals between nodes that share a
//! PostgreSQL server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mortise_store::control::{Control, NewTenant, Place as ControlPlace, TenantPatch};
use mortise_store::{Error, Heard, Listening, Signal, TenantStore, connect_postgres};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use uuid::Uuid;

use common::{Place, audit, check_postgres, event, postgres};

const NORTH: Uuid = Uuid::from_u128(1);
const SOUTH: Uuid = Uuid::from_u128(2);
const LEASE: TimeDelta = TimeDelta::seconds(30);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 500_000_000).unwrap()
}

async fn control(test: impl AsyncFn(&Control)) {
    let folder = tempfile::tempdir().unwrap();
    test(&Control::open(ControlPlace::Folder(folder.path())).await.unwrap()).await;
    if let Some(url) = postgres() {
        test(&Control::open(ControlPlace::Postgres(&url)).await.unwrap()).await;
    }
}

/// A tenant; its name is free on a server that others use as well.
async fn tenant(control: &Control) -> Uuid {
    let id = Uuid::new_v4();
    let new = NewTenant {
        slug: format!("x-{}", &id.simple().to_string()[..12]),
        name: "X".to_owned(),
        host: None,
        language: "en".to_owned(),
        time_zone: "UTC".to_owned(),
        placement: "sqlite".to_owned(),
        test_clock: true,
    };
    control.create_tenant(id, new, at(0)).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_belongs_to_one_node_until_its_lease_ends() {
    control(async |control: &Control| {
        let id = tenant(control).await;
        assert_eq!(control.acquire_lane(id, NORTH, at(0), LEASE).await.unwrap(), Some(1));
        assert_eq!(control.acquire_lane(id, SOUTH, at(29), LEASE).await.unwrap(), None);
        assert!(control.renew_lane(id, NORTH, 1, at(20), LEASE).await.unwrap());
        assert_eq!(control.acquire_lane(id, SOUTH, at(49), LEASE).await.unwrap(), None);
        assert_eq!(control.acquire_lane(id, SOUTH, at(50), LEASE).await.unwrap(), Some(2));
        // The one that was paused finds out, and does no harm.
        assert!(!control.renew_lane(id, NORTH, 1, at(51), LEASE).await.unwrap());
        control.release_lane(id, NORTH, 1, None).await.unwrap();
        assert!(control.renew_lane(id, SOUTH, 2, at(52), LEASE).await.unwrap());
        assert!(control.raise_lane(id, SOUTH, 2, 2).await.unwrap());
        assert!(!control.raise_lane(id, NORTH, 1, 99).await.unwrap());
        // Whoever held it last may take it again; what it wrote before counts no more.
        assert_eq!(control.acquire_lane(id, SOUTH, at(53), LEASE).await.unwrap(), Some(3));
        control.release_lane(id, SOUTH, 3, None).await.unwrap();
        assert_eq!(control.acquire_lane(id, NORTH, at(54), LEASE).await.unwrap(), Some(4));
        control.delete_tenant(id).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_nodes_that_want_a_lane_one_gets_it() {
    control(async |control: &Control| {
        let id = tenant(control).await;
        let tries = (10..26).map(|node| control.acquire_lane(id, Uuid::from_u128(node), at(0), LEASE));
        let taken = futures_util::future::join_all(tries).await;
        let taken: Vec<i64> = taken.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(taken, [1]);
        control.delete_tenant(id).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_are_due_when_nobody_looked_yet_or_their_time_has_come_or_their_node_is_gone() {
    control(async |control: &Control| {
        let id = tenant(control).await;
        let due = async |seconds| control.lanes_due(at(seconds)).await.unwrap().contains(&id);
        let left = async |seconds| control.lanes_left(at(seconds)).await.unwrap().contains(&id);
        assert!(due(0).await, "nobody has ever looked");
        control.open_lane(id).await.unwrap();
        assert!(!due(0).await && left(0).await, "in use, and nothing to do that anybody knows of");
        control.acquire_lane(id, NORTH, at(0), LEASE).await.unwrap();
        assert!(!due(29).await && !left(29).await, "worked by somebody");
        assert!(due(30).await && left(30).await, "the lease has ended");
        control.release_lane(id, NORTH, 1, Some(at(100))).await.unwrap();
        assert!(!due(99).await && due(100).await, "its time has come");
        assert!(control.next_lane_due().await.unwrap().is_some_and(|next| next <= at(100)));
        assert!(left(50).await, "still in use");
        control.close_lanes(&[id]).await.unwrap();
        assert!(!left(50).await && due(100).await, "closed in good order");
        control
            .update_tenant(id, TenantPatch { suspended: Some(true), ..TenantPatch::default() })
            .await
            .unwrap();
        assert!(!due(1_000).await, "suspended");
        control.delete_tenant(id).await.unwrap();
        assert!(!due(1_000).await, "deleted");
    })
    .await;
}

#[tokio::test]
async fn the_only_node_ends_the_leases_of_before_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(ControlPlace::Folder(folder.path())).await.unwrap();
    let id = tenant(&control).await;
    control.acquire_lane(id, NORTH, at(0), LEASE).await.unwrap();
    control.end_leases().await.unwrap();
    assert_eq!(control.lanes_left(at(1)).await.unwrap(), [id]);
    assert_eq!(control.acquire_lane(id, SOUTH, at(1), LEASE).await.unwrap(), Some(2));
}

/// A second node beside that of the place, and what it hears.
async fn neighbour(place: &Place) -> (TenantStore, UnboundedReceiver<Heard>, Listening) {
    // The connections carry the name of the schema, so that a test can cut just these.
    let url = format!("{}?application_name={}", postgres().unwrap(), place.schema);
    let server = connect_postgres(&url).await.unwrap();
    let store = TenantStore::open_postgres(&server, &place.schema).await.unwrap();
    let (send, heard) = unbounded_channel();
    let schema = place.schema.clone();
    let listening = server.listen(move |what| {
        // Other tests use the server, too.
        if !matches!(&what, Heard::Signal(signal) if signal.schema != schema) {
            let _ = send.send(what);
        }
    });
    (store, heard, listening.await.unwrap())
}

async fn next(heard: &mut UnboundedReceiver<Heard>) -> Signal {
    match tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap() {
        Heard::Signal(signal) => signal,
        Heard::Gap => panic!("a gap"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_hear_of_what_others_commit_and_of_nothing_else() {
    check_postgres(async |place: &Place| {
        let store = place.open().await.unwrap();
        let (other, mut heard, _listening) = neighbour(place).await;
        let write = async |work: fn(&mut mortise_store::Session<'_>) -> Result<(), Error>| {
            store.write::<(), Error, _>(work).await
        };
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        other.on_commit(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        // Undone, of no concern, or its own: nothing is heard of it.
        let undone = write(|session| {
            session.event(event(NORTH));
            Err(Error::Closed)
        });
        undone.await.unwrap_err();
        let told = write(|session| {
            session.audit(audit(NORTH, "{}"));
            Ok(())
        });
        told.await.unwrap();
        let own = other.write::<(), Error, _>(|session| {
            session.event(event(NORTH));
            Ok(())
        });
        own.await.unwrap();
        woken.store(0, Ordering::SeqCst);

        let changes = (other.changes(3), other.changes(4));
        let changed = write(|session| {
            session.event(event(NORTH));
            session.touch(3);
            Ok(())
        });
        changed.await.unwrap();
        let signal = next(&mut heard).await;
        assert!(signal.lane && !signal.model && !signal.people);
        other.heard(&signal);
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        assert_eq!((other.changes(3), other.changes(4)), (changes.0 + 1, changes.1));

        // What the holder of the lane leaves for the lane concerns nobody else; that records changed does.
        let worked = write(|session| {
            session.fence(1)?;
            session.event(event(NORTH));
            session.wake_lane();
            session.touch(4);
            Ok(())
        });
        worked.await.unwrap();
        let signal = next(&mut heard).await;
        assert!(!signal.lane);
        assert_eq!(store.lane_epoch().await.unwrap(), 1);

        store.announce_people().await.unwrap();
        let signal = next(&mut heard).await;
        assert!(signal.people && !signal.lane);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_refuses_what_was_prepared_for_a_model_that_another_has_replaced() {
    check_postgres(async |place: &Place| {
        let store = place.open().await.unwrap();
        store.set_model("old", store.model_revision().await.unwrap());
        let (other, mut heard, _listening) = neighbour(place).await;
        other.set_model("old", other.model_revision().await.unwrap());
        let outdated = Arc::new(AtomicUsize::new(0));
        let count = outdated.clone();
        other.on_outdated(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let model = async |store: &TenantStore| {
            store.write::<String, Error, _>(|session| Ok(session.model.to_owned())).await.unwrap()
        };
        assert_eq!((model(&store).await, model(&other).await), ("old".to_owned(), "old".to_owned()));
        let change = store.write::<(), Error, _>(|session| {
            session.model_changed("new".to_owned());
            Ok(())
        });
        change.await.unwrap();
        // Before the other node has heard anything, its writes find out.
        assert_eq!((model(&store).await, model(&other).await), ("new".to_owned(), String::new()));
        assert_eq!(outdated.load(Ordering::SeqCst), 1);
        let signal = next(&mut heard).await;
        assert!(signal.model);
        other.heard(&signal);
        assert_eq!(outdated.load(Ordering::SeqCst), 2);
        other.set_model("new", other.model_revision().await.unwrap());
        assert_eq!(model(&other).await, "new");
        assert_eq!(outdated.load(Ordering::SeqCst), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_told_and_made_anew() {
    check_postgres(async |place: &Place| {
        let store = place.open().await.unwrap();
        let (_other, mut heard, _listening) = neighbour(place).await;
        let cut = format!(
            "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE application_name = '{}'",
            place.schema
        );
        assert!(!place.texts(&cut).await.is_empty());
        let gap = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await.unwrap();
        assert_eq!(gap, Some(Heard::Gap));
        store.announce_people().await.unwrap();
        assert!(next(&mut heard).await.people);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_events_wait_is_seen_without_opening_the_tenant() {
    check_postgres(async |place: &Place| {
        let store = place.open().await.unwrap();
        assert!(!place.server().has_backlog(&place.schema).await.unwrap());
        let change = store.write::<(), Error, _>(|session| {
            session.event(event(NORTH));
            Ok(())
        });
        change.await.unwrap();
        assert!(place.server().has_backlog(&place.schema).await.unwrap());
        store.write::<(), Error, _>(|session| session.set_lane_position(1)).await.unwrap();
        assert!(!place.server().has_backlog(&place.schema).await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_the_same_moment_share_the_control_plane() {
    let Some(url) = postgres() else { return };
    let opened =
        futures_util::future::join_all((0..6).map(|_| Control::open(ControlPlace::Postgres(&url)))).await;
    assert!(opened.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_of_its_own_goes_ahead_as_far_as_is_allowed_and_has_its_lane_looked_after() {
    control(async |control: &Control| {
        let id = tenant(control).await;
        let most = TimeDelta::hours(30);
        control.acquire_lane(id, NORTH, at(0), LEASE).await.unwrap();
        control.release_lane(id, NORTH, 1, Some(at(1_000))).await.unwrap();
        assert!(control.advance_clock(id, TimeDelta::hours(25), most, at(5)).await.unwrap());
        assert!(!control.advance_clock(id, TimeDelta::hours(25), most, at(5)).await.unwrap());
        assert!(control.lanes_due(at(5)).await.unwrap().contains(&id));
        let rows = control.tenants().await.unwrap();
        let row = rows.iter().find(|row| row.id == id).unwrap();
        assert_eq!(row.ahead(), Some(TimeDelta::hours(25)));
    })
    .await;
}
