//! Values in SQL: columns, constants, and what can be computed from them.

use sea_query::{CaseStatement, Expr, ExprTrait, Func};

use super::{Dialect, Known, Sense, Translator, bind};
use crate::node::{Function, Kind, Node, NodeRef, Operation};
use crate::{Diagnostic, Type};

impl Translator<'_> {
    pub(super) fn operand(&self, node: &Node) -> Result<Expr, Diagnostic> {
        if let Some(known) = self.known(node)? {
            return bind(node, &known, &node.ty);
        }
        match &node.kind {
            Kind::Member { slot, .. } if matches!(node.ty, Type::List(_) | Type::Geo | Type::Json) => {
                // Refused with the reason, unless a caller handles these types by itself.
                self.column(node, *slot)?;
                Err(self.untranslatable(node))
            }
            Kind::Member { slot, .. } => self.column(node, *slot),
            Kind::Not(_) | Kind::And(..) | Kind::Or(..) | Kind::Compare(..) | Kind::In(..) => {
                self.condition(node, Sense::DEFINITE)
            }
            Kind::If(condition, yes, no) => self.case(condition, yes, no),
            Kind::Arithmetic(Operation::Add, a, b) if node.ty == Type::Text => {
                Ok(self.custom("{} || {}", [self.operand(a)?, self.operand(b)?]))
            }
            Kind::Arithmetic(operation, a, b) => match node.ty {
                Type::Date | Type::DateTime => self.moved(node, *operation, a, b),
                Type::Duration if a.ty == Type::DateTime => self.elapsed(a, b),
                Type::Int | Type::Decimal(_) | Type::Duration => {
                    self.exact_arithmetic(node, *operation, a, b)
                }
                _ => Err(self.untranslatable(node)),
            },
            Kind::Negate(operand) if node.ty != Type::Float => {
                Ok(self.custom("0 - {}", [self.operand(operand)?]))
            }
            Kind::Convert(operand) => self.converted(node, operand),
            Kind::Call(function, args) => self.function(node, *function, args),
            _ => Err(self.untranslatable(node)),
        }
    }

    fn case(&self, condition: &NodeRef, yes: &NodeRef, no: &NodeRef) -> Result<Expr, Diagnostic> {
        if let Some(Known::Value(value)) = self.known(condition)? {
            return self.operand(if value.is_true() { yes } else { no });
        }
        let condition = self.condition(condition, Sense::PLAIN)?;
        let (yes, no) = (self.typed_operand(yes)?, self.typed_operand(no)?);
        Ok(CaseStatement::new().case(condition, yes).finally(no).into())
    }

    /// An operand whose type can be seen in the text of the statement. PostgreSQL's drivers keep prepared statements
    /// by their text, and where no column stands beside a constant, the text alone would not tell its type.
    pub(super) fn typed_operand(&self, node: &Node) -> Result<Expr, Diagnostic> {
        let operand = self.operand(node)?;
        let name = match node.ty {
            Type::Bool => "boolean",
            Type::Int | Type::Decimal(_) | Type::Duration => "bigint",
            Type::Float => "double precision",
            Type::Date => "date",
            Type::DateTime => "timestamptz",
            Type::Id => "uuid",
            _ => "text",
        };
        let constant = self.dialect == Dialect::Postgres && matches!(operand, Expr::Value(_));
        Ok(if constant { self.custom(&format!("CAST({{}} AS {name})"), [operand]) } else { operand })
    }

    fn converted(&self, node: &Node, operand: &NodeRef) -> Result<Expr, Diagnostic> {
        match (&node.ty, operand.ty.scale()) {
            (Type::Decimal(scale), Some(from)) if from <= *scale => self.scaled(operand, *scale),
            (Type::Float, _) => self.float_operand(operand),
            _ => Err(self.untranslatable(node)),
        }
    }

    fn function(&self, node: &Node, function: Function, args: &[NodeRef]) -> Result<Expr, Diagnostic> {
        match function {
            Function::Coalesce => {
                let args = args.iter().map(|arg| self.operand(arg)).collect::<Result<Vec<_>, _>>()?;
                Ok(match args.len() {
                    1 => args.into_iter().next().expect("one argument was just counted"),
                    _ => Func::coalesce(args).into(),
                })
            }
            Function::LowerAscii => self.letters("lower", &args[0]),
            Function::UpperAscii => self.letters("upper", &args[0]),
            Function::Size => self.size(&args[0]),
            Function::Part(part) => self.part(part, &args[0]),
            Function::DaysBetween => self.days_between(&args[0], &args[1]),
            _ if node.ty == Type::Bool => Ok(self.atom(node)?.sql),
            _ => Err(self.untranslatable(node)),
        }
    }

    /// Both databases change only A to Z: SQLite always, PostgreSQL in the collation "C".
    fn letters(&self, function: &str, text: &NodeRef) -> Result<Expr, Diagnostic> {
        let text = self.operand(text)?;
        Ok(match self.dialect {
            Dialect::Sqlite => self.custom(&format!("{function}({{}})"), [text]),
            Dialect::Postgres => self.custom(&format!("{function}({{}} COLLATE \"C\")"), [text]),
        })
    }

    fn size(&self, of: &NodeRef) -> Result<Expr, Diagnostic> {
        if matches!(of.ty, Type::List(_)) {
            let list = self.operand_list(of)?;
            return Ok(match self.dialect {
                Dialect::Sqlite => self.custom("json_array_length({})", [list]),
                Dialect::Postgres => self.custom("CAST(jsonb_array_length({}) AS bigint)", [list]),
            });
        }
        let text = self.operand(of)?;
        Ok(match self.dialect {
            Dialect::Sqlite => self.custom("length({})", [text]),
            Dialect::Postgres => self.custom("CAST(char_length({}) AS bigint)", [text]),
        })
    }

    /// A number as floating point, by the same two roundings as the evaluator.
    pub(super) fn float_operand(&self, node: &NodeRef) -> Result<Expr, Diagnostic> {
        if let Some(known) = self.known(node)? {
            return bind(node, &known, &Type::Float);
        }
        let Some(scale) = node.ty.scale() else { return self.operand(node) };
        let kind = match self.dialect {
            Dialect::Sqlite => "REAL",
            Dialect::Postgres => "double precision",
        };
        let float = self.custom(&format!("CAST({{}} AS {kind})"), [self.operand(node)?]);
        Ok(if scale == 0 { float } else { float.div(Expr::val(10f64.powi(i32::from(scale)))) })
    }
}
