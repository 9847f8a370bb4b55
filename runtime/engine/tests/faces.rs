//! What the faces of roles ask: urgent clocks, overdue steps, what changed, trends, and figures by the uppermost nodes of
//! trees. The same on every database, and never more than the person may see.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod common;

use chrono::TimeDelta;
use common::desk::{field, plain, words};
use common::works::{World, check_works, task};
use mortise_engine::{Actor, MetricQuery, Overdue, Trend};
use mortise_expr::Value;
use serde_json::{Value as Json, json};

type File = (&'static str, Json);

/// A clock of 48 hours with a step after one and after two days, which a note stops.
fn clock() -> File {
    let step = |id: &str, hours: i64| {
        json!({"id": id, "label": words(id), "base": "start", "offset": format!("hours({hours})"),
            "do": [task(&format!("'{id}'"))]})
    };
    let sla = json!({"id": "answer", "label": words("Answer"), "entity": "job", "start": "record.state == 'new'",
        "stop": "record.note != null", "limit": "hours(48)", "form": "note",
        "ladder": [step("remind", 24), step("escalate", 49)]});
    ("slas/answer.json", sla)
}

fn note_form() -> File {
    let form =
        json!({"id": "note", "entity": "job", "label": words("Note"), "sections": [{"fields": ["note"]}]});
    ("forms/note.json", form)
}

fn view() -> File {
    ("views/jobs.json", json!({"id": "jobs", "entity": "job", "label": words("Jobs"), "columns": ["name"]}))
}

fn metric(path: &'static str, more: Json) -> File {
    let id = path.trim_start_matches("metrics/").trim_end_matches(".json");
    let mut metric = json!({"id": id, "label": words(id), "entity": "job"});
    metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (path, metric)
}

async fn names(world: &World, actor: &Actor) -> Vec<String> {
    let tasks = world.bench.tenant.tasks(actor, 10).await.unwrap();
    let title = world.bench.tenant.model().entity("works.job").unwrap().title;
    tasks.iter().map(|task| task.record.values[title].as_text().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn what_is_to_be_done_is_ones_own_with_the_nearest_limit_first() {
    check_works(vec![clock(), note_form(), view()], async |world: &mut World| {
        world.job(json!({"name": "First"})).await;
        world.pass(TimeDelta::hours(5)).await;
        let second = world.job(json!({"name": "Second"})).await;
        assert_eq!(names(world, &world.ann()).await, ["First", "Second"]);
        assert!(names(world, &world.bench.person("bob")).await.is_empty());
        // The chief may read them, but they are not the chief's to do.
        assert!(names(world, &world.bench.person("eve")).await.is_empty());
        world.change(second, json!({"note": "called"})).await;
        assert_eq!(names(world, &world.ann()).await, ["First"]);
        let model = world.bench.tenant.model();
        assert_eq!(model.automation.slas["works.answer"].form, Some(("works.note".to_owned(), None)));
    })
    .await;
}

#[tokio::test]
async fn what_is_overdue_is_counted_by_the_step_that_was_reached() {
    check_works(vec![clock(), note_form(), view()], async |world: &mut World| {
        let tenant = world.bench.tenant.clone();
        world.job(json!({"name": "Long"})).await;
        world.pass(TimeDelta::hours(2)).await;
        world.job(json!({"name": "Short"})).await;
        world.pass(TimeDelta::hours(47) - TimeDelta::minutes(30)).await;
        let eve = world.bench.person("eve");
        let reached = |step: &str| Overdue { sla: "works.answer".into(), step: Some(step.into()), count: 1 };
        assert_eq!(tenant.overdue_by_step(&eve).await.unwrap(), [reached("remind")]);
        world.pass(TimeDelta::hours(2)).await;
        let mut steps = tenant.overdue_by_step(&eve).await.unwrap();
        steps.sort_by(|a, b| a.step.cmp(&b.step));
        assert_eq!(steps, [reached("escalate"), reached("remind")]);
        let overdue = tenant.overdue(&eve, 10).await.unwrap();
        assert_eq!(overdue.len(), 2);
        assert!(overdue[0].clock.due_at < overdue[1].clock.due_at);
        // Whose records are not within reach does not learn of them.
        assert!(tenant.overdue(&world.bench.person("bob"), 10).await.unwrap().is_empty());
        assert!(tenant.overdue_by_step(&world.bench.person("bob")).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_changed_is_told_once_for_each_record_and_only_to_those_who_see_it() {
    check_works(vec![view()], async |world: &mut World| {
        let tenant = world.bench.tenant.clone();
        let job = world.job(json!({"name": "Roof"})).await;
        world.change(job, json!({"note": "called"})).await;
        world.change(job, json!({"amount": 7})).await;
        let told = tenant.latest_changes(&world.ann(), 10).await.unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].record.id(), job);
        let fields: Vec<&str> = told[0].entry.changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["amount"]);
        assert!(tenant.latest_changes(&world.bench.person("bob"), 10).await.unwrap().is_empty());
        let entity = tenant.model().entity("works.job").unwrap().index;
        let before = tenant.changes(entity);
        world.change(job, json!({"amount": 8})).await;
        assert!(tenant.changes(entity) > before);
    })
    .await;
}

#[tokio::test]
async fn a_trend_compares_with_the_days_before() {
    let count = json!({"measure": {"type": "count"}, "window": {"days": 7}, "dimensions": ["grade"]});
    let rich = json!({"measure": {"type": "count"}, "filter": "record.amount > 9", "dimensions": ["grade"]});
    let rate = json!({"measure": {"type": "ratio", "of": "rich", "to": "count"}, "window": {"days": 7}, "dimensions": ["grade"]});
    let metrics = vec![
        metric("metrics/count.json", count),
        metric("metrics/rich.json", rich),
        metric("metrics/rate.json", rate),
    ];
    check_works(metrics, async |world: &mut World| {
        let tenant = world.bench.tenant.clone();
        world.job(json!({"name": "Too long ago", "amount": 10})).await;
        world.sleep(TimeDelta::days(10));
        world.job(json!({"name": "Before", "grade": "a", "amount": 10})).await;
        world.job(json!({"name": "Before, too", "grade": "b", "amount": 1})).await;
        world.sleep(TimeDelta::days(7));
        world.job(json!({"name": "Now", "grade": "a", "amount": 1})).await;
        world.sleep(TimeDelta::days(1));
        let admin = world.bench.admin();
        let trend =
            async |key: &str, query: MetricQuery| tenant.metric_trend(&admin, key, &query).await.unwrap().1;
        let all = MetricQuery::default();
        let told = trend("works.count", all.clone()).await;
        assert_eq!(told, Trend { figure: Some(1.0), before: Some(2.0) });
        let told = trend("works.rate", all.clone()).await;
        assert_eq!(told, Trend { figure: Some(0.0), before: Some(0.5) });
        // Without a span of time there is nothing before it.
        assert_eq!(trend("works.rich", all).await, Trend { figure: Some(2.0), before: None });
        let grade = tenant.model().entity("works.job").unwrap().field("grade").unwrap().slot;
        let of_b = MetricQuery { matching: vec![(grade, Value::text("b"))], ..MetricQuery::default() };
        assert_eq!(trend("works.count", of_b).await, Trend { figure: Some(0.0), before: Some(1.0) });
    })
    .await;
}

#[tokio::test]
async fn trees_are_broken_down_by_their_uppermost_nodes_and_narrowed_by_any() {
    let node = |code: &str, children: Json| json!({"code": code, "label": words(code), "children": children});
    let tree = json!({"id": "place", "label": words("Place"), "nodes": [
        node("n", json!([node("n1", json!([])), node("n2", json!([]))])), node("s", json!([node("s1", json!([]))]))]});
    let site = json!({"id": "site", "label": words("Site"), "title": "name", "fields": [
        field("name", "text", json!({"required": true})), field("place", "tree", json!({"tree": "place"})),
        plain("size", "integer")]});
    let sites = json!({"entity": "site", "measure": {"type": "count"}, "dimensions": ["place"]});
    let middle = json!({"entity": "site", "measure": {"type": "percentile", "value": "record.size", "percent": 50},
        "dimensions": ["place"]});
    let files = vec![
        ("trees/place.json", tree),
        ("entities/site.json", site),
        metric("metrics/sites.json", sites),
        metric("metrics/middle.json", middle),
    ];
    check_works(files, async |world: &mut World| {
        let (tenant, admin) = (world.bench.tenant.clone(), world.bench.admin());
        for (name, place) in [("A", "n/n1"), ("B", "n/n2"), ("C", "s/s1"), ("D", "n")] {
            world.bench.create(&admin, "works.site", json!({"name": name, "place": place, "size": 1})).await;
        }
        world.bench.create(&admin, "works.site", json!({"name": "Nowhere", "size": 1})).await;
        let place = tenant.model().entity("works.site").unwrap().field("place").unwrap().slot;
        let groups = async |key: &str, query: MetricQuery| {
            let (_, figures) = tenant.metric(&admin, key, &query).await.unwrap();
            let name = |value: &Value| value.as_text().unwrap_or("-").to_owned();
            let mut told: Vec<(String, f64)> =
                figures.iter().map(|one| (name(&one.group[0]), one.figure.unwrap())).collect();
            told.sort_by(|a, b| a.0.cmp(&b.0));
            told
        };
        let top = MetricQuery { by: vec![place], uppermost: true, ..MetricQuery::default() };
        let told = groups("works.sites", top.clone()).await;
        assert_eq!(told, [("-".to_owned(), 1.0), ("n".to_owned(), 3.0), ("s".to_owned(), 1.0)]);
        let told = groups("works.middle", top.clone()).await;
        assert_eq!(told, [("-".to_owned(), 1.0), ("n".to_owned(), 1.0), ("s".to_owned(), 1.0)]);
        let north = MetricQuery { under: vec![(place, "n".to_owned())], uppermost: false, ..top.clone() };
        let told = groups("works.sites", north).await;
        assert_eq!(told, [("n".to_owned(), 1.0), ("n/n1".to_owned(), 1.0), ("n/n2".to_owned(), 1.0)]);
    })
    .await;
}

#[tokio::test]
async fn every_line_has_a_point_for_each_step_when_asked_to() {
    let count = json!({"measure": {"type": "count"}, "window": {"days": 3}, "dimensions": ["grade"]});
    check_works(vec![metric("metrics/count.json", count)], async |world: &mut World| {
        let (tenant, admin) = (world.bench.tenant.clone(), world.bench.admin());
        world.job(json!({"name": "A", "grade": "a"})).await;
        world.sleep(TimeDelta::days(1));
        world.job(json!({"name": "B", "grade": "b"})).await;
        let grade = tenant.model().entity("works.job").unwrap().field("grade").unwrap().slot;
        let per = Some(mortise_definition::source::Grain::Day);
        let query = MetricQuery { by: vec![grade], per, even: true, ..MetricQuery::default() };
        let (_, figures) = tenant.metric(&admin, "works.count", &query).await.unwrap();
        let days: std::collections::BTreeSet<_> = figures.iter().map(|one| one.step).collect();
        assert_eq!(figures.len(), days.len() * 2);
        assert_eq!(figures.iter().filter_map(|one| one.figure).sum::<f64>(), 2.0);
    })
    .await;
}
