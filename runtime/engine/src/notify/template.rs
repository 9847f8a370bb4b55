//! Rendering templates of apps. They come from outside, so that time, size and depth are bounded, and nothing can be
//! reached from them but the values that they are given.

use std::io;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, escape_formatter};
use mortise_definition::locale::translate;

use crate::error::Error;
use crate::values::Issue;

/// Longest title, comment or message in bytes: nobody reads more on a phone, and robots refuse much less.
const WORDS_BYTES_MAX: usize = 64 * 1024;
/// Longest report in bytes: some hundred pages.
const REPORT_BYTES_MAX: usize = 1024 * 1024;
/// Steps of a template: a table of some thousand rows takes a tenth of them, a circle none the longer.
const FUEL: u64 = 1_000_000;

/// What becomes of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Plain words.
    Words,
    /// HTML: values are escaped.
    Html,
}

/// Renders a template in a language.
pub(super) fn render(form: Form, language: &str, source: &str, values: &Value) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    // A name that is not there is a mistake of the template, not a gap in the words.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let escape = if form == Form::Html { AutoEscape::Html } else { AutoEscape::None };
    environment.set_auto_escape_callback(move |_| escape.clone());
    let [yes, no] = ["ui.value.yes", "ui.value.no"].map(|key| translate(language, key, &[]));
    environment.set_formatter(move |out, state, value| match value.kind() {
        minijinja::value::ValueKind::Bool => {
            let word = if value.is_true() { &yes } else { &no };
            escape_formatter(out, state, &Value::from(word.as_str()))
        }
        _ => escape_formatter(out, state, value),
    });
    let limit = if form == Form::Html { REPORT_BYTES_MAX } else { WORDS_BYTES_MAX };
    let mut out = Limited { text: Vec::new(), limit, full: false };
    let done = environment
        .template_from_str(source)
        .and_then(|template| template.render_captured_to(values.clone(), &mut out).map(drop));
    match done {
        Err(_) if out.full => {
            Err(Error::BadRequest(Issue::new("automation.template_long").with("limit", limit)))
        }
        Err(error) => {
            let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            let line = error.line().unwrap_or(1);
            Err(Error::BadRequest(
                Issue::new("automation.template").with("reason", reason).with("line", line),
            ))
        }
        Ok(()) => Ok(String::from_utf8(out.text).expect("templates print text")),
    }
}

/// Takes so many bytes and no more.
struct Limited {
    text: Vec<u8>,
    limit: usize,
    full: bool,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.limit {
            self.full = true;
            return Err(io::Error::other("too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn words(source: &str) -> Result<String, &'static str> {
        let values = context! { record => context! { name => "A <b>", open => true, note => "" } };
        render(Form::Words, "en", source, &values).map_err(|error| error.code())
    }

    #[test]
    fn values_are_words_and_only_html_is_escaped() {
        let values = context! { record => context! { name => "A <b>" } };
        assert_eq!(words("{{ record.name }}: {{ record.open }}").unwrap(), "A <b>: Yes");
        assert_eq!(render(Form::Html, "en", "<p>{{ record.name }}", &values).unwrap(), "<p>A &lt;b&gt;");
        assert_eq!(words("{% if record.note %}x{% else %}y{% endif %}").unwrap(), "y");
    }

    #[test]
    fn a_template_that_errs_runs_away_or_prints_too_much_is_stopped() {
        assert_eq!(words("{{ record.nme }}"), Err("automation.template"));
        assert_eq!(words("{{ 1 / 0 }}{{ [] + 1 }}"), Err("automation.template"));
        assert_eq!(
            words("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
            Err("automation.template")
        );
        assert_eq!(
            words("{% for a in range(9999) %}long words{% endfor %}"),
            Err("automation.template_long")
        );
        assert_eq!(words("{% include 'x' %}"), Err("automation.template"));
    }
}
