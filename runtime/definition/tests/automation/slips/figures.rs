//! Slips in metrics and dashboards: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

#[test]
fn metrics_and_dashboards() {
    check(
        "metrics/tickets.json",
        "/dimensions",
        json!(["owner", "lists", "reason", "city", "city", "status"]),
        expect![[r#"
            error shop/metrics/tickets.json#/dimensions/1: Nothing can be broken down by “lists”. [metric.dimension]
              Use a field with few different values, such as a choice, a person, a reference or a region.
            error shop/metrics/tickets.json#/dimensions/2: Nothing can be broken down by “reason”. [metric.dimension]
              Use a field with few different values, such as a choice, a person, a reference or a region.
            error shop/metrics/tickets.json#/dimensions/4: “city” is there twice. [automation.twice]
              Remove one, or give it another id.
        "#]],
    );
    check(
        "metrics/tickets.json",
        "/measure",
        json!({"type": "sum", "value": "record.title"}),
        expect![[r#"
        error shop/metrics/tickets.json#/measure/value: Values of type text cannot be measured; a number or a duration is needed. [metric.value]
          Count records, or subtract two moments.
    "#]],
    );
    check(
        "metrics/tickets.json",
        "/measure",
        json!({"type": "sum", "value": "round(record.value)"}),
        expect![[r#"
            error shop/metrics/tickets.json#/measure/value:1: `round` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that [expr.sql]
        "#]],
    );
    check(
        "metrics/tickets.json",
        "/dimensions",
        json!(["owner", "status"]),
        expect![[r#"
        error shop/metrics/solved_share.json#/measure/to: The ratio is broken down by “city”, but “tickets” is not. [metric.ratio_dimension]
          Add the dimension there, or remove it here.
        error shop/assignments/ticket.json#/measures/cities/top/by: The metric shop.tickets is not broken down by “city”. [ref.dimension]
    "#]],
    );
    check(
        "metrics/solved_share.json",
        "/measure/of",
        json!("solved_share"),
        expect![[r#"
        error shop/metrics/solved_share.json#/measure/of: “solved_share” is a ratio itself. [metric.ratio_of_ratio]
          Name metrics that count or sum.
    "#]],
    );
    check(
        "metrics/solved_share.json",
        "/filter",
        json!("true"),
        expect![[r#"
        error shop/metrics/solved_share.json#/measure: A ratio has no “filter” of its own. [metric.ratio_part]
          Put it into the two metrics.
    "#]],
    );
    check(
        "metrics/solved_share.json",
        "/target",
        json!("record.value"),
        expect![[r#"
        error shop/metrics/solved_share.json#/target: A target cannot read record.value: it is the same for everybody. [metric.target]
          Use settings and numbers.
    "#]],
    );
    check(
        "metrics/answer_time.json",
        "/time",
        json!("title"),
        expect![[r#"
        error shop/metrics/answer_time.json#/time: “title” is neither a day nor a moment. [metric.time]
    "#]],
    );
    check(
        "metrics/answer_time.json",
        "/amber",
        json!(8),
        expect![[r#"
        error shop/metrics/answer_time.json#/amber: The share has to be 0 to 1. [metric.amber]
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/0/by",
        json!("city"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/0/by: A card of this kind is not broken down. [dashboard.by_unused]
          Remove “by”, or choose bar, stacked, leaderboard or table.
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/2/by",
        json!("city"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/2/by: A funnel goes by the order of choices. [dashboard.funnel]
          Name a dimension of type choice.
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/3/by",
        json!(null),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/3: It is not said by what the figures are broken down. [dashboard.no_by]
          Add “by” with a dimension of the metric.
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/3/by",
        json!("grade"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/3/by: The metric shop.solved is not broken down by “grade”. [ref.dimension]
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/0/per",
        json!("day"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/0/per: Only a line has steps of time. [dashboard.per_unused]
    "#]],
    );
}
