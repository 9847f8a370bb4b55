//! Tests of all field types through the public functions, as tables: what people write, and what it means.

mod anything;
mod names;
mod times;

use std::sync::Arc;

use chrono_tz::Asia::Shanghai;
use expect_test::expect;
use mortise_definition::Text;
use mortise_definition::model::{FieldKind, FieldModel, Model, TreeEntry, TreeModel, system};
use mortise_definition::source::{Choice, TreeNode};
use mortise_expr::{Decimal, GeoPoint, INT_LIMIT, Value};
use regex::Regex;
use serde_json::json;
use uuid::Uuid;

use super::*;

struct Staff;

const WANG: Uuid = Uuid::from_u128(1);
const LI: Uuid = Uuid::from_u128(2);
const SALES: Uuid = Uuid::from_u128(9);

impl People for Staff {
    fn user_name(&self, id: Uuid) -> Option<&str> {
        [(WANG, "王芳"), (LI, "李雷")].into_iter().find(|(known, _)| *known == id).map(|(_, name)| name)
    }
    fn find_user(&self, text: &str) -> Vec<Uuid> {
        match text {
            "王芳" | "wangfang" => vec![WANG],
            "李雷" => vec![LI, WANG],
            _ => Vec::new(),
        }
    }
    fn team_name(&self, id: Uuid) -> Option<&str> {
        (id == SALES).then_some("华东销售部")
    }
    fn find_team(&self, text: &str) -> Vec<Uuid> {
        if text == "华东销售部" { vec![SALES] } else { Vec::new() }
    }
}

fn field(kind: FieldKind) -> FieldModel {
    FieldModel {
        slot: system::FIRST,
        id: "f".into(),
        name: "f".into(),
        label: Text::Plain("F".into()),
        help: None,
        kind,
        required: false,
        unique: false,
        search: false,
        index: false,
        app: 0,
        default: None,
        visible_when: None,
        required_when: None,
        valid_when: None,
        message: None,
    }
}

fn node(code: &str, en: &str, zh: &str, children: Vec<TreeNode>) -> TreeNode {
    TreeNode { code: code.into(), label: Text::both(en, zh).into(), point: None, children }
}

fn tree(key: &str, nodes: Vec<TreeNode>) -> Arc<TreeModel> {
    fn enter(
        nodes: &[TreeNode],
        parent: &str,
        depth: usize,
        into: &mut indexmap::IndexMap<String, TreeEntry>,
    ) {
        for node in nodes {
            let path = if parent.is_empty() { node.code.clone() } else { format!("{parent}/{}", node.code) };
            let leaf = node.children.is_empty();
            into.insert(path.clone(), TreeEntry { label: node.label.clone(), leaf, depth, point: None });
            enter(&node.children, &path, depth + 1, into);
        }
    }
    let mut by_path = indexmap::IndexMap::new();
    enter(&nodes, "", 0, &mut by_path);
    Arc::new(TreeModel { key: key.into(), label: Text::Plain(key.into()), nodes: nodes.into(), by_path })
}

fn model() -> Model {
    let regions = vec![
        node(
            "11",
            "Beijing",
            "北京市",
            vec![node("01", "Beijing", "北京市", vec![node("05", "Chaoyang", "朝阳区", vec![])])],
        ),
        node(
            "44",
            "Guangdong",
            "广东省",
            vec![node("03", "Shenzhen", "深圳市", vec![node("05", "Nanshan", "南山区", vec![])])],
        ),
        node("21", "Liaoning", "辽宁省", vec![node("13", "Chaoyang", "朝阳市", vec![])]),
    ];
    let industries = vec![
        node(
            "C",
            "Manufacturing",
            "制造业",
            vec![node("C36", "Cars", "汽车制造业", vec![]), node("C39", "Other", "其他", vec![])],
        ),
        node(
            "F",
            "Trade",
            "批发和零售业",
            vec![node("F51", "Wholesale", "批发业", vec![]), node("F52", "Other", "其他", vec![])],
        ),
    ];
    let mut model = Model::default();
    model.trees.insert("a.region".into(), tree("a.region", regions));
    model.trees.insert("a.industry".into(), tree("a.industry", industries));
    model
}

fn read(kind: FieldKind, text: &str) -> String {
    let model = model();
    let cx = ValueContext { model: &model, directory: &Staff, tz: Shanghai, language: "zh-CN" };
    match from_text(&field(kind), text, &cx) {
        Ok(Parsed::Value(value)) => {
            let mut out = Vec::new();
            write_json(&value, &mut out);
            String::from_utf8(out).unwrap()
        }
        Ok(Parsed::Reference(title)) => format!("→ {title}"),
        Err(issue) => issue.code.to_owned(),
    }
}

fn read_json(kind: FieldKind, json: &Json) -> Result<Value, Issue> {
    let model = model();
    let cx = ValueContext { model: &model, directory: &Staff, tz: Shanghai, language: "en" };
    from_json(&field(kind), json, &cx)
}

fn table(kind: impl Fn() -> FieldKind, rows: &[(&str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(text, meaning)| (text, meaning, read(kind(), text)))
        .filter(|(_, meaning, found)| found != *meaning)
        .map(|(text, meaning, found)| format!("{text:?} means {meaning}, was read as {found}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn money() -> FieldKind {
    FieldKind::Decimal { scale: 2, min: None, max: None, currency: Some("CNY".into()) }
}

fn integer() -> FieldKind {
    FieldKind::Integer { min: -1_000_000_000, max: INT_LIMIT }
}

fn choices() -> Vec<Choice> {
    let choice = |value: &str, en: &str, zh: &str| Choice {
        value: value.into(),
        label: Text::both(en, zh),
        color: None,
        retired: false,
    };
    vec![choice("new", "New", "新建"), choice("won", "Won", "赢单"), choice("lost", "Lost, closed", "输单")]
}

#[test]
fn text_is_trimmed_and_kept_on_one_line() {
    let kind = || FieldKind::Text { max_length: 6, pattern: None };
    table(
        kind,
        &[("  王芳 ", "\"王芳\""), ("a\r\nb", "\"a b\""), ("  ", "null"), ("1234567", "value.too_long")],
    );
    table(kind, &[("六个字符以内", "\"六个字符以内\""), ("a\0b", "value.control_character")]);
    table(|| FieldKind::LongText { max_length: 20 }, &[("a\r\nb\rc", "\"a\\nb\\nc\"")]);
    let pattern =
        || FieldKind::Text { max_length: 20, pattern: Some(Regex::new("^(?:[A-Z]{2}[0-9]+)$").unwrap()) };
    table(pattern, &[("AB12", "\"AB12\""), ("xAB12", "value.pattern")]);
}

#[test]
fn numbers_are_read_as_people_write_them() {
    table(
        integer,
        &[
            ("1200", "1200"),
            ("１２００", "1200"),
            ("1,200", "1200"),
            ("1，200，300", "1200300"),
            ("-5", "-5"),
            ("12.0", "12"),
            ("1.5万", "15000"),
            ("12.5", "value.not_integer"),
            ("1,20", "value.not_integer"),
            ("abc", "value.not_integer"),
            ("9007199254740992", "value.out_of_range"),
            ("99999999999999999999999", "value.out_of_range"),
            ("-2000000000", "value.too_small"),
        ],
    );
    table(
        money,
        &[
            ("12.5", "\"12.50\""),
            ("￥1,250.50", "\"1250.50\""),
            ("¥ 1250", "\"1250.00\""),
            ("1250元", "\"1250.00\""),
            ("CNY 1 250.00", "\"1250.00\""),
            ("3.2亿", "\"320000000.00\""),
            ("50万元", "\"500000.00\""),
            ("(300)", "\"-300.00\""),
            ("-¥300", "\"-300.00\""),
            ("12.345", "value.too_many_places"),
            ("12.340", "\"12.34\""),
            ("1.2.3", "value.not_number"),
            ("--1", "value.not_number"),
            ("", "null"),
        ],
    );
}

#[test]
fn numbers_in_json_are_exact() {
    let number = |json: Json| read_json(money(), &json).map_err(|issue| issue.code);
    assert_eq!(number(json!("12.50")), Ok(Value::Decimal(Decimal::new(1250, 2))));
    assert_eq!(number(json!(0.1)), Ok(Value::Decimal(Decimal::new(10, 2))));
    assert_eq!(number(json!(1e3)), Ok(Value::Decimal(Decimal::new(100_000, 2))));
    assert_eq!(number(json!(0.001)), Err("value.too_many_places"));
    assert_eq!(number(json!(1e300)), Err("value.not_number"));
    assert_eq!(number(json!("1,250")), Err("value.not_number"));
    assert_eq!(number(json!(true)), Err("value.not_number"));
    assert_eq!(read_json(integer(), &json!(12.0)), Ok(Value::Int(12)));
    assert_eq!(read_json(integer(), &json!("12")).map_err(|i| i.code), Err("value.not_integer"));
    assert_eq!(read_json(integer(), &json!(u64::MAX)).map_err(|i| i.code), Err("value.out_of_range"));
}

#[test]
fn yes_and_no_have_many_words() {
    table(
        || FieldKind::Boolean,
        &[("是", "true"), ("√", "true"), ("YES", "true"), ("１", "true"), ("否", "false"), ("n", "false")],
    );
    table(|| FieldKind::Boolean, &[("maybe", "value.not_boolean"), ("", "null")]);
}

#[test]
fn json_fields_are_bounded() {
    table(|| FieldKind::Json, &[(r#"{"a":[1]}"#, r#"{"a":[1]}"#), ("{", "value.not_json")]);
    assert_eq!(
        read_json(FieldKind::Json, &json!("x".repeat(70_000))).map_err(|i| i.code),
        Err("value.json_too_large")
    );
    assert_eq!(
        read_json(FieldKind::Json, &json!({"a": "\0"})).map_err(|i| i.code),
        Err("value.control_character")
    );
    assert_eq!(read(FieldKind::Json, &"[".repeat(10_000)), "value.not_json");
}

#[test]
fn values_are_shown_in_the_language_of_the_reader() {
    let model = model();
    let shown = |language: &'static str| {
        let cx = ValueContext { model: &model, directory: &Staff, tz: Shanghai, language };
        let instant = "2026-11-22T09:18:00Z".parse().unwrap();
        let tree = FieldKind::Tree { tree: "a.industry".into(), leaf_only: false, region: false };
        [
            (money(), Value::Decimal(Decimal::new(-123_456_789, 2))),
            (FieldKind::Boolean, Value::Bool(true)),
            (FieldKind::Datetime, Value::DateTime(instant)),
            (FieldKind::Duration, Value::Duration(93_600_000 + 60_000)),
            (
                FieldKind::Choices { choices: choices() },
                Value::list([Value::text("new"), Value::text("gone")]),
            ),
            (tree, Value::text("C/C36")),
            (FieldKind::User, Value::Id(WANG)),
        ]
        .map(|(kind, value)| display(&field(kind), &value, &cx))
        .join("\n")
    };
    expect![[r#"
        -¥1,234,567.89
        是
        2026-11-22 17:18
        1天2小时1分钟
        新建、gone
        制造业 / 汽车制造业
        王芳"#]]
    .assert_eq(&shown("zh-CN"));
    expect![[r#"
        -¥1,234,567.89
        Yes
        2026-11-22 17:18
        1 d 2 h 1 min
        New, gone
        Manufacturing / Cars
        王芳"#]]
    .assert_eq(&shown("en"));
}

#[test]
fn every_issue_has_words() {
    let sources = [
        include_str!("mod.rs"),
        include_str!("text.rs"),
        include_str!("number.rs"),
        include_str!("boolean.rs"),
        include_str!("time.rs"),
        include_str!("duration.rs"),
        include_str!("choice.rs"),
        include_str!("tree.rs"),
        include_str!("people.rs"),
        include_str!("contact.rs"),
        include_str!("place.rs"),
        include_str!("files.rs"),
        include_str!("json.rs"),
        include_str!("plain.rs"),
    ];
    let code = Regex::new(r#""((?:ui\.)?value\.[a-z_]+)""#).unwrap();
    for source in sources {
        for found in code.captures_iter(source) {
            let key = if found[1].starts_with("ui.") {
                found[1].to_owned()
            } else {
                format!("error.{}", &found[1])
            };
            assert!(mortise_definition::locale::lookup("zh-CN", &key).is_some(), "{key} has no text");
        }
    }
}
