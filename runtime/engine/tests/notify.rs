//! Notifications, reports and deliveries: people are told in their language and with their eyes, nothing is told to
//! nobody, and what leaves the house is sent at least once, or kept with the reason.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests are written to be read")]

mod common;

use std::collections::VecDeque;
use std::sync::Mutex;

use chrono::TimeDelta;
use common::works::{World, check_works, rule};
use futures_util::future::BoxFuture;
use mortise_engine::{
    Actor, Courier, Delivery, DeliveryState, EndpointInput, Error, Issue, MailOptions, Message, Parcel,
    Refusal,
};
use serde_json::{Value as Json, json};

/// Writes down what it is given, and refuses as it is told.
#[derive(Default)]
struct Notes {
    parcels: Mutex<Vec<(String, Json)>>,
    refusals: Mutex<VecDeque<Refusal>>,
}

impl Courier for Notes {
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            self.parcels.lock().unwrap().push((parcel.target.clone(), parcel.payload.clone()));
            self.refusals.lock().unwrap().pop_front().map_or(Ok(()), Err)
        })
    }
}

impl Notes {
    fn refusing(refusals: impl IntoIterator<Item = Refusal>) -> Notes {
        Notes { refusals: Mutex::new(refusals.into_iter().collect()), ..Notes::default() }
    }

    fn count(&self) -> usize {
        self.parcels.lock().unwrap().len()
    }
}

fn notification(more: Json) -> Json {
    let mut notification = json!({
        "id": "news", "entity": "job", "label": {"en": "News", "zh-CN": "新消息"},
        "title": {"en": "{{ record.name }} is {{ record.state }}", "zh-CN": "{{ record.name }}：{{ record.state }}"},
        "body": {"en": "Dear {{ person.name }}, {{ record.amount }} of {{ settings.limit }}. {{ link }}",
                 "zh-CN": "{{ person }}，{{ record.amount }}/{{ settings.limit }}"},
        "to": ["owner"]});
    notification.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    notification
}

fn on_change(actions: Json) -> Json {
    rule("tell", json!({"on": [{"type": "changed", "fields": ["amount"]}], "do": actions}))
}

fn telling(notification: Json) -> Vec<(&'static str, Json)> {
    vec![
        ("notifications/news.json", notification),
        ("rules/tell.json", on_change(json!([{"type": "notify", "notification": "news"}]))),
    ]
}

fn robot() -> (&'static str, Json) {
    (
        "connectors/robot.json",
        json!({"id": "robot", "label": {"en": "Robot", "zh-CN": "机器人"}, "kind": "dingtalk"}),
    )
}

async fn inbox(world: &World, actor: &Actor) -> Vec<Message> {
    world.bench.tenant.inbox(actor, false, None, 50).await.unwrap()
}

async fn deliveries(world: &World) -> Vec<Delivery> {
    world.bench.tenant.deliveries(&world.bench.admin(), (None, None), None, 50).await.unwrap()
}

async fn set_up(world: &World, key: &str, input: Json) -> Result<(), Error> {
    let input: EndpointInput = serde_json::from_value(input).unwrap();
    world.bench.tenant.set_endpoint(&world.bench.admin(), key, input).await
}

#[tokio::test]
async fn people_are_told_in_their_language_with_their_eyes() {
    let to = json!({"to": ["owner", {"role": "chief"}]});
    check_works(telling(notification(to)), async |world: &mut World| {
        let bench = &world.bench;
        let eve = bench.hire("eve", &["works.chief"], |eve| eve.language = Some("zh-CN".into()));
        let id = world.job(json!({"name": "Roof", "amount": 1})).await;
        world.change(id, json!({"amount": 3})).await;
        let ann = &inbox(world, &world.ann()).await[0];
        assert_eq!(ann.title, "Roof is new");
        assert_eq!(ann.body, format!("Dear Ann, 3 of 5. /a/works/job/{id}"));
        assert_eq!((ann.record, ann.read_at), (Some(id), None));
        let eve_reads = &inbox(world, &eve).await[0];
        assert_eq!((eve_reads.title.as_str(), eve_reads.body.as_str()), ("Roof：new", "Eve，3/5"));
        assert_eq!(inbox(world, &bench.person("bob")).await, []);
        assert_eq!(world.timeline(id).await.last().unwrap(), "notification.told");
    })
    .await;
}

#[tokio::test]
async fn who_may_not_see_the_record_gets_no_more_than_the_title() {
    let to = json!({"to": ["previous_owner"]});
    let files = vec![
        ("notifications/news.json", notification(to)),
        (
            "rules/tell.json",
            rule(
                "tell",
                json!({"on": [{"type": "changed", "fields": ["owner"]}],
            "do": [{"type": "notify", "notification": "news"}]}),
            ),
        ),
    ];
    check_works(files, async |world: &mut World| {
        let bench = &world.bench;
        let id = world.job(json!({"name": "Roof"})).await;
        let bob = bench.person("bob").user.id;
        bench.update(&bench.admin(), "works.job", id, json!({"owner": bob})).await.unwrap();
        world.settle().await;
        let told = &inbox(world, &world.ann()).await[0];
        assert_eq!((told.title.as_str(), told.body.as_str(), told.record), ("Roof is new", "", None));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_told_to_nobody() {
    let to = json!({"to": ["supervisor", "previous_owner"]});
    check_works(telling(notification(to)), async |world: &mut World| {
        let (bench, ann) = (&world.bench, world.ann());
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"amount": 3})).await;
        assert_eq!(inbox(world, &bench.admin()).await.len(), 1);
        assert_eq!(inbox(world, &ann).await.len(), 1, "previous owner is the owner");
        let eve = bench.person("eve").user.id;
        bench.hire("ann", &["works.worker"], |ann| ann.supervisor = Some(eve));
        world.change(id, json!({"amount": 4})).await;
        assert_eq!(inbox(world, &bench.admin()).await.len(), 1);
        assert_eq!(inbox(world, &bench.person("eve")).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn messages_are_read_by_their_person_only() {
    check_works(telling(notification(json!({}))), async |world: &mut World| {
        let (tenant, ann, bob) = (&world.bench.tenant, world.ann(), world.bench.person("bob"));
        let id = world.job(json!({"name": "Roof"})).await;
        let mut bell = tenant.bell();
        bell.mark_unchanged();
        for amount in 1..4 {
            world.change(id, json!({"amount": amount})).await;
        }
        assert!(bell.has_changed().unwrap());
        assert_eq!(tenant.unread(&ann).await.unwrap(), 3);
        let first = inbox(world, &ann).await[2].id;
        tenant.mark_read(&bob, Some(vec![first])).await.unwrap();
        assert_eq!(tenant.unread(&ann).await.unwrap(), 3);
        tenant.mark_read(&ann, Some(vec![first])).await.unwrap();
        assert_eq!(tenant.unread(&ann).await.unwrap(), 2);
        assert_eq!(tenant.inbox(&ann, true, None, 50).await.unwrap().len(), 2);
        assert_eq!(tenant.inbox(&ann, false, Some(first), 50).await.unwrap(), []);
        tenant.mark_read(&ann, None).await.unwrap();
        assert_eq!(tenant.unread(&ann).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_template_that_errs_is_parked_and_nobody_is_told_half() {
    let body = json!({"body": "{{ record.amount / 0 }}"});
    check_works(telling(notification(body)), async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"amount": 3})).await;
        assert_eq!(world.parked().await, ["rule:works.tell automation.template"]);
        assert_eq!(inbox(world, &world.ann()).await, []);
    })
    .await;
}

#[tokio::test]
async fn what_leaves_the_house_is_sent_once_it_is_set_up() {
    let more = json!({"email": true, "channels": ["robot"]});
    let mut files = telling(notification(more));
    files.push(robot());
    check_works(files, async |world: &mut World| {
        let bench = &world.bench;
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"amount": 3})).await;
        let courier = Notes::default();
        bench.tenant.deliver_due(&courier).await.unwrap();
        assert_eq!(courier.count(), 0);
        let codes = |all: &[Delivery]| {
            let code = |one: &Delivery| {
                let code = one.error.as_ref().map_or("", |error| &error.code);
                format!("{} {} {code}", one.channel, one.state.name())
            };
            let mut codes: Vec<String> = all.iter().map(code).collect();
            codes.sort();
            codes
        };
        let expected = ["email dead delivery.no_address", "works.robot dead delivery.not_set_up"];
        assert_eq!(codes(&deliveries(world).await), expected);
        assert!(world.timeline(id).await.contains(&"delivery.dead".to_owned()));
        set_up(world, "works.robot", json!({"url": "https://oapi.dingtalk.com/robot/send?access_token=x"}))
            .await
            .unwrap();
        assert_eq!(bench.tenant.send_all_again(&bench.admin(), "works.robot").await.unwrap(), 1);
        bench.tenant.deliver_due(&courier).await.unwrap();
        let sent = courier.parcels.lock().unwrap()[0].1.clone();
        assert_eq!(sent["title"], "Roof is new");
        assert_eq!(sent["body"], format!("Dear , 3 of 5. /a/works/job/{id}"));
        assert_eq!(codes(&deliveries(world).await), ["email dead delivery.no_address", "works.robot sent "]);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_tried_again_with_growing_pauses_and_then_given_up() {
    let mut files = telling(notification(json!({"channels": ["robot"]})));
    files.push(robot());
    check_works(files, async |world: &mut World| {
        let (bench, tenant) = (&world.bench, &world.bench.tenant);
        set_up(world, "works.robot", json!({"url": "http://10.0.0.1"})).await.unwrap();
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"amount": 3})).await;
        let busy = Refusal {
            retry_after: Some(TimeDelta::minutes(30)),
            ..Refusal::passing(Issue::new("delivery.timeout"))
        };
        let courier = Notes::refusing(std::iter::repeat_n(busy, 8));
        for tries in 1..=8 {
            tenant.deliver_due(&courier).await.unwrap();
            tenant.deliver_due(&courier).await.unwrap();
            assert_eq!(courier.count(), tries);
            if let Some(next) = deliveries(world).await[0].next_at {
                assert!(next - world.now() >= TimeDelta::minutes(30));
                world.sleep(next - world.now());
            }
        }
        let dead = &deliveries(world).await[0];
        assert_eq!((dead.state, dead.attempts, dead.next_at), (DeliveryState::Dead, 8, None));
        assert_eq!(tenant.delivery_counts(&bench.admin()).await.unwrap(), [0, 0, 1]);
        tenant.send_again(&bench.admin(), dead.id).await.unwrap();
        tenant.deliver_due(&courier).await.unwrap();
        assert_eq!(deliveries(world).await[0].state, DeliveryState::Sent);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_get_better_is_given_up_at_once() {
    let mut files = telling(notification(json!({"channels": ["robot"]})));
    files.push(robot());
    check_works(files, async |world: &mut World| {
        set_up(world, "works.robot", json!({"url": "http://10.0.0.1"})).await.unwrap();
        let id = world.job(json!({"name": "Roof"})).await;
        world.change(id, json!({"amount": 3})).await;
        let courier = Notes::refusing([Refusal::lasting(Issue::new("delivery.status").with("status", 404))]);
        world.bench.tenant.deliver_due(&courier).await.unwrap();
        let dead = &deliveries(world).await[0];
        assert_eq!((dead.state, dead.attempts), (DeliveryState::Dead, 1));
        assert_eq!(dead.error.as_ref().unwrap().args["status"], "404");
    })
    .await;
}

#[tokio::test]
async fn addresses_and_secrets_are_checked_and_never_come_out_again() {
    check_works(vec![robot()], async |world: &mut World| {
        let (tenant, root) = (&world.bench.tenant, world.bench.admin());
        let wrong = async |key: &str, input: Json| common::issues(&set_up(world, key, input).await.unwrap_err());
        assert_eq!(wrong("works.robot", json!({"url": "ftp://x"})).await, ["url connector.url"]);
        assert_eq!(wrong("email", json!({"url": "mail"})).await, ["from connector.mail_from", "url connector.mail_server"]);
        assert_eq!(set_up(world, "works.none", json!({})).await.unwrap_err().code(), "connector.not_found");
        let denied = tenant.endpoints(&world.ann()).await.unwrap_err();
        assert_eq!(denied.code(), "permission.administrator");
        let mail = json!({"url": "mail.example.com:465", "secret": "hush-hush", "mail": {"user": "me", "from": "Me <me@example.com>"}});
        set_up(world, "email", mail).await.unwrap();
        set_up(world, "works.robot", json!({"url": "https://oapi.dingtalk.com/robot?access_token=hush-hush", "secret": "hush-hush"}))
            .await
            .unwrap();
        set_up(world, "email", json!({"url": "mail.example.com:587"})).await.unwrap();
        let seen = tenant.endpoints(&root).await.unwrap();
        assert_eq!(seen[0].host, "mail.example.com:587");
        assert_eq!(seen[0].mail, MailOptions { user: "me".into(), from: "Me <me@example.com>".into(), ..MailOptions::default() });
        assert!(seen.iter().all(|one| one.ready && one.has_secret));
        let told = format!("{seen:?}{}", serde_json::to_string(&seen).unwrap());
        let trail = tenant.trail(&root, &mortise_engine::TrailFilter::default(), None, 100).await.unwrap();
        assert!(!told.contains("hush") && !format!("{:?}", trail.entries).contains("hush"));
        tenant.remove_endpoint(&root, "works.robot").await.unwrap();
        assert!(!tenant.endpoints(&root).await.unwrap()[1].ready);
    })
    .await;
}

#[tokio::test]
async fn a_rule_comments_reports_and_calls() {
    let actions = json!([
        {"type": "comment", "text": {"en": "{{ user.name }} made it {{ record.amount }} from {{ previous.amount }}.", "zh-CN": "改"}},
        {"type": "report", "name": "Report on {{ record.name }}", "template":
            "<h1>{{ record.name }}</h1>{% for entry in timeline %}<p>{{ entry.who }} {{ entry.what }}{% for change in entry.changes %} {{ change.label }}={{ change.new }}{% endfor %}</p>{% endfor %}"},
        {"type": "webhook", "connector": "out", "body": {"what": "record.name", "big": "record.amount > 2"}},
        {"type": "webhook", "connector": "out"}]);
    let files = vec![
        (
            "connectors/out.json",
            json!({"id": "out", "label": {"en": "Out", "zh-CN": "外"}, "kind": "webhook"}),
        ),
        ("rules/tell.json", on_change(actions)),
    ];
    check_works(files, async |world: &mut World| {
        let (tenant, ann) = (&world.bench.tenant, world.ann());
        let id = world.job(json!({"name": "Roof <1>", "amount": 1})).await;
        world.change(id, json!({"amount": 3})).await;
        assert_eq!(world.parked().await, Vec::<String>::new());
        let timeline = tenant.timeline(&ann, "works.job", id, None, 50).await.unwrap();
        let comment = timeline.iter().find_map(|entry| entry.comment.clone()).unwrap();
        assert_eq!(comment, "Ann made it 3 from 1.");
        let (file, name) = timeline.iter().find_map(|entry| entry.file.clone()).unwrap();
        assert_eq!(name, "Report on Roof 1.html");
        let (info, contents) = tenant.get_file(&ann, file).await.unwrap();
        let html = String::from_utf8(contents.bytes().await.unwrap().to_vec()).unwrap();
        assert_eq!(info.size, html.len() as i64);
        assert!(html.contains("<title>Report on Roof &lt;1&gt;</title>"), "{html}");
        assert!(
            html.contains("<h1>Roof &lt;1&gt;</h1>") && html.contains("<p>Ann Changed amount=3</p>"),
            "{html}"
        );
        let sent: Vec<Json> = deliveries(world).await.into_iter().rev().map(|one| one.payload).collect();
        assert_eq!(sent[0], json!({"what": "Roof <1>", "big": true}));
        assert_eq!(
            (&sent[1]["name"], &sent[1]["amount"], &sent[1]["id"]),
            (&json!("Roof <1>"), &json!(3), &json!(id))
        );
    })
    .await;
}
