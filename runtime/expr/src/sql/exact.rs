//! Arithmetic on scaled integers. It is translated only where no row can make it leave 64 bits, because databases
//! then fail or go on with floating point, while the evaluator reports an error.

use sea_query::{Expr, ExprTrait};

use super::{Known, Translator, mantissa, refuse, stored_scale};
use crate::decimal::power;
use crate::node::{Function, Kind, Node, NodeRef, Operation};
use crate::{Diagnostic, INT_LIMIT, SCALE_LIMIT, Type};

/// What no text or list is longer than: databases hold at most 1 GiB.
const SIZE_BOUND: i128 = 1 << 31;
/// What no part of a date and no number of days between two dates exceeds.
const CALENDAR_BOUND: i128 = 1 << 33;
/// What no number of milliseconds between two datetimes exceeds.
const ELAPSED_BOUND: i128 = 1 << 57;

impl Translator<'_> {
    pub(super) fn exact_arithmetic(
        &self,
        node: &Node,
        operation: Operation,
        a: &NodeRef,
        b: &NodeRef,
    ) -> Result<Expr, Diagnostic> {
        if matches!(operation, Operation::Divide | Operation::Modulo) {
            let symbol = operation.symbol();
            let message = format!(
                "`{symbol}` cannot be used on fields of the record in a database condition; multiply the other side instead"
            );
            return Err(refuse(node, "operator", message).arg("what", symbol));
        }
        // Refuses what is too large before anything is written.
        self.bound(node)?;
        let scale = stored_scale(&node.ty).ok_or_else(|| self.untranslatable(node))?;
        if operation == Operation::Multiply {
            return Ok(self.operand(a)?.mul(self.operand(b)?));
        }
        let (a, b) = (self.scaled(a, scale)?, self.scaled(b, scale)?);
        Ok(if operation == Operation::Add { a.add(b) } else { a.sub(b) })
    }

    /// An exact operand as an integer at a scale that is not smaller than its own.
    pub(super) fn scaled(&self, node: &NodeRef, scale: u8) -> Result<Expr, Diagnostic> {
        let own = stored_scale(&node.ty).ok_or_else(|| self.untranslatable(node))?;
        if let Some(Known::Value(value)) = self.known(node)?
            && !value.is_null()
        {
            let constant = mantissa(&value, scale).ok_or_else(|| too_large(node))?;
            return Ok(Expr::val(constant));
        }
        let operand = self.operand(node)?;
        if own == scale {
            return Ok(operand);
        }
        let factor = power(scale.saturating_sub(own));
        self.fits(node, self.bound(node)? * factor)?;
        Ok(operand.mul(i64::try_from(factor).map_err(|_| too_large(node))?))
    }

    /// The largest magnitude that the stored integer of a node can have.
    fn bound(&self, node: &Node) -> Result<i128, Diagnostic> {
        if let Some(Known::Value(value)) = self.known(node)? {
            let scale = stored_scale(&node.ty).unwrap_or(0);
            return Ok(mantissa(&value, scale).map_or(0, |number| i128::from(number).abs()));
        }
        let bound = match &node.kind {
            Kind::Arithmetic(_, a, _) if a.ty == Type::DateTime => ELAPSED_BOUND,
            Kind::Arithmetic(operation, a, b) => self.arithmetic_bound(node, *operation, a, b)?,
            Kind::Negate(operand) => self.bound(operand)?,
            Kind::If(_, yes, no) => self.bound(yes)?.max(self.bound(no)?),
            Kind::Convert(operand) => {
                let (from, to) = (stored_scale(&operand.ty), stored_scale(&node.ty));
                self.bound(operand)? * power(to.unwrap_or(0).saturating_sub(from.unwrap_or(0)))
            }
            Kind::Call(Function::Coalesce, args) => {
                args.iter().try_fold(0, |most, arg| Ok(self.bound(arg)?.max(most)))?
            }
            Kind::Call(Function::Size, _) => SIZE_BOUND,
            Kind::Call(Function::Part(_) | Function::DaysBetween, _) => CALENDAR_BOUND,
            Kind::Member { .. } => i128::from(INT_LIMIT),
            // A constant that only a context will tell; its true size is looked at then.
            _ if !node.row && node.ty == Type::Duration => i128::from(INT_LIMIT),
            _ => i128::from(i64::MAX),
        };
        self.fits(node, bound)?;
        Ok(bound)
    }

    fn arithmetic_bound(
        &self,
        node: &Node,
        operation: Operation,
        a: &NodeRef,
        b: &NodeRef,
    ) -> Result<i128, Diagnostic> {
        let scale = |node: &Node| stored_scale(&node.ty).unwrap_or(0);
        let (bound_a, bound_b) = (self.bound(a)?, self.bound(b)?);
        if operation == Operation::Multiply {
            if scale(a) + scale(b) > SCALE_LIMIT {
                let message = format!(
                    "this product has more than {SCALE_LIMIT} places, which the database would not round"
                );
                return Err(refuse(node, "scale", message));
            }
            return Ok(bound_a * bound_b);
        }
        let common = scale(node);
        let bound_a = bound_a * power(common.saturating_sub(scale(a)));
        let bound_b = bound_b * power(common.saturating_sub(scale(b)));
        self.fits(a, bound_a)?;
        self.fits(b, bound_b)?;
        Ok(bound_a + bound_b)
    }

    fn fits(&self, node: &Node, bound: i128) -> Result<(), Diagnostic> {
        if bound < i128::from(i64::MAX) { Ok(()) } else { Err(too_large(node)) }
    }
}

fn too_large(node: &Node) -> Diagnostic {
    let message = "this could become larger than the database can count; \
                   keep the result in a computed field and compare that";
    refuse(node, "range", message)
}
