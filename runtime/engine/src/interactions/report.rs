//! Where people get stuck: figures of many visits at once. No answer tells of one visit.

use chrono::{DateTime, Utc};
use mortise_expr::{Type, Value};
use mortise_store::{Param, Row};

use super::administrator;
use super::figures::{Seen, Told};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;

/// Forms that are named at most, those that are left behind most.
const FORMS_MAX: usize = 200;
/// Interactions that are looked at, the newest: so many are read in about a second, and more would say the same.
const LOOKED_AT_MAX: usize = 250_000;
/// People that a role must have for its figures to be shown alone: with fewer one would look at somebody.
pub const ROLE_PEOPLE_MIN: usize = 3;

/// Which interactions are looked at.
#[derive(Debug, Clone)]
pub struct InteractionFilter {
    /// From this moment on.
    pub since: DateTime<Utc>,
    /// Up to this moment, exclusive.
    pub until: DateTime<Utc>,
    /// Of people with this role only.
    pub role: Option<String>,
}

/// How forms were used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormUses {
    /// The forms, those that are left behind most first.
    pub forms: Vec<FormUse>,
    /// Where there is more than is looked at: the moment from which on everything was.
    pub only_since: Option<DateTime<Utc>>,
}

/// How a form was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormUse {
    /// Key of the entity.
    pub entity: String,
    /// Key of the form; empty for the one of all fields.
    pub form: String,
    /// How often it was opened.
    pub opened: i64,
    /// How often of these it was saved.
    pub saved: i64,
    /// How often it was left with something in it, and never saved.
    pub abandoned: i64,
    /// How often at least one save was refused.
    pub refused: i64,
    /// Median of the milliseconds from opening to saving.
    pub median_ms: Option<i64>,
    /// The fields that take longest, the slowest first.
    pub slowest: Vec<FieldUse>,
    /// The errors that are met most, the most frequent first.
    pub errors: Vec<ErrorMet>,
}

/// How long a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldUse {
    /// Name.
    pub field: String,
    /// Median of the milliseconds that it has the focus in a visit.
    pub median_ms: i64,
    /// Visits in which it had it.
    pub visits: i64,
}

/// How often an error is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorMet {
    /// Name of the field; none where it is the form as a whole.
    pub field: Option<String>,
    /// Code.
    pub code: String,
    /// Visits in which it was met.
    pub visits: i64,
}

impl Tenant {
    /// How forms were used, those that are abandoned most first; for administrators.
    pub async fn form_uses(&self, actor: &Actor, filter: &InteractionFilter) -> Result<FormUses, Error> {
        administrator(actor)?;
        // Nobody shall miss what they have just done.
        self.write_interactions().await;
        if filter.role.as_ref().is_some_and(|role| !self.is_large_role(role)) {
            return Ok(FormUses::default());
        }
        let naming = self.store.naming();
        // The newest first, along the index. One scan for all figures: what they have in common is the reading.
        let sql = naming.sql(&format!(
            "SELECT visit, kind, entity, form, field, code, millis, at FROM {} \
             WHERE at >= ?1 AND at < ?2 AND roles LIKE ?3 ESCAPE '!' ORDER BY at DESC LIMIT {LOOKED_AT_MAX}",
            naming.table("_interaction")
        ));
        let params: [Param; 3] =
            [filter.since.into(), filter.until.into(), pattern(filter.role.as_deref()).into()];
        let mut seen = Seen::default();
        let mut only_since = None;
        let mut count = 0;
        self.store
            .fetch_long(&sql, &params, |row| {
                count += 1;
                if count == LOOKED_AT_MAX
                    && let Value::DateTime(at) = row.value(7, &Type::DateTime)?
                {
                    only_since = Some(at);
                }
                seen.add(told(row)?);
                Ok(())
            })
            .await?;
        let mut forms = seen.forms();
        forms.truncate(FORMS_MAX);
        Ok(FormUses { forms, only_since })
    }

    /// Whether enough people have a role for its figures to say nothing about any of them.
    pub fn is_large_role(&self, role: &str) -> bool {
        let directory = self.directory();
        let has = |roles: &[String]| roles.iter().any(|known| known == role);
        directory.users().filter(|user| user.active && has(&user.roles)).count() >= ROLE_PEOPLE_MIN
    }
}

fn told(row: &dyn Row) -> mortise_store::Result<Told> {
    Ok(Told {
        visit: row.id(0)?.unwrap_or_default(),
        kind: row.text(1)?.unwrap_or_default(),
        entity: row.text(2)?.unwrap_or_default(),
        form: row.text(3)?.unwrap_or_default(),
        field: row.text(4)?,
        code: row.text(5)?,
        millis: row.int(6)?.unwrap_or_default(),
    })
}

/// What the roles of an interaction have to look like.
fn pattern(role: Option<&str>) -> String {
    let plain = |role: &str| role.replace('!', "!!").replace('_', "!_").replace('%', "!%");
    role.map_or_else(|| "%".to_owned(), |role| format!("%|{}|%", plain(role)))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_role_is_looked_for_as_it_is_written() {
        assert_eq!(pattern(None), "%");
        assert_eq!(pattern(Some("app.field_rep")), "%|app.field!_rep|%");
    }
}
