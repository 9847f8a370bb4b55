//! Shipped plugins that no shipped app uses yet, in a small app of sales papers: installed, asked by a rule and an expression,
//! and their answers written on the paper.

use std::sync::Arc;

use mortise_definition::Package as App;
use mortise_engine::Simulated;
use serde_json::json;

use super::{install, settled};
use crate::background::work;
use crate::common::desk::{entity, field, plain, words};
use crate::common::works::{World, beginning, rule};
use crate::common::{Bench, databases, package};

const TALK: &str = "销售：这台设备采用双驱伺服电机，相比传统设备切割速度更快。报价单和合同条款昨天发您了。客户：太贵了，交期也长。";

/// Papers with a talk and a quotation.
fn papers() -> App {
    let missing = json!({ "parameters": ["text"], "returns": "many", "otherwise": null });
    let app = json!({ "id": "papers", "version": "1.0.0", "label": words("Papers"), "plugins": {
        "fabe": { "id": "mortise.fabe-check", "version": ">=1, <2", "functions": { "fabe-missing": missing } },
        "quote": { "id": "mortise.quote-pricing", "version": ">=1, <2" },
    }});
    let paper = entity(
        "paper",
        vec![
            plain("name", "text"),
            plain("talk", "long_text"),
            plain("quotation", "long_text"),
            field("gaps", "computed", json!({ "value": "size(fabe.fabe_missing(record.talk))" })),
            field("total", "decimal", json!({ "scale": 6 })),
            plain("approval", "text"),
        ],
        json!({ "title": "name" }),
    );
    let price = json!({ "type": "plugin", "plugin": "quote", "action": "price",
        "input": { "quotation": "record.quotation" }, "returns": { "total": "decimal", "approval": "text" },
        "then": [{ "type": "set", "values": { "total": "result.total", "approval": "result.approval" } }] });
    let mut asks = rule("ask", json!({ "on": [{ "type": "created" }], "do": [price] }));
    asks["entity"] = "paper".into();
    package(vec![("app.json", app), ("entities/paper.json", paper), ("rules/ask.json", asks)])
}

#[tokio::test]
async fn prices_and_missing_arguments_come_back_to_the_paper() {
    for (name, kind) in databases() {
        let time = Arc::new(Simulated::new(beginning(), 7));
        let bench = Bench::open(name, kind, time.clone()).await;
        bench.install(papers()).await.unwrap();
        let world = World { bench, time };
        let (bench, root) = (&world.bench, world.bench.admin());
        for plugin in ["fabe-check", "quote-pricing"] {
            install(bench, plugin).await;
        }
        let line = json!({ "product": "激光切割机", "quantity": "3", "price": "198000", "discount_percent": "8",
            "tax_percent": "13" });
        let tier = json!({ "product": "激光切割机", "from": "3", "price": "189999.99" });
        let quotation = json!({ "lines": [line], "tiers": [tier] });
        let paper = json!({ "name": "大族激光", "talk": TALK, "quotation": quotation.to_string() });
        let paper = bench.create(&root, "papers.paper", paper).await;
        work(&world).await;
        settled(&world).await;
        let seen = bench.json(&root, "papers.paper", paper).await;
        // 569999.97 less 8 % is 524399.97, with 13 % tax of 68172.00.
        assert_eq!(seen["total"], "592571.970000", "{seen}");
        assert!(seen["approval"].is_string(), "eight percent are more than a seller may give: {seen}");
        assert_eq!(seen["gaps"], 2, "neither benefit nor evidence");
        world.bench.drop().await;
    }
}
