//! What goes wrong while things happen by themselves: parked or refused, with words that help, on the record's timeline
//! and in the operator's list, and done after all when the cause is mended.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests are written to be read")]

mod common;

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use common::works::{World, check_works, note, rule, task, works};
use common::{check_bare, text};
use expect_test::{Expect, expect};
use futures_util::future::BoxFuture;
use mortise_definition::{Problem, locale};
use mortise_engine::connect::{Call, Circumstances, SignedCall, signature};
use mortise_engine::{
    Command, Courier, DeliveryState, EndpointInput, Error, Failure, Issue, Parcel, Refusal, WorkItem,
    WorkState,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn file(id: &'static str, more: Json) -> (&'static str, Json) {
    let name: &'static str = Box::leak(format!("rules/{id}.json").into_boxed_str());
    (name, rule(id, more))
}

/// What people read about a failure, in both languages.
fn told(failure: &Failure) -> String {
    let args: Vec<(&str, &str)> =
        failure.args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut told = String::new();
    for language in ["en", "zh-CN"] {
        let words = locale::find(language, &format!("error.{}", failure.code), &args);
        let hint = locale::find(language, &format!("error.{}.hint", failure.code), &args);
        writeln!(told, "  {} {}", words.unwrap(), hint.unwrap_or_default()).unwrap();
    }
    told
}

/// What people read about problems of an app, in both languages.
fn words<'a>(problems: impl Iterator<Item = &'a Problem>) -> String {
    let mut told = String::new();
    for problem in problems {
        let args: Vec<(&str, &str)> =
            problem.args.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for language in ["en", "zh-CN"] {
            let words = locale::find(language, &format!("error.{}", problem.code), &args).unwrap();
            writeln!(told, "{words}").unwrap();
        }
    }
    told
}

/// The operator's list.
async fn list(world: &World) -> String {
    let items = world.failed(WorkState::Parked).await;
    items.iter().map(|item| format!("{}\n{}", item.handler, told(&item.error))).collect()
}

async fn only(world: &World) -> WorkItem {
    let mut items = world.failed(WorkState::Parked).await;
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

/// It is listed, told on the timeline, and done by whoever runs it again after it was mended.
async fn listed_then_done(world: &World, id: Uuid, expected: Expect, mend: impl AsyncFn(&World)) {
    expected.assert_eq(&list(world).await);
    let item = only(world).await;
    assert_eq!(item.record, Some(id));
    assert!(world.timeline(id).await.contains(&"automation.failed".to_owned()));
    let (tenant, root) = (&world.bench.tenant, world.bench.admin());
    // As long as nothing is mended, it only fails again.
    tenant.retry(&root, item.id).await.unwrap();
    world.settle().await;
    assert_eq!(only(world).await.attempts, item.attempts + 1);
    mend(world).await;
    tenant.retry(&root, item.id).await.unwrap();
    world.settle().await;
    assert_eq!(world.parked().await, [""; 0]);
    assert!(world.timeline(id).await.contains(&"automation.retried".to_owned()));
    assert!(tenant.verify().await.unwrap().broken.is_none());
}

#[tokio::test]
async fn a_condition_over_an_empty_value_does_not_hold_and_whoever_publishes_it_is_told() {
    let rules = vec![file(
        "big",
        json!({"on": [{"type": "created"}], "condition": "record.amount * 2 > 10", "do": [task("record.name")]}),
    )];
    check_works(rules, async |world: &mut World| {
        world.job(json!({"name": "Roof"})).await;
        assert_eq!((world.tasks().await.len(), world.parked().await.len()), (0, 0));
        let findings = world.bench.tenant.findings(&world.bench.admin(), "works").await.unwrap();
        let about = |problem: &&Problem| problem.file.ends_with("big.json");
        expect![[r#"
            “amount” may be empty, and then the whole condition does not hold.
            “amount”可能为空，此时整个条件不成立。
        "#]]
        .assert_eq(&words(findings.warnings.iter().filter(about)));
    })
    .await;
}

#[tokio::test]
async fn an_action_without_the_value_that_it_needs_is_parked() {
    let freeze = json!({"type": "freeze", "person": "record.owner", "for": "hours(record.amount)",
        "reason": {"en": "Wait.", "zh-CN": "请稍候。"}});
    check_works(vec![file("freeze", json!({"on": [{"type": "created"}], "do": [freeze]}))], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        listed_then_done(world, id, expect![[r#"
            rule:works.freeze
              “hours(record.amount)” is empty, but the action needs a value. Fill in what it is calculated from, or write coalesce(…, …), and run it again.
              “hours(record.amount)”的结果为空，而该动作需要一个值。 请补全相关数据，或使用 coalesce(…, …) 给出默认值，然后重新执行。
        "#]], async |world: &World| {
            world.bench.update(&world.ann(), "works.job", id, json!({"amount": 6})).await.unwrap();
        })
        .await;
        let freezes = world.bench.tenant.freezes(&world.ann(), "works.job", id).await.unwrap();
        assert_eq!(freezes[0].until, Some(world.now() + TimeDelta::hours(6)));
    })
    .await;
}

#[tokio::test]
async fn a_condition_that_cannot_be_calculated_is_parked() {
    let rules = vec![file(
        "share",
        json!({"on": [{"type": "created"}], "condition": "record.amount * 9000000000000000000 > 10 && record.name.matches(record.note)", "do": [task("record.name")]}),
    )];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 5, "note": "("})).await;
        listed_then_done(world, id, expect![[r#"
            rule:works.share
              “record.amount * 9000000000000000000 > 10 && record.name.matches(record.note)” could not be calculated: “*” gives more than fits. Correct the value that is too large, or the expression, and run it again.
              无法计算“record.amount * 9000000000000000000 > 10 && record.name.matches(record.note)”：“*”的结果超出范围。 请更正过大的数值或修改表达式，然后重新执行。
        "#]], async |world: &World| {
            // One thing at a time: now it stumbles over the pattern, and says so.
            world.change(id, json!({"amount": 1})).await;
            let item = only(world).await;
            world.bench.tenant.retry(&world.bench.admin(), item.id).await.unwrap();
            world.settle().await;
            expect![[r#"
                rule:works.share
                  “record.amount * 9000000000000000000 > 10 && record.name.matches(record.note)” could not be calculated, because a pattern in it cannot be used: unclosed group. Correct the pattern and run it again.
                  无法计算“record.amount * 9000000000000000000 > 10 && record.name.matches(record.note)”：其中的匹配模式无效（unclosed group）。 请更正匹配模式，然后重新执行。
            "#]].assert_eq(&list(world).await);
            world.change(id, json!({"note": "^R"})).await;
        })
        .await;
        assert_eq!(world.tasks().await, ["Roof"]);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_its_field_does_not_take_is_parked() {
    let rules = vec![file(
        "grade",
        json!({"on": [{"type": "created"}], "do": [
        {"type": "set", "values": {"grade": "record.note"}}]}),
    )];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "note": "excellent"})).await;
        listed_then_done(
            world,
            id,
            expect![[r#"
                rule:works.grade
                  Some values are not right. Correct the fields that are marked; nothing was saved.
                  部分内容填写有误。 请修正标出的字段；内容尚未保存。
            "#]],
            async |world: &World| world.change(id, json!({"note": "a"})).await,
        )
        .await;
        assert_eq!(text(&world.see(id).await["grade"]), "a");
    })
    .await;
}

#[tokio::test]
async fn an_action_on_a_record_in_the_trash_is_parked_until_it_is_restored() {
    let rules = vec![file("gone", json!({"on": [{"type": "deleted"}], "do": [note("'gone'")]}))];
    check_works(rules, async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = world.job(json!({"name": "Roof"})).await;
        bench.delete(&ann, "works.job", id).await.unwrap();
        world.settle().await;
        let restore = || Command::Restore { entity: "works.job".into(), id };
        listed_then_done(world, id, expect![[r#"
            rule:works.gone
              The record is in the trash; rules do not change it there. Restore the record and run it again, or dismiss this.
              该记录在回收站中，规则不会修改它。 请先恢复记录再重新执行，或忽略此项。
        "#]], async |world: &World| {
            world.bench.run(&world.ann(), restore()).await.unwrap();
            world.settle().await;
        })
        .await;
        assert_eq!(text(&world.see(id).await["note"]), "gone");
    })
    .await;
}

#[tokio::test]
async fn an_action_on_a_referenced_record_in_the_trash_is_parked() {
    let mut done = file(
        "done",
        json!({"on": [{"type": "changed", "fields": ["done"]}], "do": [
            {"type": "update_referenced", "field": "job", "values": {"note": "'done'"}}]}),
    );
    done.1["entity"] = json!("task");
    check_works(vec![done], async |world: &mut World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        let job = world.job(json!({"name": "Roof"})).await;
        let task = bench.create(&root, "works.task", json!({"job": job, "what": "Dig"})).await;
        // The row goes into the trash with its record; taken out alone, it still points there.
        bench.delete(&root, "works.job", job).await.unwrap();
        bench.run(&root, Command::Restore { entity: "works.task".into(), id: task }).await.unwrap();
        bench.update(&root, "works.task", task, json!({"done": true})).await.unwrap();
        world.settle().await;
        expect![[r#"
            rule:works.done
              The record in “job” is in the trash; rules do not change it there. Restore that record or choose another one and run this again, or dismiss it.
              “job”指向的记录在回收站中，规则不会修改它。 请恢复该记录或另选一条后重新执行，或忽略此项。
        "#]].assert_eq(&list(world).await);
        let item = only(world).await;
        bench.run(&root, Command::Restore { entity: "works.job".into(), id: job }).await.unwrap();
        bench.tenant.retry(&root, item.id).await.unwrap();
        world.settle().await;
        assert_eq!(text(&world.see(job).await["note"]), "done");
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_comes_too_late_for_a_deleted_record_says_so() {
    let rules = vec![file("made", json!({"on": [{"type": "created"}], "do": [note("'made'")]}))];
    check_works(rules, async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = bench.create(&ann, "works.job", json!({"name": "Roof"})).await;
        bench.delete(&ann, "works.job", id).await.unwrap();
        world.settle().await;
        assert_eq!(world.parked().await, [""; 0]);
        let expected = ["record.created", "record.deleted", "automation.passed_over"];
        assert_eq!(world.timeline(id).await, expected);
    })
    .await;
}

#[tokio::test]
async fn failed_work_about_a_record_that_was_deleted_meanwhile_waits_for_it() {
    let rules = vec![file(
        "name",
        json!({"on": [{"type": "created"}], "do": [
        {"type": "set", "values": {"name": "record.note"}}]}),
    )];
    check_works(rules, async |world: &mut World| {
        let (bench, root, ann) = (&world.bench, world.bench.admin(), world.ann());
        let id = world.job(json!({"name": "Roof"})).await;
        let item = only(world).await;
        world.change(id, json!({"note": "Wall"})).await;
        bench.delete(&ann, "works.job", id).await.unwrap();
        bench.tenant.retry(&root, item.id).await.unwrap();
        world.settle().await;
        expect![[r#"
            rule:works.name
              The record is in the trash; rules do not change it there. Restore the record and run it again, or dismiss this.
              该记录在回收站中，规则不会修改它。 请先恢复记录再重新执行，或忽略此项。
        "#]].assert_eq(&list(world).await);
        bench.run(&ann, Command::Restore { entity: "works.job".into(), id }).await.unwrap();
        bench.tenant.retry(&root, item.id).await.unwrap();
        world.settle().await;
        assert_eq!(world.parked().await, [""; 0]);
        assert_eq!(text(&world.see(id).await["name"]), "Wall");
    })
    .await;
}

#[tokio::test]
async fn rules_that_set_each_other_off_without_end_are_stopped_and_named() {
    let on = |field: &str| json!([{"type": "changed", "fields": [field]}]);
    let rules = vec![
        file(
            "ping",
            json!({"on": on("amount"), "condition": "record.reason != 'stop'", "do": [
            {"type": "set", "values": {"note": "string(record.amount)"}}]}),
        ),
        file(
            "pong",
            json!({"on": on("note"), "do": [{"type": "set", "values": {"amount": "record.amount + 1"}}]}),
        ),
    ];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 0})).await;
        world.change(id, json!({"amount": 1})).await;
        listed_then_done(world, id, expect![[r#"
            rule:works.ping
              Rules set each other off without end (16 in a row): works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping. Give one of them a condition that no longer holds once it has done its work.
              规则之间循环触发（已连续 16 次）：works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping → works.pong → works.ping。 请为其中一条规则加上条件，使其执行一次后不再满足。
        "#]], async |world: &World| {
            // The chain stands where it was stopped; a condition that no longer holds ends it.
            world.bench.update(&world.ann(), "works.job", id, json!({"reason": "stop"})).await.unwrap();
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_never_stops_is_refused_when_it_is_published() {
    let sla = |stop: &str| {
        json!({"id": "answer", "label": "Answer", "entity": "job", "start": "record.state == 'new'", "stop": stop,
            "limit": "hours(1)"})
    };
    check_bare(async |bench| {
        let refused =
            bench.install(works("1.0.0", vec![("slas/answer.json", sla("false"))])).await.unwrap_err();
        let Error::Definition(problems) = &refused else { panic!("{refused}") };
        let stop = problems.iter().filter(|problem| problem.pointer == "/stop");
        expect![[r#"
            The clock never stops, because “stop” never holds.
            stop 条件永远不成立，计时永远不会停止。
        "#]]
        .assert_eq(&words(stop));
        bench.install(works("1.0.0", vec![("slas/answer.json", sla("record.note != null"))])).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_policy_without_people_is_parked_until_somebody_has_the_role() {
    let policy = json!({"id": "job", "label": {"en": "Jobs", "zh-CN": "任务分配"}, "entity": "job", "pool": {"roles": ["driver"]}});
    let role = json!({"id": "driver", "label": {"en": "Driver", "zh-CN": "司机"}, "permissions": [{"entity": "job", "operations": ["read"]}]});
    let rules = vec![
        ("assignments/job.json", policy),
        ("roles/driver.json", role),
        file("assign", json!({"on": [{"type": "created"}], "do": [{"type": "assign", "policy": "job"}]})),
    ];
    check_works(rules, async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        listed_then_done(world, id, expect![[r#"
            rule:works.assign
              “Jobs” has nobody to choose from: no active person has one of its roles. Give somebody the role, and run it again.
              “Jobs”没有可分配的人选：没有在职人员拥有所需角色。 请为人员分配相应角色，然后重新执行。
        "#]], async |world: &World| {
            world.bench.hire("dan", &["works.driver"], |_| ());
        })
        .await;
        let owner = text(&world.see(id).await["owner"]);
        assert_eq!(owner, world.bench.person("dan").user.id.to_string());
    })
    .await;
}

/// Refuses as it is told, then takes.
struct Line(Mutex<VecDeque<Refusal>>);

impl Courier for Line {
    fn deliver<'a>(&'a self, _parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async { self.0.lock().unwrap().pop_front().map_or(Ok(()), Err) })
    }
}

#[tokio::test]
async fn a_webhook_that_nobody_answers_is_kept_as_undeliverable_and_sent_again_on_demand() {
    let label = json!({"en": "Out", "zh-CN": "外部系统"});
    let files = vec![
        ("connectors/out.json", json!({"id": "out", "label": label, "kind": "webhook"})),
        file("call", json!({"on": [{"type": "created"}], "do": [{"type": "webhook", "connector": "out"}]})),
    ];
    check_works(files, async |world: &mut World| {
        let (tenant, root) = (&world.bench.tenant, world.bench.admin());
        let url = Some("https://erp.example.com/in".to_owned());
        let endpoint = EndpointInput { url, secret: Some("a secret of some length".into()), mail: None };
        tenant.set_endpoint(&root, "works.out", endpoint).await.unwrap();
        let id = world.job(json!({"name": "Roof"})).await;
        let issue =
            Issue::new("delivery.unreachable").with("host", "erp.example.com").with("reason", "refused");
        let line = Line(Mutex::new(vec![Refusal::passing(issue); 8].into()));
        let all = async || tenant.deliveries(&root, (None, None), None, 10).await.unwrap();
        while let Some(next) = all().await[0].next_at {
            world.sleep((next - world.now()).max(TimeDelta::zero()));
            tenant.deliver_due(&line).await.unwrap();
        }
        let dead = all().await.remove(0);
        assert_eq!((dead.state, dead.attempts, dead.record), (DeliveryState::Dead, 8, Some(id)));
        expect![[r#"
            works.out
              erp.example.com cannot be reached: refused It is tried again by itself. What was given up is sent again under Deliveries.
              无法连接 erp.example.com：refused 系统会自动重试；多次失败后可在“发送记录”中重新发送。
        "#]].assert_eq(&format!("{}\n{}", dead.channel, told(dead.error.as_ref().unwrap())));
        assert_eq!(world.timeline(id).await, ["record.created", "delivery.dead"]);
        assert_eq!(world.parked().await, [""; 0], "the rule has done its part");
        tenant.send_again(&root, dead.id).await.unwrap();
        tenant.deliver_due(&line).await.unwrap();
        let sent = all().await.remove(0);
        assert_eq!((sent.state, sent.id), (DeliveryState::Sent, dead.id), "with the same key");
    })
    .await;
}

fn form(amount: &str) -> (&'static str, Json) {
    let map = json!([{"field": "name", "from": "/name"}, {"field": "amount", "from": amount}]);
    let receive = json!({"entity": "job", "map": map, "key": "/no"});
    (
        "connectors/form.json",
        json!({"id": "form", "label": {"en": "Form", "zh-CN": "表单"}, "kind": "inbound", "receive": receive}),
    )
}

#[tokio::test]
async fn a_malformed_call_is_refused_or_kept_and_taken_when_the_mapping_is_mended() {
    check_works(vec![form("/amount")], async |world: &mut World| {
        let (tenant, root) = (&world.bench.tenant, world.bench.admin());
        let secret = Some("a secret of some length".to_owned());
        tenant
            .set_endpoint(&root, "works.form", EndpointInput { secret, ..EndpointInput::default() })
            .await
            .unwrap();
        let key = signature::key("a secret of some length").unwrap();
        let check = async |body: &[u8], at: DateTime<Utc>, signed: &str| {
            let (time, signature) = (at.timestamp().to_string(), signature::sign(&key, signed, at, body));
            let call = SignedCall {
                id: "1",
                timestamp: &time,
                signature: &signature,
                body,
                ..SignedCall::default()
            };
            tenant.check_call("works.form", &call).await.map_err(|error| error.code())
        };
        assert_eq!(check(b"{", world.now(), "1").await.unwrap_err(), "connector.not_json");
        assert_eq!(check(b"{}", world.now(), "2").await.unwrap_err(), "connector.signature");
        let old = world.now() - TimeDelta::minutes(6);
        assert_eq!(check(b"{}", old, "1").await.unwrap_err(), "connector.call_time", "a recorded call");
        let call = check(br#"{"no": 7, "name": "Li", "amount": "lots"}"#, world.now(), "1").await.unwrap();
        assert_eq!(tenant.receive(call.clone()).await.unwrap_err().code(), "record.invalid");
        assert_eq!(
            tenant.receive(call.clone()).await.unwrap_err().code(),
            "connector.kept",
            "once is enough"
        );
        expect![[r#"
            receive:works.form
              Some values are not right. Correct the fields that are marked; nothing was saved.
              部分内容填写有误。 请修正标出的字段；内容尚未保存。
        "#]]
        .assert_eq(&list(world).await);
        let item = only(world).await;
        assert_eq!(item.error.fields[0].code, "value.not_integer");
        world.bench.install(works("1.1.0", vec![form("/number")])).await.unwrap();
        tenant.retry(&root, item.id).await.unwrap();
        world.settle().await;
        assert_eq!(world.parked().await, [""; 0]);
        let again = tenant.receive(call).await.unwrap();
        assert!(again.repeated, "a call that comes again does nothing");
        assert_eq!(world.timeline(again.record).await, ["record.created"]);
    })
    .await;
}

#[tokio::test]
async fn a_call_comes_once_however_often_it_is_replayed() {
    check_works(vec![form("/amount")], async |world: &mut World| {
        let meta = || Circumstances { id: Some("msg_1".into()), ..Circumstances::default() };
        let call = |id: &str| {
            let meta = Circumstances { id: Some(id.to_owned()), ..meta() };
            Call::new("works.form", json!({"no": 7, "name": "Li"}), meta)
        };
        let first = world.bench.tenant.receive(call("msg_1")).await.unwrap();
        world.sleep(TimeDelta::days(80));
        for id in ["msg_1", "msg_2"] {
            let again = world.bench.tenant.receive(call(id)).await.unwrap();
            assert_eq!((again.record, again.repeated), (first.record, true), "{id}");
        }
        assert_eq!(world.bench.count(&world.bench.admin(), "works.job", &[]).await, 1);
    })
    .await;
}
