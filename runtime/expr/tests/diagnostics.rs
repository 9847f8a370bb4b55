//! What a person is told about an expression that is wrong: where, what, and what to do.

mod support;

use expect_test::{Expect, expect};
use mortise_expr::Expression;
use support::scope;

fn check(sources: &[&str], expected: &Expect) {
    let mut text = String::new();
    for source in sources {
        match Expression::compile(source, &scope()) {
            Ok(_) => text.push_str(&format!("{source}\n  is accepted\n")),
            Err(findings) => {
                for finding in findings {
                    let chinese = finding.message_in("zh-CN");
                    assert_ne!(chinese, finding.message, "{source} has no Chinese message");
                    text.push_str(&finding.render(source));
                    text.push_str(&format!("\n  {chinese}\n"));
                }
            }
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn slips_of_syntax() {
    check(
        &[
            "",
            "record.count >",
            "(record.count > 1",
            "record.count > 1)",
            "record.count = 1",
            "record.count > 1 and record.locked",
            "not record.locked",
            "record.locked & record.active",
            "record.count <> 3",
            "record.name == 'open",
            "record.name == “open”",
            "record.count > 1 ？ 2 : 3",
            "record.count 3",
            "record.if",
            "if > 3",
            "record.count > 12345678901234567890",
            "record.tags.map(x)",
            "record.?name",
            "record.name ==\n  'a' 'b'",
        ],
        &expect![[r#"
            expr.syntax at 1:1: the expression is empty; write a condition such as record.name != null

              ^
              表达式为空；请填写条件，例如 record.name != null
            expr.syntax at 1:15: the expression ends too early; a value, an operand or a closing bracket is missing
              record.count >
                            ^
              表达式不完整，缺少值、运算对象或右括号
            expr.syntax at 1:18: the expression ends too early; a value, an operand or a closing bracket is missing
              (record.count > 1
                               ^
              表达式不完整，缺少值、运算对象或右括号
            expr.syntax at 1:17: `)` is not expected here; check for a missing operator, comma or bracket before it
              record.count > 1)
                              ^
              这里不应出现 `)`；请检查前面是否缺少运算符、逗号或括号
            expr.syntax at 1:14: `=` is not an operator here; write ==
              record.count = 1
                           ^
              这里不能使用 `=`，请改写为 ==
            expr.syntax at 1:18: `and` is not an operator here; write &&
              record.count > 1 and record.locked
                               ^
              这里不能使用 `and`，请改写为 &&
            expr.syntax at 1:5: `not` is not an operator here; write !
              not record.locked
                  ^
              这里不能使用 `not`，请改写为 !
            expr.syntax at 1:15: `&` is not an operator here; write &&
              record.locked & record.active
                            ^
              这里不能使用 `&`，请改写为 &&
            expr.syntax at 1:15: `<>` is not an operator here; write !=
              record.count <> 3
                            ^
              这里不能使用 `<>`，请改写为 !=
            expr.syntax at 1:16: this text is not closed; add the missing quotation mark
              record.name == 'open
                             ^
              文本缺少结束引号，请补上
            expr.syntax at 1:16: `“` cannot be used here; put texts in quotation marks, and use only ASCII operators
              record.name == “open”
                             ^
              这里不能使用 `“`；文本请加英文引号，运算符请使用英文半角符号
            expr.syntax at 1:18: `？` cannot be used here; put texts in quotation marks, and use only ASCII operators
              record.count > 1 ？ 2 : 3
                               ^
              这里不能使用 `？`；文本请加英文引号，运算符请使用英文半角符号
            expr.syntax at 1:14: `3` is not expected here; check for a missing operator, comma or bracket before it
              record.count 3
                           ^
              这里不应出现 `3`；请检查前面是否缺少运算符、逗号或括号
            expr.unknown_name at 1:8: there is no `if` in `record`; check the spelling, or put texts in quotation marks
              record.if
                     ^
              `record` 中没有 `if`；请检查拼写；如果是文本，请加引号
            expr.syntax at 1:1: `if` is a reserved word and cannot be a name
              if > 3
              ^
              `if` 是保留字，不能用作名称
            expr.syntax at 1:16: invalid int literal; check how it is written
              record.count > 12345678901234567890
                             ^
              这个值的写法有误，请检查
            expr.type at 1:13: `map` is given 1 arguments; it is used as list.map(x, value) → list
              record.tags.map(x)
                          ^
              `map` 的参数个数或写法不对，用法：list.map(x, value) → list
            expr.syntax at 1:7: `.?` is not expected here; check for a missing operator, comma or bracket before it
              record.?name
                    ^
              这里不应出现 `.?`；请检查前面是否缺少运算符、逗号或括号
            expr.syntax at 2:7: `'b'` is not expected here; check for a missing operator, comma or bracket before it
                'a' 'b'
                    ^
              这里不应出现 `'b'`；请检查前面是否缺少运算符、逗号或括号
        "#]],
    );
}

#[test]
fn names_that_do_not_exist() {
    check(
        &[
            "record.stauts == 'open'",
            "status == 'open'",
            "recrod.count > 1",
            "open",
            "record",
            "record.name.first",
            "record.nothing > 1 && user.nmae == record.stats",
            "sise(record.name)",
            "exists(record.tags)",
            "crm.score(record.name)",
            "record.tags.exists(t, tt == 'x')",
        ],
        &expect![[r#"
            expr.unknown_name at 1:8: there is no `stauts` in `record`; did you mean `status`?
              record.stauts == 'open'
                     ^
              `record` 中没有 `stauts`；是否想写 `status`？
            expr.unknown_name at 1:1: there is no `status`; did you mean `record.status`?
              status == 'open'
              ^
              没有名为 `status` 的内容；是否想写 `record.status`？
            expr.unknown_name at 1:1: there is no `recrod`; did you mean `record`?
              recrod.count > 1
              ^
              没有名为 `recrod` 的内容；是否想写 `record`？
            expr.unknown_name at 1:1: there is no `open`; check the spelling, or put texts in quotation marks
              open
              ^
              没有名为 `open` 的内容；请检查拼写；如果是文本，请加引号
            expr.type at 1:1: `record` is a group of fields; name one of them, such as record.status
              record
              ^
              `record` 是一组字段，请写明其中的某个字段
            expr.type at 1:13: `.first` cannot be read from a value of type text; it has no fields
              record.name.first
                          ^
              这个值没有字段，不能读取 `.first`
            expr.unknown_name at 1:8: there is no `nothing` in `record`; check the spelling, or put texts in quotation marks
              record.nothing > 1 && user.nmae == record.stats
                     ^
              `record` 中没有 `nothing`；请检查拼写；如果是文本，请加引号
            expr.unknown_name at 1:28: there is no `nmae` in `user`; did you mean `name`?
              record.nothing > 1 && user.nmae == record.stats
                                         ^
              `user` 中没有 `nmae`；是否想写 `name`？
            expr.unknown_name at 1:43: there is no `stats` in `record`; did you mean `status`?
              record.nothing > 1 && user.nmae == record.stats
                                                        ^
              `record` 中没有 `stats`；是否想写 `status`？
            expr.unknown_name at 1:1: there is no function `sise`; did you mean `size`?
              sise(record.name)
              ^
              没有名为 `sise` 的函数；是否想写 `size`？
            expr.unknown_name at 1:1: there is no function `exists`; write list.exists(x, …)
              exists(record.tags)
              ^
              没有名为 `exists` 的函数；是否想写 `exists`？
            expr.unknown_name at 1:5: there is no function `crm.score`; the documentation lists all functions
              crm.score(record.name)
                  ^
              没有名为 `crm.score` 的函数，可用函数请查阅文档
            expr.unknown_name at 1:23: there is no `tt`; check the spelling, or put texts in quotation marks
              record.tags.exists(t, tt == 'x')
                                    ^
              没有名为 `tt` 的内容；请检查拼写；如果是文本，请加引号
        "#]],
    );
}

#[test]
fn types_that_do_not_go_together() {
    check(
        &[
            "record.count == 'three'",
            "record.name + 1",
            "record.due - today() > 3",
            "record.due + 3",
            "record.due < now()",
            "record.due < 'tomorrow'",
            "record.owner == 'me'",
            "record.worked > 3",
            "record.count && record.locked",
            "record.name ? 1 : 2",
            "!record.due",
            "record.locked ? 1 : 'one'",
            "[1, 'a']",
            "record.count > null",
            "record.locked < true",
            "record.extra == record.extra",
            "record.count in record.tags",
            "'a' in record.name",
            "record.count.startsWith('1')",
            "record.name.startsWith()",
            "round(record.amount, record.count)",
            "record.name.matches('(')",
            "date('2026-02-30')",
            "datetime('yesterday')",
            "record.count.exists(x, x)",
            "record.tags.exists(1, true)",
            "has(3)",
            "-record.name",
            "record.tags['a']",
            "{'a': 1}",
            "b'abc'",
            "9223372036854775807 + 1",
            "hour(record.due)",
        ],
        &expect![[r#"
            expr.type at 1:14: `==` does not work with int and text; write numbers without quotation marks, or use int(…) or decimal(…, scale) on the text
              record.count == 'three'
                           ^
              `==` 不能用于整数和文本
            expr.type at 1:13: `+` does not work with text and int; use string(…) on the part that is not text
              record.name + 1
                          ^
              `+` 不能用于文本和整数
            expr.type at 1:12: `-` does not work with date and date; use days_between(earlier, later)
              record.due - today() > 3
                         ^
              `-` 不能用于日期和日期
            expr.type at 1:12: `+` does not work with date and int; use days(n), hours(n) or minutes(n)
              record.due + 3
                         ^
              `+` 不能用于日期和整数
            expr.type at 1:12: `<` does not work with date and datetime; use date(…) on the datetime
              record.due < now()
                         ^
              `<` 不能用于日期和日期时间
            expr.type at 1:12: `<` does not work with date and text; write the day as '2026-03-01'
              record.due < 'tomorrow'
                         ^
              `<` 不能用于日期和文本
            expr.type at 1:14: `==` does not work with id and text; an id is compared with an id, not with a text
              record.owner == 'me'
                           ^
              `==` 不能用于标识和文本
            expr.type at 1:15: `>` does not work with duration and int; use days(n), hours(n) or minutes(n)
              record.worked > 3
                            ^
              `>` 不能用于时长和整数
            expr.type at 1:1: && needs a condition, but this is of type int; compare it, for example with > 0
              record.count && record.locked
              ^
              这里需要一个条件，而不是整数；请写成比较，例如 > 0 或 != null
            expr.type at 1:1: ? : needs a condition, but this is of type text; compare it, for example with != ''
              record.name ? 1 : 2
              ^
              这里需要一个条件，而不是文本；请写成比较，例如 > 0 或 != null
            expr.type at 1:2: ! needs a condition, but this is of type date; compare it, for example with != null
              !record.due
               ^
              这里需要一个条件，而不是日期；请写成比较，例如 > 0 或 != null
            expr.type at 1:15: ? : cannot mix values of type int and text
              record.locked ? 1 : 'one'
                            ^
              这里不能混用整数和文本
            expr.type at 1:1: a list cannot mix values of type int and text
              [1, 'a']
              ^
              这里不能混用整数和文本
            expr.type at 1:14: `>` with null is never true; test for null with == or !=
              record.count > null
                           ^
              与 null 作 `>` 比较永远不成立，请用 == 或 != 判断是否为空
            expr.type at 1:15: values of type bool have no order; compare them with == or !=
              record.locked < true
                            ^
              是非值没有大小顺序，请用 == 或 != 比较
            expr.type at 1:14: values of type json can be compared with null only
              record.extra == record.extra
                           ^
              JSON 类型的值只能与 null 比较
            expr.type at 1:14: `in` does not work with int and list(text)
              record.count in record.tags
                           ^
              `in` 不能用于整数和文本列表
            expr.type at 1:5: `in` needs a list on its right side, but this is of type text; for texts write text.contains(part)
              'a' in record.name
                  ^
              `in` 不能用于文本
            expr.type at 1:1: `startsWith` needs text here, but this is of type int
              record.count.startsWith('1')
              ^
              `startsWith` 的参数类型不对，这里给出的是整数
            expr.type at 1:13: `startsWith` is given 1 arguments; it is used as text.startsWith(start) → bool
              record.name.startsWith()
                          ^
              `startsWith` 的参数个数或写法不对，用法：text.startsWith(start) → bool
            expr.type at 1:22: the number of places of `round` has to be written as a number from 0 to 9
              round(record.amount, record.count)
                                   ^
              `round` 的小数位数必须直接写成 0 到 9 的数字
            expr.type at 1:21: this is not a usable regular expression: unclosed group
              record.name.matches('(')
                                  ^
              正则表达式无法使用：unclosed group
            expr.type at 1:6: this cannot be read; write it as '2026-03-01'
              date('2026-02-30')
                   ^
              无法识别，请写成 '2026-03-01' 的形式
            expr.type at 1:10: this cannot be read; write it as '2026-03-01T08:00:00+08:00'
              datetime('yesterday')
                       ^
              无法识别，请写成 '2026-03-01T08:00:00+08:00' 的形式
            expr.type at 1:14: `exists` needs a list, but this is of type int
              record.count.exists(x, x)
                           ^
              `exists` 不能用于整数
            expr.type at 1:20: the first argument of `exists` has to be a new name for the item, such as x
              record.tags.exists(1, true)
                                 ^
              `exists` 的第一个参数应为列表项的新名称，例如 x
            expr.type at 1:1: `has` needs a field, such as has(record.name)
              has(3)
              ^
              `has` 的参数个数或写法不对，用法：has(record.x)
            expr.type at 1:1: `-` needs a number or a duration, but this is of type text
              -record.name
              ^
              `-` 不能用于文本
            expr.type at 1:13: the position in a list has to be an int, but this is of type text
              record.tags['a']
                          ^
              `[…]` 不能用于文本
            expr.type at 1:1: objects in braces cannot be used in expressions; use fields instead
              {'a': 1}
              ^
              表达式中不能使用花括号对象，请改用字段
            expr.type at 1:1: bytes (b'…') cannot be used; write the text without the b
              b'abc'
              ^
              不能使用字节串（b'…'），请去掉前面的 b
            expr.type at 1:21: the result of `+` is too large
              9223372036854775807 + 1
                                  ^
              `+` 的结果过大
            expr.type at 1:6: `hour` needs a datetime, but this is of type date
              hour(record.due)
                   ^
              `hour` 的参数类型不对，这里给出的是日期
        "#]],
    );
}

#[test]
fn limits_are_named() {
    let deep = format!("{}1{} > 0", "(".repeat(100), ")".repeat(100));
    let chain = format!("{}1 > 0", "1 + ".repeat(100));
    let long = format!("'{}' == ''", "x".repeat(9000));
    for (source, start) in [(deep, "expr.limit"), (chain, "expr.limit"), (long, "expr.limit")] {
        let findings = Expression::compile(&source, &scope()).unwrap_err();
        assert_eq!((findings.len(), findings[0].code), (1, start));
    }
    let wide = vec!["record.name == 'x'"; 300].join(" || ");
    assert!(Expression::compile(&wide, &scope()).is_ok());
}
