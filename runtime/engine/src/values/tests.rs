//! Tests of all field types through the public functions, as tables: what people write, and what it means.

use std::sync::Arc;

use chrono_tz::Asia::Shanghai;
use expect_test::expect;
use mortise_definition::Text;
use mortise_definition::model::{FieldKind, FieldModel, Model, TreeEntry, TreeModel, system};
use mortise_definition::source::{Choice, TreeNode};
use mortise_expr::{Decimal, GeoPoint, INT_LIMIT, Value};
use proptest::prelude::*;
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
fn dates_are_read_in_the_usual_spellings() {
    table(
        || FieldKind::Date,
        &[
            ("2026-11-22", "\"2026-11-22\""),
            ("2026/11/2", "\"2026-11-02\""),
            ("2026.1.2", "\"2026-01-02\""),
            ("20261122", "\"2026-11-22\""),
            ("2026年11月22日", "\"2026-11-22\""),
            ("２０２６年１月２号", "\"2026-01-02\""),
            ("22 Nov 2026", "\"2026-11-22\""),
            ("November 22nd, 2026", "\"2026-11-22\""),
            ("2026-11-22 00:00:00", "\"2026-11-22\""),
            ("2026-11-22T09:30:00", "\"2026-11-22\""),
            ("2026-02-30", "value.not_date"),
            ("03/04/2026", "value.date_ambiguous"),
            ("3.4.26", "value.date_ambiguous"),
            ("soon", "value.not_date"),
            ("2026-11-223", "value.not_date"),
            ("0000-01-01", "value.not_date"),
        ],
    );
    assert_eq!(read_json(FieldKind::Date, &json!("2026/11/22")).map_err(|i| i.code), Err("value.not_date"));
}

#[test]
fn moments_are_read_in_the_zone_of_the_tenant() {
    table(
        || FieldKind::Datetime,
        &[
            ("2026-11-22T09:18:00Z", "\"2026-11-22T09:18:00Z\""),
            ("2026-11-22T09:18:00.123456789+02:00", "\"2026-11-22T07:18:00.123456Z\""),
            ("2026-11-22T09:18", "\"2026-11-22T01:18:00Z\""),
            ("2026/11/2 9:18", "\"2026-11-02T01:18:00Z\""),
            ("2026年11月22日 下午3点20分", "\"2026-11-22T07:20:00Z\""),
            ("2026年11月22日15时20分", "\"2026-11-22T07:20:00Z\""),
            ("2026-11-22 晚上8点半", "\"2026-11-22T12:30:00Z\""),
            ("Nov 22, 2026 3:20 PM", "\"2026-11-22T07:20:00Z\""),
            ("2026-11-22 12:05 am", "\"2026-11-21T16:05:00Z\""),
            ("2026-11-22", "\"2026-11-21T16:00:00Z\""),
            ("2026-11-22 25:00", "value.not_datetime"),
            ("2026-11-22 7", "value.not_datetime"),
            ("11/12/2026 09:00", "value.date_ambiguous"),
        ],
    );
}

#[test]
fn lengths_of_time_need_a_unit() {
    table(
        || FieldKind::Duration,
        &[
            ("2h30m", "\"PT2H30M\""),
            ("PT2H30M", "\"PT2H30M\""),
            ("P1DT2H", "\"PT26H\""),
            ("P2W", "\"PT336H\""),
            ("2小时30分钟", "\"PT2H30M\""),
            ("1.5小时", "\"PT1H30M\""),
            ("３天", "\"PT72H\""),
            ("90 min", "\"PT1H30M\""),
            ("2:30", "\"PT2H30M\""),
            ("500ms", "\"PT0.500S\""),
            ("-2h", "\"-PT2H\""),
            ("90", "value.not_duration"),
            ("P1M", "value.not_duration"),
            ("P", "value.not_duration"),
            ("2:75", "value.not_duration"),
            ("99999999999999h", "value.not_duration"),
        ],
    );
}

#[test]
fn choices_are_found_by_value_and_by_label_in_every_language() {
    let one = || FieldKind::Choice { choices: choices() };
    table(
        one,
        &[("new", "\"new\""), ("赢单", "\"won\""), (" WON ", "\"won\""), ("open", "value.not_choice")],
    );
    let many = || FieldKind::Choices { choices: choices() };
    table(
        many,
        &[
            ("new、赢单", r#"["new","won"]"#),
            ("Lost, closed", r#"["lost"]"#),
            ("won;won；new", r#"["won","new"]"#),
            ("new,open", "value.not_choice"),
        ],
    );
    assert_eq!(read_json(many(), &json!([])), Ok(Value::Null));
    let issue = read_json(one(), &json!("赢单")).unwrap_err();
    expect!["new, won, lost"].assert_eq(&issue.args[1].1);
}

#[test]
fn tree_nodes_are_found_by_path_code_and_labels() {
    let industry = |leaf_only| FieldKind::Tree { tree: "a.industry".into(), leaf_only, region: false };
    table(
        || industry(false),
        &[
            ("C/C36", "\"C/C36\""),
            ("c36", "\"C/C36\""),
            ("制造业/汽车制造业", "\"C/C36\""),
            ("Manufacturing > Cars", "\"C/C36\""),
            ("汽车制造业", "\"C/C36\""),
            ("制造业", "\"C\""),
            ("其他", "value.tree_ambiguous"),
            ("制造业／其他", "\"C/C39\""),
            ("农业", "value.not_tree_node"),
        ],
    );
    table(|| industry(true), &[("制造业", "value.tree_leaf"), ("批发业", "\"F/F51\"")]);
    let region = || FieldKind::Tree { tree: "a.region".into(), leaf_only: false, region: true };
    table(
        region,
        &[
            ("北京", "\"11\""),
            ("广东深圳", "\"44/03\""),
            ("广东省深圳市南山区", "\"44/03/05\""),
            ("深圳市南山区", "\"44/03/05\""),
            ("深圳", "\"44/03\""),
            ("朝阳", "value.tree_ambiguous"),
            ("辽宁/朝阳", "\"21/13\""),
        ],
    );
    assert_eq!(read_json(industry(true), &json!("C")).map_err(|i| i.code), Err("value.tree_leaf"));
    assert_eq!(read_json(industry(false), &json!("c36")).map_err(|i| i.code), Err("value.not_tree_node"));
}

#[test]
fn telephone_numbers_get_one_form() {
    table(
        || FieldKind::Phone,
        &[
            ("13800138000", "\"+8613800138000\""),
            ("138 0013 8000", "\"+8613800138000\""),
            ("138-0013-8000", "\"+8613800138000\""),
            ("+86 138 0013 8000", "\"+8613800138000\""),
            ("008613800138000", "\"+8613800138000\""),
            ("８６１３８００１３８０００", "\"+8613800138000\""),
            ("021-58886666", "\"+862158886666\""),
            ("（0755）8666 1234", "\"+8675586661234\""),
            ("+86 (0)21 5888 6666", "\"+862158886666\""),
            ("010-65551234-801", "\"+861065551234;ext=801\""),
            ("021-58886666 转 801", "\"+862158886666;ext=801\""),
            ("021-58886666 ext. 801", "\"+862158886666;ext=801\""),
            ("+862158886666;ext=801", "\"+862158886666;ext=801\""),
            ("400-820-8820", "\"+864008208820\""),
            ("+49 30 901820", "\"+4930901820\""),
            ("58886666", "value.not_phone"),
            ("12345678901", "value.not_phone"),
            ("+86 12345", "value.not_phone"),
            ("138001380", "value.not_phone"),
            ("phone", "value.not_phone"),
            ("13800138000/13900139000", "value.not_phone"),
        ],
    );
}

#[test]
fn addresses_are_checked_and_get_one_form() {
    table(
        || FieldKind::Email,
        &[
            ("Wang.Fang@Example.COM", "\"Wang.Fang@example.com\""),
            ("王芳＠例子.中国", "\"王芳@例子.中国\""),
            ("a@b", "value.not_email"),
            ("a b@c.de", "value.not_email"),
            ("a@@c.de", "value.not_email"),
            ("@c.de", "value.not_email"),
        ],
    );
    table(
        || FieldKind::Url,
        &[
            ("www.Example.com/Path?q=1", "\"https://www.example.com/Path?q=1\""),
            ("http://localhost:8080/x", "\"http://localhost:8080/x\""),
            ("javascript:alert(1)", "value.not_url"),
            ("ftp://example.com", "value.not_url"),
            ("https://exa mple.com", "value.not_url"),
            ("example", "value.not_url"),
            ("https://", "value.not_url"),
        ],
    );
    table(
        || FieldKind::GeoPoint,
        &[
            ("31.2304, 121.4737", r#"{"lat":31.2304,"lon":121.4737}"#),
            ("121.4，31.2", "value.not_geo_point"),
            ("NaN,1", "value.not_geo_point"),
        ],
    );
}

#[test]
fn people_and_teams_are_found_by_name() {
    let wang = format!("\"{WANG}\"");
    table(
        || FieldKind::User,
        &[
            ("王芳", &wang),
            ("wangfang", &wang),
            (&WANG.to_string(), &wang),
            ("李雷", "value.ambiguous_user"),
            ("韩梅梅", "value.unknown_user"),
            ("00000000-0000-0000-0000-0000000000ff", "value.unknown_user"),
        ],
    );
    table(|| FieldKind::Team, &[("华东销售部", &format!("\"{SALES}\"")), ("华南", "value.unknown_team")]);
    let record = Uuid::from_u128(77).to_string();
    table(
        || FieldKind::Reference { entity: 0 },
        &[(&record, &format!("\"{record}\"")), ("上海明德", "→ 上海明德")],
    );
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

/// A field with a value that fits it.
fn field_and_value() -> impl Strategy<Value = (FieldKind, Value)> {
    let instant = (-60_000_000_000_000_000i64..250_000_000_000_000_000)
        .prop_map(|micros| Value::DateTime(chrono::DateTime::from_timestamp_micros(micros).unwrap()));
    let date = (-700_000i32..2_900_000)
        .prop_map(|days| Value::Date(chrono::NaiveDate::from_epoch_days(days).unwrap()));
    let degrees = (-90.0f64..90.0, -180.0f64..180.0);
    let limit = -INT_LIMIT..=INT_LIMIT;
    prop_oneof![
        "[^\\p{C}\\s]{1,20}"
            .prop_map(|t| (FieldKind::Text { max_length: 200, pattern: None }, Value::text(t))),
        "[^\\p{C}\\s]{1,9}\n[^\\p{C}\\s]{1,9}"
            .prop_map(|t| (FieldKind::LongText { max_length: 200 }, Value::text(t))),
        limit.clone().prop_map(|n| (FieldKind::Integer { min: -INT_LIMIT, max: INT_LIMIT }, Value::Int(n))),
        (limit, 0u8..=9).prop_map(|(n, scale)| {
            (
                FieldKind::Decimal { scale, min: None, max: None, currency: None },
                Value::Decimal(Decimal::new(n, scale)),
            )
        }),
        any::<bool>().prop_map(|b| (FieldKind::Boolean, Value::Bool(b))),
        date.prop_map(|v| (FieldKind::Date, v)),
        instant.prop_map(|v| (FieldKind::Datetime, v)),
        (-10_000_000_000i64..10_000_000_000).prop_map(|ms| (FieldKind::Duration, Value::Duration(ms))),
        any::<u128>().prop_map(|id| (FieldKind::Reference { entity: 0 }, Value::Id(Uuid::from_u128(id)))),
        degrees.prop_map(|(lat, lon)| (FieldKind::GeoPoint, Value::Geo(GeoPoint { lat, lon }))),
        prop::collection::vec(0usize..3, 1..3).prop_map(|picked| {
            let mut values: Vec<Value> =
                picked.iter().map(|&i| Value::text(choices()[i].value.as_str())).collect();
            values.dedup();
            (FieldKind::Choices { choices: choices() }, Value::list(values))
        }),
        "1[3-9][0-9]{9}".prop_map(|n| (FieldKind::Phone, Value::text(format!("+86{n}")))),
        "[a-z]{1,9}@[a-z]{1,9}\\.cn".prop_map(|t| (FieldKind::Email, Value::text(t))),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back((kind, value) in field_and_value()) {
        let model = model();
        let cx = ValueContext { model: &model, directory: &Staff, tz: Shanghai, language: "en" };
        let field = field(kind);
        let mut out = Vec::new();
        write_json(&value, &mut out);
        let json: Json = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&to_json(&value), &json);
        prop_assert_eq!(from_json(&field, &json, &cx), Ok(value.clone()));
        prop_assert_eq!(check(&field, &value), Ok(()));
        let _ = display(&field, &value, &cx);
    }

    #[test]
    fn no_text_brings_the_readers_down(
        text in prop_oneof!["\\PC{0,40}", "[0-9年月日:/. 万,()+-]{0,20}", "[pPtTdhms0-9.]{0,12}", "(?s).{0,20}"],
    ) {
        let kinds = [
            FieldKind::Text { max_length: 20, pattern: None },
            FieldKind::LongText { max_length: 20 },
            integer(),
            money(),
            FieldKind::Boolean,
            FieldKind::Date,
            FieldKind::Datetime,
            FieldKind::Duration,
            FieldKind::Choice { choices: choices() },
            FieldKind::Choices { choices: choices() },
            FieldKind::Tree { tree: "a.region".into(), leaf_only: false, region: true },
            FieldKind::Reference { entity: 0 },
            FieldKind::User,
            FieldKind::Team,
            FieldKind::Phone,
            FieldKind::Email,
            FieldKind::Url,
            FieldKind::GeoPoint,
            FieldKind::File { many: true, image: false, max_mib: 1, signature: false },
            FieldKind::Json,
            FieldKind::System,
        ];
        let model = model();
        let cx = ValueContext { model: &model, directory: &Staff, tz: Shanghai, language: "en" };
        for kind in kinds {
            let field = field(kind);
            if let Ok(Parsed::Value(value)) = from_text(&field, &text, &cx) {
                // What was accepted keeps the limits and survives the wire.
                prop_assert_eq!(check(&field, &value), Ok(()));
                let mut out = Vec::new();
                write_json(&value, &mut out);
                let json: Json = serde_json::from_slice(&out).unwrap();
                prop_assert_eq!(from_json(&field, &json, &cx).map_err(|i| i.code), Ok(value));
            }
            let _ = from_json(&field, &Json::String(text.clone()), &cx);
        }
    }
}
