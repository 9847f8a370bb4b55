//! FABE: whether a conversation names a feature, its advantage, the benefit for the listener, and evidence. Two functions
//! for expressions; finds words, does not understand them, and says by which sentence it was convinced.

mod coverage;
mod words;

use mortise_sdk::prelude::*;

schema!("plugin.json");

#[function("fabe")]
fn fabe(transcript: &str) -> Value {
    Value::Json(coverage::of(transcript).to_json().to_string())
}

#[function("fabe-missing")]
fn fabe_missing(transcript: &str) -> Vec<String> {
    coverage::of(transcript).missing().map(|element| element.name().to_owned()).collect()
}

export!();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_functions_answer_row_by_row() {
        let row = || vec![Value::Text("这款设备采用伺服电机。所以您可以节省人工。".into())];
        let missing = exports::function("fabe-missing", vec![row(), row()]).unwrap();
        assert_eq!(missing, vec![Value::Many(vec!["advantage".into(), "evidence".into()]); 2]);
        let found = exports::function("fabe", vec![row()]).unwrap();
        let Value::Json(text) = &found[0] else { panic!("{found:?}") };
        assert!(text.contains(r#""feature":["这款设备采用伺服电机"]"#), "{text}");
    }

    #[test]
    fn an_empty_transcript_misses_everything() {
        let missing = exports::function("fabe-missing", vec![vec![Value::Null]]).unwrap();
        assert_eq!(
            missing,
            vec![Value::Many(vec![
                "feature".into(),
                "advantage".into(),
                "benefit".into(),
                "evidence".into()
            ])]
        );
    }
}
