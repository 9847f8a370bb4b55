//! What people choose for themselves: how their lists look, and filters that they keep or share. Nobody reads or changes
//! somebody else's choices; a shared filter is read by everybody who may read the records, and changed by its owner alone.

use chrono::{DateTime, Utc};
use mortise_definition::source::Operation;
use mortise_store::{Param, Row, Session};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::automation::timer::moment;
use crate::env::Env as _;
use crate::error::Error;
use crate::people::Actor;
use crate::query::Query;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Longest name of a choice in bytes: kind of choice, entity and view fit.
const NAME_BYTES_MAX: usize = 200;
/// Longest choice in bytes: columns of a list with their widths have some thousand.
const CHOICE_BYTES_MAX: usize = 16_000;
/// Choices of one person at most: some for each list that they open.
const CHOICES_MAX: i64 = 1_000;
/// Longest name of a filter in characters: what fits a menu.
const FILTER_NAME_MAX: usize = 80;
/// Longest parameters of a filter in bytes: about as much as an address may have.
const FILTER_BYTES_MAX: usize = 8_000;
/// Filters of one person over one entity at most: more cannot be found in a menu.
const FILTERS_MAX: i64 = 100;

/// A filter that somebody gave a name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SavedFilter {
    /// Id.
    pub id: Uuid,
    /// Key of the entity.
    pub entity: String,
    /// Whose it is.
    pub owner: Uuid,
    /// Its name.
    pub name: String,
    /// Parameters of the list, as in its address: `view`, `q`, `sort`, `filter`, `where.<field>`.
    pub params: Map<String, Json>,
    /// Whether everybody who may read the records has it.
    pub shared: bool,
    /// When it was saved.
    pub at: DateTime<Utc>,
}

/// A filter to be kept.
#[derive(Debug, Clone)]
pub struct FilterInput {
    /// Key of the entity.
    pub entity: String,
    /// Its name.
    pub name: String,
    /// Parameters of the list.
    pub params: Map<String, Json>,
    /// Whether others have it, too.
    pub shared: bool,
}

impl FilterInput {
    /// The input with its name tidied, or what is wrong with it.
    fn checked(mut self) -> Result<FilterInput, Error> {
        self.name = self.name.trim().to_owned();
        let long = self.name.chars().count() > FILTER_NAME_MAX;
        if self.name.is_empty() || long || self.name.chars().any(char::is_control) {
            return Err(bad(Issue::new("saved_filter.name").with("limit", FILTER_NAME_MAX)));
        }
        let known =
            |name: &str| matches!(name, "view" | "q" | "sort" | "filter") || name.starts_with("where.");
        if let Some((name, _)) = self.params.iter().find(|(name, value)| !known(name) || !value.is_string()) {
            return Err(bad(Issue::new("saved_filter.params").with("name", name)));
        }
        if self.params.is_empty() || json(&self.params).len() > FILTER_BYTES_MAX {
            return Err(bad(Issue::new("saved_filter.size").with("limit", FILTER_BYTES_MAX)));
        }
        Ok(self)
    }
}

fn bad(issue: Issue) -> Error {
    Error::BadRequest(issue)
}

fn json(params: &Map<String, Json>) -> String {
    Json::Object(params.clone()).to_string()
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    match !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(fits) {
        true => Ok(()),
        false => Err(bad(Issue::new("choice.name").with("limit", NAME_BYTES_MAX))),
    }
}

impl Tenant {
    /// What the person chose under this name.
    pub async fn choice(&self, actor: &Actor, name: &str) -> Result<Option<Json>, Error> {
        check_name(name)?;
        let Some(person) = actor.id() else { return Ok(None) };
        let naming = self.store.naming();
        let sql = format!("SELECT value FROM {} WHERE person = ?1 AND name = ?2", naming.table("_choice"));
        let found =
            self.store.fetch(&naming.sql(&sql), &[person.into(), name.into()], |row| row.text(0)).await?;
        Ok(found.into_iter().flatten().next().and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Remembers what the person chose, or forgets it.
    pub async fn choose(&self, actor: &Actor, name: &str, value: Option<Json>) -> Result<(), Error> {
        check_name(name)?;
        let Some(person) = actor.id() else { return Ok(()) };
        let text = value.map(|value| value.to_string());
        if text.as_ref().is_some_and(|text| text.len() > CHOICE_BYTES_MAX) {
            return Err(bad(Issue::new("choice.too_large").with("limit", CHOICE_BYTES_MAX)));
        }
        let (name, now) = (name.to_owned(), self.now());
        self.store.write(move |session| put_choice(session, person, &name, text.as_deref(), now)).await
    }

    /// The filters over an entity that the person has: their own, and those that others share.
    pub async fn saved_filters(&self, actor: &Actor, entity: &str) -> Result<Vec<SavedFilter>, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?;
        work.access(entity).demand(Operation::Read, entity)?;
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT {COLUMNS} FROM {} WHERE entity = ?1 AND (owner = ?2 OR shared = ?3) ORDER BY name, id",
            naming.table("_saved_filter")
        ));
        let params: [Param; 3] =
            [entity.key.as_str().into(), actor.id().unwrap_or(Uuid::nil()).into(), true.into()];
        Ok(self.store.fetch(&sql, &params, read).await?)
    }

    /// Keeps a filter, or changes one of the person's own. What it asks for must make sense now.
    pub async fn save_filter(
        &self,
        actor: &Actor,
        id: Option<Uuid>,
        input: FilterInput,
    ) -> Result<SavedFilter, Error> {
        let input = input.checked()?;
        {
            let work = self.work(actor);
            let entity = work.entity(&input.entity)?;
            work.access(entity).demand(Operation::Read, entity)?;
            let params =
                input.params.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
            Query::parse(&work, entity, params)?;
        }
        let owner = actor.id().ok_or_else(|| bad(Issue::new("saved_filter.nobody")))?;
        let filter = SavedFilter {
            id: id.unwrap_or_else(|| self.env.id()),
            owner,
            entity: input.entity,
            name: input.name,
            params: input.params,
            shared: input.shared,
            at: self.now(),
        };
        let kept = filter.clone();
        self.store
            .write(move |session| match id {
                Some(_) => replace(session, &kept),
                None => insert(session, &kept),
            })
            .await?;
        Ok(filter)
    }

    /// Throws away one of the person's own filters; administrators also those that others share.
    pub async fn delete_filter(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        let owner = actor.id().unwrap_or(Uuid::nil());
        let administrator = self.directory().user(owner).is_some_and(|person| person.administrator);
        self.store
            .write(move |session| {
                let also = if administrator { " OR shared = ?3" } else { "" };
                let table = session.naming.table("_saved_filter");
                let sql = format!("DELETE FROM {table} WHERE id = ?1 AND (owner = ?2{also})");
                let mut params: Vec<Param> = vec![id.into(), owner.into()];
                params.extend(administrator.then(|| Param::from(true)));
                one(session.execute(&session.naming.sql(&sql), &params)?)
            })
            .await
    }
}

const COLUMNS: &str = "id, entity, owner, name, query, shared, at";

fn read(row: &dyn Row) -> mortise_store::Result<SavedFilter> {
    let params = row.text(4)?.and_then(|text| serde_json::from_str(&text).ok());
    Ok(SavedFilter {
        id: row.id(0)?.unwrap_or_default(),
        entity: row.text(1)?.unwrap_or_default(),
        owner: row.id(2)?.unwrap_or_default(),
        name: row.text(3)?.unwrap_or_default(),
        params: params.unwrap_or_default(),
        shared: row.value(5, &mortise_expr::Type::Bool)?.is_true(),
        at: moment(row, 6)?.unwrap_or_default(),
    })
}

/// A statement that has to meet exactly one filter: others do not exist for the person.
fn one(changed: u64) -> Result<(), Error> {
    match changed {
        0 => Err(Error::NotFound(Issue::new("saved_filter.not_found"))),
        _ => Ok(()),
    }
}

fn insert(session: &mut Session<'_>, filter: &SavedFilter) -> Result<(), Error> {
    let table = session.naming.table("_saved_filter");
    let count = format!("SELECT count(*) FROM {table} WHERE entity = ?1 AND owner = ?2");
    let own: [Param; 2] = [filter.entity.as_str().into(), filter.owner.into()];
    let have = session.query(&session.naming.sql(&count), &own, |row| row.int(0))?.pop().flatten();
    if have.unwrap_or_default() >= FILTERS_MAX {
        return Err(bad(Issue::new("saved_filter.too_many").with("limit", FILTERS_MAX)));
    }
    let sql = format!("INSERT INTO {table} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    let params: [Param; 7] = [
        filter.id.into(),
        filter.entity.as_str().into(),
        filter.owner.into(),
        filter.name.as_str().into(),
        json(&filter.params).into(),
        filter.shared.into(),
        filter.at.into(),
    ];
    session.execute(&session.naming.sql(&sql), &params)?;
    Ok(())
}

fn replace(session: &mut Session<'_>, filter: &SavedFilter) -> Result<(), Error> {
    let table = session.naming.table("_saved_filter");
    let sql = format!(
        "UPDATE {table} SET name = ?4, query = ?5, shared = ?6, at = ?7 \
         WHERE id = ?1 AND entity = ?2 AND owner = ?3"
    );
    let params: [Param; 7] = [
        filter.id.into(),
        filter.entity.as_str().into(),
        filter.owner.into(),
        filter.name.as_str().into(),
        json(&filter.params).into(),
        filter.shared.into(),
        filter.at.into(),
    ];
    one(session.execute(&session.naming.sql(&sql), &params)?)
}

fn put_choice(
    session: &mut Session<'_>,
    person: Uuid,
    name: &str,
    value: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let table = session.naming.table("_choice");
    let Some(value) = value else {
        let sql = format!("DELETE FROM {table} WHERE person = ?1 AND name = ?2");
        session.execute(&session.naming.sql(&sql), &[person.into(), name.into()])?;
        return Ok(());
    };
    let count = format!("SELECT count(*) FROM {table} WHERE person = ?1 AND name <> ?2");
    let have = session.query(&session.naming.sql(&count), &[person.into(), name.into()], |row| row.int(0))?;
    if have.into_iter().flatten().next().unwrap_or_default() >= CHOICES_MAX {
        return Err(bad(Issue::new("choice.too_many").with("limit", CHOICES_MAX)));
    }
    let sql = format!(
        "INSERT INTO {table} (person, name, value, at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (person, name) DO UPDATE SET value = excluded.value, at = excluded.at"
    );
    session.execute(&session.naming.sql(&sql), &[person.into(), name.into(), value.into(), now.into()])?;
    Ok(())
}
