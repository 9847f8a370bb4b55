//! Why a value was refused: a code that programs test and arguments for the sentence that people read.

/// Longest piece of the refused text that is repeated in a message; the rest says nothing to the reader.
const SHOWN_CHARS: usize = 60;

/// Why a value was refused. The text is `error.<code>` of the catalogue of translations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Stable code, such as `value.too_long`.
    pub code: &'static str,
    /// Arguments of the text, by name.
    pub args: Vec<(&'static str, String)>,
}

impl Issue {
    /// An issue without arguments.
    pub fn new(code: &'static str) -> Issue {
        Issue { code, args: Vec::new() }
    }

    /// An issue that repeats the refused text, shortened.
    pub fn of(code: &'static str, value: &str) -> Issue {
        Issue::new(code).with("value", shown(value))
    }

    /// The issue with one more argument.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "arguments are literals and temporaries")]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Issue {
        self.args.push((name, value.to_string()));
        self
    }
}

/// The beginning of a text, fit to be put into a sentence.
fn shown(text: &str) -> String {
    let text = text.trim();
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => text[..end].chars().map(clean).chain(['…']).collect(),
        None => text.chars().map(clean).collect(),
    }
}
