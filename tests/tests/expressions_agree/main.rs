//! One expression, three answers, no difference: for random expressions of the SQL subset and random rows, the
//! evaluator, SQLite and PostgreSQL pick the same rows, with nulls, letter case and time zones among them. The
//! databases are real; PostgreSQL is the server that `MORTISE_TEST_POSTGRES` names.

mod databases;
mod grammar;
mod table;

use std::cell::Cell;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use databases::{Postgres, Sqlite};
use mortise_expr::{Context, Dialect, Expression, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use table::{constants, rows, scope};

/// Rows in the table; each value of a column's pool meets most values of the others.
const ROWS: usize = 300;
/// Random expressions, each with its negation. Some twenty seconds with both databases.
const CASES: u32 = 1_500;

const ZONES: [Tz; 5] = [
    chrono_tz::UTC,
    chrono_tz::Asia::Shanghai,
    chrono_tz::America::New_York,
    chrono_tz::Europe::London,
    // Clocks are set forward at midnight here, so that some days have no beginning.
    chrono_tz::America::Havana,
];

struct Bench {
    rows: Vec<Vec<Value>>,
    sqlite: Sqlite,
    postgres: Option<Postgres>,
    /// How many conditions picked some rows, but not all.
    telling: Cell<u32>,
}

impl Bench {
    fn new() -> Bench {
        let rows = rows(ROWS);
        let (sqlite, postgres) = (Sqlite::with(&rows), Postgres::with(&rows));
        Bench { rows, sqlite, postgres, telling: Cell::new(0) }
    }

    /// Compares all answers; `false` where the expression is refused for SQL.
    fn check(&self, source: &str, tz: Tz) -> Result<bool, String> {
        let now: DateTime<Utc> = "2026-03-29T01:30:00.654321Z".parse().expect("a literal instant");
        let expression = match Expression::compile(source, &scope()) {
            Ok(expression) => expression,
            // Constants whose sum is too large are refused at once.
            Err(findings) if findings[0].get("reason") == Some("constant") => return Ok(false),
            Err(findings) => return Err(format!("{source} does not compile: {}", findings[0])),
        };
        if expression.check_sql().is_err() {
            return Ok(false);
        }
        let constants = constants();
        let mut expected = BTreeSet::new();
        for (id, row) in self.rows.iter().enumerate() {
            let cx = Context { now, tz, roots: &[row, &constants], functions: None };
            match expression.test(&cx) {
                Ok(true) => {
                    expected.insert(id as i64);
                }
                Ok(false) => {}
                Err(error) => return Err(format!("{source} fails on row {id}: {error}")),
            }
        }
        let telling = !expected.is_empty() && expected.len() < self.rows.len();
        self.telling.set(self.telling.get() + u32::from(telling));
        let cx = Context { now, tz, roots: &[&[], &constants], functions: None };
        let sql = |dialect| {
            expression
                .to_sql(dialect, None, &cx)
                .map_err(|refusal| format!("{source} is refused late: {refusal}"))
        };
        self.compare(source, "SQLite", &expected, self.sqlite.select(sql(Dialect::Sqlite)?))?;
        if let Some(postgres) = &self.postgres {
            self.compare(source, "PostgreSQL", &expected, postgres.select(sql(Dialect::Postgres)?))?;
        }
        Ok(true)
    }

    fn compare(
        &self,
        source: &str,
        name: &str,
        expected: &BTreeSet<i64>,
        found: Result<(String, BTreeSet<i64>), String>,
    ) -> Result<(), String> {
        let (sql, found) = found.map_err(|error| format!("{source}\n{name} fails: {error}"))?;
        let Some(id) = expected.symmetric_difference(&found).next() else { return Ok(()) };
        let said = |set: &BTreeSet<i64>| set.contains(id);
        Err(format!(
            "{source}\nthe evaluator says {}, {name} says {} on row {id}:\n{:?}\n{sql}",
            said(expected),
            said(&found),
            self.rows[*id as usize]
        ))
    }
}

#[test]
fn evaluator_sqlite_and_postgres_pick_the_same_rows_for_random_expressions() {
    let bench = Bench::new();
    let (translated, refused) = (Cell::new(0u32), Cell::new(0u32));
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let strategy = (grammar::condition(), prop::sample::select(&ZONES[..]));
    let result = runner.run(&strategy, |(source, tz)| {
        for source in [source.clone(), format!("!({source})")] {
            let counter = match bench.check(&source, tz) {
                Ok(true) => &translated,
                Ok(false) => &refused,
                Err(message) => return Err(TestCaseError::fail(format!("{tz}: {message}"))),
            };
            counter.set(counter.get() + 1);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let (translated, refused, telling) = (translated.get(), refused.get(), bench.telling.get());
    println!(
        "{translated} conditions translated, {refused} refused; {telling} picked some rows, but not all"
    );
    assert!(translated > 4 * refused, "too few of the random expressions reach the databases");
    assert!(2 * telling > translated, "too few of the random expressions tell rows apart");
}

#[test]
fn evaluator_sqlite_and_postgres_agree_on_the_edges() {
    let bench = Bench::new();
    for source in grammar::EDGES {
        for tz in ZONES {
            match bench.check(source, tz) {
                Ok(translated) => assert!(translated, "{source} is refused"),
                Err(message) => panic!("{tz}: {message}"),
            }
        }
    }
}
