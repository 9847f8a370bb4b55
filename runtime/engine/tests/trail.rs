//! The audit trail as administrators read it, on real databases: found by person, kind, action and day, told in words, and
//! handed out as a file that can be held against the chain.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::{Bench, check};
use mortise_engine::{Error, TrailEntry, TrailFilter};
use serde_json::json;
use uuid::Uuid;

/// All entries that a filter lets through, page by page.
async fn all(bench: &Bench, filter: &TrailFilter) -> Vec<TrailEntry> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = bench.tenant.trail_in_words(&bench.admin(), filter, before, 3).await.unwrap();
        found.extend(page.entries);
        before = page.next;
        if before.is_none() {
            return found;
        }
    }
}

fn told(entries: &[TrailEntry]) -> Vec<String> {
    let line = |entry: &TrailEntry| {
        let changes = entry.told.changes.iter().map(|change| {
            let side = |side: &Option<String>| side.clone().unwrap_or_default();
            format!("{}: {}→{}", change.label, side(&change.old), side(&change.new))
        });
        let name = entry.told.actor_name.clone().unwrap_or_default();
        let title = entry.title.clone().unwrap_or_default();
        format!("{name} {} {title} {}", entry.told.action, changes.collect::<Vec<_>>().join(", "))
    };
    entries.iter().map(|entry| line(entry).trim_end().to_owned()).collect()
}

/// Ann and Bob work with an order; the customer is named by a reference.
async fn work(bench: &Bench) -> (Uuid, Uuid) {
    let (ann, bob) = (bench.person("ann"), bench.person("bob"));
    let customer = bench.create(&bob, "shop.customer", json!({"name": "Acme"})).await;
    let order = bench.create(&ann, "shop.order", json!({"title": "First"})).await;
    bench.update(&ann, "shop.order", order, json!({"customer": customer, "status": "done"})).await.unwrap();
    bench.update(&bob, "shop.customer", customer, json!({"name": "Acme Ltd"})).await.unwrap();
    bench.delete(&ann, "shop.order", order).await.unwrap();
    (order, customer)
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_by_person_kind_action_and_told_in_words() {
    check(async |bench: &Bench| {
        let (order, customer) = work(bench).await;
        let (ann, bob) = (bench.person("ann").user.id, bench.person("bob").user.id);
        let none = TrailFilter::default;
        let of_bob = all(bench, &TrailFilter { actor: Some(bob), ..none() }).await;
        assert_eq!(
            told(&of_bob),
            [
                "Bob record.changed Acme Ltd Name: Acme→Acme Ltd",
                "Bob record.created Acme Ltd Owner: →Bob, Name: →Acme"
            ]
        );
        let changed = TrailFilter {
            entity: Some("shop.order".into()),
            action: Some("record.changed".into()),
            ..none()
        };
        let changed = all(bench, &changed).await;
        assert_eq!(changed.len(), 1);
        let changes: Vec<(&str, Option<&str>, Option<&str>)> = changed[0]
            .told
            .changes
            .iter()
            .map(|change| (change.field.as_str(), change.old.as_deref(), change.new.as_deref()))
            .collect();
        assert!(changes.contains(&("customer", None, Some("Acme Ltd"))), "{changes:?}");
        assert!(changes.contains(&("status", Some("Open"), Some("Done"))), "{changes:?}");
        // The record is in the trash and keeps its name here.
        assert_eq!((changed[0].record, changed[0].title.as_deref()), (Some(order), Some("First")));
        let of_record = all(bench, &TrailFilter { record: Some(customer), ..none() }).await;
        assert_eq!(of_record.len(), 2);
        let of_ann =
            all(bench, &TrailFilter { actor: Some(ann), entity: Some("shop.order".into()), ..none() }).await;
        let actions: Vec<&str> = of_ann.iter().map(|entry| entry.told.action.as_str()).collect();
        assert_eq!(actions, ["record.deleted", "record.changed", "record.created"]);
        // Days: nothing before the first entry, everything since.
        let begin = all(bench, &none()).await.last().unwrap().told.at;
        assert_eq!(all(bench, &TrailFilter { until: Some(begin), ..none() }).await.len(), 0);
        let since = all(bench, &TrailFilter { from: Some(begin), ..none() }).await;
        let whole = all(bench, &none()).await;
        assert_eq!(since.len(), whole.len());
        let order: Vec<i64> = whole.iter().map(|entry| entry.told.seq).collect();
        assert_eq!(order, (1..=i64::try_from(whole.len()).unwrap()).rev().collect::<Vec<_>>());
        assert_eq!(whole.last().unwrap().details["app"], "shop");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_outlive_the_app_they_tell_of() {
    check(async |bench: &Bench| {
        let (order, _) = work(bench).await;
        let confirm = ["shop.order", "shop.item", "shop.customer"].map(str::to_owned);
        bench.tenant.uninstall(&bench.admin(), "shop", &confirm).await.unwrap();
        let entries = all(bench, &TrailFilter { record: Some(order), ..TrailFilter::default() }).await;
        assert_eq!(entries.len(), 3);
        // What nobody knows the name of any more is told as it is stored.
        let created = &entries[2];
        assert_eq!((created.entity.as_deref(), created.title.as_deref()), (Some("shop.order"), None));
        let title = created.told.changes.iter().find(|change| change.field == "title").unwrap();
        assert_eq!((title.old.as_deref(), title.new.as_deref()), (None, Some("First")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_has_every_entry_with_its_hash_and_no_formula() {
    check(async |bench: &Bench| {
        bench.create(&bench.person("bob"), "shop.customer", json!({"name": "=1+1"})).await;
        let whole = all(bench, &TrailFilter::default()).await;
        let export = bench.tenant.export_trail(&bench.admin(), &TrailFilter::default()).await.unwrap();
        assert_eq!(export.rows, u64::try_from(whole.len()).unwrap());
        let text = std::io::read_to_string(export.file).unwrap();
        assert_eq!(u64::try_from(text.len()).unwrap(), export.bytes);
        for entry in &whole {
            assert!(text.contains(&mortise_store::hex(&entry.hash)), "{}", entry.told.seq);
        }
        assert!(text.contains("'=1+1") && !text.contains(",=1+1"), "{text}");
        let ann = bench.person("ann");
        let refused = bench.tenant.export_trail(&ann, &TrailFilter::default()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        let refused = bench.tenant.trail_in_words(&ann, &TrailFilter::default(), None, 10).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
    })
    .await;
}
