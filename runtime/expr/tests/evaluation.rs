//! What expressions give on a record: the meaning that the book promises to people who write them.

mod support;

use expect_test::{Expect, expect};
use mortise_expr::{Expression, Type, Value};
use support::{compile, record, scope, value, with_context};

fn check(sources: &[&str], expected: &Expect) {
    let width = sources.iter().map(|source| source.chars().count()).max().unwrap_or(0);
    let lines: String =
        sources.iter().map(|source| format!("{source:width$}  →  {}\n", value(source))).collect();
    expected.assert_eq(&lines);
}

#[test]
fn empty_values_never_make_a_condition_fail() {
    check(
        &[
            "record.closed_at == null",
            "record.closed_at != null",
            "record.closed_at < now()",
            "!(record.closed_at < now())",
            "record.closed_at > now() || record.closed_at <= now()",
            "record.score == null",
            "record.score == 3",
            "record.score != 3",
            "record.score + 1",
            "record.score + 1 == null",
            "coalesce(record.score, record.count, 0)",
            "!null",
            "null ? 1 : 2",
            "has(record.score)",
            "has(record.count)",
            "record.score in [1, null]",
            "string(record.score)",
            "1 / 0",
            "record.count % 0",
        ],
        &expect![[r#"
            record.closed_at == null                               →  true: bool
            record.closed_at != null                               →  false: bool
            record.closed_at < now()                               →  false: bool
            !(record.closed_at < now())                            →  true: bool
            record.closed_at > now() || record.closed_at <= now()  →  false: bool
            record.score == null                                   →  true: bool
            record.score == 3                                      →  false: bool
            record.score != 3                                      →  true: bool
            record.score + 1                                       →  null: int
            record.score + 1 == null                               →  true: bool
            coalesce(record.score, record.count, 0)                →  7: int
            !null                                                  →  true: bool
            null ? 1 : 2                                           →  2: int
            has(record.score)                                      →  false: bool
            has(record.count)                                      →  true: bool
            record.score in [1, null]                              →  true: bool
            string(record.score)                                   →  null: text
            1 / 0                                                  →  null: decimal(6)
            record.count % 0                                       →  null: int
        "#]],
    );
}

#[test]
fn exact_numbers_stay_exact() {
    check(
        &[
            "0.1 + 0.2",
            "0.1 + 0.2 == 0.3",
            "record.amount * 0.85",
            "record.amount * 1.5e1",
            "record.amount + 1",
            "10 / 4",
            "2 / 3",
            "-7 % 3",
            "record.amount == 1234.5",
            "record.amount == 1234.500",
            "record.ratio + 0.25",
            "record.ratio < record.amount",
            "1.5 == 3 / 2",
            "0.000000001 * 0.5",
            "round(2.5)",
            "round(-2.5)",
            "round(1234.5678, 2)",
            "floor(-1.5)",
            "ceil(-1.5)",
            "int(-1.9)",
            "int('42')",
            "int('x')",
            "decimal('12.345', 2)",
            "decimal(record.ratio, 3)",
            "float(record.count)",
            "abs(-3)",
            "abs(-0.05)",
            "min(3, 1.5, 2)",
            "max(record.score, record.count)",
            "max([3, 9, 4])",
        ],
        &expect![[r#"
            0.1 + 0.2                        →  0.3: decimal(1)
            0.1 + 0.2 == 0.3                 →  true: bool
            record.amount * 0.85             →  1049.3250: decimal(4)
            record.amount * 1.5e1            →  18517.50: decimal(2)
            record.amount + 1                →  1235.50: decimal(2)
            10 / 4                           →  2.500000: decimal(6)
            2 / 3                            →  0.666667: decimal(6)
            -7 % 3                           →  -1: int
            record.amount == 1234.5          →  true: bool
            record.amount == 1234.500        →  true: bool
            record.ratio + 0.25              →  0.75: float
            record.ratio < record.amount     →  true: bool
            1.5 == 3 / 2                     →  true: bool
            0.000000001 * 0.5                →  0.000000001: decimal(9)
            round(2.5)                       →  3: int
            round(-2.5)                      →  -3: int
            round(1234.5678, 2)              →  1234.57: decimal(2)
            floor(-1.5)                      →  -2: int
            ceil(-1.5)                       →  -1: int
            int(-1.9)                        →  -1: int
            int('42')                        →  42: int
            int('x')                         →  null: int
            decimal('12.345', 2)             →  12.35: decimal(2)
            decimal(record.ratio, 3)         →  0.500: decimal(3)
            float(record.count)              →  7: float
            abs(-3)                          →  3: int
            abs(-0.05)                       →  0.05: decimal(2)
            min(3, 1.5, 2)                   →  1.5: decimal(1)
            max(record.score, record.count)  →  7: int
            max([3, 9, 4])                   →  9: int
        "#]],
    );
}

#[test]
fn numbers_that_leave_their_range_are_errors() {
    check(
        &[
            "record.count * 9223372036854775807",
            "record.count + 9223372036854775807",
            "record.amount * 9007199254740991 * 9007199254740991",
            "days(record.count * 1000000000000)",
            "now() + days(99999999 * record.count)",
            "record.due + days(999999999 * record.count)",
            "record.ratio * 1e308 * 1e308",
        ],
        &expect![[r#"
            record.count * 9223372036854775807                   →  expr.overflow the result of `*` is too large
            record.count + 9223372036854775807                   →  expr.overflow the result of `+` is too large
            record.amount * 9007199254740991 * 9007199254740991  →  expr.overflow the result of `*` is too large
            days(record.count * 1000000000000)                   →  expr.overflow the result of `days` is too large
            now() + days(99999999 * record.count)                →  expr.overflow the result of `+` is too large
            record.due + days(999999999 * record.count)          →  expr.overflow the result of `+` is too large
            record.ratio * 1e308 * 1e308                         →  expr.overflow the result of `*` is too large
        "#]],
    );
}

#[test]
fn times_are_seen_in_the_zone() {
    check(
        &[
            "now()",
            "today()",
            "record.created_at",
            "date(record.created_at)",
            "hour(record.created_at)",
            "year(record.due)",
            "month(record.created_at)",
            "day(record.created_at)",
            "weekday(record.due)",
            "record.created_at + hours(2)",
            "hours(2) + record.created_at",
            "record.due + days(3)",
            "record.due - hours(36)",
            "now() - record.created_at",
            "now() - record.created_at > hours(24)",
            "(now() - record.created_at) / hours(1)",
            "days_between(record.due, today())",
            "days_between(now(), record.created_at)",
            "record.due == '2026-03-01'",
            "record.due < date('2026-12-31')",
            "record.created_at >= '2026-03-01T00:00:00+08:00'",
            "record.created_at >= datetime('2026-03-01T01:30:00+08:00')",
            "record.worked + minutes(30) == hours(2)",
            "record.worked * 2",
            "-hours(1)",
        ],
        &expect![[r#"
            now()                                                       →  2026-03-02T04:00:00.123456Z: datetime
            today()                                                     →  2026-03-02: date
            record.created_at                                           →  2026-02-28T17:30:00Z: datetime
            date(record.created_at)                                     →  2026-03-01: date
            hour(record.created_at)                                     →  1: int
            year(record.due)                                            →  2026: int
            month(record.created_at)                                    →  3: int
            day(record.created_at)                                      →  1: int
            weekday(record.due)                                         →  7: int
            record.created_at + hours(2)                                →  2026-02-28T19:30:00Z: datetime
            hours(2) + record.created_at                                →  2026-02-28T19:30:00Z: datetime
            record.due + days(3)                                        →  2026-03-04: date
            record.due - hours(36)                                      →  2026-02-28: date
            now() - record.created_at                                   →  124200.123s: duration
            now() - record.created_at > hours(24)                       →  true: bool
            (now() - record.created_at) / hours(1)                      →  34.500034: decimal(6)
            days_between(record.due, today())                           →  1: int
            days_between(now(), record.created_at)                      →  -1: int
            record.due == '2026-03-01'                                  →  true: bool
            record.due < date('2026-12-31')                             →  true: bool
            record.created_at >= '2026-03-01T00:00:00+08:00'            →  true: bool
            record.created_at >= datetime('2026-03-01T01:30:00+08:00')  →  true: bool
            record.worked + minutes(30) == hours(2)                     →  true: bool
            record.worked * 2                                           →  10800.000s: duration
            -hours(1)                                                   →  -3600.000s: duration
        "#]],
    );
}

#[test]
fn texts_lists_and_places() {
    check(
        &[
            "record.name.size()",
            "size(record.tags)",
            "record.name.contains('Acme')",
            "record.name.contains('acme')",
            "record.name.lowerAscii().contains('acme')",
            "record.name.startsWith('上海')",
            "endsWith(record.name, 'Ltd')",
            "record.name.matches('^上.+Ltd$')",
            "record.name.upperAscii()",
            "'  x '.trim() + '!'",
            "record.name.substring(0, 2)",
            "record.name.substring(3)",
            "record.name.substring(5, 2)",
            "'a-b-c'.replace('-', '')",
            "'abc'.replace('', 'x')",
            "'hot' in record.tags",
            "'cold' in record.tags",
            "record.count in [1, 7.0]",
            "record.owner in user.teams",
            "record.owner == user.id",
            "record.owner == '01900000-0000-7000-8000-000000000001'",
            "record.tags[1]",
            "record.tags[5]",
            "record.tags == ['hot', 'vip']",
            "record.tags.exists(t, t == 'vip')",
            "record.tags.all(t, t.size() == 3)",
            "record.tags.exists_one(t, t.startsWith('v'))",
            "record.tags.filter(t, t != 'hot')",
            "record.tags.map(t, t.size())",
            "record.tags.map(t, t != 'hot', t.upperAscii())",
            "[1, 2].exists(x, [3, 4].exists(y, x * y == 8))",
            "[].all(x, false)",
            "under(record.region, '31')",
            "under(record.region, '3')",
            "record.region.under('31/0115')",
            "similarity(record.name, '上海ＡＣＭＥ ltd')",
            "round(distance_km(record.place, user.base), 1)",
            "record.extra != null",
            "string(record.amount) + ' / ' + string(record.due) + ' / ' + string(record.active)",
            "record.status == 'open' ? record.amount : 0",
        ],
        &expect![[r#"
            record.name.size()                                                                  →  11: int
            size(record.tags)                                                                   →  2: int
            record.name.contains('Acme')                                                        →  true: bool
            record.name.contains('acme')                                                        →  false: bool
            record.name.lowerAscii().contains('acme')                                           →  true: bool
            record.name.startsWith('上海')                                                        →  true: bool
            endsWith(record.name, 'Ltd')                                                        →  true: bool
            record.name.matches('^上.+Ltd$')                                                     →  true: bool
            record.name.upperAscii()                                                            →  上海 ACME LTD: text
            '  x '.trim() + '!'                                                                 →  x!: text
            record.name.substring(0, 2)                                                         →  上海: text
            record.name.substring(3)                                                            →  Acme Ltd: text
            record.name.substring(5, 2)                                                         →  : text
            'a-b-c'.replace('-', '')                                                            →  abc: text
            'abc'.replace('', 'x')                                                              →  abc: text
            'hot' in record.tags                                                                →  true: bool
            'cold' in record.tags                                                               →  false: bool
            record.count in [1, 7.0]                                                            →  true: bool
            record.owner in user.teams                                                          →  true: bool
            record.owner == user.id                                                             →  true: bool
            record.owner == '01900000-0000-7000-8000-000000000001'                              →  true: bool
            record.tags[1]                                                                      →  vip: text
            record.tags[5]                                                                      →  null: text
            record.tags == ['hot', 'vip']                                                       →  true: bool
            record.tags.exists(t, t == 'vip')                                                   →  true: bool
            record.tags.all(t, t.size() == 3)                                                   →  true: bool
            record.tags.exists_one(t, t.startsWith('v'))                                        →  true: bool
            record.tags.filter(t, t != 'hot')                                                   →  vip: list(text)
            record.tags.map(t, t.size())                                                        →  3, 3: list(int)
            record.tags.map(t, t != 'hot', t.upperAscii())                                      →  VIP: list(text)
            [1, 2].exists(x, [3, 4].exists(y, x * y == 8))                                      →  true: bool
            [].all(x, false)                                                                    →  true: bool
            under(record.region, '31')                                                          →  true: bool
            under(record.region, '3')                                                           →  false: bool
            record.region.under('31/0115')                                                      →  true: bool
            similarity(record.name, '上海ＡＣＭＥ ltd')                                               →  1: float
            round(distance_km(record.place, user.base), 1)                                      →  1067.3: decimal(1)
            record.extra != null                                                                →  true: bool
            string(record.amount) + ' / ' + string(record.due) + ' / ' + string(record.active)  →  1234.50 / 2026-03-01 / true: text
            record.status == 'open' ? record.amount : 0                                         →  1234.50: decimal(2)
        "#]],
    );
}

#[test]
fn values_are_converted_where_a_type_is_wanted_and_nothing_is_lost() {
    let as_type = |source: &str, ty: Type| match Expression::compile_as(source, &scope(), &ty) {
        Ok(expression) => {
            assert_eq!(*expression.ty(), ty);
            format!("{:?}", with_context(&record(), |cx| expression.eval(cx)).unwrap())
        }
        Err(findings) => findings[0].message.clone(),
    };
    let mut lines = String::new();
    for (source, ty) in [
        ("record.count", Type::Decimal(2)),
        ("record.count", Type::Float),
        ("record.amount * 0.855", Type::Decimal(2)),
        ("null", Type::Date),
        ("record.due", Type::DateTime),
        ("'2026-03-01'", Type::Date),
        ("[]", Type::List(Box::new(Type::Text))),
        ("record.ratio", Type::Decimal(2)),
        ("record.amount", Type::Int),
        ("record.created_at", Type::Date),
        ("record.count", Type::Text),
        ("record.name", Type::Bool),
    ] {
        lines.push_str(&format!("{source} as {ty}: {}\n", as_type(source, ty.clone())));
    }
    expect![[r#"
        record.count as decimal(2): Decimal(Decimal { mantissa: 700, scale: 2 })
        record.count as float: Float(7.0)
        record.amount * 0.855 as decimal(2): Decimal(Decimal { mantissa: 105550, scale: 2 })
        null as date: Null
        record.due as datetime: DateTime(2026-02-28T16:00:00Z)
        '2026-03-01' as date: Date(2026-03-01)
        [] as list(text): List([])
        record.ratio as decimal(2): the expression gives float, but decimal(2) is needed here; use decimal(…, 2)
        record.amount as int: the expression gives decimal(2), but int is needed here; use round(…)
        record.created_at as date: the expression gives datetime, but date is needed here; use date(…)
        record.count as text: the expression gives int, but text is needed here; use string(…)
        record.name as bool: the expression gives text, but bool is needed here; compare it with something
    "#]].assert_eq(&lines);
}

#[test]
fn an_expression_that_works_too_much_is_stopped() {
    let numbers = Value::list((0..2000).map(Value::Int));
    let shape =
        mortise_expr::Shape::new(vec![mortise_expr::Member::new("n", Type::List(Box::new(Type::Int)))]);
    let scope = mortise_expr::Scope::new().root("x", std::sync::Arc::new(shape));
    let expression = Expression::compile("x.n.all(a, x.n.all(b, a + b >= 0))", &scope).unwrap();
    let cx = mortise_expr::Context {
        now: chrono::Utc::now(),
        tz: chrono_tz::UTC,
        roots: &[&[numbers]],
        functions: None,
    };
    assert_eq!(expression.eval(&cx).unwrap_err().code(), "expr.cost");
}

#[test]
fn references_say_what_is_read_and_whether_null_was_thought_of() {
    let list = |source: &str| {
        let expression = compile(source);
        let references = expression.references().iter().map(|r| {
            assert_eq!(&source[r.span.clone()], format!("{}.{}", r.root_name, r.name));
            let null = match (r.nullable, r.guarded) {
                (false, _) => "",
                (true, true) => " guarded",
                (true, false) => " unguarded",
            };
            format!("{}@{}{null}", r.name, r.column)
        });
        references.collect::<Vec<_>>().join(", ")
    };
    let mut lines = String::new();
    for source in [
        "record.count > 3 && record.name != ''",
        "record.count != null && record.count > 3",
        "record.count == null || record.count > 3",
        "has(record.count) ? record.count + 1 : record.score",
        "coalesce(record.count + record.score, 0) > record.amount",
        "!(record.count == null) && record.count > 3",
        "record.count > 3 && record.count < 9",
        "'客户' == record . status",
    ] {
        lines.push_str(&format!("{source}: {}\n", list(&source.replace(" . ", "."))));
    }
    expect![[r#"
        record.count > 3 && record.name != '': count@1 unguarded, name@21
        record.count != null && record.count > 3: count@1 guarded, count@25 guarded
        record.count == null || record.count > 3: count@1 guarded, count@25 guarded
        has(record.count) ? record.count + 1 : record.score: count@5 guarded, count@21 guarded, score@40 unguarded
        coalesce(record.count + record.score, 0) > record.amount: count@10 guarded, score@25 guarded, amount@44 unguarded
        !(record.count == null) && record.count > 3: count@3 guarded, count@28 guarded
        record.count > 3 && record.count < 9: count@1 unguarded, count@21 guarded
        '客户' == record . status: status@9 unguarded
    "#]].assert_eq(&lines);
}

#[test]
fn a_test_of_one_member_is_known_as_such() {
    let test = |source: &str| {
        let found = compile(source).membership()?;
        let values: Vec<String> = found.values.iter().map(|value| format!("{value}")).collect();
        Some((found.slot, values.join(" "), found.negated))
    };
    let status = compile("record.status == ''").membership().unwrap().slot;
    assert_eq!(test("record.status == 'new'"), Some((status, "new".to_owned(), false)));
    assert_eq!(test("!('new' != record.status)"), Some((status, "new".to_owned(), false)));
    assert_eq!(test("record.status in ['a', 'b']"), Some((status, "a b".to_owned(), false)));
    assert_eq!(test("record.status != null"), Some((status, String::new(), true)));
    assert_eq!(
        test("!record.locked").map(|(_, values, negated)| (values, negated)),
        Some(("true".to_owned(), true))
    );
    for other in ["record.count > 3", "record.status == user.name", "record.locked && record.locked", "true"]
    {
        assert_eq!(test(other), None, "{other}");
    }
    assert_eq!(compile("1 > 2").constant(), Some(&Value::Bool(false)));
    assert_eq!(compile("record.locked").constant(), None);
}

#[test]
fn conditions_come_apart_at_the_outermost_operators() {
    let expression =
        compile("record.count == 1 && (record.total > 2 || record.locked) && user.name == record.name");
    let parts = expression.conjuncts();
    let names =
        |e: &Expression| e.references().iter().map(|r| r.name.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(parts.iter().map(names).collect::<Vec<_>>(), ["count", "total locked", "name name"]);
    assert_eq!(parts[1].disjuncts().len(), 2);
    assert_eq!(parts[0].equality().map(|e| (e.slot, e.null)), Some((3, false)));
    assert_eq!(parts[1].equality(), None);
    assert_eq!(parts[2].equality().map(|e| (e.slot, e.null)), Some((1, false)));
    assert_eq!(compile("null == record.owner").equality().map(|e| (e.slot, e.null)), Some((11, true)));
    assert_eq!(compile("record.count == record.total").equality(), None);
    assert!(compile("record.due < today()").volatile() && !compile("record.locked").volatile());
}
