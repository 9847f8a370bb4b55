//! The write path on real databases: what is written, refused, found again and audited.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::{Bench, check};
use mortise_engine::{Command, Error, Outcome, RunOptions};
use serde_json::{Value as Json, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_created_read_changed_deleted_and_restored_with_its_history() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        let id = bench
            .create(&ann, "shop.order", json!({"title": "Desk", "amount": "10.50", "status": "open"}))
            .await;
        let (body, version) = bench.tenant.read_json(&ann, "shop.order", id).await.unwrap();
        let record: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(version, 1);
        assert_eq!(record["amount"], "10.50");
        assert_eq!(record["double"], "21.00");
        assert_eq!(record["_titles"]["owner"], "Ann");
        assert!(record["number"].as_str().unwrap().ends_with("-0001"), "{record}");
        bench.update(&ann, "shop.order", id, json!({"status": "done"})).await.unwrap();
        bench.run(&ann, Command::Delete { entity: "shop.order".into(), id, version: None }).await.unwrap();
        assert!(bench.read(&bench.person("bob"), "shop.order", id).await.is_err());
        assert_eq!(bench.count(&ann, "shop.order", &[]).await, 0);
        assert_eq!(bench.count(&ann, "shop.order", &[("trash", "true")]).await, 1);
        bench.run(&ann, Command::Restore { entity: "shop.order".into(), id }).await.unwrap();
        bench
            .run(&ann, Command::Comment { entity: "shop.order".into(), id, text: "called".into() })
            .await
            .unwrap();
        let timeline = bench.tenant.timeline(&ann, "shop.order", id, None, 50).await.unwrap();
        let actions: Vec<&str> = timeline.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(
            actions,
            ["comment.added", "record.restored", "record.deleted", "record.changed", "record.created"]
        );
        assert_eq!(timeline[3].changes[0].old.as_deref(), Some("Open"));
        assert_eq!(timeline[3].changes[0].new.as_deref(), Some("Done"));
        let verified = bench.tenant.verify().await.unwrap();
        assert_eq!(verified.broken, None);
        assert!(verified.entries >= 6);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_field_by_field_and_nothing_is_written() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        let values = json!({"amount": "x", "status": "nope", "colour": 1, "number": "A"});
        let error = bench.try_create(&ann, "shop.order", values).await.unwrap_err();
        let Error::Invalid(issues) = &error else { panic!("{error}") };
        let mut told: Vec<String> =
            issues.iter().map(|issue| format!("{} {}", issue.field, issue.issue.code)).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "amount value.not_number",
                "colour field.unknown",
                "number field.read_only",
                "status value.not_choice"
            ]
        );
        let error = bench.try_create(&ann, "shop.order", json!({"status": "lost"})).await.unwrap_err();
        let mut told: Vec<&str> = error.issues().iter().map(|issue| issue.field.as_str()).collect();
        told.sort_unstable();
        assert_eq!(told, ["reason", "title"]);
        assert_eq!(bench.count(&ann, "shop.order", &[]).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_outside_the_row_scope_sees_nothing_anywhere() {
    check(async |bench: &Bench| {
        let (ann, bob) = (bench.person("ann"), bench.person("bob"));
        let id = bench.create(&ann, "shop.order", json!({"title": "Secret desk", "status": "open"})).await;
        bench
            .create(&ann, "shop.order", json!({"title": "Pool desk", "status": "open", "owner": null}))
            .await;
        assert_eq!(bench.count(&ann, "shop.order", &[]).await, 2);
        assert_eq!(bench.count(&bob, "shop.order", &[]).await, 1);
        assert_eq!(bench.count(&bob, "shop.order", &[("q", "secret")]).await, 0);
        assert_eq!(bench.count(&ann, "shop.order", &[("q", "secret")]).await, 1);
        assert_eq!(bench.count(&bob, "shop.order", &[("filter", "record.title == 'Secret desk'")]).await, 0);
        assert!(matches!(bench.read(&bob, "shop.order", id).await, Err(Error::NotFound(_))));
        assert!(matches!(
            bench.update(&bob, "shop.order", id, json!({"title": "x"})).await,
            Err(Error::NotFound(_))
        ));
        assert!(bench.tenant.timeline(&bob, "shop.order", id, None, 10).await.is_err());
        let mut exported = 0;
        let query = bench.tenant.query(&bob, "shop.order", std::iter::empty()).unwrap();
        bench
            .tenant
            .export(&bob, query, |rows| {
                exported += rows.len();
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(exported, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_versions_and_double_posts_do_no_harm() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        let id = bench.create(&ann, "shop.order", json!({"title": "Desk"})).await;
        bench.update(&ann, "shop.order", id, json!({"title": "Big desk"})).await.unwrap();
        let command = |version| Command::Update {
            entity: "shop.order".into(),
            id,
            version,
            values: json!({"title": "Other"}).as_object().unwrap().clone(),
        };
        assert!(matches!(bench.run(&ann, command(Some(1))).await, Err(Error::Stale { current: 2 })));
        bench.run(&ann, command(Some(2))).await.unwrap();

        let create = |title: &str| Command::Create {
            entity: "shop.order".into(),
            id: None,
            allow_duplicates: false,
            values: json!({"title": title}).as_object().unwrap().clone(),
        };
        let options = RunOptions { idempotency_key: Some("k1".into()) };
        let Outcome::Record(first) = bench.tenant.run(&ann, create("Once"), options.clone()).await.unwrap()
        else {
            panic!()
        };
        let Outcome::Record(second) = bench.tenant.run(&ann, create("Once"), options.clone()).await.unwrap()
        else {
            panic!()
        };
        assert_eq!(first.id, second.id);
        assert!(matches!(bench.tenant.run(&ann, create("Twice"), options).await, Err(Error::KeyReused)));
        assert_eq!(bench.count(&ann, "shop.order", &[]).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn similar_records_are_told_and_unique_values_refused() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        bench
            .create(
                &ann,
                "shop.customer",
                json!({"name": "上海云帆科技有限公司", "code": "C1", "phone": "13812345678"}),
            )
            .await;
        let error = bench
            .try_create(&ann, "shop.customer", json!({"name": "云帆科技（上海）有限公司", "code": "C2"}))
            .await
            .unwrap_err();
        let Error::Duplicate(suspects) = &error else { panic!("{error}") };
        assert_eq!(suspects[0].field, "name");
        let typed = json!({"phone": "138 1234 5678"});
        let found =
            bench.tenant.suspects(&ann, "shop.customer", typed.as_object().unwrap(), None).await.unwrap();
        assert_eq!(found[0].shown[0].0, "name");
        let error = bench
            .try_create(&ann, "shop.customer", json!({"name": "Other", "code": "C1"}))
            .await
            .unwrap_err();
        assert_eq!(error.issues()[0].issue.code, "field.not_unique");
        assert_eq!(error.issues()[0].field, "code");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_share_is_shown_while_typing_but_refuses_nothing() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        let customer = |name: &str, phone: &str| json!({"name": name, "phone": phone, "contact": "王伟"});
        bench.create(&ann, "shop.customer", customer("上海云帆科技有限公司", "13812345678")).await;
        bench.create(&ann, "shop.customer", customer("宁波启明轴承有限公司", "13812345679")).await;
        let suspects = async |typed: Json| {
            let typed = typed.as_object().unwrap().clone();
            let found = bench.tenant.suspects(&ann, "shop.customer", &typed, None).await.unwrap();
            found.into_iter().map(|found| (found.field, found.hint)).collect::<Vec<_>>()
        };
        let hint = ("contact".to_owned(), true);
        assert_eq!(suspects(json!({"contact": "王 伟"})).await, [hint.clone(), hint.clone()]);
        // What is alike in more than the hint comes first, and refuses the record.
        let typed = customer("深圳宏晟仪器有限公司", "138 1234 5678");
        assert_eq!(suspects(typed.clone()).await, [("phone".to_owned(), false), hint]);
        let Err(Error::Duplicate(found)) = bench.try_create(&ann, "shop.customer", typed).await else {
            panic!()
        };
        assert_eq!((found.len(), found[0].hint), (1, false));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn child_rows_are_written_with_their_record_and_summed_up() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        let lines = json!([{"what": "leg", "price": "1.50"}, {"what": "top", "price": "20"}]);
        let id = bench.create(&ann, "shop.order", json!({"title": "Desk", "items": lines})).await;
        let record = bench.json(&ann, "shop.order", id).await;
        assert_eq!(record["items_total"], "21.50");
        assert_eq!(record["items"].as_array().unwrap().len(), 2);
        let keep = json!({"id": record["items"][1]["id"], "price": "30"});
        bench
            .update(&ann, "shop.order", id, json!({"items": [keep, {"what": "lamp", "price": "5"}]}))
            .await
            .unwrap();
        let record = bench.json(&ann, "shop.order", id).await;
        assert_eq!(record["items_total"], "35.00");
        let error =
            bench.update(&ann, "shop.order", id, json!({"items": [{"price": "1"}]})).await.unwrap_err();
        assert_eq!(error.issues()[0].field, "items/0/what");
        bench.run(&ann, Command::Delete { entity: "shop.order".into(), id, version: None }).await.unwrap();
        assert_eq!(bench.count(&ann, "shop.item", &[]).await, 0);
        bench.run(&ann, Command::Restore { entity: "shop.order".into(), id }).await.unwrap();
        assert_eq!(bench.count(&ann, "shop.item", &[]).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_all_or_nothing_or_each_for_itself() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        let part = |title: serde_json::Value| Command::Create {
            entity: "shop.order".into(),
            id: None,
            allow_duplicates: false,
            values: json!({"title": title}).as_object().unwrap().clone(),
        };
        let parts = || vec![part(json!("One")), part(json!(null)), part(json!("Three"))];
        let error = bench.run(&ann, Command::Batch { commands: parts(), atomic: true }).await.unwrap_err();
        assert!(matches!(error, Error::Batch { index: 1, .. }));
        assert_eq!(bench.count(&ann, "shop.order", &[]).await, 0);
        let Outcome::Batch(results) =
            bench.run(&ann, Command::Batch { commands: parts(), atomic: false }).await.unwrap()
        else {
            panic!()
        };
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(bench.count(&ann, "shop.order", &[]).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gaps_in_every_order() {
    check(async |bench: &Bench| {
        let (ann, bob) = (bench.person("ann"), bench.person("bob"));
        for number in 0..40 {
            let owner = if number % 3 == 0 {
                json!(null)
            } else {
                json!(if number % 3 == 1 { ann.user.id } else { bob.user.id })
            };
            let amount = if number % 4 == 0 { json!(null) } else { json!(format!("{}.00", number % 7)) };
            bench
                .create(
                    &bench.admin(),
                    "shop.order",
                    json!({"title": format!("Order {number}"), "amount": amount, "owner": owner}),
                )
                .await;
        }
        for sort in ["amount", "-amount", "title", "-created_at", "-owner,amount", "status,-amount"] {
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let params = [("sort", sort), ("limit", "7"), ("cursor", cursor.as_str())];
                let query = bench.tenant.query(&ann, "shop.order", params.into_iter()).unwrap();
                let page = bench.tenant.list(&ann, &query).await.unwrap();
                assert_eq!(page.total.unwrap().count, 27, "{sort}");
                seen.extend(page.rows.iter().map(|row| row.id()));
                match page.next {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            let unique: std::collections::HashSet<_> = seen.iter().collect();
            assert_eq!((seen.len(), unique.len()), (27, 27), "{sort}");
        }
    })
    .await;
}
