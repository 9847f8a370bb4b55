//! The words of `plugin.json` for kits in other languages: `words.json` says what this crate says, in the same order.

use mortise_wit::{CAPABILITIES, POINTS, Word};

#[test]
fn words_json_holds_the_words_of_this_crate() {
    let lines = |words: &[Word]| {
        let lines: Vec<String> =
            words.iter().map(|word| format!("    \"{}\": \"{}\"", word.name, word.interface)).collect();
        lines.join(",\n")
    };
    let expected = format!(
        "{{\n  \"capabilities\": {{\n{}\n  }},\n  \"points\": {{\n{}\n  }}\n}}\n",
        lines(&CAPABILITIES),
        lines(&POINTS)
    );
    assert_eq!(include_str!("../words.json"), expected);
}
