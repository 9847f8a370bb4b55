//! Random expressions, well typed by construction, of all that conditions can say to a database.

use proptest::prelude::*;
use proptest::sample::select;

/// Expressions at which translations went wrong once, or would easily.
pub(crate) const EDGES: &[&str] = &[
    "record.a == null",
    "!(record.a > 0) && !(record.a <= 0)",
    "!record.flag",
    "record.flag == record.done",
    "record.flag != null",
    "(record.a > 1) == (record.c > 1)",
    "record.s == record.t",
    "record.s != record.t",
    "record.a == record.c",
    "record.c == 0.005",
    "record.c != 0.005",
    "record.c < 0.005 && record.c > -0.005",
    "record.d >= 1e-9",
    "record.a in [1, 2.0, null, 2.5]",
    "record.a in [null]",
    "!(record.s in ['a', null])",
    "record.s in []",
    "record.owner in user.teams",
    "user.name == record.s",
    "user.name != record.s",
    "user.name < record.s",
    "record.f < record.c",
    "record.f == 0",
    "record.a == record.f",
    "record.c in [0.5, float(1)]",
    "record.s.startsWith('')",
    "!record.s.startsWith('')",
    "record.s.startsWith('\u{D7FF}')",
    "record.s.startsWith(record.t)",
    "record.s.endsWith(record.t)",
    "record.s.endsWith('')",
    "record.s.contains('')",
    "record.t.contains(record.s)",
    "record.t.contains('%') || record.t.contains('_') || record.t.contains('\\\\')",
    "record.t.lowerAscii() == 'ab'",
    "record.t.upperAscii() == 'É' || record.t.lowerAscii() == 'é'",
    "record.t < 'b' && record.t > 'A'",
    "(record.done ? 'a' : 'B') < 'b'",
    "(record.s + record.t).size() > 2",
    "under(record.p, '31')",
    "under(record.p, '')",
    "under(record.p, record.s)",
    "'a' in record.tags",
    "record.t in record.tags",
    "!('' in record.tags)",
    "'a\"b' in record.tags",
    "size(record.tags) == 0",
    "record.tags == null",
    "date(record.at) == user.day",
    "date(record.at) != user.day",
    "date(record.at) < date('2026-03-08')",
    "date(record.at) >= date('2026-03-08')",
    "!(date(record.at) <= date('2026-03-08'))",
    "date(record.at) == date('2026-11-01')",
    "date(record.at) == record.due",
    "hour(record.at) == 1 || weekday(record.made) == 7",
    "year(record.due) == 99 || month(record.due) == 2 && day(record.due) == 29",
    "weekday(record.start) == 3",
    "record.at + hours(25) >= record.made",
    "hours(-1) + record.made == record.at",
    "record.due + days(1) == user.day",
    "record.due - hours(36) < record.start",
    "record.made - record.at > hours(1)",
    "record.at - record.made == -minutes(0)",
    "record.worked * 2 > hours(1) || record.worked - hours(1) == hours(0)",
    "days_between(record.due, record.start) > 0",
    "days_between(record.at, now()) == 0",
    "coalesce(record.flag, record.done, true)",
    "coalesce(record.a, record.b) * 3 + 1 == 4",
    "coalesce(record.a, record.c, 0.001) == 0.001",
    "(record.flag ? record.a : record.c) == 1",
    "record.flag ? record.a > 0 : record.c > 0",
    "-record.a == record.b",
    "record.a > 99999999999999999.5 || record.a < -99999999999999999",
    "record.flag && (record.done || false) && true",
    "record.s.contains('a') == null",
    // The same text of a statement, if the types of its parameters were not written into it.
    "(record.flag ? 1 : 2) == 1",
    "(record.flag ? 'a' : 'b') == 'a'",
    "(record.flag ? float(1) : float(2)) == float(1)",
    "(record.flag ? today() : user.day) == today()",
    // Conditions that stop to look at the row as soon as the constants are known.
    "(user.limit == 4 ? record.a : 1) == 1",
    "(user.limit == 4 ? record.s : 'a') in ['a']",
    "coalesce(user.limit, record.a) * 2 == 6",
    "(user.limit == 3 || record.flag ? 2 : record.a) == record.b",
    "record.s.startsWith('a') == null",
];

type Source = BoxedStrategy<String>;

/// A condition.
pub(crate) fn condition() -> Source {
    boolean(3)
}

fn leaf(words: &'static [&'static str]) -> Source {
    select(words).prop_map(str::to_owned).boxed()
}

fn join(a: Source, operators: &'static [&'static str], b: Source) -> Source {
    (a, select(operators), b).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")).boxed()
}

fn coalesce(a: Source, b: Source) -> Source {
    (a, b).prop_map(|(a, b)| format!("coalesce({a}, {b})")).boxed()
}

fn choose(condition: Source, a: Source, b: Source) -> Source {
    (condition, a, b).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")).boxed()
}

const ORDER: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
const EQUALITY: &[&str] = &["==", "!="];

fn int(depth: u32) -> Source {
    let leaves = leaf(&[
        "record.a",
        "record.b",
        "record.a",
        "0",
        "1",
        "-1",
        "3",
        "7",
        "-250",
        "user.limit",
        "9007199254740991",
        "size(record.s)",
        "size(record.tags)",
        "year(record.due)",
        "month(record.at)",
        "day(record.made)",
        "weekday(record.start)",
        "weekday(record.at)",
        "hour(record.at)",
        "hour(record.made)",
        "days_between(record.due, record.start)",
        "days_between(record.made, user.day)",
        "days_between(record.at, record.due)",
    ]);
    if depth == 0 {
        return leaves;
    }
    let again = || int(depth - 1);
    prop_oneof![
        4 => leaves,
        2 => join(again(), &["+", "-"], again()),
        1 => join(again(), &["*"], leaf(&["2", "-3", "10"])),
        1 => again().prop_map(|a| format!("-({a})")),
        1 => coalesce(again(), again()),
        1 => choose(boolean(depth - 1), again(), again()),
        1 => text(depth - 1).prop_map(|text| format!("size({text})")),
    ]
    .boxed()
}

fn decimal(depth: u32) -> Source {
    let leaves = leaf(&[
        "record.c",
        "record.d",
        "record.c",
        "0.5",
        "-1.25",
        "2.5",
        "0.0001",
        "-0.000000001",
        "100.00",
    ]);
    if depth == 0 {
        return leaves;
    }
    let again = || decimal(depth - 1);
    prop_oneof![
        4 => leaves,
        2 => join(again(), &["+", "-"], again()),
        1 => join(again(), &["+", "-"], int(depth - 1)),
        1 => join(again(), &["*"], leaf(&["0.85", "2", "-1.5"])),
        1 => coalesce(again(), int(depth - 1)),
        1 => choose(boolean(depth - 1), int(depth - 1), again()),
    ]
    .boxed()
}

fn number(depth: u32) -> Source {
    let float = leaf(&["record.f", "float(user.limit)", "record.f", "float(0.1)"]);
    prop_oneof![3 => int(depth), 3 => decimal(depth), 1 => float].boxed()
}

fn text(depth: u32) -> Source {
    let leaves = leaf(&[
        "record.s",
        "record.t",
        "record.p",
        "record.s",
        "'a'",
        "'A'",
        "''",
        "'ab'",
        "'客'",
        "'é'",
        "'%'",
        "'31'",
        "'\\''",
        "user.name",
    ]);
    if depth == 0 {
        return leaves;
    }
    let again = || text(depth - 1);
    prop_oneof![
        4 => leaves,
        1 => again().prop_map(|text| format!("{text}.lowerAscii()")),
        1 => again().prop_map(|text| format!("{text}.upperAscii()")),
        1 => join(again(), &["+"], again()),
        1 => coalesce(again(), again()),
        1 => choose(boolean(depth - 1), again(), again()),
    ]
    .boxed()
}

fn date(depth: u32) -> Source {
    let leaves = leaf(&[
        "record.due",
        "record.start",
        "record.due",
        "today()",
        "date(record.at)",
        "date(record.made)",
        "user.day",
        "date('2026-03-29')",
        "date('2026-11-01')",
    ]);
    if depth == 0 {
        return leaves;
    }
    let again = || date(depth - 1);
    prop_oneof![
        5 => leaves,
        1 => join(again(), &["+", "-"], leaf(&["days(1)", "days(-30)", "hours(36)", "days(user.limit)"])),
        1 => coalesce(again(), again()),
        1 => moment(depth - 1).prop_map(|moment| format!("date({moment})")),
    ]
    .boxed()
}

fn moment(depth: u32) -> Source {
    let leaves = leaf(&[
        "record.at",
        "record.made",
        "record.at",
        "now()",
        "user.since",
        "datetime('2026-03-29T09:30:00+08:00')",
    ]);
    if depth == 0 {
        return leaves;
    }
    let again = || moment(depth - 1);
    prop_oneof![
        5 => leaves,
        1 => join(again(), &["+", "-"], leaf(&["days(1)", "hours(-25)", "minutes(1)", "hours(user.limit)"])),
        1 => coalesce(again(), again()),
    ]
    .boxed()
}

fn duration(depth: u32) -> Source {
    let leaves = leaf(&["record.worked", "hours(1)", "days(1)", "minutes(-1)", "record.worked"]);
    if depth == 0 {
        return leaves;
    }
    let again = || duration(depth - 1);
    prop_oneof![
        3 => leaves,
        2 => join(moment(depth - 1), &["-"], moment(depth - 1)),
        1 => join(again(), &["+", "-"], again()),
        1 => again().prop_map(|duration| format!("({duration} * 2)")),
        1 => coalesce(again(), again()),
    ]
    .boxed()
}

fn boolean(depth: u32) -> Source {
    let below = depth.saturating_sub(1);
    let id = || leaf(&["record.owner", "user.id", "null"]);
    let nullable = leaf(&[
        "record.a",
        "record.c",
        "record.s",
        "record.flag",
        "record.at",
        "record.tags",
        "record.owner",
        "record.done",
        "record.worked",
        "record.f",
        "user.name",
    ]);
    let tests = prop_oneof![
        1 => leaf(&["record.flag", "record.done", "record.flag", "true", "false"]),
        2 => join(nullable, EQUALITY, leaf(&["null"])),
        4 => join(number(below), ORDER, number(below)),
        3 => join(text(below), ORDER, text(below)),
        2 => join(date(below), ORDER, date(below)),
        2 => join(moment(below), ORDER, moment(below)),
        1 => join(duration(below), ORDER, duration(below)),
        1 => join(leaf(&["record.owner", "user.id"]), EQUALITY, id()),
        1 => leaf(&["(record.owner in user.teams)", "(record.owner in [user.id, null])"]),
        1 => join(number(below), &["in"], leaf(&["[0, 1, 2.5]", "[]", "[null, 7]", "[100, user.limit]"])),
        1 => join(text(below), &["in"], leaf(&["['a', 'A', '客']", "[user.name, '']", "['ab']"])),
        1 => join(text(0), &["in"], leaf(&["record.tags"])),
        3 => (text(below), select(&["startsWith", "endsWith", "contains", "under"][..]), text(below))
            .prop_map(|(a, function, b)| format!("{a}.{function}({b})")),
    ];
    if depth == 0 {
        return tests.boxed();
    }
    let again = || boolean(depth - 1);
    prop_oneof![
        4 => tests,
        2 => join(again(), &["&&"], again()),
        2 => join(again(), &["||"], again()),
        2 => again().prop_map(|a| format!("!({a})")),
        1 => join(again(), EQUALITY, again()),
        1 => choose(again(), again(), again()),
        1 => coalesce(leaf(&["record.flag", "record.done"]), again()),
    ]
    .boxed()
}
