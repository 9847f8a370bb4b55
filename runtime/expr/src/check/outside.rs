//! Calls of functions from outside: `space.name(…)`. Their types are declared, not known to this crate.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr};

use super::{Checker, coerce};
use crate::diagnostic::suggest;
use crate::node::{Kind, NodeRef};
use crate::{Diagnostic, OutsideFunction, Type};

impl Checker<'_> {
    /// A call of a function from outside; `None` when what stands before the dot is something else.
    pub(super) fn call_outside(&mut self, call: &CallExpr, column: usize) -> Option<Option<NodeRef>> {
        let Expr::Ident(space) = &call.target.as_deref()?.expr else { return None };
        if self.locals.iter().any(|variable| variable.name == *space) || self.scope.find(space).is_some() {
            return None;
        }
        let scope = self.scope;
        scope.space(space).next()?;
        let found = scope.space(space).find(|function| *function.name == *call.func_name);
        Some(match found {
            Some(function) => self.outside(function, call, column),
            None => {
                let known = scope.space(space).map(|function| &*function.name);
                let suggestion = suggest(&call.func_name, known).map(|name| format!("{space}.{name}"));
                let name = format!("{space}.{}", call.func_name);
                let hint = suggestion.as_ref().map_or_else(
                    || "; the app declares all of them in app.json".to_owned(),
                    |suggestion| format!("; did you mean `{suggestion}`?"),
                );
                let message = format!("there is no function `{name}`{hint}");
                let mut diagnostic = Diagnostic::new("expr.unknown_name", column, message)
                    .arg("name", name)
                    .arg("of", "function");
                if let Some(suggestion) = suggestion {
                    diagnostic = diagnostic.arg("suggestion", suggestion);
                }
                self.report(diagnostic)
            }
        })
    }

    fn outside(
        &mut self,
        function: &Arc<OutsideFunction>,
        call: &CallExpr,
        column: usize,
    ) -> Option<NodeRef> {
        let args: Vec<_> = call.args.iter().map(|tree| self.lower(tree)).collect();
        let (name, form) = (function.full_name(), function.form());
        if args.len() != function.parameters.len() {
            let message = format!("`{name}` is given {} arguments; it is used as {form}", args.len());
            return self.type_finding(column, "arguments", message, &[("function", &name), ("form", &form)]);
        }
        let args = args.into_iter().zip(&function.parameters);
        let args: Vec<_> =
            args.map(|(arg, want)| arg.and_then(|arg| self.argument(&name, arg, want))).collect();
        let args = args.into_iter().collect::<Option<Vec<_>>>()?;
        let kind = Kind::Outside(Arc::clone(function), args);
        self.build(kind, function.returns.clone(), true, column)
    }

    fn argument(&mut self, function: &str, arg: NodeRef, want: &Type) -> Option<NodeRef> {
        let rounded = matches!((&arg.ty, want), (Type::Decimal(_), Type::Decimal(_)));
        if rounded || coerce::fits(&arg, want) {
            return self.convert(arg, want);
        }
        let message = format!("`{function}` needs {want} here, but this is of type {}", arg.ty);
        self.type_finding(arg.column, "argument", message, &[("function", &function), ("found", &arg.ty)])
    }

    /// What is wrong with a name that stands for functions from outside and is not called.
    pub(super) fn space_alone(&self, name: &str, column: usize) -> Option<Diagnostic> {
        let form = self.scope.space(name).next()?.form();
        let message = format!("`{name}` holds functions of a plugin; call one of them, such as {form}");
        let diagnostic = Diagnostic::new("expr.type", column, message).arg("reason", "space");
        Some(diagnostic.arg("name", name).arg("form", form))
    }
}
