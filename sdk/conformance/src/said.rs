//! What is said about cases: sentences of the catalogue, told in the language of whoever reads them. Words of other libraries
//! stay as they are.

use std::fmt::{self, Display};

use mortise_definition::locale;
use mortise_plugin_host::run::Failure;

/// A sentence with what it is about.
#[derive(Debug, Clone)]
pub struct Said {
    key: String,
    args: Vec<(&'static str, Detail)>,
}

#[derive(Debug, Clone)]
enum Detail {
    Plain(String),
    Said(Said),
}

impl Said {
    /// A sentence about cases.
    pub(crate) fn new(key: &str) -> Said {
        Said { key: format!("cases.{key}"), args: Vec::new() }
    }

    /// Why a call has no answer, with the words of the machine.
    pub fn failure(failure: &Failure) -> Said {
        let words = Said { key: format!("error.{}", failure.code()), args: Vec::new() };
        let said = Said::new("failure").arg("code", failure.code()).saying("words", words);
        said.arg("detail", detail(failure))
    }

    pub(crate) fn arg(mut self, name: &'static str, value: impl Display) -> Said {
        self.args.push((name, Detail::Plain(value.to_string())));
        self
    }

    pub(crate) fn saying(mut self, name: &'static str, said: Said) -> Said {
        self.args.push((name, Detail::Said(said)));
        self
    }

    /// The sentence in a language.
    pub fn words(&self, language: &str) -> String {
        let told = |detail: &Detail| match detail {
            Detail::Plain(text) => text.clone(),
            Detail::Said(said) => said.words(language),
        };
        let args: Vec<_> = self.args.iter().map(|(name, detail)| (*name, told(detail))).collect();
        let args: Vec<_> = args.iter().map(|(name, text)| (*name, text.as_str())).collect();
        locale::translate(language, &self.key, &args).trim_end().to_owned()
    }
}

impl Display for Said {
    /// English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words("en"))
    }
}

/// What the words of the catalogue leave open.
fn detail(failure: &Failure) -> String {
    let detail = match failure {
        Failure::Fault(fault) => fault.message.clone(),
        Failure::Trap { reason } | Failure::Output { reason } | Failure::Unavailable { reason } => {
            reason.clone()
        }
        Failure::Limit(exceeded) => exceeded.to_string(),
        Failure::Deadline { limit_ms } => format!("{limit_ms} ms"),
        Failure::Missing { point, name } => format!("{} {name}", point.name()),
        Failure::Busy | Failure::Resting { .. } => return String::new(),
    };
    format!("({detail})")
}
