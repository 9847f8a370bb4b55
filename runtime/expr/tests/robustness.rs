//! Whatever is typed, the compiler answers; it neither panics nor overflows the stack of a worker thread.

mod support;

use mortise_expr::{Dialect, Expression};
use proptest::prelude::*;
use support::{record, scope, with_context};

/// Everything that can be done with a source.
fn exercise(source: &str) {
    match Expression::compile(source, &scope()) {
        Ok(expression) => {
            let record = record();
            with_context(&record, |cx| {
                let _ = expression.eval(cx);
                let checked = expression.check_sql();
                for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                    let sql = expression.to_sql(dialect, Some("t"), cx);
                    assert!(checked.is_ok() || sql.is_err() || !source.contains("record"), "{source}");
                }
            });
        }
        Err(findings) => {
            assert!(!findings.is_empty());
            for finding in findings {
                assert!(
                    finding.column >= 1 && finding.column <= source.chars().count() + 1,
                    "{finding} in {source:?}"
                );
                finding.render(source);
            }
        }
    }
}

/// Words and signs of the language, so that the checker is reached as well.
fn pieces() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "record",
        ".",
        "count",
        "name",
        "due",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "?",
        ":",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        " in ",
        "1",
        "0.5",
        "9223372036854775807",
        "'x'",
        "\"客\"",
        "null",
        "true",
        "size",
        "has",
        "exists",
        "map",
        "coalesce",
        "x",
        "record.name",
        "record.amount",
        "record.tags",
        "now()",
        "//",
        "'",
        "\"",
        "'''",
        "r'",
        "b'",
        "\\",
        "`",
        "0x",
        "1e9",
        "1u",
        ";",
        "=",
        "&",
        "|",
        "#",
        "\n",
        "\0",
        " ",
        "é",
    ];
    prop::collection::vec(prop::sample::select(WORDS).prop_map(str::to_owned), 0..24).prop_map(|p| p.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_an_answer(source in "\\PC{0,60}") {
        exercise(&source);
    }

    #[test]
    fn any_bytes_that_are_text_get_an_answer(source in prop::collection::vec(any::<char>(), 0..40)) {
        exercise(&source.into_iter().collect::<String>());
    }

    #[test]
    fn any_sequence_of_words_gets_an_answer(source in pieces()) {
        exercise(&source);
    }
}

#[test]
fn deep_sources_are_refused_or_fit_into_a_small_stack() {
    let open = |text: &str, n: usize| text.repeat(n);
    for n in [10, 30, 60, 70, 300, 4000] {
        let sources = [
            format!("{}1{}", open("(", n), open(")", n)),
            format!("{}1", open("1 + ", n)),
            format!("{}1", open("1 < ", n)),
            format!("{}true", open("!", n)),
            format!("{}1", open("-", n)),
            format!("{}1{}", open("[", n), open("]", n)),
            format!("record.name{}", open(".trim()", n)),
            format!("record.tags{}", open("[0]", n)),
            format!("{}1{}", open("size(", n), open(")", n)),
            format!("{}1", open("true ? 1 : ", n)),
            format!("{}1{}", open("true ? ", n), open(" : 1", n)),
            format!("{}true", open("true && ", n)),
            format!("{}1", open("a.", n)),
            format!("{}true{}", open("[1].all(x, ", n), open(")", n)),
            format!("{}1", open("1 in ", n)),
            open("(", n),
            open("!(", n),
            open("f(1)(", n),
            open("?", n),
            open("a?b:", n),
        ];
        for source in sources {
            let worker = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
            worker.spawn(move || exercise(&source)).unwrap().join().unwrap();
        }
    }
}
