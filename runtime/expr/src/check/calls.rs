//! Calls: which functions there are, what they take, and what they give. The catalogue for people is in
//! [`crate::functions`]; a test keeps both in step.

use cel::common::ast::{CallExpr, Expr, IdedExpr};
use regex::{Regex, RegexBuilder};

use super::{Checker, Variable, not_null_where};
use crate::calendar::{DAY_MS, Part};
use crate::diagnostic::suggest;
use crate::functions::CATALOG;
use crate::node::{Comparison, Each, Function, Kind, NodeRef, Quantifier};
use crate::{Diagnostic, SCALE_LIMIT, Type, Value};

/// The largest compiled pattern in bytes. Patterns for phone numbers or codes need a few kilobytes.
const PATTERN_SIZE_LIMIT: usize = 256 * 1024;

/// Compiles a pattern of `matches`. The engine is linear in the text, so only the size has to be bounded.
pub(crate) fn pattern(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source).size_limit(PATTERN_SIZE_LIMIT).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line says what is wrong; those before repeat the pattern with a caret.
        error => {
            error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    })
}

/// A function that has one meaning, and how many arguments it takes.
fn plain(name: &str) -> Option<(Function, usize, usize)> {
    use Function as F;
    Some(match name {
        "now" => (F::Now, 0, 0),
        "today" => (F::Today, 0, 0),
        "date" => (F::Part(Part::Date), 1, 1),
        "datetime" => (F::ParseDateTime, 1, 1),
        "year" => (F::Part(Part::Year), 1, 1),
        "month" => (F::Part(Part::Month), 1, 1),
        "day" => (F::Part(Part::Day), 1, 1),
        "weekday" => (F::Part(Part::Weekday), 1, 1),
        "hour" => (F::Part(Part::Hour), 1, 1),
        "days" => (F::Duration(DAY_MS), 1, 1),
        "hours" => (F::Duration(3_600_000), 1, 1),
        "minutes" => (F::Duration(60_000), 1, 1),
        "days_between" => (F::DaysBetween, 2, 2),
        "coalesce" => (F::Coalesce, 1, usize::MAX),
        "size" => (F::Size, 1, 1),
        "contains" => (F::Contains, 2, 2),
        "startsWith" => (F::StartsWith, 2, 2),
        "endsWith" => (F::EndsWith, 2, 2),
        "matches" => (F::Matches, 2, 2),
        "lowerAscii" => (F::LowerAscii, 1, 1),
        "upperAscii" => (F::UpperAscii, 1, 1),
        "trim" => (F::Trim, 1, 1),
        "substring" => (F::Substring, 2, 3),
        "replace" => (F::Replace, 3, 3),
        "string" => (F::ToText, 1, 1),
        "int" => (F::ToInt, 1, 1),
        "decimal" => (F::ToDecimal, 2, 2),
        "float" => (F::ToFloat, 1, 1),
        "abs" => (F::Abs, 1, 1),
        "min" => (F::Min, 1, usize::MAX),
        "max" => (F::Max, 1, usize::MAX),
        "round" => (F::Round, 1, 2),
        "floor" => (F::Floor, 1, 1),
        "ceil" => (F::Ceil, 1, 1),
        "distance_km" => (F::DistanceKm, 2, 2),
        "similarity" => (F::Similarity, 2, 2),
        "under" => (F::Under, 2, 2),
        "ip_key" => (F::IpKey, 1, 1),
        _ => return None,
    })
}

fn quantifier(name: &str) -> Option<Quantifier> {
    Some(match name {
        "exists" => Quantifier::Exists,
        "all" => Quantifier::All,
        "exists_one" | "existsOne" => Quantifier::ExistsOne,
        "filter" => Quantifier::Filter,
        "map" => Quantifier::Map,
        _ => return None,
    })
}

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &CallExpr, column: usize) -> Option<NodeRef> {
        if let Some(node) = self.call_outside(call, column) {
            return node;
        }
        let name = call.func_name.as_str();
        if let (Some(quantifier), Some(list)) = (quantifier(name), &call.target) {
            return self.each(quantifier, name, list, &call.args, column);
        }
        let trees: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        if name == "has" {
            return self.has(&trees, column);
        }
        let Some((function, min, max)) = plain(name) else {
            let name = &self.qualified(call);
            let suggestion = suggest(name, CATALOG.iter().map(|function| function.name));
            let hint = match (quantifier(&call.func_name), suggestion) {
                (Some(_), _) => format!("; write list.{name}(x, …)"),
                (None, Some(suggestion)) => format!("; did you mean `{suggestion}`?"),
                (None, None) => "; the documentation lists all functions".to_owned(),
            };
            let mut diagnostic =
                Diagnostic::new("expr.unknown_name", column, format!("there is no function `{name}`{hint}"))
                    .arg("name", name)
                    .arg("of", "function");
            if let Some(suggestion) = suggestion {
                diagnostic = diagnostic.arg("suggestion", suggestion);
            }
            return self.report(diagnostic);
        };
        let guard = usize::from(function == Function::Coalesce);
        self.guards += guard;
        let args: Vec<_> = trees.iter().map(|tree| self.lower(tree)).collect();
        self.guards -= guard;
        if args.len() < min || args.len() > max {
            return self.wrong_count(name, args.len(), column);
        }
        let args = args.into_iter().collect::<Option<Vec<_>>>()?;
        self.typed_call(function, args, column)
    }

    /// The name of a call with what stands before it, where that is not a value: `plugin.function`.
    fn qualified(&self, call: &CallExpr) -> String {
        match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(space)) if self.scope.find(space).is_none() => {
                format!("{space}.{}", call.func_name)
            }
            _ => call.func_name.clone(),
        }
    }

    fn wrong_count(&mut self, name: &str, found: usize, column: usize) -> Option<NodeRef> {
        let form =
            CATALOG.iter().find(|function| function.name == name).map_or(name, |function| function.form);
        let message = format!("`{name}` is given {found} arguments; it is used as {form}");
        self.type_finding(column, "arguments", message, &[("function", &name), ("form", &form)])
    }

    fn has(&mut self, trees: &[&IdedExpr], column: usize) -> Option<NodeRef> {
        let [tree] = trees else {
            return self.wrong_count("has", trees.len(), column);
        };
        if !matches!(tree.expr, Expr::Select(_)) {
            let message = "`has` needs a field, such as has(record.name)";
            return self.type_finding(
                column,
                "arguments",
                message,
                &[("function", &"has"), ("form", &"has(record.x)")],
            );
        }
        self.guards += 1;
        let member = self.lower(tree);
        self.guards -= 1;
        let member = member?;
        let null = self.constant(Value::Null, member.ty.clone(), column);
        self.build(Kind::Compare(Comparison::NotEqual, member, null), Type::Bool, false, column)
    }

    fn each(
        &mut self,
        quantifier: Quantifier,
        name: &str,
        list: &IdedExpr,
        args: &[IdedExpr],
        column: usize,
    ) -> Option<NodeRef> {
        let list = self.lower(list)?;
        let Type::List(item) = list.ty.clone() else {
            let message = format!("`{name}` needs a list, but this is of type {}", list.ty);
            return self.type_finding(
                column,
                "operand",
                message,
                &[("operator", &name), ("found", &list.ty)],
            );
        };
        let most = if quantifier == Quantifier::Map { 3 } else { 2 };
        if args.len() < 2 || args.len() > most {
            return self.wrong_count(name, args.len(), column);
        }
        let Expr::Ident(variable) = &args[0].expr else {
            let message =
                format!("the first argument of `{name}` has to be a new name for the item, such as x");
            return self.type_finding(
                self.parsed.column(&args[0]),
                "variable",
                message,
                &[("function", &name)],
            );
        };
        let local = self.locals.len();
        self.locals.push(Variable { name: variable.clone(), ty: *item });
        let known = self.tested.len();
        let filters = quantifier != Quantifier::Map || args.len() == 3;
        let condition = filters.then(|| self.condition(&args[1], name));
        if let Some(Some(condition)) = &condition {
            not_null_where(condition, true, &mut self.tested);
        }
        let result = (quantifier == Quantifier::Map).then(|| self.lower(&args[args.len() - 1]));
        self.tested.truncate(known);
        self.locals.pop();
        let condition = condition.map_or(Some(None), |node| node.map(Some))?;
        let result = result.map_or(Some(None), |node| node.map(Some))?;
        let (ty, nullable) = match (quantifier, &result) {
            (Quantifier::Map, Some(result)) => (Type::List(Box::new(result.ty.clone())), list.nullable),
            (Quantifier::Filter, _) => (list.ty.clone(), list.nullable),
            _ => (Type::Bool, false),
        };
        let each = Each { quantifier, list, local, condition, result };
        self.build(Kind::Each(each), ty, nullable, column)
    }

    /// A call with the right number of arguments: are they of the right types, and what comes out?
    fn typed_call(&mut self, function: Function, args: Vec<NodeRef>, column: usize) -> Option<NodeRef> {
        use Function as F;
        let (function, ty) = match function {
            F::Coalesce => return self.coalesce(args, column),
            F::Min | F::Max => return self.extreme(function, args, column),
            F::Matches => return self.matches(args, column),
            F::Part(Part::Date) if args[0].ty == Type::Text => (F::ParseDate, Type::Date),
            F::Now | F::ParseDateTime => (function, Type::DateTime),
            F::Today | F::ParseDate | F::Part(Part::Date) => (function, Type::Date),
            F::Duration(_) => (function, Type::Duration),
            F::Contains | F::StartsWith | F::EndsWith | F::Under => (function, Type::Bool),
            F::LowerAscii | F::UpperAscii | F::Trim | F::Replace | F::Substring | F::ToText | F::IpKey => {
                (function, Type::Text)
            }
            F::ToFloat | F::DistanceKm | F::Similarity => (function, Type::Float),
            F::ToDecimal => (function, Type::Decimal(self.places(function, &args[1])?)),
            F::Round if args.len() == 2 => (function, Type::Decimal(self.places(function, &args[1])?)),
            F::Abs => (function, args[0].ty.clone()),
            F::Part(_) | F::DaysBetween | F::Size | F::ToInt | F::Round | F::Floor | F::Ceil => {
                (function, Type::Int)
            }
        };
        self.check_arguments(function, &args)?;
        let reads = matches!(function, F::ParseDate | F::ParseDateTime | F::ToInt | F::ToDecimal | F::IpKey);
        let may_not_be_readable = reads && args[0].ty == Type::Text;
        let nullable = may_not_be_readable || args.iter().any(|arg| arg.nullable);
        self.build(Kind::Call(function, args), ty, nullable, column)
    }

    fn check_arguments(&mut self, function: Function, args: &[NodeRef]) -> Option<()> {
        use Function as F;
        let readable = |ty: &Type| ty.is_number() || *ty == Type::Text;
        let dated = |ty: &Type| matches!(ty, Type::Date | Type::DateTime);
        match function {
            F::Part(Part::Hour) => {
                self.expect_that(function, &args[0], |ty| *ty == Type::DateTime, "a datetime")
            }
            F::Part(_) => self.expect_that(function, &args[0], dated, "a date or datetime"),
            F::DaysBetween => {
                self.expect_that(function, &args[0], dated, "a date or datetime")?;
                self.expect_that(function, &args[1], dated, "a date or datetime")
            }
            F::Duration(_) => self.expect(function, args, &[Type::Int]),
            F::ParseDate | F::ParseDateTime => {
                self.expect(function, args, &[Type::Text])?;
                self.check_written(&args[0], function)
            }
            F::Size => {
                let sized = |ty: &Type| matches!(ty, Type::Text | Type::List(_));
                self.expect_that(function, &args[0], sized, "a text or a list")
            }
            F::Substring => self.expect(function, args, &[Type::Text, Type::Int, Type::Int]),
            F::ToText => self.expect_that(function, &args[0], |ty| *ty != Type::Json, "anything but json"),
            F::ToInt | F::ToDecimal => self.expect_that(function, &args[0], readable, "a number or a text"),
            F::Abs => {
                let signed = |ty: &Type| ty.is_number() || *ty == Type::Duration;
                self.expect_that(function, &args[0], signed, "a number or a duration")
            }
            F::ToFloat | F::Round | F::Floor | F::Ceil => {
                self.expect_that(function, &args[0], Type::is_number, "a number")
            }
            F::DistanceKm => self.expect(function, args, &[Type::Geo, Type::Geo]),
            F::Now | F::Today => Some(()),
            // All others work on texts alone.
            _ => self.expect(function, args, &[Type::Text, Type::Text, Type::Text]),
        }
    }

    fn coalesce(&mut self, args: Vec<NodeRef>, column: usize) -> Option<NodeRef> {
        let args = self.common(args, "coalesce", column)?;
        let nullable = args.iter().all(|arg| arg.nullable);
        let ty = args[0].ty.clone();
        self.build(Kind::Call(Function::Coalesce, args), ty, nullable, column)
    }

    /// `min` and `max` of several values, or of one list.
    fn extreme(&mut self, function: Function, args: Vec<NodeRef>, column: usize) -> Option<NodeRef> {
        let of_list = args.len() == 1 && matches!(args[0].ty, Type::List(_));
        let args = if of_list { args } else { self.common(args, function.name(), column)? };
        let (ty, nullable) = match &args[0].ty {
            Type::List(item) if of_list => ((**item).clone(), true),
            ty => (ty.clone(), args.iter().all(|arg| arg.nullable)),
        };
        if matches!(ty, Type::Bool | Type::Id | Type::List(_) | Type::Geo | Type::Json) {
            let message = format!("`{}` needs values with an order, not of type {ty}", function.name());
            return self.type_finding(column, "no_order", message, &[("found", &ty)]);
        }
        self.build(Kind::Call(function, args), ty, nullable, column)
    }

    fn matches(&mut self, args: Vec<NodeRef>, column: usize) -> Option<NodeRef> {
        self.expect(Function::Matches, &args, &[Type::Text, Type::Text])?;
        let nullable = args.iter().any(|arg| arg.nullable);
        let Some(Value::Text(source)) = args[1].constant() else {
            return self.build(Kind::Call(Function::Matches, args), Type::Bool, nullable, column);
        };
        match pattern(source) {
            Ok(regex) => self.build(Kind::Pattern(args[0].clone(), regex), Type::Bool, nullable, column),
            Err(reason) => {
                let message = format!("this is not a usable regular expression: {reason}");
                self.type_finding(args[1].column, "pattern", message, &[("detail", &reason)])
            }
        }
    }

    /// A constant number of places after the point; it is part of the result's type.
    fn places(&mut self, function: Function, arg: &NodeRef) -> Option<u8> {
        let places = arg.constant().and_then(Value::as_int).and_then(|n| u8::try_from(n).ok());
        let places = places.filter(|places| *places <= SCALE_LIMIT);
        if places.is_none() {
            let message = format!(
                "the number of places of `{}` has to be written as a number from 0 to {SCALE_LIMIT}",
                function.name()
            );
            self.type_finding(arg.column, "places", message, &[("function", &function.name())]);
        }
        places
    }

    /// A constant text that is read as a day or a moment has to be one.
    fn check_written(&mut self, arg: &NodeRef, function: Function) -> Option<()> {
        let Some(Value::Text(text)) = arg.constant() else { return Some(()) };
        let (good, form) = match function {
            Function::ParseDate => (crate::calendar::read_date(text).is_some(), "2026-03-01"),
            _ => (crate::calendar::read_instant(text).is_some(), "2026-03-01T08:00:00+08:00"),
        };
        if !good {
            let message = format!("this cannot be read; write it as '{form}'");
            self.type_finding(arg.column, "written", message, &[("form", &form)]);
        }
        good.then_some(())
    }

    fn expect(&mut self, function: Function, args: &[NodeRef], types: &[Type]) -> Option<()> {
        let mut good = Some(());
        for (arg, ty) in args.iter().zip(types) {
            good = good.and(self.expect_that(function, arg, |found| found == ty, &format!("{ty} here")));
        }
        good
    }

    /// The literal null fits everywhere; the call then gives null.
    fn expect_that(
        &mut self,
        function: Function,
        arg: &NodeRef,
        fits: impl Fn(&Type) -> bool,
        wanted: &str,
    ) -> Option<()> {
        if fits(&arg.ty) || arg.ty == Type::Null {
            return Some(());
        }
        let name = function.name();
        let message = format!("`{name}` needs {wanted}, but this is of type {}", arg.ty);
        let diagnostic = Diagnostic::new("expr.type", arg.column, message)
            .arg("reason", "argument")
            .arg("function", name)
            .arg("found", &arg.ty);
        self.report(diagnostic);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_lists_exactly_the_functions_that_exist() {
        for function in CATALOG {
            let name = function.name;
            assert!(
                plain(name).is_some() || quantifier(name).is_some() || name == "has",
                "{name} does not exist"
            );
            assert!(function.form.contains(name), "the form of {name} does not show it");
        }
        for name in ["now", "coalesce", "date", "decimal", "under", "map", "has"] {
            assert!(CATALOG.iter().any(|function| function.name == name), "{name} is not documented");
        }
    }
}
