//! From rows to an expression. Every literal is written by its type and quoted, so that nothing that is typed can become a
//! part of the expression itself.

use super::{Group, Join, Kind, Node, Op, ROWS_MAX, Row};

/// Why rows are no filter yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pages::list) enum Wrong {
    /// A value is missing or is none of its field.
    Value(String),
    /// A field does not exist, or has no such comparison.
    Field(String),
    /// Too many rows, or groups within groups within groups.
    Large,
}

/// The expression of a filter; empty when there are no rows.
pub(in crate::pages::list) fn write(
    group: &Group,
    kind: &dyn Fn(&str) -> Option<Kind>,
) -> Result<String, Wrong> {
    let mut rows = 0;
    let text = group_text(group, kind, 0, &mut rows)?;
    if rows > ROWS_MAX { Err(Wrong::Large) } else { Ok(text) }
}

fn group_text(
    group: &Group,
    kind: &dyn Fn(&str) -> Option<Kind>,
    depth: usize,
    rows: &mut usize,
) -> Result<String, Wrong> {
    let mut parts = Vec::new();
    for node in &group.items {
        match node {
            Node::Row(row) => {
                *rows += 1;
                parts.push(row_text(row, kind)?);
            }
            Node::Group(_) if depth > 0 => return Err(Wrong::Large),
            Node::Group(inner) => {
                let text = group_text(inner, kind, depth + 1, rows)?;
                match inner.items.len() {
                    0 => {}
                    1 => parts.push(text),
                    _ => parts.push(format!("({text})")),
                }
            }
        }
    }
    Ok(parts.join(match group.join {
        Join::And => " && ",
        Join::Or => " || ",
    }))
}

fn row_text(row: &Row, kind: &dyn Fn(&str) -> Option<Kind>) -> Result<String, Wrong> {
    let unknown = || Wrong::Field(row.field.clone());
    let kind = kind(&row.field).ok_or_else(unknown)?;
    if !kind.ops().contains(&row.op) {
        return Err(unknown());
    }
    let field = format!("record.{}", row.field);
    let day = if kind == Kind::Moment { format!("date({field})") } else { field.clone() };
    let value = || literal(kind, row.value.trim()).ok_or_else(|| Wrong::Value(row.field.clone()));
    let text = || {
        let text = row.value.trim();
        if text.is_empty() { Err(Wrong::Value(row.field.clone())) } else { Ok(quoted(text)) }
    };
    let days = || row.value.trim().parse::<u16>().map_err(|_| Wrong::Value(row.field.clone()));
    Ok(match row.op {
        Op::Empty => format!("{field} == null"),
        Op::Filled => format!("{field} != null"),
        Op::Yes => format!("{field} == true"),
        Op::No => format!("{field} == false"),
        Op::Mine => format!("{field} == user.id"),
        Op::Eq => format!("{day} == {}", value()?),
        Op::Ne => format!("{day} != {}", value()?),
        Op::Lt => format!("{day} < {}", value()?),
        Op::Lte => format!("{day} <= {}", value()?),
        Op::Gt => format!("{day} > {}", value()?),
        Op::Gte => format!("{day} >= {}", value()?),
        Op::Contains => format!("{field}.contains({})", text()?),
        Op::Starts => format!("{field}.startsWith({})", text()?),
        Op::Ends => format!("{field}.endsWith({})", text()?),
        Op::Has => format!("{} in {field}", text()?),
        Op::Under => format!("under({field}, {})", text()?),
        Op::Last => format!("{day} >= today() - days({})", days()?),
        Op::Within => format!("{day} <= today() + days({})", days()?),
        Op::Any => {
            let values: Vec<String> =
                row.value.split('\n').map(str::trim).filter(|text| !text.is_empty()).map(quoted).collect();
            match values.as_slice() {
                [] => return Err(Wrong::Value(row.field.clone())),
                [one] => format!("{field} == {one}"),
                _ => format!("{field} in [{}]", values.join(", ")),
            }
        }
    })
}

/// A value by its kind; none where the text is no such value.
fn literal(kind: Kind, text: &str) -> Option<String> {
    match kind {
        Kind::Number => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            (plain(whole) && plain(part) && text.len() <= 20).then(|| text.to_owned())
        }
        Kind::Day | Kind::Moment => {
            let day: chrono::NaiveDate = text.parse().ok()?;
            Some(format!("date({})", quoted(&day.to_string())))
        }
        _ => (!text.is_empty()).then(|| quoted(text)),
    }
}

/// A text in quotes. The escapes of JSON are those of expressions, too.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
