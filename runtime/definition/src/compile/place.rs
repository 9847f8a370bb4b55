//! Where in an app the compiler is: a file and a JSON pointer, from which problems are made.

use std::fmt::Write;
use std::sync::Arc;

use mortise_expr::Diagnostic;

use crate::{Kind, Package, Problem, json};

/// A place in a file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    file: Arc<str>,
    pointer: String,
}

impl Place {
    /// The top of an artifact.
    pub(super) fn new(package: &Package, kind: Kind, id: &str) -> Place {
        Place { file: format!("{}/{}", package.app.id, kind.file(id)).into(), pointer: String::new() }
    }

    /// The value under `key`.
    pub(super) fn key(&self, key: &str) -> Place {
        let mut place = self.clone();
        place.pointer.push('/');
        place.pointer.push_str(&json::escape(key));
        place
    }

    /// The item at `index`.
    pub(super) fn index(&self, index: usize) -> Place {
        let mut place = self.clone();
        write!(place.pointer, "/{index}").expect("a string takes every text");
        place
    }

    /// The value at a JSON pointer below.
    pub(super) fn below(&self, pointer: &str) -> Place {
        let mut place = self.clone();
        place.pointer.push_str(pointer);
        place
    }

    /// Where in the file.
    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// An error here.
    pub(super) fn error(&self, code: &'static str) -> Problem {
        Problem::error(code, &*self.file, self.pointer.clone())
    }

    /// A warning here.
    pub(super) fn warning(&self, code: &'static str) -> Problem {
        Problem::warning(code, &*self.file, self.pointer.clone())
    }

    /// A finding about the expression here.
    pub(super) fn diagnostic(&self, diagnostic: Diagnostic) -> Problem {
        Problem::expression(diagnostic, &*self.file, self.pointer.clone())
    }
}
