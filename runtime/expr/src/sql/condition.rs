//! Conditions: logic, null, and the functions that give true or false.

use sea_query::{CaseStatement, Expr, ExprTrait};

use super::compare::comparable_constant;
use super::{Atom, Dialect, Known, Sense, Translator, is_row_member, refuse, truth};
use crate::node::{Function, Kind, Node, NodeRef};
use crate::{Diagnostic, Type, Value};

/// The longest list of constants beside `in`. Databases bind at most 32766 parameters in a statement; a longer
/// list is better a table.
const IN_LIST_LIMIT: usize = 10_000;

impl Translator<'_> {
    pub(super) fn condition(&self, node: &Node, sense: Sense) -> Result<Expr, Diagnostic> {
        match self.known(node)? {
            Some(Known::Value(value)) => return Ok(truth(value.is_true() != sense.negated)),
            Some(Known::Later) => return Ok(truth(true)),
            None => {}
        }
        match &node.kind {
            Kind::Not(operand) => self.condition(operand, sense.negate()),
            Kind::And(a, b) => self.logic(!sense.negated, a, b, sense),
            Kind::Or(a, b) => self.logic(sense.negated, a, b, sense),
            Kind::Compare(comparison, a, b) => self.comparison(*comparison, a, b, sense),
            Kind::If(condition, yes, no) => {
                if let Some(Known::Value(value)) = self.known(condition)? {
                    return self.condition(if value.is_true() { yes } else { no }, sense);
                }
                let condition = self.condition(condition, Sense::PLAIN)?;
                let (yes, no) = (self.condition(yes, sense)?, self.condition(no, sense)?);
                Ok(CaseStatement::new().case(condition, yes).finally(no).into())
            }
            Kind::Member { slot, .. } if !node.nullable => {
                Ok(self.column(node, *slot)?.eq(truth(!sense.negated)))
            }
            _ => Ok(self.finish(self.atom(node)?, sense)),
        }
    }

    fn logic(&self, and: bool, a: &NodeRef, b: &NodeRef, sense: Sense) -> Result<Expr, Diagnostic> {
        if self.cx.is_none() {
            // The evaluator may look at both before one decides, so both have to be translatable.
            return Ok(self.condition(a, sense)?.and(self.condition(b, sense)?));
        }
        let mut parts = Vec::with_capacity(2);
        for part in [a, b] {
            if let Some(Known::Value(value)) = self.known(part)? {
                // The neutral truth drops out; the other one decides, as it does in the evaluator.
                if (value.is_true() != sense.negated) != and {
                    return Ok(truth(!and));
                }
                continue;
            }
            parts.push(self.condition(part, sense)?);
        }
        let joined = parts.into_iter().reduce(|a, b| if and { a.and(b) } else { a.or(b) });
        Ok(joined.unwrap_or_else(|| truth(and)))
    }

    /// A condition on the row that is neither logic nor a comparison, in plain sense.
    pub(super) fn atom(&self, node: &Node) -> Result<Atom, Diagnostic> {
        let plain = |sql| Ok(Atom { sql, nullable: node.nullable });
        match &node.kind {
            Kind::Member { slot, .. } => plain(self.column(node, *slot)?.eq(truth(true))),
            Kind::In(item, list) => self.membership(node, item, list),
            Kind::Call(Function::StartsWith, args) => plain(self.starts_with(&args[0], &args[1])?),
            Kind::Call(Function::Under, args) => plain(self.under(&args[0], &args[1])?),
            Kind::Call(Function::Contains, args) => {
                let parts = [self.operand(&args[0])?, self.operand(&args[1])?];
                plain(match self.dialect {
                    Dialect::Sqlite => self.custom("instr({}, {}) > 0", parts),
                    Dialect::Postgres => self.custom("strpos({}, {}) > 0", parts),
                })
            }
            Kind::Call(Function::EndsWith, args) => {
                let (text, end) = (self.operand(&args[0])?, self.operand(&args[1])?);
                plain(match self.dialect {
                    // A length of 0 would take the whole text.
                    Dialect::Sqlite => self.custom(
                        "substr({}, -length({})) = {} OR ({} = '' AND {} IS NOT NULL)",
                        [text.clone(), end.clone(), end.clone(), end, text],
                    ),
                    Dialect::Postgres => self.custom("right({}, length({})) = {}", [text, end.clone(), end]),
                })
            }
            Kind::Call(Function::Coalesce, _) => plain(self.operand(node)?),
            _ => Err(self.untranslatable(node)),
        }
    }

    /// A range where it can be, because every index serves a range.
    fn starts_with(&self, text: &NodeRef, start: &NodeRef) -> Result<Expr, Diagnostic> {
        if let (Some(Known::Value(Value::Text(start))), true) =
            (self.known(start)?, is_row_member(text, self.columns))
        {
            return Ok(range(self.operand(text)?, &start));
        }
        let parts = [self.operand(text)?, self.operand(start)?];
        Ok(self.begins(parts))
    }

    fn begins(&self, [text, start]: [Expr; 2]) -> Expr {
        match self.dialect {
            Dialect::Sqlite => self.custom("substr({}, 1, length({})) = {}", [text, start.clone(), start]),
            Dialect::Postgres => self.custom("starts_with({}, {})", [text, start]),
        }
    }

    fn under(&self, path: &NodeRef, ancestor: &NodeRef) -> Result<Expr, Diagnostic> {
        let same = self.operand(path)?.eq(self.operand(ancestor)?);
        if let (Some(Known::Value(Value::Text(ancestor))), true) =
            (self.known(ancestor)?, is_row_member(path, self.columns))
        {
            return Ok(same.or(range(self.operand(path)?, &format!("{ancestor}/"))));
        }
        let below = self.custom("{} || '/'", [self.operand(ancestor)?]);
        Ok(same.or(self.begins([self.operand(path)?, below])))
    }

    fn membership(&self, node: &Node, item: &NodeRef, list: &NodeRef) -> Result<Atom, Diagnostic> {
        let Some(known) = self.known(list)? else {
            return self.membership_in_column(item, list);
        };
        let items = match known {
            Known::Value(Value::List(items)) => items,
            Known::Value(_) => return Ok(Atom { sql: truth(false), nullable: false }),
            Known::Later => {
                // Whatever the list will hold, the item has to be translatable.
                let sql = self.operand(item)?.is_null();
                return Ok(Atom { sql, nullable: item.nullable });
            }
        };
        if items.len() > IN_LIST_LIMIT {
            let message = format!(
                "the list beside `in` has {} items, but at most {IN_LIST_LIMIT} are allowed",
                items.len()
            );
            return Err(Diagnostic::new("expr.limit", node.column, message).arg("reason", "list"));
        }
        let with_null = items.iter().any(Value::is_null);
        let floats = item.ty.is_number() && list.ty == Type::List(Box::new(Type::Float));
        let operand = if floats { self.float_operand(item)? } else { self.operand(item)? };
        let ty = if floats { &Type::Float } else { &item.ty };
        let mut constants = Vec::with_capacity(items.len());
        for value in items.iter().filter(|value| !value.is_null()) {
            constants.extend(comparable_constant(item, ty, value)?);
        }
        let null = operand.clone().is_null();
        let among = match constants.len() {
            0 => None,
            1 => Some(operand.eq(constants.remove(0))),
            _ => Some(operand.is_in(constants)),
        };
        Ok(match (among, with_null) {
            (None, false) => Atom { sql: truth(false), nullable: false },
            (None, true) => Atom { sql: null, nullable: false },
            (Some(among), false) => Atom { sql: among, nullable: item.nullable },
            (Some(among), true) => Atom { sql: among.or(null), nullable: false },
        })
    }

    /// `'x' in record.tags`: the column holds a list of texts as JSON.
    fn membership_in_column(&self, item: &NodeRef, list: &NodeRef) -> Result<Atom, Diagnostic> {
        let texts = list.ty == Type::List(Box::new(Type::Text));
        if !texts || !is_row_member(list, self.columns) {
            let message = "`in` can look into a list of the record only if it is a stored list of texts";
            return Err(refuse(list, "list", message));
        }
        if matches!(self.known(item)?, Some(Known::Value(Value::Null))) {
            return Ok(Atom { sql: truth(false), nullable: false });
        }
        if self.hidden_by_json_each(item) || self.hidden_by_json_each(list) {
            let message = "this needs a table alias, because a column has the name of one of json_each";
            return Err(refuse(list, "alias", message));
        }
        let (column, item) = (self.operand_list(list)?, self.operand(item)?);
        Ok(match self.dialect {
            Dialect::Sqlite => Atom {
                sql: self.custom("EXISTS (SELECT 1 FROM json_each({}) WHERE value = {})", [column, item]),
                nullable: false,
            },
            Dialect::Postgres => {
                Atom { sql: self.custom("{} @> to_jsonb({})", [column, item]), nullable: true }
            }
        })
    }

    /// The column of a stored list.
    pub(super) fn operand_list(&self, list: &NodeRef) -> Result<Expr, Diagnostic> {
        match list.kind {
            Kind::Member { slot, .. } => self.column(list, slot),
            _ => Err(self.untranslatable(list)),
        }
    }

    /// Whether an unqualified column of the node would be taken for one of `json_each`.
    fn hidden_by_json_each(&self, node: &Node) -> bool {
        let column = |node: &Node| match node.kind {
            Kind::Member { slot, .. } if node.row => self.columns.members[slot].1.as_deref(),
            _ => None,
        };
        let hidden = |node: &Node| column(node).is_some_and(|name| JSON_EACH_COLUMNS.contains(&name));
        self.alias.is_none() && self.dialect == Dialect::Sqlite && node.any(&hidden)
    }

    /// Why a node that depends on the row has no SQL.
    pub(super) fn untranslatable(&self, node: &Node) -> Diagnostic {
        let (what, reason) = match &node.kind {
            Kind::Call(function, _) => (format!("`{}`", function.name()), "function"),
            Kind::Pattern(..) => ("`matches`".to_owned(), "function"),
            Kind::Each(_) => ("a condition over the items of a list".to_owned(), "macro"),
            Kind::List(_) | Kind::Item(..) => ("a list made of fields of the record".to_owned(), "list"),
            Kind::Arithmetic(operation, ..) => {
                (format!("`{}` on these types", operation.symbol()), "operator")
            }
            _ => (format!("a value of type {}", node.ty), "type"),
        };
        let message = format!(
            "{what} cannot be used on fields of the record in a database condition; \
             compare plain fields, or keep the result in a computed field and compare that"
        );
        refuse(node, reason, message).arg("what", what.trim_matches('`'))
    }
}

/// Names that, unqualified inside of a query over `json_each`, would mean its own columns.
const JSON_EACH_COLUMNS: [&str; 10] =
    ["key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root"];

/// All texts that begin so, as a range in the order of code points.
fn range(text: Expr, start: &str) -> Expr {
    let from = text.clone().gte(start);
    match after_prefix(start) {
        Some(end) => from.and(text.lt(end)),
        None => from,
    }
}

/// The least text that is greater than every text with this prefix.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The code points of surrogates are no characters; the one after them is U+E000.
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn the_end_of_a_prefix_range_is_the_next_text_of_no_longer_length() {
        assert_eq!(after_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(after_prefix("客").as_deref(), Some("宣"));
        assert_eq!(after_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(after_prefix("\u{10FFFF}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
