//! What tables need beyond pages, on real databases: windows of rows forwards, backwards and from a position, figures by group,
//! what people choose for themselves, and filters that they keep and share.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use chrono::TimeDelta;
use common::works::{World, check_works};
use common::{Bench, check_bare, package};
use mortise_definition::source::Total;
use mortise_engine::{Actor, Error, Figures, FilterInput, GroupFigures, Query};
use mortise_expr::Value;
use serde_json::{Value as Json, json};

const THING: &str = "zoo.thing";

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

/// Ten records, of which three are Ann's; who is shy sees no prices of others.
async fn zoo(bench: &Bench) -> (Actor, Actor) {
    let colours: Vec<Json> =
        ["red", "green"].map(|value| json!({"value": value, "label": words(value)})).into();
    let entity = json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": [
        {"id": "name", "type": "text", "label": words("name"), "required": true, "search": true},
        {"id": "colour", "type": "choice", "label": words("colour"), "choices": colours},
        {"id": "price", "type": "decimal", "scale": 2, "label": words("price")},
        {"id": "pieces", "type": "integer", "label": words("pieces")},
        {"id": "day", "type": "date", "label": words("day")},
    ]});
    let own = json!({"id": "own", "label": words("Own"), "permissions": [
        {"entity": "thing", "operations": ["create", "read", "update"], "rows": "own"}]});
    let blind = json!({"id": "blind", "label": words("Blind"), "permissions": [
        {"entity": "thing", "operations": ["read"], "fields": {"colour": "hidden", "price": "hidden"}}]});
    let app = json!({"id": "zoo", "version": "1.0.0", "label": words("Zoo")});
    let files = vec![
        ("app.json", app),
        ("entities/thing.json", entity),
        ("roles/own.json", own),
        ("roles/blind.json", blind),
    ];
    bench.install(package(files)).await.unwrap();
    let (ann, root) = (bench.hire("ann", &["zoo.own"], |_| ()), bench.admin());
    for (index, name) in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].into_iter().enumerate() {
        let actor = if index < 3 { &ann } else { &root };
        let colour = [json!("red"), json!("green"), Json::Null][index % 3].clone();
        // Several have the same number, one has none: places in the order tell them apart all the same.
        let pieces = if index == 4 { Json::Null } else { json!(index / 3) };
        let price = format!("{}.50", index);
        let day = format!("2026-06-{:02}", index + 1);
        let values = json!({"name": name, "colour": colour, "pieces": pieces, "price": price, "day": day});
        bench.create(actor, THING, values).await;
    }
    (root, ann)
}

fn query(bench: &Bench, actor: &Actor, params: &[(&str, &str)]) -> Query {
    bench.tenant.query(actor, THING, params.iter().copied()).unwrap()
}

fn slot(bench: &Bench, name: &str) -> usize {
    bench.tenant.model().entity(THING).unwrap().field(name).unwrap().slot
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_in_windows_forwards_backwards_and_from_a_position() {
    check_bare(async |bench: &Bench| {
        let (root, ann) = zoo(bench).await;
        let name = slot(bench, "name");
        for sort in ["name", "-name", "pieces", "-pieces,name", "day"] {
            for actor in [&root, &ann] {
                let read = async |more: &[(&str, &str)]| {
                    let params = [&[("sort", sort), ("limit", "3")], more].concat();
                    let page = bench.tenant.list(actor, &query(bench, actor, &params)).await.unwrap();
                    let names = page.rows.iter().map(|row| row.values[name].to_string()).collect::<String>();
                    (names, page.next, page.previous)
                };
                let mut windows = Vec::new();
                let (mut names, mut next, previous) = read(&[]).await;
                assert_eq!(previous, None, "{sort}");
                loop {
                    windows.push(names.clone());
                    let Some(cursor) = next else { break };
                    (names, next, _) = read(&[("cursor", &cursor)]).await;
                }
                for (index, window) in windows.iter().enumerate() {
                    let (names, _, previous) = read(&[("offset", &(index * 3).to_string())]).await;
                    assert_eq!(&names, window, "{sort} from {index}");
                    assert_eq!(previous.is_some(), index > 0);
                    let Some(cursor) = previous else { continue };
                    let (names, next, before) = read(&[("before", &cursor)]).await;
                    assert_eq!(&names, &windows[index - 1], "{sort} before {index}");
                    assert!(next.is_some());
                    assert_eq!(before.is_some(), index > 1, "{sort} {index}");
                }
            }
        }
        let both = [("cursor", "W10"), ("before", "W10")];
        assert!(bench.tenant.query(&root, THING, both.into_iter()).is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_is_counted_to_its_end_when_asked_for() {
    check_bare(async |bench: &Bench| {
        let (root, ann) = zoo(bench).await;
        for (actor, count) in [(&root, 10), (&ann, 3)] {
            let page = bench
                .tenant
                .list(actor, &query(bench, actor, &[("total", "exact"), ("limit", "1")]))
                .await
                .unwrap();
            let total = page.total.unwrap();
            assert_eq!((total.count, total.exact), (count, true));
        }
    })
    .await;
}

fn told(figures: &Figures) -> String {
    let one = |group: &GroupFigures| {
        let totals: Vec<String> = group.totals.iter().map(Value::to_string).collect();
        format!("{} {} {}", group.value, group.count, totals.join(" "))
    };
    let groups: Vec<String> = figures.groups.iter().flatten().map(one).collect();
    format!("{} | {}", groups.join(", "), one(&figures.all))
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_groups_are_those_of_the_records_that_a_person_sees() {
    check_bare(async |bench: &Bench| {
        let (root, ann) = zoo(bench).await;
        let colour = slot(bench, "colour");
        let (price, day, pieces) = (slot(bench, "price"), slot(bench, "day"), slot(bench, "pieces"));
        let totals =
            [(price, Total::Sum), (price, Total::Average), (day, Total::Max), (pieces, Total::Count)];
        let figures = async |actor: &Actor, by: Option<usize>, params: &[(&str, &str)]| {
            let query = query(bench, actor, params);
            told(&bench.tenant.figures(actor, &query, by, &totals).await.unwrap())
        };
        assert_eq!(
            figures(&root, Some(colour), &[]).await,
            " 3 16.50 5.50 2026-06-09 3, green 3 13.50 4.50 2026-06-08 2, red 4 20.00 5.00 2026-06-10 4 \
             |  10 50.00 5.00 2026-06-10 9"
        );
        assert_eq!(
            figures(&ann, Some(colour), &[]).await,
            " 1 2.50 2.50 2026-06-03 1, green 1 1.50 1.50 2026-06-02 1, red 1 0.50 0.50 2026-06-01 1 \
             |  3 4.50 1.50 2026-06-03 3"
        );
        assert_eq!(
            figures(&root, None, &[("where.colour", "red"), ("q", "a")]).await,
            " |  1 0.50 0.50 2026-06-01 1"
        );
        // Neither groups nor sums tell what is hidden.
        let blind = bench.hire("blind", &["zoo.blind"], |_| ());
        assert_eq!(figures(&blind, Some(colour), &[]).await, " |  10   2026-06-10 9");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_choose_is_theirs_alone() {
    check_bare(async |bench: &Bench| {
        let (root, ann) = zoo(bench).await;
        let chosen = json!({"order": ["name", "price"], "width": {"name": 240}});
        bench.tenant.choose(&ann, "columns:zoo.things", Some(json!(1))).await.unwrap();
        bench.tenant.choose(&ann, "columns:zoo.things", Some(chosen.clone())).await.unwrap();
        assert_eq!(bench.tenant.choice(&ann, "columns:zoo.things").await.unwrap(), Some(chosen));
        assert_eq!(bench.tenant.choice(&root, "columns:zoo.things").await.unwrap(), None);
        bench.tenant.choose(&ann, "columns:zoo.things", None).await.unwrap();
        assert_eq!(bench.tenant.choice(&ann, "columns:zoo.things").await.unwrap(), None);
        for name in ["", "a b", "x'; --", &"x".repeat(201)] {
            assert_eq!(bench.tenant.choose(&ann, name, None).await.unwrap_err().code(), "choice.name");
        }
        let large = bench.tenant.choose(&ann, "x", Some(json!("x".repeat(16_001)))).await.unwrap_err();
        assert_eq!(large.code(), "choice.too_large");
    })
    .await;
}

fn input(name: &str, shared: bool, params: Json) -> FilterInput {
    let Json::Object(params) = params else { panic!("parameters have names") };
    FilterInput { entity: THING.to_owned(), name: name.to_owned(), params, shared }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_kept_shared_changed_by_its_owner_and_forgotten() {
    check_bare(async |bench: &Bench| {
        let (root, ann) = zoo(bench).await;
        let ben = bench.hire("ben", &["zoo.own"], |_| ());
        let names = async |actor: &Actor| {
            let filters = bench.tenant.saved_filters(actor, THING).await.unwrap();
            filters.into_iter().map(|filter| filter.name).collect::<Vec<_>>().join(" ")
        };
        let red = json!({"where.colour": "red", "sort": "-day"});
        let kept = bench.tenant.save_filter(&ann, None, input(" Red ", false, red.clone())).await.unwrap();
        assert_eq!((names(&ann).await, names(&ben).await), ("Red".to_owned(), String::new()));
        let change = |id| bench.tenant.save_filter(&ben, Some(id), input("Mine", true, red.clone()));
        assert_eq!(change(kept.id).await.unwrap_err().code(), "saved_filter.not_found");
        bench.tenant.save_filter(&ann, Some(kept.id), input("Red ones", true, red.clone())).await.unwrap();
        assert_eq!(names(&ben).await, "Red ones");
        let gone = bench.tenant.delete_filter(&ben, kept.id).await.unwrap_err();
        assert_eq!(gone.code(), "saved_filter.not_found");
        // Administrators tidy up what others share, and nothing else.
        let quiet = bench.tenant.save_filter(&ann, None, input("Quiet", false, red)).await.unwrap();
        assert!(bench.tenant.delete_filter(&root, quiet.id).await.is_err());
        bench.tenant.delete_filter(&root, kept.id).await.unwrap();
        assert_eq!(names(&ann).await, "Quiet");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_makes_no_sense_is_not_kept() {
    check_bare(async |bench: &Bench| {
        let (_, ann) = zoo(bench).await;
        let blind = bench.hire("blind", &["zoo.blind"], |_| ());
        let code = async |actor: &Actor, name: &str, params: Json| {
            let result = bench.tenant.save_filter(actor, None, input(name, false, params)).await;
            result.map_err(|error: Error| error.code()).err()
        };
        assert_eq!(code(&ann, " ", json!({"q": "x"})).await, Some("saved_filter.name"));
        assert_eq!(code(&ann, "x", json!({})).await, Some("saved_filter.size"));
        assert_eq!(code(&ann, "x", json!({"q": "x".repeat(9_000)})).await, Some("saved_filter.size"));
        assert_eq!(code(&ann, "x", json!({"limit": "9"})).await, Some("saved_filter.params"));
        assert_eq!(code(&ann, "x", json!({"q": 1})).await, Some("saved_filter.params"));
        assert_eq!(code(&ann, "x", json!({"where.no": "1"})).await, Some("query.unknown_field"));
        assert_eq!(code(&ann, "x", json!({"filter": "record.price >"})).await, Some("query.filter"));
        assert_eq!(code(&blind, "x", json!({"where.colour": "red"})).await, Some("query.unknown_field"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_sees_the_present_to_the_minute_and_every_change_at_once() {
    check_works(Vec::new(), async |world: &mut World| {
        let ann = world.ann();
        let past = async || {
            let filter = ("filter", "record.created_at < now()");
            world.bench.column(&ann, "works.job", "name", &[filter]).await
        };
        world.bench.create(&ann, "works.job", json!({"name": "first"})).await;
        assert_eq!(past().await, [""; 0]);
        world.sleep(TimeDelta::seconds(59));
        assert_eq!(past().await, [""; 0]);
        world.sleep(TimeDelta::seconds(1));
        assert_eq!(past().await, ["first"]);
        let late = world.bench.create(&ann, "works.job", json!({"name": "second"})).await;
        world.sleep(TimeDelta::minutes(1));
        assert_eq!(past().await, ["first", "second"]);
        world.bench.delete(&ann, "works.job", late).await.unwrap();
        assert_eq!(past().await, ["first"], "within the same minute");
    })
    .await;
}
