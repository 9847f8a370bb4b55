//! What a person is told about an expression that is wrong: where, what, and what to do.

mod support;

use expect_test::{Expect, expect};
use mortise_expr::Expression;
use support::scope;

fn check(sources: &[&str], expected: Expect) {
    let mut text = String::new();
    for source in sources {
        match Expression::compile(source, &scope()) {
            Ok(_) => text.push_str(&format!("{source}\n  is accepted\n")),
            Err(findings) => {
                for finding in findings {
                    text.push_str(&finding.render(source));
                    text.push('\n');
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
        expect![[r#"
            expr.syntax at 1:1: the expression is empty; write a condition such as record.name != null
  
              ^
            expr.syntax at 1:15: the expression ends too early; a value, an operand or a closing bracket is missing
              record.count >
                            ^
            expr.syntax at 1:18: the expression ends too early; a value, an operand or a closing bracket is missing
              (record.count > 1
                               ^
            expr.syntax at 1:17: `)` is not expected here; check for a missing operator, comma or bracket before it
              record.count > 1)
                              ^
            expr.syntax at 1:14: `=` is not an operator here; write ==
              record.count = 1
                           ^
            expr.syntax at 1:18: `and` is not an operator here; write &&
              record.count > 1 and record.locked
                               ^
            expr.syntax at 1:5: `not` is not an operator here; write !
              not record.locked
                  ^
            expr.syntax at 1:15: `&` is not an operator here; write &&
              record.locked & record.active
                            ^
            expr.syntax at 1:15: `<>` is not an operator here; write !=
              record.count <> 3
                            ^
            expr.syntax at 1:16: this text is not closed; add the missing quotation mark
              record.name == 'open
                             ^
            expr.syntax at 1:16: `“` cannot be used here; put texts in quotation marks, and use only ASCII operators
              record.name == “open”
                             ^
            expr.syntax at 1:18: `？` cannot be used here; put texts in quotation marks, and use only ASCII operators
              record.count > 1 ？ 2 : 3
                               ^
            expr.syntax at 1:14: `3` is not expected here; check for a missing operator, comma or bracket before it
              record.count 3
                           ^
            expr.unknown_name at 1:8: there is no `if` in `record`; check the spelling, or put texts in quotation marks
              record.if
                     ^
            expr.syntax at 1:1: `if` is a reserved word and cannot be a name
              if > 3
              ^
            expr.syntax at 1:16: invalid int literal; check how it is written
              record.count > 12345678901234567890
                             ^
            expr.type at 1:13: `map` is given 1 arguments; it is used as list.map(x, value) → list
              record.tags.map(x)
                          ^
            expr.syntax at 1:7: `.?` is not expected here; check for a missing operator, comma or bracket before it
              record.?name
                    ^
            expr.syntax at 2:7: `'b'` is not expected here; check for a missing operator, comma or bracket before it
                'a' 'b'
                    ^
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
        expect![[r#"
            expr.unknown_name at 1:8: there is no `stauts` in `record`; did you mean `status`?
              record.stauts == 'open'
                     ^
            expr.unknown_name at 1:1: there is no `status`; did you mean `record.status`?
              status == 'open'
              ^
            expr.unknown_name at 1:1: there is no `recrod`; did you mean `record`?
              recrod.count > 1
              ^
            expr.unknown_name at 1:1: there is no `open`; check the spelling, or put texts in quotation marks
              open
              ^
            expr.type at 1:1: `record` is a group of fields; name one of them, such as record.status
              record
              ^
            expr.type at 1:13: `.first` cannot be read from a value of type text; it has no fields
              record.name.first
                          ^
            expr.unknown_name at 1:8: there is no `nothing` in `record`; check the spelling, or put texts in quotation marks
              record.nothing > 1 && user.nmae == record.stats
                     ^
            expr.unknown_name at 1:28: there is no `nmae` in `user`; did you mean `name`?
              record.nothing > 1 && user.nmae == record.stats
                                         ^
            expr.unknown_name at 1:43: there is no `stats` in `record`; did you mean `status`?
              record.nothing > 1 && user.nmae == record.stats
                                                        ^
            expr.unknown_name at 1:1: there is no function `sise`; did you mean `size`?
              sise(record.name)
              ^
            expr.unknown_name at 1:1: there is no function `exists`; write list.exists(x, …)
              exists(record.tags)
              ^
            expr.unknown_name at 1:5: there is no function `crm.score`; the documentation lists all functions
              crm.score(record.name)
                  ^
            expr.unknown_name at 1:23: there is no `tt`; check the spelling, or put texts in quotation marks
              record.tags.exists(t, tt == 'x')
                                    ^
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
        expect![[r#"
            expr.type at 1:14: `==` does not work with int and text; write numbers without quotation marks, or use int(…) or decimal(…, scale) on the text
              record.count == 'three'
                           ^
            expr.type at 1:13: `+` does not work with text and int; use string(…) on the part that is not text
              record.name + 1
                          ^
            expr.type at 1:12: `-` does not work with date and date; use days_between(earlier, later)
              record.due - today() > 3
                         ^
            expr.type at 1:12: `+` does not work with date and int; use days(n), hours(n) or minutes(n)
              record.due + 3
                         ^
            expr.type at 1:12: `<` does not work with date and datetime; use date(…) on the datetime
              record.due < now()
                         ^
            expr.type at 1:12: `<` does not work with date and text; write the day as '2026-03-01'
              record.due < 'tomorrow'
                         ^
            expr.type at 1:14: `==` does not work with id and text; an id is compared with an id, not with a text
              record.owner == 'me'
                           ^
            expr.type at 1:15: `>` does not work with duration and int; use days(n), hours(n) or minutes(n)
              record.worked > 3
                            ^
            expr.type at 1:1: && needs a condition, but this is of type int; compare it, for example with > 0
              record.count && record.locked
              ^
            expr.type at 1:1: ? : needs a condition, but this is of type text; compare it, for example with != ''
              record.name ? 1 : 2
              ^
            expr.type at 1:2: ! needs a condition, but this is of type date; compare it, for example with != null
              !record.due
               ^
            expr.type at 1:15: ? : cannot mix values of type int and text
              record.locked ? 1 : 'one'
                            ^
            expr.type at 1:1: a list cannot mix values of type int and text
              [1, 'a']
              ^
            expr.type at 1:14: `>` with null is never true; test for null with == or !=
              record.count > null
                           ^
            expr.type at 1:15: values of type bool have no order; compare them with == or !=
              record.locked < true
                            ^
            expr.type at 1:14: values of type json can be compared with null only
              record.extra == record.extra
                           ^
            expr.type at 1:14: `in` does not work with int and list(text)
              record.count in record.tags
                           ^
            expr.type at 1:5: `in` needs a list on its right side, but this is of type text; for texts write text.contains(part)
              'a' in record.name
                  ^
            expr.type at 1:1: `startsWith` needs text here, but this is of type int
              record.count.startsWith('1')
              ^
            expr.type at 1:13: `startsWith` is given 1 arguments; it is used as text.startsWith(start) → bool
              record.name.startsWith()
                          ^
            expr.type at 1:22: the number of places of `round` has to be written as a number from 0 to 9
              round(record.amount, record.count)
                                   ^
            expr.type at 1:21: this is not a usable regular expression: unclosed group
              record.name.matches('(')
                                  ^
            expr.type at 1:6: this cannot be read; write it as '2026-03-01'
              date('2026-02-30')
                   ^
            expr.type at 1:10: this cannot be read; write it as '2026-03-01T08:00:00+08:00'
              datetime('yesterday')
                       ^
            expr.type at 1:14: `exists` needs a list, but this is of type int
              record.count.exists(x, x)
                           ^
            expr.type at 1:20: the first argument of `exists` has to be a new name for the item, such as x
              record.tags.exists(1, true)
                                 ^
            expr.type at 1:1: `has` needs a field, such as has(record.name)
              has(3)
              ^
            expr.type at 1:1: `-` needs a number or a duration, but this is of type text
              -record.name
              ^
            expr.type at 1:13: the position in a list has to be an int, but this is of type text
              record.tags['a']
                          ^
            expr.type at 1:1: objects in braces cannot be used in expressions; use fields instead
              {'a': 1}
              ^
            expr.type at 1:1: bytes (b'…') cannot be used; write the text without the b
              b'abc'
              ^
            expr.type at 1:21: the result of `+` is too large
              9223372036854775807 + 1
                                  ^
            expr.type at 1:6: `hour` needs a datetime, but this is of type date
              hour(record.due)
                   ^
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
