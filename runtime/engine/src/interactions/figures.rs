//! Adds interactions up to figures of forms: visits by how they ended, medians of times, the slowest fields, the errors that are
//! met most. Counted is a visit only from its opening on; one that began before what is looked at is left out.

use std::cmp::Reverse;
use std::collections::HashMap;

use uuid::Uuid;

use super::InteractionKind as Kind;
use super::report::{ErrorMet, FieldUse, FormUse};

/// Fields and errors that are named of each form.
const NAMED: usize = 3;

/// One interaction, as it is stored.
pub(super) struct Told {
    pub(super) visit: Uuid,
    pub(super) kind: String,
    pub(super) entity: String,
    pub(super) form: String,
    pub(super) field: Option<String>,
    pub(super) code: Option<String>,
    pub(super) millis: i64,
}

/// A name by its number: there are few of them, and very many interactions.
type Name = u32;

/// What is known of the interactions so far.
#[derive(Default)]
pub(super) struct Seen {
    numbers: HashMap<String, Name>,
    names: Vec<String>,
    /// By entity, form and visit.
    visits: HashMap<(Name, Name, Uuid), Visit>,
}

#[derive(Default)]
struct Visit {
    opened: bool,
    abandoned: bool,
    /// After how long it was saved.
    saved: Option<i64>,
    /// Milliseconds in each field.
    spent: Vec<(Name, i64)>,
    /// Errors with their fields, each once.
    met: Vec<(Option<Name>, Name)>,
}

impl Seen {
    /// Adds an interaction; their order does not matter.
    pub(super) fn add(&mut self, told: Told) {
        let (entity, form) = (self.number(told.entity), self.number(told.form));
        let (field, code) =
            (told.field.map(|name| self.number(name)), told.code.map(|code| self.number(code)));
        let visit = self.visits.entry((entity, form, told.visit)).or_default();
        let is = |kind: Kind| told.kind == kind.name();
        if is(Kind::Field) {
            let Some(field) = field else { return };
            match visit.spent.iter_mut().find(|(known, _)| *known == field) {
                Some((_, millis)) => *millis += told.millis,
                None => visit.spent.push((field, told.millis)),
            }
        } else if is(Kind::Refused) {
            let Some(code) = code else { return };
            if !visit.met.contains(&(field, code)) {
                visit.met.push((field, code));
            }
        } else if is(Kind::Saved) {
            visit.saved = visit.saved.max(Some(told.millis));
        } else {
            visit.opened |= is(Kind::Opened);
            visit.abandoned |= is(Kind::Abandoned);
        }
    }

    fn number(&mut self, name: String) -> Name {
        if let Some(&number) = self.numbers.get(&name) {
            return number;
        }
        // There are not more names than interactions that are looked at.
        let number = Name::try_from(self.names.len()).unwrap_or(Name::MAX);
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    fn name(&self, number: Name) -> String {
        self.names.get(number as usize).cloned().unwrap_or_default()
    }

    /// The figures of each form, those that are left behind most first.
    pub(super) fn forms(self) -> Vec<FormUse> {
        let mut of_form: HashMap<(Name, Name), Vec<&Visit>> = HashMap::new();
        for ((entity, form, _), visit) in self.visits.iter().filter(|(_, visit)| visit.opened) {
            of_form.entry((*entity, *form)).or_default().push(visit);
        }
        let mut forms: Vec<FormUse> =
            of_form.into_iter().map(|(form, visits)| self.figures(form, &visits)).collect();
        forms.sort_by(|a, b| {
            let rank = |form: &FormUse| (Reverse(form.abandoned), Reverse(form.opened));
            rank(a).cmp(&rank(b)).then_with(|| (&a.entity, &a.form).cmp(&(&b.entity, &b.form)))
        });
        forms
    }

    fn figures(&self, (entity, form): (Name, Name), visits: &[&Visit]) -> FormUse {
        let count = |fits: &dyn Fn(&Visit) -> bool| whole(visits.iter().filter(|visit| fits(visit)).count());
        FormUse {
            entity: self.name(entity),
            form: self.name(form),
            opened: whole(visits.len()),
            saved: count(&|visit| visit.saved.is_some()),
            abandoned: count(&|visit| visit.abandoned && visit.saved.is_none()),
            refused: count(&|visit| !visit.met.is_empty()),
            median_ms: median(visits.iter().filter_map(|visit| visit.saved).collect()),
            slowest: self.slowest(visits),
            errors: self.errors(visits),
        }
    }

    fn slowest(&self, visits: &[&Visit]) -> Vec<FieldUse> {
        let mut spent: HashMap<Name, Vec<i64>> = HashMap::new();
        for (field, millis) in visits.iter().flat_map(|visit| &visit.spent) {
            spent.entry(*field).or_default().push(*millis);
        }
        let field = |(field, times): (Name, Vec<i64>)| {
            let visits = whole(times.len());
            Some(FieldUse { field: self.name(field), median_ms: median(times)?, visits })
        };
        let mut fields: Vec<FieldUse> = spent.into_iter().filter_map(field).collect();
        fields.sort_by(|a, b| b.median_ms.cmp(&a.median_ms).then_with(|| a.field.cmp(&b.field)));
        fields.truncate(NAMED);
        fields
    }

    fn errors(&self, visits: &[&Visit]) -> Vec<ErrorMet> {
        let mut met: HashMap<(Option<Name>, Name), i64> = HashMap::new();
        for error in visits.iter().flat_map(|visit| &visit.met) {
            *met.entry(*error).or_default() += 1;
        }
        let error = |((field, code), visits): ((Option<Name>, Name), i64)| ErrorMet {
            field: field.map(|field| self.name(field)),
            code: self.name(code),
            visits,
        };
        let mut errors: Vec<ErrorMet> = met.into_iter().map(error).collect();
        errors.sort_by(|a, b| {
            b.visits.cmp(&a.visits).then_with(|| (&a.code, &a.field).cmp(&(&b.code, &b.field)))
        });
        errors.truncate(NAMED);
        errors
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The value in the middle; of an even number of values, the mean of the two in the middle.
fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(lower + (upper - lower) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3]), Some(3));
        assert_eq!(median(vec![9, 1, 4]), Some(4));
        assert_eq!(median(vec![10, 20, 30, 60]), Some(25));
    }

    #[test]
    fn a_visit_that_was_not_seen_from_its_beginning_is_left_out() {
        let told = |visit: u128, kind: &str| Told {
            visit: Uuid::from_u128(visit),
            kind: kind.to_owned(),
            entity: "e".to_owned(),
            form: String::new(),
            field: None,
            code: None,
            millis: 1,
        };
        let mut seen = Seen::default();
        [told(1, "saved"), told(2, "abandoned"), told(2, "opened")].into_iter().for_each(|one| seen.add(one));
        let forms = seen.forms();
        assert_eq!((forms.len(), forms[0].opened, forms[0].saved, forms[0].abandoned), (1, 1, 0, 1));
    }
}
