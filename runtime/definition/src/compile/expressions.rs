//! Compiles the expressions of an app against the fields they may use, and looks for slips that the types allow:
//! a value that no choice has, a field that may be empty where that changes the meaning (PLAT-06).

use std::ops::Range;
use std::sync::Arc;

use mortise_expr::{Expression, Member, Reference, Scope, Shape, Type};

use super::Compiler;
use super::draft::Draft;
use super::place::Place;
use crate::model::{Slot, roots, user_slots};
use crate::problem::Problems;

/// Whose record an expression is over, and whose settings it sees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) entity: usize,
    pub(super) app: usize,
}

/// A root beside `record`, `user` and `settings`.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    pub(super) name: &'static str,
    pub(super) shape: Arc<Shape>,
    /// The entity whose fields its members are.
    pub(super) entity: Option<usize>,
}

/// Whether an empty field is worth a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// An empty field simply makes the condition false, as anyone expects: of a list "due this week", say.
    Fine,
    /// An empty field decides about a whole record.
    Warn,
    /// As `Warn`, except for this field, whose value is there when the condition is asked.
    WarnExcept(Slot),
}

impl Compiler<'_> {
    /// The names that expressions of `app` over records of `entity` may use.
    pub(super) fn scope(&self, site: Site) -> Scope {
        self.scope_with(Arc::clone(&self.shapes[site.entity]), site.app)
    }

    /// The same over records of the given shape.
    pub(super) fn scope_with(&self, record: Arc<Shape>, app: usize) -> Scope {
        Scope::new()
            .root("record", record)
            .root("user", Arc::clone(&self.user))
            .root("settings", Arc::clone(&self.settings[app].1))
            .functions(Arc::clone(&self.functions[app]))
    }

    /// A condition.
    pub(super) fn condition(
        &self,
        site: Site,
        source: &str,
        place: &Place,
        nulls: Nulls,
        problems: &mut Problems,
    ) -> Option<Expression> {
        let expression = self.expression(site, source, &Type::Bool, place, problems)?;
        self.warn_of_nulls(site, &expression, place, nulls, problems);
        Some(expression)
    }

    /// A condition that is asked of many records at once and so has to be translatable to SQL.
    pub(super) fn filter(
        &self,
        site: Site,
        source: &str,
        place: &Place,
        nulls: Nulls,
        problems: &mut Problems,
    ) -> Option<Expression> {
        let expression = self.condition(site, source, place, nulls, problems)?;
        match expression.check_sql() {
            Ok(()) => Some(expression),
            Err(diagnostic) => {
                problems.push(place.diagnostic(diagnostic));
                None
            }
        }
    }

    /// An expression whose value is wanted as `want`. `None` when it is wrong, or when it reads a field that is.
    pub(super) fn expression(
        &self,
        site: Site,
        source: &str,
        want: &Type,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<Expression> {
        let draft = &self.drafts[site.entity];
        if mentions(source)
            .any(|name| draft.slots.get(name).is_some_and(|slot| draft.fields[*slot].ty.is_none()))
        {
            return None;
        }
        let key = (site.entity, site.app, want.clone(), source.to_owned());
        if let Some(known) = self.compiled.borrow().get(&key) {
            return Some(known.clone());
        }
        let expression = self.compile_with(site, &[], source, Some(want), place, problems)?;
        self.compiled.borrow_mut().insert(key, expression.clone());
        Some(expression)
    }

    /// An expression that sees more roots, or whose type is not known beforehand.
    pub(super) fn expression_with(
        &self,
        site: Site,
        extra: &[Extra],
        source: &str,
        want: Option<&Type>,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<Expression> {
        if let (Some(want), []) = (want, extra) {
            return self.expression(site, source, want, place, problems);
        }
        let draft = &self.drafts[site.entity];
        let broken = |name: &str| draft.slots.get(name).is_some_and(|slot| draft.fields[*slot].ty.is_none());
        if mentions(source).any(broken) {
            return None;
        }
        self.compile_with(site, extra, source, want, place, problems)
    }

    fn compile_with(
        &self,
        site: Site,
        extra: &[Extra],
        source: &str,
        want: Option<&Type>,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<Expression> {
        let scope = extra
            .iter()
            .fold(self.scope(site), |scope, extra| scope.root(extra.name, Arc::clone(&extra.shape)));
        let compiled = match want {
            Some(want) => Expression::compile_as(source, &scope, want),
            None => Expression::compile(source, &scope),
        };
        match compiled {
            Ok(expression) => {
                check_references(&self.drafts[site.entity], roots::RECORD, &expression, place, problems);
                for (position, extra) in extra.iter().enumerate() {
                    let Some(entity) = extra.entity else { continue };
                    let root = roots::SETTINGS + 1 + position;
                    check_references(&self.drafts[entity], root, &expression, place, problems);
                }
                Some(expression)
            }
            Err(diagnostics) => {
                problems.extend(diagnostics.into_iter().map(|diagnostic| place.diagnostic(diagnostic)));
                None
            }
        }
    }

    /// Warns of fields of the record that may be empty and then decide.
    pub(super) fn warn_of_nulls(
        &self,
        site: Site,
        expression: &Expression,
        place: &Place,
        nulls: Nulls,
        problems: &mut Problems,
    ) {
        let own = match nulls {
            Nulls::Fine => return,
            Nulls::Warn => None,
            Nulls::WarnExcept(slot) => Some(slot),
        };
        let draft = &self.drafts[site.entity];
        let mut named: Vec<Slot> = Vec::new();
        for reference in expression.references() {
            let slot = reference.slot;
            let harmless = reference.root != roots::RECORD
                || !reference.nullable
                || reference.guarded
                || Some(slot) == own
                || named.contains(&slot)
                || draft.always_filled(slot)
                || draft.fields[slot].ty == Some(Type::Bool)
                || is_equated(expression.source(), &reference.span);
            if !harmless {
                named.push(slot);
                let mut problem = place.warning("expr.maybe_empty").arg("name", &reference.name);
                problem.column = Some(reference.column);
                problems.push(problem);
            }
        }
    }
}

/// The shape of the root `user`; its members stand in the order of [`user_slots`].
pub(super) fn user_shape() -> Shape {
    let ids = Type::List(Box::new(Type::Id));
    let members = vec![
        Member::new("id", Type::Id),
        Member::new("name", Type::Text),
        Member::new("department", Type::Id).nullable(),
        Member::new("roles", Type::List(Box::new(Type::Text))),
        Member::new("team", ids.clone()),
        Member::new("department_users", ids),
    ];
    debug_assert_eq!(&*members[user_slots::DEPARTMENT_USERS].name, "department_users");
    Shape::new(members)
}

/// Names of fields that a source seems to read: every `record.name` outside of quotes. Used only where the
/// expression cannot be compiled yet.
pub(super) fn mentions(source: &str) -> impl Iterator<Item = &str> {
    let mut quote: Option<char> = None;
    let mut previous = ' ';
    source.char_indices().filter_map(move |(at, c)| {
        let starts_word = !(previous.is_alphanumeric() || previous == '_' || previous == '.');
        let escaped = previous == '\\';
        previous = c;
        match quote {
            Some(open) if c == open && !escaped => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if starts_word => {
                let rest = source[at..].strip_prefix("record")?.trim_start().strip_prefix('.')?.trim_start();
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                return (end > 0).then(|| &rest[..end]);
            }
            None => {}
        }
        None
    })
}

/// Looks at the members of one root, which are fields of `draft`.
fn check_references(
    draft: &Draft<'_>,
    root: usize,
    expression: &Expression,
    place: &Place,
    problems: &mut Problems,
) {
    let of_root = expression.references().iter().filter(|reference| reference.root == root);
    for reference in of_root {
        if draft.is_lines(reference.slot) {
            let mut problem = place.error("expr.lines").arg("name", &reference.name);
            problem.column = Some(reference.column);
            problems.push(problem);
        } else if let Some(choices) = draft.choices(reference.slot) {
            for value in compared_texts(expression.source(), reference) {
                if !choices.iter().any(|choice| choice.value == value) {
                    let mut problem = place.error("expr.unknown_choice").arg("value", value);
                    problem.column = Some(reference.column);
                    problem = problem.arg("name", &reference.name);
                    problems.push(problem.suggest(value, choices.iter().map(|choice| choice.value.as_str())));
                }
            }
        }
    }
}

/// True when the member stands beside `==`, `!=` or `in`, which treat an empty value like any other.
pub(in crate::compile) fn is_equated(source: &str, span: &Range<usize>) -> bool {
    let (before, after) = (source[..span.start].trim_end(), source[span.end..].trim_start());
    let equates = |operator: &str| operator == "==" || operator == "!=";
    after.get(..2).is_some_and(equates)
        || before.len().checked_sub(2).and_then(|at| before.get(at..)).is_some_and(equates)
        || after.starts_with("in ")
        || after.starts_with("in[")
}

/// The literal texts that a member is compared with: `== 'a'`, `in ['a', 'b']`, `'a' in record.tags`.
fn compared_texts<'s>(source: &'s str, reference: &Reference) -> Vec<&'s str> {
    let (before, after) =
        (source[..reference.span.start].trim_end(), source[reference.span.end..].trim_start());
    let operator = after.get(..2).unwrap_or_default();
    if operator == "==" || operator == "!=" {
        return literal(after[2..].trim_start()).map(|(text, _)| text).into_iter().collect();
    }
    if let Some(list) = after.strip_prefix("in").and_then(|rest| rest.trim_start().strip_prefix('[')) {
        let mut texts = Vec::new();
        let mut rest = list.trim_start();
        while let Some((text, next)) = literal(rest) {
            texts.push(text);
            rest = next.trim_start().strip_prefix(',').unwrap_or_default().trim_start();
        }
        return texts;
    }
    let operand = ["==", "!=", " in"].iter().find_map(|operator| before.strip_suffix(operator));
    operand.and_then(|operand| literal_at_end(operand.trim_end())).into_iter().collect()
}

/// A quoted text without escapes at the start, and what follows it.
fn literal(source: &str) -> Option<(&str, &str)> {
    let quote = source.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    let (text, rest) = source[1..].split_once(quote)?;
    (!text.contains('\\')).then_some((text, rest))
}

fn literal_at_end(source: &str) -> Option<&str> {
    let quote = source.chars().next_back().filter(|c| *c == '\'' || *c == '"')?;
    let inner = &source[..source.len() - 1];
    let start = inner.rfind(quote)?;
    (!inner[start..].contains('\\')).then(|| &inner[start + 1..])
}

/// The text of an expression that is nothing but one quoted text.
pub(super) fn constant_text(source: &str) -> Option<&str> {
    let (text, rest) = literal(source.trim())?;
    rest.is_empty().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentioned_fields_are_found_outside_of_quotes() {
        let found: Vec<&str> =
            mentions("record.a + 'record.b' + prerecord.c + record . d_1 == \"it's record.e\"").collect();
        assert_eq!(found, ["a", "d_1"]);
    }

    #[test]
    fn text_beside_a_member_is_found_on_either_side() {
        assert_eq!(literal_at_end("x && 'new'"), Some("new"));
        assert_eq!(constant_text(" 'new' "), Some("new"));
        assert_eq!(constant_text("'a' + 'b'"), None);
        assert!(is_equated("record.a == null", &(0..8)));
        assert!(is_equated("null != record.a", &(8..16)));
        assert!(!is_equated("record.a > 3", &(0..8)));
    }
}
