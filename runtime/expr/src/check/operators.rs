//! Operators: comparisons, arithmetic, `in`, and items of lists.

use cel::common::ast::{IdedExpr, operators as op};

use super::Checker;
use crate::decimal::QUOTIENT_SCALE;
use crate::node::{Comparison, Kind, NodeRef, Operation};
use crate::{Diagnostic, SCALE_LIMIT, Type};

pub(super) fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        op::ADD => Operation::Add,
        op::SUBSTRACT => Operation::Subtract,
        op::MULTIPLY => Operation::Multiply,
        op::DIVIDE => Operation::Divide,
        op::MODULO => Operation::Modulo,
        _ => return None,
    })
}

fn is_null_literal(tree: &IdedExpr) -> bool {
    use cel::common::ast::{Expr, LiteralValue};
    matches!(tree.expr, Expr::Literal(LiteralValue::Null))
}

impl Checker<'_> {
    pub(super) fn comparison(
        &mut self,
        comparison: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
        column: usize,
    ) -> Option<NodeRef> {
        let guard =
            usize::from(comparison.is_equality() && (is_null_literal(left) || is_null_literal(right)));
        self.guards += guard;
        let (left, right) = (self.lower(left), self.lower(right));
        self.guards -= guard;
        let (left, right) = (left?, right?);
        if !comparison.is_equality() && (left.is_null() || right.is_null()) {
            let message =
                format!("`{}` with null is never true; test for null with == or !=", comparison.symbol());
            return self.type_finding(column, "null_order", message, &[("operator", &comparison.symbol())]);
        }
        let Some((left, right)) = self.comparable(&left, &right) else {
            return self.mismatch(comparison.symbol(), &left, &right, column);
        };
        let ty = if left.is_null() { &right.ty } else { &left.ty };
        let with_null = left.is_null() || right.is_null();
        if matches!(ty, Type::Json) && !with_null {
            let message = "values of type json can be compared with null only";
            return self.type_error(column, "incomparable", message);
        }
        if !comparison.is_equality() && matches!(ty, Type::Bool | Type::Id | Type::List(_) | Type::Geo) {
            let message = format!("values of type {ty} have no order; compare them with == or !=");
            return self.type_finding(column, "no_order", message, &[("found", ty)]);
        }
        self.build(Kind::Compare(comparison, left, right), Type::Bool, false, column)
    }

    fn mismatch(
        &mut self,
        operator: &str,
        left: &NodeRef,
        right: &NodeRef,
        column: usize,
    ) -> Option<NodeRef> {
        let hint = mismatch_hint(operator, left, right).map_or_else(String::new, |hint| format!("; {hint}"));
        let message = format!("`{operator}` does not work with {} and {}{hint}", left.ty, right.ty);
        let diagnostic = Diagnostic::new("expr.type", column, message)
            .arg("reason", "operands")
            .arg("operator", operator)
            .arg("left", &left.ty)
            .arg("right", &right.ty);
        self.report(diagnostic)
    }

    pub(super) fn arithmetic(
        &mut self,
        operation: Operation,
        left: &IdedExpr,
        right: &IdedExpr,
        column: usize,
    ) -> Option<NodeRef> {
        let (left, right) = (self.lower(left), self.lower(right));
        let (left, right) = (left?, right?);
        let Some(ty) = result_type(operation, &left.ty, &right.ty) else {
            return self.mismatch(operation.symbol(), &left, &right, column);
        };
        let may_divide_by_zero = matches!(operation, Operation::Divide | Operation::Modulo)
            && right.constant().is_none_or(crate::eval::is_zero);
        let nullable = left.nullable || right.nullable || may_divide_by_zero;
        self.build(Kind::Arithmetic(operation, left, right), ty, nullable, column)
    }

    pub(super) fn negate(&mut self, operand: &IdedExpr, column: usize) -> Option<NodeRef> {
        let operand = self.lower(operand)?;
        if !operand.ty.is_number() && operand.ty != Type::Duration {
            let message = format!("`-` needs a number or a duration, but this is of type {}", operand.ty);
            return self.type_finding(
                column,
                "operand",
                message,
                &[("operator", &"-"), ("found", &operand.ty)],
            );
        }
        let (ty, nullable) = (operand.ty.clone(), operand.nullable);
        self.build(Kind::Negate(operand), ty, nullable, column)
    }

    pub(super) fn membership(&mut self, item: &IdedExpr, list: &IdedExpr, column: usize) -> Option<NodeRef> {
        let (item, list) = (self.lower(item), self.lower(list));
        let (item, list) = (item?, list?);
        let Type::List(item_type) = &list.ty else {
            let hint = if list.ty == Type::Text { "; for texts write text.contains(part)" } else { "" };
            let message =
                format!("`in` needs a list on its right side, but this is of type {}{hint}", list.ty);
            return self.type_finding(
                column,
                "operand",
                message,
                &[("operator", &"in"), ("found", &list.ty)],
            );
        };
        let item_type = (**item_type).clone();
        let alike = item.ty == item_type || (item.ty.is_number() && item_type.is_number());
        if !alike && !item.is_null() && item_type != Type::Null {
            let wanted = Type::List(Box::new(item.ty.clone()));
            if list.constant().is_some() && item.constant().is_none() {
                // Constant texts in the list may be written ids, days or moments.
                if let Some(list) = self.convert_constant(&list, &wanted) {
                    return self.build(Kind::In(item, list), Type::Bool, false, column);
                }
            }
            if let Some(item) = self.convert_constant(&item, &item_type) {
                return self.build(Kind::In(item, list), Type::Bool, false, column);
            }
            return self.mismatch("in", &item, &list, column);
        }
        self.build(Kind::In(item, list), Type::Bool, false, column)
    }

    pub(super) fn index(&mut self, list: &IdedExpr, position: &IdedExpr, column: usize) -> Option<NodeRef> {
        let (list, position) = (self.lower(list), self.lower(position));
        let (list, position) = (list?, position?);
        match (&list.ty, &position.ty) {
            (Type::List(item), Type::Int) => {
                let ty = (**item).clone();
                self.build(Kind::Item(list, position), ty, true, column)
            }
            (Type::List(_), other) => {
                let message = format!("the position in a list has to be an int, but this is of type {other}");
                self.type_finding(
                    position.column,
                    "operand",
                    message,
                    &[("operator", &"[…]"), ("found", other)],
                )
            }
            (other, _) => {
                let message = format!("`[…]` needs a list, but this is of type {other}");
                self.type_finding(column, "operand", message, &[("operator", &"[…]"), ("found", other)])
            }
        }
    }
}

/// What a person probably meant who combined these two.
fn mismatch_hint(operator: &str, left: &NodeRef, right: &NodeRef) -> Option<&'static str> {
    let constant_text =
        [left, right].into_iter().any(|node| node.ty == Type::Text && node.constant().is_some());
    Some(match (operator, &left.ty, &right.ty) {
        (_, Type::Date, Type::DateTime) | (_, Type::DateTime, Type::Date) => "use date(…) on the datetime",
        ("-", Type::Date, Type::Date) => "use days_between(earlier, later)",
        ("+" | "-", Type::Date | Type::DateTime, ty) if ty.is_number() => {
            "use days(n), hours(n) or minutes(n)"
        }
        ("+", Type::Text, _) | ("+", _, Type::Text) => "use string(…) on the part that is not text",
        (_, Type::Date, Type::Text) | (_, Type::Text, Type::Date) if constant_text => {
            "write the day as '2026-03-01'"
        }
        (_, Type::DateTime, Type::Text) | (_, Type::Text, Type::DateTime) if constant_text => {
            "write the moment as '2026-03-01T08:00:00+08:00'"
        }
        (_, Type::Id, Type::Text) | (_, Type::Text, Type::Id) => {
            "an id is compared with an id, not with a text"
        }
        (_, Type::Duration, ty) | (_, ty, Type::Duration) if ty.is_number() => {
            "use days(n), hours(n) or minutes(n)"
        }
        ("==" | "!=", Type::List(_), _) => "use `value in list`",
        (_, Type::Text, ty) | (_, ty, Type::Text) if ty.is_number() => {
            "write numbers without quotation marks, or use int(…) or decimal(…, scale) on the text"
        }
        _ => return None,
    })
}

fn result_type(operation: Operation, left: &Type, right: &Type) -> Option<Type> {
    use Operation::{Add, Divide, Modulo, Multiply, Subtract};
    Some(match (operation, left, right) {
        (Modulo, Type::Int, Type::Int) => Type::Int,
        (Modulo, ..) => return None,
        (Add, Type::Text, Type::Text) => Type::Text,
        (Add | Subtract, Type::DateTime, Type::Duration) | (Add, Type::Duration, Type::DateTime) => {
            Type::DateTime
        }
        (Add | Subtract, Type::Date, Type::Duration) | (Add, Type::Duration, Type::Date) => Type::Date,
        (Subtract, Type::DateTime, Type::DateTime) => Type::Duration,
        (Add | Subtract, Type::Duration, Type::Duration) => Type::Duration,
        (Multiply, Type::Duration, Type::Int) | (Multiply, Type::Int, Type::Duration) => Type::Duration,
        (Divide, Type::Duration, Type::Duration) => Type::Decimal(QUOTIENT_SCALE),
        (_, Type::Float, other) | (_, other, Type::Float) if other.is_number() => Type::Float,
        (Add | Subtract, Type::Int, Type::Int) | (Multiply, Type::Int, Type::Int) => Type::Int,
        (Add | Subtract, ..) => Type::Decimal(left.scale()?.max(right.scale()?)),
        (Multiply, ..) => Type::Decimal((left.scale()? + right.scale()?).min(SCALE_LIMIT)),
        (Divide, ..) => {
            left.scale()?;
            right.scale()?;
            Type::Decimal(QUOTIENT_SCALE)
        }
    })
}
