//! The text of an expression: its limits, and how it is parsed into the tree of the crate `cel`. Macros are not
//! expanded, so that the checker sees `list.exists(x, …)` as it was written. Nothing that a person can type may
//! make the parser overflow the stack or panic.

use cel::common::ast::{Expr, IdedExpr, SourceInfo};

use crate::Diagnostic;

/// The longest source in bytes. The longest sensible condition seen so far has some 600 characters; ten times
/// that leaves room and keeps parsing in the range of a few milliseconds.
pub const SOURCE_LIMIT: usize = 8_192;

/// How deep parentheses, calls and chains of operators can nest. Parsing and evaluation recurse; this depth fits
/// into the 2 MiB stack of a worker thread even without optimisation. (`&&` and `||` do not nest.)
pub const NESTING_LIMIT: usize = 64;

/// A parsed source: the tree and where its nodes stand.
pub(crate) struct Parsed<'s> {
    pub(crate) tree: IdedExpr,
    pub(crate) source: &'s str,
    info: SourceInfo,
    /// Byte offset of each character, because the parser counts characters.
    offsets: Vec<usize>,
}

pub(crate) fn parse(source: &str) -> Result<Parsed<'_>, Vec<Diagnostic>> {
    if source.len() > SOURCE_LIMIT {
        let message = format!(
            "the expression has {} bytes, but at most {SOURCE_LIMIT} are allowed; split it up",
            source.len()
        );
        return Err(vec![limit("length", 1, message)]);
    }
    if source.trim().is_empty() {
        return Err(vec![syntax(1, "the expression is empty; write a condition such as record.name != null")]);
    }
    if let Some(column) = too_deep(source) {
        let message = format!(
            "the expression nests more than {NESTING_LIMIT} levels deep here; split it up or use fewer parentheses"
        );
        return Err(vec![limit("nesting", column, message)]);
    }
    // An empty environment knows no macros; optional syntax (`a.?b`) is not part of our language.
    let parser = cel::Env::default().with_optional_support(false).parser();
    match parser.parse_with_source_info(source) {
        Ok((tree, info)) => {
            let offsets = source.char_indices().map(|(offset, _)| offset).chain([source.len()]).collect();
            Ok(Parsed { tree, source, info, offsets })
        }
        Err(errors) => Err(errors.errors.iter().map(|error| friendly(source, error)).collect()),
    }
}

impl Parsed<'_> {
    /// The byte offset at which a node's token begins.
    pub(crate) fn start(&self, node: &IdedExpr) -> usize {
        let character = self.info.offset_for(node.id).map_or(0, |(start, _)| start as usize);
        let token = self.offsets.get(character).copied().unwrap_or(self.source.len());
        match &node.expr {
            // The token of a call is its parenthesis; people look for the name.
            Expr::Call(call) if self.source[token..].starts_with('(') => {
                let before = self.source[..token].trim_end();
                if before.ends_with(&call.func_name) { before.len() - call.func_name.len() } else { token }
            }
            // The token of a selection is its dot.
            Expr::Select(select) => self.source[token..].find(&select.field).map_or(token, |at| token + at),
            _ => token,
        }
    }

    /// The character, counted from 1, at which a node's token begins.
    pub(crate) fn column(&self, node: &IdedExpr) -> usize {
        self.column_at(self.start(node))
    }

    pub(crate) fn column_at(&self, offset: usize) -> usize {
        self.offsets.partition_point(|start| *start < offset) + 1
    }

    /// The digits of a number literal as written, without a sign.
    pub(crate) fn number(&self, node: &IdedExpr) -> &str {
        let text = self.source[self.start(node)..].trim_start_matches('-').trim_start();
        let mut previous = ' ';
        let end = text.find(|c: char| {
            let part = c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E') || (matches!(c, '+' | '-') && matches!(previous, 'e' | 'E'));
            previous = c;
            !part
        });
        &text[..end.unwrap_or(text.len())]
    }
}

fn syntax(column: usize, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("expr.syntax", column, message)
}

fn limit(reason: &str, column: usize, message: String) -> Diagnostic {
    Diagnostic::new("expr.limit", column, message).arg("reason", reason)
}

/// A parser error in words for people who do not know grammars.
fn friendly(source: &str, error: &cel::ParseError) -> Diagnostic {
    let line = usize::try_from(error.pos.0 - 1).unwrap_or(0);
    let before: usize = source.split_inclusive('\n').take(line).map(|text| text.chars().count()).sum();
    let column = before + usize::try_from(error.pos.1).unwrap_or(1).max(1);
    let column = column.min(source.chars().count() + 1);
    let detail = error.msg.trim_start_matches("Syntax error: ");
    let quoted = detail.split('\'').nth(1).unwrap_or_default();
    let rest: String = source.chars().skip(column - 1).collect();
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let found = if word.is_empty() { quoted.to_owned() } else { word };

    if let Some(instead) = replacement(&found, &rest) {
        let message = format!("`{found}` is not an operator here; write {instead}");
        return syntax(column, message).arg("found", found).arg("suggestion", instead);
    }
    let message = if quoted == "<EOF>" || rest.is_empty() {
        "the expression ends too early; a value, an operand or a closing bracket is missing".to_owned()
    } else if rest.starts_with(['\'', '"']) && detail.starts_with("token recognition") {
        "this text is not closed; add the missing quotation mark".to_owned()
    } else if detail.starts_with("token recognition") {
        format!("`{found}` cannot be used here; put texts in quotation marks, and use only ASCII operators")
    } else if detail.starts_with("reserved identifier") {
        format!("`{found}` is a reserved word and cannot be a name")
    } else if detail.starts_with("invalid") {
        format!("{detail}; check how it is written")
    } else {
        format!("`{found}` is not expected here; check for a missing operator, comma or bracket before it")
    };
    syntax(column, message).arg("found", found)
}

/// What to write instead of a word or sign that other languages use.
fn replacement(found: &str, rest: &str) -> Option<&'static str> {
    match found.to_ascii_lowercase().as_str() {
        "and" => Some("&&"),
        "or" => Some("||"),
        "not" => Some("!"),
        "is" => Some("=="),
        _ if rest.starts_with('=') => Some("=="),
        _ if rest.starts_with('&') => Some("&&"),
        _ if rest.starts_with('|') => Some("||"),
        _ if rest.starts_with("<>") => Some("!="),
        _ => None,
    }
}

/// The first character at which the source nests deeper than allowed, found without recursion. Chains such as
/// `a + b + c` count one level per operator, because the tree of the parser does.
fn too_deep(source: &str) -> Option<usize> {
    let characters: Vec<char> = source.chars().collect();
    // For each open bracket: levels that stay until it closes (`?`), and operators since the last separator.
    let mut open = vec![(0usize, 0usize)];
    let mut depth = 0usize;
    let mut at = 0;
    while at < characters.len() {
        let next = characters.get(at + 1).copied().unwrap_or(' ');
        match characters[at] {
            '\'' | '"' => {
                at = text_end(&characters, at);
                continue;
            }
            '/' if next == '/' => {
                at += characters[at..].iter().position(|c| *c == '\n').unwrap_or(characters.len() - at);
                continue;
            }
            '(' | '[' | '{' => {
                open.push((0, 0));
                depth += 1;
            }
            ')' | ']' | '}' if open.len() > 1 => {
                let (stays, chain) = open.pop().unwrap_or_default();
                depth -= stays + chain + 1;
                // What follows a bracket can be chained to it: `f(x)(y)[z]`.
                step(&mut open, &mut depth);
            }
            '?' => {
                if let Some((stays, _)) = open.last_mut() {
                    *stays += 1;
                }
                depth += 1;
            }
            ',' | ':' => reset(&mut open, &mut depth),
            '&' | '|' if next == characters[at] => {
                reset(&mut open, &mut depth);
                at += 1;
            }
            '+' | '-' | '*' | '/' | '%' | '.' | '<' | '>' | '=' | '!' => step(&mut open, &mut depth),
            'i' if next == 'n' && is_word(&characters, at) => step(&mut open, &mut depth),
            _ => {}
        }
        if depth > NESTING_LIMIT {
            return Some(at + 1);
        }
        at += 1;
    }
    None
}

fn step(open: &mut [(usize, usize)], depth: &mut usize) {
    if let Some((_, chain)) = open.last_mut() {
        *chain += 1;
        *depth += 1;
    }
}

fn reset(open: &mut [(usize, usize)], depth: &mut usize) {
    if let Some((_, chain)) = open.last_mut() {
        *depth -= *chain;
        *chain = 0;
    }
}

fn is_word(characters: &[char], at: usize) -> bool {
    let part = |index: Option<usize>| {
        index.and_then(|i| characters.get(i)).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
    };
    !part(at.checked_sub(1)) && !part(Some(at + 2))
}

/// The position after a text literal that begins at `at`, or the end of the source.
fn text_end(characters: &[char], at: usize) -> usize {
    let quote = characters[at];
    let raw = at > 0 && matches!(characters[at - 1], 'r' | 'R');
    let triple = characters[at..].starts_with(&[quote; 3]);
    let mut at = at + if triple { 3 } else { 1 };
    while at < characters.len() {
        match characters[at] {
            '\\' if !raw => at += 1,
            '\n' if !triple => return at,
            c if c == quote && !triple => return at + 1,
            c if c == quote && characters[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => {}
        }
        at += 1;
    }
    characters.len()
}
