//! List macros: a condition or a value for each item of a list. An empty (null) list has no items; `filter` and
//! `map` of it give null.

use std::borrow::Cow;

use super::{EvalError, Held, Machine, boolean};
use crate::Value;
use crate::node::{Each, Quantifier};

impl<'a> Machine<'a> {
    pub(super) fn each(&mut self, each: &'a Each) -> Result<Held<'a>, EvalError> {
        let list = self.eval(&each.list)?;
        let (items, absent) = match &*list {
            Value::List(items) => (&**items, false),
            _ => (&[][..], true),
        };
        if absent && matches!(each.quantifier, Quantifier::Filter | Quantifier::Map) {
            return Ok(Cow::Owned(Value::Null));
        }
        let mut hits = 0usize;
        let mut kept = Vec::new();
        let looks_at_all = !matches!(each.quantifier, Quantifier::Exists | Quantifier::All);
        let mut pending = false;
        for item in items {
            self.locals.truncate(each.local);
            self.locals.push(item.clone());
            let hit = each.condition.as_ref().map_or(Ok(true), |condition| self.test(condition));
            let hit = match hit {
                Ok(hit) => hit,
                // Every item is looked at, so what the others ask for can be noted at once.
                Err(EvalError::Pending) if looks_at_all => {
                    pending = true;
                    continue;
                }
                Err(error) => return Err(if pending { EvalError::Pending } else { error }),
            };
            match each.quantifier {
                Quantifier::Exists if hit => return Ok(self.leave(each, true)),
                Quantifier::All if !hit => return Ok(self.leave(each, false)),
                Quantifier::Filter if hit => kept.push(item.clone()),
                Quantifier::Map if hit => {
                    if let Some(result) = &each.result {
                        match self.eval(result) {
                            Ok(result) => kept.push(result.into_owned()),
                            Err(EvalError::Pending) => pending = true,
                            Err(error) => return Err(if pending { EvalError::Pending } else { error }),
                        }
                    }
                }
                _ => hits += usize::from(hit),
            }
        }
        if pending {
            return Err(EvalError::Pending);
        }
        Ok(match each.quantifier {
            Quantifier::Exists => self.leave(each, false),
            Quantifier::All => self.leave(each, true),
            Quantifier::ExistsOne => self.leave(each, hits == 1),
            Quantifier::Filter | Quantifier::Map => {
                self.locals.truncate(each.local);
                Cow::Owned(Value::list(kept))
            }
        })
    }

    fn leave(&mut self, each: &Each, result: bool) -> Held<'a> {
        self.locals.truncate(each.local);
        boolean(result)
    }
}
