//! Similar company names, as two functions for expressions. Keeps no list of companies and learns nothing: the same names
//! always give the same number.

mod lists;
mod name;
mod script;

use mortise_sdk::prelude::*;

schema!("plugin.json");

#[function("company-similarity")]
fn company_similarity(one: &str, other: &str) -> f64 {
    name::similarity(one, other)
}

#[function("company-core")]
fn company_core(name: &str) -> String {
    name::core(name)
}

export!();

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn rows_are_answered_in_their_order() {
        let rows = vec![
            vec![text("深圳市华为技术有限公司"), text("华为技术")],
            vec![text("Acme Ltd"), text("Zenith GmbH")],
        ];
        let answers = exports::function("company-similarity", rows).unwrap();
        assert_eq!(answers[0], Value::Float(1.0));
        assert!(matches!(answers[1], Value::Float(value) if value < 0.4), "{answers:?}");
    }

    #[test]
    fn wrong_arguments_are_a_fault_that_says_which() {
        let wrong = exports::function("company-core", vec![vec![Value::Integer(3)]]).unwrap_err();
        assert_eq!(wrong.message, "argument 1 is not text");
        let few = exports::function("company-similarity", vec![vec![text("A")]]).unwrap_err();
        assert_eq!(few.message, "argument 2 is missing");
        assert!(exports::function("other", Vec::new()).is_err());
    }
}
