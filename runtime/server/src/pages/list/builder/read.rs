//! From an expression to rows, where it has the form that rows are written in. Anything else is no mistake: it stays text.

use super::{Group, Join, Kind, Node, Op, ROWS_MAX, Row};

/// The rows of an expression; none where it cannot be shown as such.
pub(in crate::pages::list) fn read(source: &str, kind: &dyn Fn(&str) -> Option<Kind>) -> Option<Group> {
    let tokens = tokens(source)?;
    let mut reader = Reader { tokens: &tokens, at: 0, rows: 0, kind };
    let node = reader.any(0)?;
    if reader.at != tokens.len() || reader.rows > ROWS_MAX {
        return None;
    }
    Some(match node {
        Node::Group(group) => group,
        row => Group { join: Join::And, items: vec![row] },
    })
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

/// Signs, longer ones first.
const SIGNS: [&str; 17] =
    ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-", "!"];

fn tokens(source: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' || first == '\'' {
            let length = closing(rest, first)?;
            tokens.push(Token::Text(unquoted(&rest[..length])?));
            length
        } else if first.is_ascii_digit() {
            let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            tokens.push(Token::Number(rest[..length].to_owned()));
            length
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..length].to_owned()));
            length
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

/// Bytes up to and with the quote that ends a text.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// The text between quotes. Escapes that JSON does not have are left to the text form of the filter.
fn unquoted(text: &str) -> Option<String> {
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(inner) if inner.contains(['\\', '"']) => None,
        Some(inner) => Some(inner.to_owned()),
        None => serde_json::from_str(text).ok(),
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    rows: usize,
    kind: &'a dyn Fn(&str) -> Option<Kind>,
}

impl Reader<'_> {
    fn sign(&mut self, sign: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Sign(known)) if *known == sign);
        self.at += usize::from(there);
        there
    }

    fn need(&mut self, sign: &str) -> Option<()> {
        self.sign(sign).then_some(())
    }

    fn word(&mut self, word: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Word(known)) if known == word);
        self.at += usize::from(there);
        there
    }

    fn text(&mut self) -> Option<String> {
        let Some(Token::Text(text)) = self.tokens.get(self.at) else { return None };
        self.at += 1;
        Some(text.clone())
    }

    /// Parts of which one has to hold.
    fn any(&mut self, depth: usize) -> Option<Node> {
        let mut items = vec![self.all(depth)?];
        while self.sign("||") {
            items.push(self.all(depth)?);
        }
        joined(Join::Or, items)
    }

    /// Parts that have to hold together.
    fn all(&mut self, depth: usize) -> Option<Node> {
        let mut items = vec![self.part(depth)?];
        while self.sign("&&") {
            items.push(self.part(depth)?);
        }
        joined(Join::And, items)
    }

    fn part(&mut self, depth: usize) -> Option<Node> {
        if !self.sign("(") {
            self.rows += 1;
            return self.row().map(Node::Row);
        }
        if depth > 2 {
            return None;
        }
        let inner = self.any(depth + 1)?;
        self.need(")")?;
        Some(inner)
    }

    fn row(&mut self) -> Option<Row> {
        let row = if self.word("under") {
            self.need("(")?;
            let field = self.field()?;
            self.need(",")?;
            let row = made(field, Op::Under, self.text()?);
            self.need(")")?;
            row
        } else if self.word("date") {
            self.need("(")?;
            let field = self.field()?;
            self.need(")")?;
            let op = self.comparison()?;
            self.day(field, op)?
        } else if let Some(value) = self.text() {
            self.word("in").then_some(())?;
            made(self.field()?, Op::Has, value)
        } else {
            let field = self.field()?;
            self.compared(field)?
        };
        let kind = (self.kind)(&row.field)?;
        kind.ops().contains(&row.op).then_some(row)
    }

    /// `record.name`.
    fn field(&mut self) -> Option<String> {
        self.word("record").then_some(())?;
        self.need(".")?;
        let Some(Token::Word(name)) = self.tokens.get(self.at) else { return None };
        self.at += 1;
        (self.kind)(name).map(|_| name.clone())
    }

    /// What follows a field.
    fn compared(&mut self, field: String) -> Option<Row> {
        let kind = (self.kind)(&field)?;
        if self.sign(".") {
            let named = [("contains", Op::Contains), ("startsWith", Op::Starts), ("endsWith", Op::Ends)];
            let (_, op) = named.into_iter().find(|(name, _)| self.word(name))?;
            self.need("(")?;
            let row = made(field, op, self.text()?);
            self.need(")")?;
            return Some(row);
        }
        if self.word("in") {
            self.need("[")?;
            let mut values = vec![self.text()?];
            while self.sign(",") {
                values.push(self.text()?);
            }
            self.need("]")?;
            return Some(made(field, Op::Any, values.join("\n")));
        }
        let op = self.comparison()?;
        if matches!(op, Op::Eq | Op::Ne) && self.word("null") {
            return Some(made(field, if op == Op::Eq { Op::Empty } else { Op::Filled }, String::new()));
        }
        match kind {
            Kind::Day => self.day(field, op),
            // The day of a moment is compared; a moment itself is not asked for in rows.
            Kind::Moment => None,
            Kind::Bool => {
                let yes = self.word("true");
                (op == Op::Eq && (yes || self.word("false"))).then_some(())?;
                Some(made(field, if yes { Op::Yes } else { Op::No }, String::new()))
            }
            Kind::Number => Some(made(field, op, self.number()?)),
            Kind::User if op == Op::Eq && self.word("user") => {
                self.need(".")?;
                self.word("id").then(|| made(field, Op::Mine, String::new()))
            }
            Kind::Choice if op == Op::Eq => Some(made(field, Op::Any, self.text()?)),
            _ => Some(made(field, op, self.text()?)),
        }
    }

    fn comparison(&mut self) -> Option<Op> {
        let signs =
            [("==", Op::Eq), ("!=", Op::Ne), ("<=", Op::Lte), (">=", Op::Gte), ("<", Op::Lt), (">", Op::Gt)];
        signs.into_iter().find(|(sign, _)| self.sign(sign)).map(|(_, op)| op)
    }

    fn number(&mut self) -> Option<String> {
        let minus = if self.sign("-") { "-" } else { "" };
        let Some(Token::Number(number)) = self.tokens.get(self.at) else { return None };
        self.at += 1;
        Some(format!("{minus}{number}"))
    }

    /// `date("2026-03-01")`, `today() - days(7)`, `today() + days(7)`.
    fn day(&mut self, field: String, op: Op) -> Option<Row> {
        if self.word("date") {
            self.need("(")?;
            let row = made(field, op, self.text()?);
            self.need(")")?;
            return Some(row);
        }
        self.word("today").then_some(())?;
        self.need("(")?;
        self.need(")")?;
        let op = match op {
            Op::Gte if self.sign("-") => Op::Last,
            Op::Lte if self.sign("+") => Op::Within,
            _ => return None,
        };
        self.word("days").then_some(())?;
        self.need("(")?;
        let days = self.number()?;
        self.need(")")?;
        Some(made(field, op, days))
    }
}

fn made(field: String, op: Op, value: String) -> Row {
    Row { field, op, value, title: String::new() }
}

/// Parts as one; a single one stays as it is. Rows have groups, and groups have rows only.
fn joined(join: Join, mut items: Vec<Node>) -> Option<Node> {
    if items.len() == 1 {
        return items.pop();
    }
    let flat = |node: &Node| match node {
        Node::Row(_) => true,
        Node::Group(group) => group.items.iter().all(|inner| matches!(inner, Node::Row(_))),
    };
    items.iter().all(flat).then_some(Node::Group(Group { join, items }))
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    fn kind(name: &str) -> Option<Kind> {
        Some(match name {
            "name" => Kind::Text,
            "amount" => Kind::Number,
            "due" => Kind::Day,
            "created_at" => Kind::Moment,
            "open" => Kind::Bool,
            "status" => Kind::Choice,
            "tags" => Kind::Choices,
            "owner" => Kind::User,
            "region" => Kind::Tree,
            _ => return None,
        })
    }

    #[test]
    fn what_rows_write_can_be_read_as_rows_again() {
        let sources = [
            r#"record.name.contains("a \"b\" 张\\")"#,
            r#"record.status in ["new", "won"] && record.amount >= -12.5"#,
            r#"record.status == "new" || record.open == false"#,
            r#"record.due <= today() + days(7) && date(record.created_at) >= today() - days(30)"#,
            r#"date(record.created_at) == date("2026-03-01") && record.due > date("2026-01-31")"#,
            r#""hot" in record.tags && under(record.region, "31/0115") && record.owner == user.id"#,
            r#"record.name == null && (record.amount < 3 || record.amount > 5) && record.open == true"#,
            r#"record.name.startsWith("x") || (record.owner != null && record.name.endsWith("y"))"#,
        ];
        for source in sources {
            let group = read(source, &kind).unwrap_or_else(|| panic!("{source}"));
            assert_eq!(write(&group, &kind).as_deref(), Ok(source));
        }
    }

    #[test]
    fn what_rows_cannot_say_stays_text() {
        let sources = [
            "record.amount * 2 > 5",
            "!record.open",
            "record.unknown == 1",
            "size(record.name) > 3",
            r#"record.name < "b""#,
            "record.created_at >= now() - days(1)",
            "(record.amount > 1 || (record.amount < 0 && (record.open == true || record.due == null)))",
            r#"record.name == "a" &&"#,
            r#"record.name == "a"#,
            "",
        ];
        for source in sources {
            assert_eq!(read(source, &kind), None, "{source}");
        }
    }

    #[test]
    fn nothing_typed_gets_out_of_its_quotes() {
        let row = made("name".into(), Op::Eq, r#"" || record.open == true || ""#.into());
        let group = Group { join: Join::And, items: vec![Node::Row(row)] };
        let text = write(&group, &kind).unwrap();
        assert_eq!(text, r#"record.name == "\" || record.open == true || \"""#);
        assert_eq!(read(&text, &kind), Some(group));
    }

    #[test]
    fn a_number_is_digits_only() {
        for text in ["1e9", "", "1.", "x", "1 || true", "--1"] {
            let row = made("amount".into(), Op::Eq, text.into());
            assert!(write(&Group { join: Join::And, items: vec![Node::Row(row)] }, &kind).is_err(), "{text}");
        }
    }
}
