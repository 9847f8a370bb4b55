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

/// What can be parsed on any thread. The generated parser takes some ten kilobytes of stack for each level; what
/// nests deeper gets a stack of its own, which costs a thread's start.
const PLAIN_NESTING_LIMIT: usize = 12;

/// Enough for [`NESTING_LIMIT`] levels without optimisation; only what is used becomes real memory.
const PARSER_STACK_BYTES: usize = 32 * 1024 * 1024;

/// A parsed source: the tree and where its nodes stand.
pub(crate) struct Parsed<'s> {
    pub(crate) tree: IdedExpr,
    pub(crate) source: &'s str,
    info: SourceInfo,
    /// Byte offset of each character: the parser tells bytes, people count characters.
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
        let message = "the expression is empty; write a condition such as record.name != null";
        return Err(vec![syntax("empty", 1, message)]);
    }
    let (depth, column) = nesting(source);
    if depth > NESTING_LIMIT {
        let message = format!(
            "the expression nests more than {NESTING_LIMIT} levels deep here; split it up or use fewer parentheses"
        );
        return Err(vec![limit("nesting", column, message)]);
    }
    let parsed = if depth > PLAIN_NESTING_LIMIT { parse_apart(source)? } else { parse_here(source) };
    match parsed {
        Ok((tree, info)) => {
            let offsets = source.char_indices().map(|(offset, _)| offset).chain([source.len()]).collect();
            Ok(Parsed { tree, source, info, offsets })
        }
        // What comes after the first syntax error is mostly its consequence.
        Err(errors) => Err(errors.errors.iter().take(1).map(|error| friendly(source, error)).collect()),
    }
}

type ParserResult = Result<(IdedExpr, SourceInfo), cel::ParseErrors>;

fn parse_here(source: &str) -> ParserResult {
    // An empty environment knows no macros; optional syntax (`a.?b`) is not part of our language.
    cel::Env::default().with_optional_support(false).parser().parse_with_source_info(source)
}

fn parse_apart(source: &str) -> Result<ParserResult, Vec<Diagnostic>> {
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().name("expression parser".to_owned()).stack_size(PARSER_STACK_BYTES);
        let parsed =
            thread.spawn_scoped(scope, || parse_here(source)).ok().and_then(|thread| thread.join().ok());
        parsed.ok_or_else(|| {
            let message =
                "the expression nests too deep to be read now; split it up or use fewer parentheses";
            vec![limit("nesting", 1, message.to_owned())]
        })
    })
}

impl Parsed<'_> {
    /// The byte offset at which a node's token begins.
    pub(crate) fn start(&self, node: &IdedExpr) -> usize {
        let token =
            self.info.offset_for(node.id).map_or(0, |(start, _)| start as usize).min(self.source.len());
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
            let part = c.is_ascii_digit()
                || matches!(c, '.' | 'e' | 'E')
                || (matches!(c, '+' | '-') && matches!(previous, 'e' | 'E'));
            previous = c;
            !part
        });
        &text[..end.unwrap_or(text.len())]
    }
}

fn syntax(reason: &str, column: usize, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("expr.syntax", column, message).arg("reason", reason)
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
    let (before, rest): (String, String) =
        (source.chars().take(column - 1).collect(), source.chars().skip(column - 1).collect());
    let found = offending(&rest);

    if let Some((wrong, instead)) = replacement(before.trim_end(), &found) {
        let message = format!("`{wrong}` is not an operator here; write {instead}");
        return syntax("operator", column, message).arg("found", wrong).arg("suggestion", instead);
    }
    let unknown_token = detail.starts_with("token recognition");
    let (reason, message) = if rest.is_empty() {
        (
            "end",
            "the expression ends too early; a value, an operand or a closing bracket is missing".to_owned(),
        )
    } else if rest.starts_with(['\'', '"']) && unknown_token {
        ("open_text", "this text is not closed; add the missing quotation mark".to_owned())
    } else if unknown_token {
        let hint = "put texts in quotation marks, and use only ASCII operators";
        ("character", format!("`{found}` cannot be used here; {hint}"))
    } else if detail.starts_with("reserved identifier") {
        ("reserved", format!("`{found}` is a reserved word and cannot be a name"))
    } else if detail.starts_with("invalid") {
        ("literal", format!("{detail}; check how it is written"))
    } else {
        let hint = "check for a missing operator, comma or bracket before it";
        ("unexpected", format!("`{found}` is not expected here; {hint}"))
    };
    syntax(reason, column, message).arg("found", found)
}

/// The word, number or sign at the beginning of a text, or a few characters of it.
fn offending(rest: &str) -> String {
    const SHOWN_CHARACTERS: usize = 16;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let first = rest.chars().next().unwrap_or(' ');
    let text: String = match first {
        first if word(first) => rest.chars().take_while(|c| word(*c)).collect(),
        '\'' | '"' => rest.chars().take_while(|c| !c.is_whitespace()).collect(),
        _ => {
            rest.chars().take_while(|c| !word(*c) && !c.is_whitespace() && !matches!(c, '\'' | '"')).collect()
        }
    };
    text.chars().take(SHOWN_CHARACTERS).collect()
}

/// A word or sign that other languages use, and what to write instead of it.
fn replacement<'f>(before: &str, found: &'f str) -> Option<(&'f str, &'static str)> {
    let previous = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    Some(match found.to_ascii_lowercase().as_str() {
        "and" => (found, "&&"),
        "or" => (found, "||"),
        "is" => (found, "=="),
        "like" => (found, "text.contains(part)"),
        "=" => (found, "=="),
        "&" => (found, "&&"),
        "|" => (found, "||"),
        ">" if before.ends_with('<') => ("<>", "!="),
        _ if previous.eq_ignore_ascii_case("not") => ("not", "!"),
        _ => return None,
    })
}

/// How deep the source nests, found without recursion, and the character where it first nests so deep (or deeper
/// than allowed). Chains such as `a + b + c` count one level per operator, because the tree of the parser does.
fn nesting(source: &str) -> (usize, usize) {
    let mut deepest = (0, 1);
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
        if depth > deepest.0 {
            deepest = (depth, at + 1);
        }
        if depth > NESTING_LIMIT {
            break;
        }
        at += 1;
    }
    deepest
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
