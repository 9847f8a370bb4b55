//! From the parsed tree to the typed one: names are resolved, types are checked, constants are folded. The checker
//! goes on after an error, so that a person sees all findings at once; a part that failed has no node.

mod calls;
mod coerce;
mod operators;
mod outside;

use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, SelectExpr, operators as op};

use crate::diagnostic::suggest;
use crate::expression::Reference;
use crate::node::{Comparison, Function, Kind, Node, NodeRef};
use crate::source::Parsed;
use crate::{Context, Decimal, Diagnostic, SCALE_LIMIT, Scope, Type, Value};

pub(crate) use calls::pattern;

/// The result of a successful check.
pub(crate) struct Checked {
    pub(crate) node: NodeRef,
    pub(crate) references: Vec<Reference>,
}

/// Checks a parsed source; with `want`, also that its value can be given as that type.
pub(crate) fn check(
    parsed: &Parsed<'_>,
    scope: &Scope,
    want: Option<&Type>,
) -> Result<Checked, Vec<Diagnostic>> {
    let mut checker = Checker {
        parsed,
        scope,
        row_root: scope.row_root(),
        diagnostics: Vec::new(),
        references: Vec::new(),
        locals: Vec::new(),
        tested: Vec::new(),
        guards: 0,
    };
    let node = checker.lower(&parsed.tree);
    let node = match (node, want) {
        (Some(node), Some(want)) => checker.assign(node, want),
        (node, _) => node,
    };
    match node {
        Some(node) if checker.diagnostics.is_empty() => Ok(Checked { node, references: checker.references }),
        _ => {
            checker.diagnostics.sort_by_key(|diagnostic| diagnostic.column);
            Err(checker.diagnostics)
        }
    }
}

struct Checker<'a> {
    parsed: &'a Parsed<'a>,
    scope: &'a Scope,
    row_root: Option<usize>,
    diagnostics: Vec<Diagnostic>,
    references: Vec<Reference>,
    locals: Vec<Variable>,
    /// Members (root, slot) that are known not to be null where the checker stands.
    tested: Vec<(usize, usize)>,
    /// How many constructs around this place handle null.
    guards: usize,
}

/// The variable of a list macro.
struct Variable {
    name: String,
    ty: Type,
}

impl Checker<'_> {
    /// Records a finding; the part of the expression has no node then.
    fn report(&mut self, diagnostic: Diagnostic) -> Option<NodeRef> {
        self.diagnostics.push(diagnostic);
        None
    }

    fn type_error(&mut self, column: usize, reason: &str, message: impl Into<String>) -> Option<NodeRef> {
        self.type_finding(column, reason, message, &[])
    }

    /// A type error with the details that a message in another language needs.
    fn type_finding(
        &mut self,
        column: usize,
        reason: &str,
        message: impl Into<String>,
        args: &[(&'static str, &dyn std::fmt::Display)],
    ) -> Option<NodeRef> {
        let diagnostic = Diagnostic::new("expr.type", column, message).arg("reason", reason);
        self.report(args.iter().fold(diagnostic, |diagnostic, (name, value)| diagnostic.arg(name, value)))
    }

    fn lower(&mut self, tree: &IdedExpr) -> Option<NodeRef> {
        let column = self.parsed.column(tree);
        match &tree.expr {
            Expr::Literal(literal) => self.literal(tree, literal, column),
            Expr::Ident(name) => self.name_alone(name, column),
            Expr::Select(select) => self.member(tree, select),
            Expr::Call(call) => {
                let args = &call.args;
                match (call.func_name.as_str(), &call.target) {
                    (op::LOGICAL_AND, None) => self.logic(true, &args[0], &args[1], column),
                    (op::LOGICAL_OR, None) => self.logic(false, &args[0], &args[1], column),
                    (op::LOGICAL_NOT, None) => {
                        let operand = self.condition(&args[0], "!")?;
                        self.build(Kind::Not(operand), Type::Bool, false, column)
                    }
                    (op::CONDITIONAL, None) => self.ternary(args, column),
                    (op::IN, None) => self.membership(&args[0], &args[1], column),
                    (op::INDEX, None) => self.index(&args[0], &args[1], column),
                    (op::NEGATE, None) => self.negate(&args[0], column),
                    (name, None) if args.len() == 2 && comparison(name).is_some() => {
                        let comparison = comparison(name)?;
                        self.comparison(comparison, &args[0], &args[1], column)
                    }
                    (name, None) if args.len() == 2 && operators::operation(name).is_some() => {
                        let operation = operators::operation(name)?;
                        self.arithmetic(operation, &args[0], &args[1], column)
                    }
                    _ => self.call(call, column),
                }
            }
            Expr::List(list) => {
                // Every item is looked at, so that each error in it is reported.
                let items: Vec<_> = list.elements.iter().map(|item| self.lower(item)).collect();
                self.list(items.into_iter().collect::<Option<Vec<_>>>()?, column)
            }
            Expr::Map(_) | Expr::Struct(_) => self.type_error(
                column,
                "map",
                "objects in braces cannot be used in expressions; use fields instead",
            ),
            Expr::Comprehension(_) | Expr::Unspecified => {
                let message = "this part of the expression cannot be read";
                self.report(Diagnostic::new("expr.syntax", column, message).arg("reason", "unreadable"))
            }
        }
    }

    fn literal(&mut self, tree: &IdedExpr, literal: &LiteralValue, column: usize) -> Option<NodeRef> {
        let value = match literal {
            LiteralValue::Null => Value::Null,
            LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
            LiteralValue::Int(value) => Value::Int(*value.inner()),
            LiteralValue::UInt(value) => match i64::try_from(*value.inner()) {
                Ok(value) => Value::Int(value),
                Err(_) => return self.type_error(column, "range", "this number is too large"),
            },
            LiteralValue::Double(value) => exact(self.parsed.number(tree), *value.inner()),
            LiteralValue::String(value) if value.inner().contains('\0') => {
                return self.type_error(column, "nul", "a text cannot contain the character NUL (\\0)");
            }
            LiteralValue::String(value) => Value::text(value.inner()),
            LiteralValue::Bytes(_) => {
                return self.type_error(
                    column,
                    "bytes",
                    "bytes (b'…') cannot be used; write the text without the b",
                );
            }
        };
        let ty = value.ty();
        Some(self.constant(value, ty, column))
    }

    /// A name that is not followed by a dot.
    fn name_alone(&mut self, name: &str, column: usize) -> Option<NodeRef> {
        if let Some(local) = self.locals.iter().rposition(|variable| variable.name == name) {
            let ty = self.locals[local].ty.clone();
            return self.build(Kind::Local(local), ty, true, column);
        }
        if let Some((_, shape)) = self.scope.find(name) {
            let example =
                shape.members().first().map_or_else(String::new, |m| format!(", such as {name}.{}", m.name));
            let message = format!("`{name}` is a group of fields; name one of them{example}");
            return self.type_finding(column, "root", message, &[("name", &name)]);
        }
        if let Some(finding) = self.space_alone(name, column) {
            return self.report(finding);
        }
        let qualified = self.scope.roots().find(|(_, shape)| shape.slot(name).is_some());
        let suggestion = qualified.map(|(root, _)| format!("{root}.{name}")).or_else(|| {
            let names = self.scope.roots().map(|(root, _)| root);
            suggest(name, names.chain(self.locals.iter().map(|v| v.name.as_str()))).map(str::to_owned)
        });
        self.unknown(name, "name", suggestion, column)
    }

    fn member(&mut self, tree: &IdedExpr, select: &SelectExpr) -> Option<NodeRef> {
        let column = self.parsed.column(tree);
        let field = select.field.as_str();
        let Expr::Ident(root_name) = &select.operand.expr else {
            let operand = self.lower(&select.operand)?;
            let message =
                format!("`.{field}` cannot be read from a value of type {}; it has no fields", operand.ty);
            return self.type_finding(column, "no_fields", message, &[("name", &field)]);
        };
        if self.locals.iter().any(|variable| variable.name == *root_name) {
            let message =
                format!("`.{field}` cannot be read from `{root_name}`; the items of a list have no fields");
            return self.type_finding(column, "no_fields", message, &[("name", &field)]);
        }
        let root_column = self.parsed.column(&select.operand);
        let Some((root, shape)) = self.scope.find(root_name) else {
            if let Some(finding) = self.space_alone(root_name, root_column) {
                return self.report(finding);
            }
            let suggestion = suggest(root_name, self.scope.roots().map(|(root, _)| root)).map(str::to_owned);
            return self.unknown(root_name, "name", suggestion, root_column);
        };
        let Some(slot) = shape.slot(field) else {
            let suggestion =
                suggest(field, shape.members().iter().map(|member| &*member.name)).map(str::to_owned);
            return self.unknown(field, root_name, suggestion, column);
        };
        let member = &shape.members()[slot];
        let start = self.parsed.start(&select.operand);
        self.references.push(Reference {
            root,
            slot,
            root_name: self.scope.root_name(root).clone(),
            name: member.name.clone(),
            span: start..self.parsed.start(tree) + field.len(),
            column: root_column,
            nullable: member.nullable,
            guarded: self.guards > 0 || self.tested.contains(&(root, slot)),
        });
        let (ty, nullable) = (member.ty.clone(), member.nullable);
        self.build(Kind::Member { root, slot }, ty, nullable, root_column)
    }

    fn unknown(
        &mut self,
        name: &str,
        of: &str,
        suggestion: Option<String>,
        column: usize,
    ) -> Option<NodeRef> {
        let place = if of == "name" { String::new() } else { format!(" in `{of}`") };
        let hint = suggestion.as_ref().map_or_else(
            || "; check the spelling, or put texts in quotation marks".to_owned(),
            |suggestion| format!("; did you mean `{suggestion}`?"),
        );
        let message = format!("there is no `{name}`{place}{hint}");
        let mut diagnostic = Diagnostic::new("expr.unknown_name", column, message).arg("name", name);
        if of != "name" {
            diagnostic = diagnostic.arg("of", of);
        }
        if let Some(suggestion) = suggestion {
            diagnostic = diagnostic.arg("suggestion", suggestion);
        }
        self.report(diagnostic)
    }

    /// Lowers an operand that has to be a condition.
    fn condition(&mut self, tree: &IdedExpr, of: &str) -> Option<NodeRef> {
        let node = self.lower(tree)?;
        if matches!(node.ty, Type::Bool | Type::Null) {
            return Some(node);
        }
        let hint = match node.ty {
            Type::Text => "compare it, for example with != ''",
            ref ty if ty.is_number() => "compare it, for example with > 0",
            _ => "compare it, for example with != null",
        };
        let message = format!("{of} needs a condition, but this is of type {}; {hint}", node.ty);
        self.type_finding(node.column, "condition", message, &[("found", &node.ty)])
    }

    fn logic(&mut self, and: bool, left: &IdedExpr, right: &IdedExpr, column: usize) -> Option<NodeRef> {
        let operator = if and { "&&" } else { "||" };
        let left = self.condition(left, operator);
        let known = self.tested.len();
        if let Some(left) = &left {
            not_null_where(left, and, &mut self.tested);
        }
        let right = self.condition(right, operator);
        self.tested.truncate(known);
        let (left, right) = (left?, right?);
        let kind = if and { Kind::And(left, right) } else { Kind::Or(left, right) };
        self.build(kind, Type::Bool, false, column)
    }

    fn ternary(&mut self, args: &[IdedExpr], column: usize) -> Option<NodeRef> {
        let condition = self.condition(&args[0], "? :");
        let known = self.tested.len();
        let mut branch = |truth: bool, tree: &IdedExpr| {
            if let Some(condition) = &condition {
                not_null_where(condition, truth, &mut self.tested);
            }
            let node = self.lower(tree);
            self.tested.truncate(known);
            node
        };
        let (yes, no) = (branch(true, &args[1]), branch(false, &args[2]));
        let (condition, yes, no) = (condition?, yes?, no?);
        let [yes, no] = self.common(vec![yes, no], "? :", column)?.try_into().ok()?;
        let (ty, nullable) = (yes.ty.clone(), yes.nullable || no.nullable);
        self.build(Kind::If(condition, yes, no), ty, nullable, column)
    }

    /// A list of items of one type.
    fn list(&mut self, items: Vec<NodeRef>, column: usize) -> Option<NodeRef> {
        let items = self.common(items, "a list", column)?;
        let item = items.iter().map(|item| &item.ty).find(|ty| **ty != Type::Null).cloned();
        let ty = Type::List(Box::new(item.unwrap_or(Type::Null)));
        self.build(Kind::List(items), ty, false, column)
    }

    fn constant(&self, value: Value, ty: Type, column: usize) -> NodeRef {
        let nullable = value.is_null();
        Arc::new(Node { kind: Kind::Const(value), ty, nullable, row: false, column })
    }

    /// Makes a node, or the constant that it always gives. A constant that cannot be computed is an error now.
    fn build(&mut self, kind: Kind, ty: Type, nullable: bool, column: usize) -> Option<NodeRef> {
        let mut node = Node { kind, ty, nullable, row: false, column };
        node.row = match node.kind {
            Kind::Member { root, .. } => self.row_root == Some(root),
            _ => node.children().iter().any(|child| child.row),
        };
        if !foldable(&node) {
            return Some(Arc::new(node));
        }
        let cx =
            Context { now: chrono::DateTime::UNIX_EPOCH, tz: chrono_tz::UTC, roots: &[], functions: None };
        match crate::eval::eval(&node, &cx) {
            Ok(value) => Some(self.constant(value, node.ty, column)),
            Err(error) => {
                let zh = error.message_in("zh-CN");
                self.type_finding(column, "constant", error.to_string(), &[("detail_zh", &zh)])
            }
        }
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        op::EQUALS => Comparison::Equal,
        op::NOT_EQUALS => Comparison::NotEqual,
        op::LESS => Comparison::Less,
        op::LESS_EQUALS => Comparison::LessOrEqual,
        op::GREATER => Comparison::Greater,
        op::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// A literal with a point: exact if its digits fit, as they do when people write them.
fn exact(digits: &str, number: f64) -> Value {
    let sign = if number.is_sign_negative() { -1 } else { 1 };
    let plain: Option<Decimal> = digits.parse().ok();
    let decimal = plain.or_else(|| {
        // 1e-3 and 1.5E2 are rare, but as exact as others.
        let (mantissa, exponent) = digits.split_once(['e', 'E'])?;
        let (mantissa, exponent): (Decimal, i32) = (mantissa.parse().ok()?, exponent.parse().ok()?);
        let scale = i32::from(mantissa.scale) - exponent;
        let shift = u32::try_from(-scale).unwrap_or(0);
        let scale = u8::try_from(scale.max(0)).ok().filter(|scale| *scale <= SCALE_LIMIT)?;
        Some(Decimal::new(mantissa.mantissa.checked_mul(10i64.checked_pow(shift)?)?, scale))
    });
    match decimal {
        Some(decimal) => Value::Decimal(Decimal::new(sign * decimal.mantissa, decimal.scale)),
        None => Value::Float(number),
    }
}

/// Whether a node depends on constants alone.
fn foldable(node: &Node) -> bool {
    let sees_zone = |args: &[NodeRef]| args.iter().any(|arg| arg.ty == Type::DateTime);
    match &node.kind {
        Kind::Const(_) | Kind::Member { .. } | Kind::Local(_) | Kind::Each(_) | Kind::Outside(..) => {
            return false;
        }
        Kind::Call(Function::Now | Function::Today, _) => return false,
        Kind::Call(Function::Part(_) | Function::DaysBetween, args) if sees_zone(args) => return false,
        Kind::Convert(operand) if operand.ty == Type::Date => return false,
        _ => {}
    }
    node.children().iter().all(|child| child.constant().is_some())
}

/// Collects the members that cannot be null where a condition has this truth.
fn not_null_where(condition: &Node, truth: bool, members: &mut Vec<(usize, usize)>) {
    let mut member = |node: &Node| {
        if let Kind::Member { root, slot } = node.kind {
            members.push((root, slot));
        }
    };
    match (&condition.kind, truth) {
        (Kind::And(a, b), true) | (Kind::Or(a, b), false) => {
            not_null_where(a, truth, members);
            not_null_where(b, truth, members);
        }
        (Kind::Not(a), _) => not_null_where(a, !truth, members),
        (Kind::Compare(Comparison::NotEqual, a, b), true)
        | (Kind::Compare(Comparison::Equal, a, b), false)
            if a.is_null() || b.is_null() =>
        {
            member(a);
            member(b);
        }
        (Kind::Compare(Comparison::Equal, a, b), true) => {
            let not_null = |node: &Node| node.constant().is_some_and(|value| !value.is_null());
            if not_null(a) || not_null(b) {
                member(a);
                member(b);
            }
        }
        (Kind::Compare(comparison, a, b), true) if !comparison.is_equality() => {
            member(a);
            member(b);
        }
        _ => {}
    }
}
