//! The SQL that conditions become: plain where an index can serve it, definite where null would be misread, and
//! a reason where there is none.

mod support;

use std::fmt::Write;

use expect_test::{Expect, expect};
use mortise_expr::Dialect;
use sea_query::{Alias, PostgresQueryBuilder, Query, SqliteQueryBuilder};
use support::{compile, record, with_context};

/// The statement's text and its parameters, in both dialects; one line where they agree.
fn check(sources: &[&str], expected: &Expect) {
    let mut text = String::new();
    for source in sources {
        let _ = writeln!(text, "{source}");
        let expression = compile(source);
        if let Err(refusal) = expression.check_sql() {
            let chinese = refusal.message_in("zh-CN");
            assert_ne!(chinese, refusal.message, "{source} has no Chinese message");
            let _ = writeln!(text, "  {}: {}\n  {chinese}", refusal.column, refusal.message);
            continue;
        }
        let sql = |dialect: Dialect| {
            // The row root's values are not needed.
            let expr = with_context(&[], |cx| expression.to_sql(dialect, None, cx))?;
            let query = Query::select().expr(expr).from(Alias::new("t")).to_owned();
            let (sql, values) = match dialect {
                Dialect::Sqlite => query.build(SqliteQueryBuilder),
                Dialect::Postgres => query.build(PostgresQueryBuilder),
            };
            let values: Vec<String> = values.iter().map(shown).collect();
            let sql = sql.trim_start_matches("SELECT ").trim_end_matches(" FROM \"t\"").to_owned();
            Ok::<_, mortise_expr::Diagnostic>((sql, values.join(", ")))
        };
        match (sql(Dialect::Sqlite), sql(Dialect::Postgres)) {
            (Ok((lite, lite_values)), Ok((pg, pg_values))) => {
                let mut number = 0;
                let numbered: String = lite
                    .chars()
                    .map(|c| {
                        number += usize::from(c == '?');
                        if c == '?' { format!("${number}") } else { c.to_string() }
                    })
                    .collect();
                let _ = match numbered == pg && lite_values == pg_values {
                    true => writeln!(text, "  {pg}  [{pg_values}]"),
                    false => writeln!(text, "  {lite}  [{lite_values}]\n  {pg}  [{pg_values}]"),
                };
            }
            (Err(refusal), _) | (_, Err(refusal)) => {
                let _ = writeln!(text, "  only now {}: {}", refusal.column, refusal.message);
            }
        }
    }
    expected.assert_eq(&text);
}

fn shown(value: &sea_query::Value) -> String {
    use sea_query::Value as V;
    match value {
        V::BigInt(Some(number)) => number.to_string(),
        V::Int(Some(number)) => format!("{number}i"),
        V::Double(Some(number)) => format!("{number:?}"),
        V::Bool(Some(value)) => value.to_string(),
        V::String(Some(text)) => format!("'{text}'"),
        V::Uuid(Some(id)) => format!("uuid …{}", &id.to_string()[34..]),
        V::ChronoDate(Some(date)) => date.to_string(),
        V::ChronoDateTimeUtc(Some(instant)) => instant.to_rfc3339(),
        other => format!("{other:?}"),
    }
}

#[test]
fn plain_conditions_stay_plain() {
    check(
        &[
            "record.status == 'open'",
            "record.status == 'open' && record.owner == user.id",
            "record.owner == user.id || record.owner == null",
            "record.amount > 1000",
            "record.amount > 0.005",
            "0.005 >= record.amount",
            "record.amount == 0.005",
            "record.amount != 0.005",
            "record.count < 99999999999999.5",
            "record.count in [1, 2.0, 2.5]",
            "record.owner in user.teams",
            "record.status in ['a', null]",
            "record.status in []",
            "record.active",
            "record.locked",
            "record.due < today()",
            "record.created_at < now() - hours(settings.hours)",
            "date(record.created_at) == today()",
            "date(record.closed_at) <= '2026-03-01'",
            "record.name.startsWith('上海')",
            "under(record.region, '31')",
            "record.extra == null && record.place != null && record.tags == null",
            "user.name == '李明' && record.count > 1",
            "user.name == 'x' && record.count > 1",
            "user.name == 'x' || record.count > 1",
            "has(record.count)",
        ],
        &expect![[r#"
            record.status == 'open'
              "status" = $1  ['open']
            record.status == 'open' && record.owner == user.id
              "status" = $1 AND "owner" = $2  ['open', uuid …01]
            record.owner == user.id || record.owner == null
              "owner" = $1 OR "owner" IS NULL  [uuid …01]
            record.amount > 1000
              "amount" > $1  [100000]
            record.amount > 0.005
              "amount" > $1  [0]
            0.005 >= record.amount
              "amount" <= $1  [0]
            record.amount == 0.005
              $1  [false]
            record.amount != 0.005
              $1  [true]
            record.count < 99999999999999.5
              "count" <= $1  [99999999999999]
            record.count in [1, 2.0, 2.5]
              "count" IN ($1, $2)  [1, 2]
            record.owner in user.teams
              "owner" IN ($1, $2)  [uuid …01, uuid …00]
            record.status in ['a', null]
              "status" = $1 OR "status" IS NULL  ['a']
            record.status in []
              $1  [false]
            record.active
              "active" = $1  [true]
            record.locked
              "locked" = $1  [true]
            record.due < today()
              "due" < $1  [2026-03-02]
            record.created_at < now() - hours(settings.hours)
              "created_at" < $1  [2026-02-27T04:00:00.123456+00:00]
            date(record.created_at) == today()
              "created_at" >= $1 AND "created_at" < $2  [2026-03-01T16:00:00+00:00, 2026-03-02T16:00:00+00:00]
            date(record.closed_at) <= '2026-03-01'
              "closed_at" < $1  [2026-03-01T16:00:00+00:00]
            record.name.startsWith('上海')
              "name" >= $1 AND "name" < $2  ['上海', '上浸']
            under(record.region, '31')
              "region" = $1 OR ("region" >= $2 AND "region" < $3)  ['31', '31/', '310']
            record.extra == null && record.place != null && record.tags == null
              "extra" IS NULL AND "place" IS NOT NULL AND "tags" IS NULL  []
            user.name == '李明' && record.count > 1
              "count" > $1  [1]
            user.name == 'x' && record.count > 1
              $1  [false]
            user.name == 'x' || record.count > 1
              "count" > $1  [1]
            has(record.count)
              "count" IS NOT NULL  []
        "#]],
    );
}

#[test]
fn what_null_would_spoil_is_made_definite() {
    check(
        &[
            "record.status != 'open'",
            "record.name != 'x'",
            "!(record.status == 'open')",
            "!(record.count > 3)",
            "!(record.total > 3)",
            "!record.active",
            "!record.locked",
            "!(record.count > 3 && record.active)",
            "!(record.status in ['a', 'b'])",
            "!record.status.startsWith('x')",
            "!(date(record.closed_at) == today())",
            "date(record.closed_at) != today()",
            "record.count == record.total",
            "record.count == record.amount",
            "record.count != record.total",
            "record.closed_at == record.created_at",
            "(record.count > 3) == record.active",
            "coalesce(record.active, true)",
            "!coalesce(record.active, record.locked)",
            "record.active ? record.count > 1 : record.total > 1",
            "!(record.active ? record.count > 1 : record.total > 1)",
            "!(record.closed_at == null)",
        ],
        &expect![[r#"
            record.status != 'open'
              "status" IS NOT ?  ['open']
              "status" IS DISTINCT FROM $1  ['open']
            record.name != 'x'
              "name" <> $1  ['x']
            !(record.status == 'open')
              "status" IS NOT ?  ['open']
              "status" IS DISTINCT FROM $1  ['open']
            !(record.count > 3)
              ("count" > $1) IS NOT TRUE  [3]
            !(record.total > 3)
              "total" <= $1  [3]
            !record.active
              ("active" = $1) IS NOT TRUE  [true]
            !record.locked
              "locked" = $1  [false]
            !(record.count > 3 && record.active)
              (("count" > $1) IS NOT TRUE) OR (("active" = $2) IS NOT TRUE)  [3, true]
            !(record.status in ['a', 'b'])
              ("status" IN ($1, $2)) IS NOT TRUE  ['a', 'b']
            !record.status.startsWith('x')
              ("status" >= $1 AND "status" < $2) IS NOT TRUE  ['x', 'y']
            !(date(record.closed_at) == today())
              ("closed_at" >= $1 AND "closed_at" < $2) IS NOT TRUE  [2026-03-01T16:00:00+00:00, 2026-03-02T16:00:00+00:00]
            date(record.closed_at) != today()
              ("closed_at" >= $1 AND "closed_at" < $2) IS NOT TRUE  [2026-03-01T16:00:00+00:00, 2026-03-02T16:00:00+00:00]
            record.count == record.total
              "count" = "total"  []
            record.count == record.amount
              ("count" * ?) IS "amount"  [100]
              ("count" * $1) IS NOT DISTINCT FROM "amount"  [100]
            record.count != record.total
              "count" IS NOT "total"  []
              "count" IS DISTINCT FROM "total"  []
            record.closed_at == record.created_at
              "closed_at" = "created_at"  []
            (record.count > 3) == record.active
              (("count" > $1) IS TRUE) = "active"  [3]
            coalesce(record.active, true)
              COALESCE("active", $1)  [true]
            !coalesce(record.active, record.locked)
              NOT COALESCE("active", "locked")  []
            record.active ? record.count > 1 : record.total > 1
              (CASE WHEN ("active" = $1) THEN "count" > $2 ELSE "total" > $3 END)  [true, 1, 1]
            !(record.active ? record.count > 1 : record.total > 1)
              (CASE WHEN ("active" = $1) THEN ("count" > $2) IS NOT TRUE ELSE "total" <= $3 END)  [true, 1, 1]
            !(record.closed_at == null)
              "closed_at" IS NOT NULL  []
        "#]],
    );
}

#[test]
fn arithmetic_and_functions() {
    check(
        &[
            "record.count + 1 > record.total",
            "record.amount + record.count > 100",
            "record.amount * 0.85 >= 99.5",
            "-record.count < 3",
            "coalesce(record.amount, record.count, 0) > 3",
            "(record.active ? record.amount : 0) > 3",
            "record.ratio > record.amount",
            "record.ratio > 0.5",
            "record.count in [0.5, float(settings.hours)]",
            "record.name.lowerAscii() == 'acme'",
            "(record.name + record.status).lowerAscii() > 'm'",
            "size(record.name) > 3 && size(record.tags) > 0",
            "record.name.contains(record.status)",
            "record.name.endsWith(user.name)",
            "record.name.startsWith(record.status)",
            "under(record.region, record.status)",
            "'hot' in record.tags",
            "record.status in record.tags",
            "!('hot' in record.tags)",
            "record.due + days(3) >= today()",
            "record.closed_at + hours(2) > record.created_at",
            "now() - record.created_at > hours(72)",
            "record.worked * 2 > hours(1)",
            "days_between(record.due, now()) > 3",
            "days_between(record.created_at, record.due) > 3",
            "year(record.due) == 2026 && weekday(record.created_at) <= 5",
            "hour(record.created_at) in [8, 9]",
            "record.amount * settings.factor > 5",
            "record.count + settings.hours * 2 > 3",
            "record.amount > float(1) && user.name.matches('x')",
        ],
        &expect![[r#"
            record.count + 1 > record.total
              "count" + $1 > "total"  [1]
            record.amount + record.count > 100
              "amount" + ("count" * $1) > $2  [100, 10000]
            record.amount * 0.85 >= 99.5
              "amount" * $1 >= $2  [85, 995000]
            -record.count < 3
              (0 - "count") < $1  [3]
            coalesce(record.amount, record.count, 0) > 3
              COALESCE("amount", "count" * $1, $2) > $3  [100, 0, 300]
            (record.active ? record.amount : 0) > 3
              (CASE WHEN ("active" = ?) THEN "amount" ELSE ? END) > ?  [true, 0, 300]
              (CASE WHEN ("active" = $1) THEN "amount" ELSE CAST($2 AS bigint) END) > $3  [true, 0, 300]
            record.ratio > record.amount
              "ratio" > (CAST("amount" AS REAL)) / ?  [100.0]
              "ratio" > (CAST("amount" AS double precision)) / $1  [100.0]
            record.ratio > 0.5
              "ratio" > $1  [0.5]
            record.count in [0.5, float(settings.hours)]
              (CAST("count" AS REAL)) IN (?, ?)  [0.5, 72.0]
              (CAST("count" AS double precision)) IN ($1, $2)  [0.5, 72.0]
            record.name.lowerAscii() == 'acme'
              (lower("name")) = ?  ['acme']
              (lower("name" COLLATE "C")) = $1  ['acme']
            (record.name + record.status).lowerAscii() > 'm'
              (lower(("name" || "status"))) > ?  ['m']
              ((lower(("name" || "status") COLLATE "C")) COLLATE "C") > $1  ['m']
            size(record.name) > 3 && size(record.tags) > 0
              (length("name")) > ? AND (json_array_length("tags")) > ?  [3, 0]
              (CAST(char_length("name") AS bigint)) > $1 AND (CAST(jsonb_array_length("tags") AS bigint)) > $2  [3, 0]
            record.name.contains(record.status)
              instr("name", "status") > 0  []
              strpos("name", "status") > 0  []
            record.name.endsWith(user.name)
              substr("name", -length(?)) = ? OR (? = '' AND "name" IS NOT NULL)  ['李明', '李明', '李明']
              right("name", length($1)) = $2  ['李明', '李明']
            record.name.startsWith(record.status)
              substr("name", 1, length("status")) = "status"  []
              starts_with("name", "status")  []
            under(record.region, record.status)
              "region" = "status" OR (substr("region", 1, length(("status" || '/'))) = ("status" || '/'))  []
              "region" = "status" OR (starts_with("region", ("status" || '/')))  []
            'hot' in record.tags
              EXISTS (SELECT 1 FROM json_each("tags") WHERE value = ?)  ['hot']
              "tags" @> to_jsonb($1)  ['hot']
            record.status in record.tags
              EXISTS (SELECT 1 FROM json_each("tags") WHERE value = "status")  []
              "tags" @> to_jsonb("status")  []
            !('hot' in record.tags)
              NOT (EXISTS (SELECT 1 FROM json_each("tags") WHERE value = ?))  ['hot']
              ("tags" @> to_jsonb($1)) IS NOT TRUE  ['hot']
            record.due + days(3) >= today()
              "due" + ? >= ?  [3, 2026-03-02]
              "due" + $1 >= $2  [3i, 2026-03-02]
            record.closed_at + hours(2) > record.created_at
              "closed_at" + ? > "created_at"  [7200000000]
              ("closed_at" + $1 * interval '1 millisecond') > "created_at"  [7200000]
            now() - record.created_at > hours(72)
              (? - "created_at") / ? > ?  [2026-03-02T04:00:00.123456+00:00, 1000, 259200000]
              (CAST(trunc(extract(epoch FROM ($1 - "created_at")) * 1000) AS bigint)) > $2  [2026-03-02T04:00:00.123456+00:00, 259200000]
            record.worked * 2 > hours(1)
              "worked" * $1 > $2  [2, 3600000]
            days_between(record.due, now()) > 3
              ? - "due" > ?  [2026-03-02, 3]
              (CAST(($1 - "due") AS bigint)) > $2  [2026-03-02, 3]
            days_between(record.created_at, record.due) > 3
              "due" - mortise_local(?, "created_at", ?) > ?  ['date', 'Asia/Shanghai', 3]
              (CAST(("due" - (CAST(("created_at" AT TIME ZONE $1) AS date))) AS bigint)) > $2  ['Asia/Shanghai', 3]
            year(record.due) == 2026 && weekday(record.created_at) <= 5
              mortise_local(?, "due" * ?, ?) = ? AND mortise_local(?, "created_at", ?) <= ?  ['year', 86400000000, 'UTC', 2026, 'weekday', 'Asia/Shanghai', 5]
              (CAST(extract(year FROM "due") AS bigint)) = $1 AND (CAST(extract(isodow FROM ("created_at" AT TIME ZONE $2)) AS bigint)) <= $3  [2026, 'Asia/Shanghai', 5]
            hour(record.created_at) in [8, 9]
              mortise_local(?, "created_at", ?) IN (?, ?)  ['hour', 'Asia/Shanghai', 8, 9]
              (CAST(extract(hour FROM ("created_at" AT TIME ZONE $1)) AS bigint)) IN ($2, $3)  ['Asia/Shanghai', 8, 9]
            record.amount * settings.factor > 5
              15: this could become larger than the database can count; keep the result in a computed field and compare that
              数值可能超出数据库的范围；可将结果保存为计算字段，再比较该字段
            record.count + settings.hours * 2 > 3
              "count" + $1 > $2  [144, 3]
            record.amount > float(1) && user.name.matches('x')
              $1  [false]
        "#]],
    );
}

#[test]
fn what_cannot_be_translated_is_refused_with_the_reason() {
    check(
        &[
            "record.name.matches('^a')",
            "similarity(record.name, 'x') > 0.8",
            "distance_km(record.place, user.base) < 50",
            "record.tags.exists(t, t == 'x')",
            "record.count in [record.total, 1]",
            "record.count * record.total > 1",
            "record.amount * 99999999 > 1",
            "record.amount * 99999999 == 0.005",
            "record.amount * 99999999 > 1 && false",
            "record.amount / 2 > 1",
            "record.score > 1",
            "record.due + record.worked > today()",
            "record.created_at + days(99999) > now()",
            "record.tags == ['x']",
            "record.ratio * 2 > 1",
            "record.name.trim() == 'x'",
            "round(record.amount) > 1",
            "record.place == user.base",
            "record.amount * 0.12345678 > 1",
            "record.created_at - days(settings.hours * 1000) > now()",
        ],
        &expect![[r#"
            record.name.matches('^a')
              13: `matches` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              `matches` 不能在数据库条件中用于记录的字段；可将结果保存为计算字段，再比较该字段
            similarity(record.name, 'x') > 0.8
              1: `similarity` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              `similarity` 不能在数据库条件中用于记录的字段；可将结果保存为计算字段，再比较该字段
            distance_km(record.place, user.base) < 50
              1: `distance_km` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              `distance_km` 不能在数据库条件中用于记录的字段；可将结果保存为计算字段，再比较该字段
            record.tags.exists(t, t == 'x')
              13: a condition over the items of a list cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              数据库条件中不能逐项检查列表；可将结果保存为计算字段，再比较该字段
            record.count in [record.total, 1]
              17: `in` can look into a list of the record only if it is a stored list of texts
              数据库条件中，`in` 只能用于已保存的文本列表或固定列表
            record.count * record.total > 1
              14: this could become larger than the database can count; keep the result in a computed field and compare that
              数值可能超出数据库的范围；可将结果保存为计算字段，再比较该字段
            record.amount * 99999999 > 1
              15: this could become larger than the database can count; keep the result in a computed field and compare that
              数值可能超出数据库的范围；可将结果保存为计算字段，再比较该字段
            record.amount * 99999999 == 0.005
              15: this could become larger than the database can count; keep the result in a computed field and compare that
              数值可能超出数据库的范围；可将结果保存为计算字段，再比较该字段
            record.amount * 99999999 > 1 && false
              15: this could become larger than the database can count; keep the result in a computed field and compare that
              数值可能超出数据库的范围；可将结果保存为计算字段，再比较该字段
            record.amount / 2 > 1
              15: `/` cannot be used on fields of the record in a database condition; multiply the other side instead
              `/` 不能在数据库条件中用于记录的字段；可将结果保存为计算字段，再比较该字段
            record.score > 1
              1: `score` is not stored in a column, so the database cannot look at it
              `score` 没有保存在数据库中，无法用于筛选
            record.due + record.worked > today()
              14: a date can be moved only by a duration that does not depend on the record; compare the difference of two datetimes instead
              数据库条件中，日期只能加减与记录无关的时长；请改为比较两个时刻之差
            record.created_at + days(99999) > now()
              21: a database condition can move a date by at most a hundred years
              数值可能超出数据库的范围；可将结果保存为计算字段，再比较该字段
            record.tags == ['x']
              1: a value of type list(text) cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              这种类型的值在数据库条件中只能判断是否为空；可将结果保存为计算字段，再比较该字段
            record.ratio * 2 > 1
              14: `*` on these types cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              `*` on these types` 不能在数据库条件中用于记录的字段；可将结果保存为计算字段，再比较该字段
            record.name.trim() == 'x'
              13: `trim` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              `trim` 不能在数据库条件中用于记录的字段；可将结果保存为计算字段，再比较该字段
            round(record.amount) > 1
              1: `round` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              `round` 不能在数据库条件中用于记录的字段；可将结果保存为计算字段，再比较该字段
            record.place == user.base
              1: a value of type geo cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that
              这种类型的值在数据库条件中只能判断是否为空；可将结果保存为计算字段，再比较该字段
            record.amount * 0.12345678 > 1
              15: this product has more than 9 places, which the database would not round
              乘积的小数位数超过 9 位；可将结果保存为计算字段，再比较该字段
            record.created_at - days(settings.hours * 1000) > now()
              only now 21: a database condition can move a date by at most a hundred years
        "#]],
    );
}

#[test]
fn values_can_be_selected_too() {
    check(
        &[
            "record.amount * 0.5",
            "coalesce(record.status, record.name)",
            "record.locked ? 1 : record.count",
            "today()",
        ],
        &expect![[r#"
            record.amount * 0.5
              "amount" * $1  [5]
            coalesce(record.status, record.name)
              COALESCE("status", "name")  []
            record.locked ? 1 : record.count
              (CASE WHEN ("locked" = ?) THEN ? ELSE "count" END)  [true, 1]
              (CASE WHEN ("locked" = $1) THEN CAST($2 AS bigint) ELSE "count" END)  [true, 1]
            today()
              ?  [2026-03-02]
              CAST($1 AS date)  [2026-03-02]
        "#]],
    );
}

#[test]
fn an_alias_qualifies_every_column() {
    let expression = compile("record.count > 1 && 'x' in record.tags");
    let record = record();
    let sql = with_context(&record, |cx| expression.to_sql(Dialect::Sqlite, Some("r"), cx)).unwrap();
    let text = Query::select().expr(sql).to_string(SqliteQueryBuilder);
    expect![[
        r#"SELECT "r"."count" > 1 AND (EXISTS (SELECT 1 FROM json_each("r"."tags") WHERE value = 'x'))"#
    ]]
    .assert_eq(&text);
}
