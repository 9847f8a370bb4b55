//! Figures over records: the same on every database, also for groups of which nothing is known.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod common;

use common::desk::words;
use common::works::{World, check_works};
use mortise_engine::MetricQuery;
use mortise_expr::Value;
use serde_json::{Value as Json, json};

fn metric(id: &'static str, more: Json) -> (&'static str, Json) {
    let mut metric = json!({"id": id, "label": words(id), "entity": "job", "dimensions": ["grade"]});
    metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (Box::leak(format!("metrics/{id}.json").into_boxed_str()), metric)
}

/// Figures by grade, in the order in which they come.
async fn by_grade(world: &World, key: &str, best: Option<u64>) -> Vec<(String, Option<f64>)> {
    let tenant = &world.bench.tenant;
    let grade = tenant.model().entity("works.job").unwrap().field("grade").unwrap().slot;
    let query = MetricQuery { by: vec![grade], best, ..MetricQuery::default() };
    let (_, figures) = tenant.metric(&world.bench.admin(), key, &query).await.unwrap();
    let name = |value: &Value| value.as_text().unwrap_or_default().to_owned();
    figures.iter().map(|figured| (name(&figured.group[0]), figured.figure)).collect()
}

#[tokio::test]
async fn the_best_are_those_with_the_highest_figures_not_those_without_any() {
    let metrics = vec![metric("most", json!({"measure": {"type": "max", "value": "record.amount"}}))];
    check_works(metrics, async |world: &mut World| {
        world.job(json!({"name": "Roof", "grade": "a"})).await;
        world.job(json!({"name": "Wall", "grade": "b", "amount": 5})).await;
        assert_eq!(by_grade(world, "works.most", Some(1)).await, [("b".to_owned(), Some(5.0))]);
        let all = by_grade(world, "works.most", Some(u64::MAX)).await;
        assert_eq!(all, [("b".to_owned(), Some(5.0)), ("a".to_owned(), None)]);
    })
    .await;
}

#[tokio::test]
async fn who_has_no_success_has_a_rate_of_nothing_and_is_not_left_out() {
    let metrics = vec![
        metric("all", json!({"measure": {"type": "count"}})),
        metric("rich", json!({"measure": {"type": "count"}, "filter": "record.amount > 9"})),
        metric("rate", json!({"measure": {"type": "ratio", "of": "rich", "to": "all", "times": 100.0}})),
    ];
    check_works(metrics, async |world: &mut World| {
        for (grade, amount) in [("a", 1), ("a", 2), ("b", 10), ("b", 3)] {
            world.job(json!({"name": "Roof", "grade": grade, "amount": amount})).await;
        }
        let rates = by_grade(world, "works.rate", None).await;
        assert_eq!(rates, [("b".to_owned(), Some(50.0)), ("a".to_owned(), Some(0.0))]);
    })
    .await;
}
