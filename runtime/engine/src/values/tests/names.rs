//! What is found by a name: choices, entries of trees, people, departments; and what reaches people.

use super::*;

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
