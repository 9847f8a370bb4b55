//! Whether what a manifest writes down can be read at all, before anybody knows in which system it is going to be used: conditions
//! and schedules. Never says that they fit to anything.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use mortise_expr::{Expression, Scope};

use crate::problem::Problem;

/// What of an expression is none, whatever its names may mean.
pub fn expression_problems(source: &str, file: &str, pointer: &str) -> Vec<Problem> {
    let found = Expression::compile(source, &Scope::new()).err().unwrap_or_default();
    let unreadable = found.into_iter().filter(|one| matches!(one.code, "expr.syntax" | "expr.limit"));
    unreadable.map(|one| Problem::expression(one, file, pointer)).collect()
}

/// What is wrong with a schedule; one that never comes is wrong as well.
pub fn schedule_problem(line: &str) -> Option<String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let never = |cron: Cron| cron.find_next_occurrence(&chrono::DateTime::UNIX_EPOCH, false).err();
    let error = parser.parse(line.trim()).map_or_else(Some, never)?;
    Some(error.to_string().trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_read_without_knowing_its_names() {
        let codes = |source: &str| -> Vec<&str> {
            expression_problems(source, "plugin.json", "").into_iter().map(|problem| problem.code).collect()
        };
        assert!(codes("after.amount > before.amount && size(after.name) > 2").is_empty());
        assert_eq!(codes("after.amount > "), ["expr.syntax"]);
        assert!(!codes(&"(".repeat(10_000)).is_empty());
    }

    #[test]
    fn a_schedule_has_to_come_at_some_time() {
        assert_eq!(schedule_problem("25 * * * *"), None);
        assert!(schedule_problem("25 * * *").is_some());
        assert!(schedule_problem("0 0 30 2 *").is_some());
    }
}
