//! The statements of each entity's table, put together once per model: reading and writing a record costs no
//! building of SQL. Values go in and come out by slot.

use mortise_definition::model::{EntityModel, Model, Slot, system};
use mortise_expr::{Dialect, Type, Value};
use sea_query::TableRef;
use uuid::Uuid;

use crate::column::param;
use crate::error::Result;
use crate::exec::{Naming, Param, Row, quote};
use crate::search;
use crate::writer::Session;

/// Records held at once when a whole table is gone through: enough to make statements cheap, little enough for memory.
const BATCH: i64 = 500;

/// The statements of all entities of a model.
#[derive(Debug)]
pub struct Layout {
    /// Names of the tenant's tables.
    pub naming: Naming,
    /// By index of the entity.
    pub tables: Vec<TableLayout>,
}

impl Layout {
    /// Puts the statements together.
    pub fn new(naming: &Naming, model: &Model) -> Layout {
        Layout {
            naming: naming.clone(),
            tables: model.entities.iter().map(|entity| TableLayout::new(naming, entity)).collect(),
        }
    }
}

/// The statements of one entity's table.
#[derive(Debug)]
pub struct TableLayout {
    /// Quoted, qualified name.
    pub name: String,
    /// Unquoted name.
    pub plain: String,
    /// What statements that are built read from.
    pub from: TableRef,
    /// Slots with a column, in the order of `select`.
    pub stored: Vec<Slot>,
    /// Type by slot.
    pub types: Vec<Type>,
    /// Quoted column by slot.
    pub columns: Vec<String>,
    slots: usize,
    insert: String,
    select: String,
    all: String,
    search: Option<SearchSql>,
    similar: Option<SimilarSql>,
}

#[derive(Debug)]
struct SearchSql {
    slots: Vec<Slot>,
    put: String,
    remove: Option<String>,
}

#[derive(Debug)]
struct SimilarSql {
    put: String,
    remove: String,
}

impl TableLayout {
    fn new(naming: &Naming, entity: &EntityModel) -> TableLayout {
        let name = naming.table(&entity.table);
        let stored: Vec<Slot> =
            entity.fields.iter().filter(|field| field.stored()).map(|field| field.slot).collect();
        let columns: Vec<String> = entity.fields.iter().map(|field| quote(&field.name)).collect();
        let listed = stored.iter().map(|&slot| columns[slot].as_str()).collect::<Vec<_>>().join(", ");
        TableLayout {
            insert: format!("INSERT INTO {name} ({listed}) VALUES ({})", naming.placeholders(stored.len())),
            select: format!("SELECT {listed} FROM {name} WHERE id = {}", naming.placeholder(1)),
            all: format!(
                "SELECT {listed} FROM {name} WHERE id > {} ORDER BY id LIMIT {}",
                naming.placeholder(1),
                naming.placeholder(2)
            ),
            search: (!entity.search.is_empty()).then(|| search_sql(naming, entity, &name)),
            similar: entity.duplicates.as_ref().map(|_| similar_sql(naming, entity)),
            types: entity.shape.members().iter().map(|member| member.ty.clone()).collect(),
            plain: entity.table.clone(),
            from: naming.from(&entity.table),
            slots: entity.fields.len(),
            name,
            stored,
            columns,
        }
    }

    /// The statement that reads a record by id (`?1`), all columns; read its row with [`TableLayout::record`].
    pub fn select(&self) -> &str {
        &self.select
    }

    /// A record from a row of [`TableLayout::select`].
    pub fn record(&self, row: &dyn Row) -> Result<Vec<Value>> {
        self.partial(row, &self.stored)
    }

    /// A record from a row that selects these slots; the others are null.
    pub fn partial(&self, row: &dyn Row, slots: &[Slot]) -> Result<Vec<Value>> {
        let mut values = vec![Value::Null; self.slots];
        for (index, &slot) in slots.iter().enumerate() {
            values[slot] = row.value(index, &self.types[slot])?;
        }
        Ok(values)
    }

    /// Reads a record inside a write.
    pub fn load(&self, session: &mut Session<'_>, id: Uuid) -> Result<Option<Vec<Value>>> {
        Ok(session.query(&self.select, &[id.into()], |row| self.record(row))?.pop())
    }

    /// Hands over all records inside a write, those in the trash as well, in batches.
    pub fn each<E: From<crate::error::Error>>(
        &self,
        session: &mut Session<'_>,
        mut work: impl FnMut(&mut Session<'_>, &[Value]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last = Uuid::nil();
        loop {
            let records = session.query(&self.all, &[last.into(), BATCH.into()], |row| self.record(row))?;
            let Some(end) = records.last() else { return Ok(()) };
            last = id_of(end);
            for record in &records {
                work(session, record)?;
            }
        }
    }

    /// Writes a new record.
    pub fn insert(&self, session: &mut Session<'_>, values: &[Value]) -> Result<()> {
        let params: Vec<Param> =
            self.stored.iter().map(|&slot| param(&values[slot], &self.types[slot])).collect();
        session.execute(&self.insert, &params)?;
        Ok(())
    }

    /// Changes columns of the record if it still has this version; tells whether it had.
    pub fn update(
        &self,
        session: &mut Session<'_>,
        id: Uuid,
        version: i64,
        changes: &[(Slot, Value)],
    ) -> Result<bool> {
        let naming = session.naming;
        let mut sql = format!("UPDATE {} SET ", self.name);
        let mut params = Vec::with_capacity(changes.len() + 2);
        for (slot, value) in changes {
            if !params.is_empty() {
                sql.push_str(", ");
            }
            params.push(param(value, &self.types[*slot]));
            sql.push_str(&self.columns[*slot]);
            sql.push_str(" = ");
            sql.push_str(&naming.placeholder(params.len()));
        }
        let (id_at, version_at) = (params.len() + 1, params.len() + 2);
        sql.push_str(&format!(
            " WHERE id = {} AND version = {}",
            naming.placeholder(id_at),
            naming.placeholder(version_at)
        ));
        params.push(id.into());
        params.push(version.into());
        Ok(session.execute(&sql, &params)? == 1)
    }

    /// True when the entity has a search index.
    pub fn searchable(&self) -> bool {
        self.search.is_some()
    }

    /// Puts the words of a new record into the search index.
    pub fn add_search(&self, session: &mut Session<'_>, id: Uuid, values: &[Value]) -> Result<()> {
        let Some(sql) = &self.search else { return Ok(()) };
        self.put_words(session, sql, id, values)
    }

    /// Brings the record's words in the search index up to date, or takes them out (`living` false).
    pub fn change_search(
        &self,
        session: &mut Session<'_>,
        id: Uuid,
        values: &[Value],
        living: bool,
    ) -> Result<()> {
        let Some(sql) = &self.search else { return Ok(()) };
        match &sql.remove {
            Some(remove) => {
                session.execute(remove, &[id.into()])?;
            }
            None if !living => {
                session.execute(&sql.put, &[id.into(), "".into()])?;
            }
            None => {}
        }
        if living { self.put_words(session, sql, id, values) } else { Ok(()) }
    }

    fn put_words(
        &self,
        session: &mut Session<'_>,
        sql: &SearchSql,
        id: Uuid,
        values: &[Value],
    ) -> Result<()> {
        let texts: Vec<String> = sql
            .slots
            .iter()
            .filter(|&&slot| !values[slot].is_null())
            .map(|&slot| values[slot].to_string())
            .collect();
        let tokens = search::tokens(texts.iter().map(String::as_str));
        let words = match session.naming.dialect {
            Dialect::Sqlite => tokens.join(" "),
            Dialect::Postgres => search::postgres_vector(&tokens),
        };
        session.execute(&sql.put, &[id.into(), words.into()])?;
        Ok(())
    }

    /// Slots whose change makes the search index stale.
    pub fn search_slots(&self) -> &[Slot] {
        self.search.as_ref().map_or(&[], |sql| &sql.slots)
    }

    /// Puts keys of a record into the duplicate index.
    pub fn add_similar(&self, session: &mut Session<'_>, id: Uuid, keys: &[i64]) -> Result<()> {
        let Some(sql) = &self.similar else { return Ok(()) };
        for key in keys {
            session.execute(&sql.put, &[(*key).into(), id.into()])?;
        }
        Ok(())
    }

    /// Takes keys of a record out of the duplicate index.
    pub fn remove_similar(&self, session: &mut Session<'_>, id: Uuid, keys: &[i64]) -> Result<()> {
        let Some(sql) = &self.similar else { return Ok(()) };
        for key in keys {
            session.execute(&sql.remove, &[(*key).into(), id.into()])?;
        }
        Ok(())
    }
}

fn search_sql(naming: &Naming, entity: &EntityModel, name: &str) -> SearchSql {
    let slots = entity.search.clone();
    match naming.dialect {
        Dialect::Sqlite => {
            let index = quote(&format!("{}__search", entity.table));
            let rid = format!("(SELECT _rid FROM {name} WHERE id = ?1)");
            SearchSql {
                slots,
                put: format!("INSERT INTO {index} (rowid, tokens) VALUES ({rid}, ?2)"),
                remove: Some(format!("DELETE FROM {index} WHERE rowid = {rid}")),
            }
        }
        Dialect::Postgres => SearchSql {
            slots,
            put: format!("UPDATE {name} SET _search = $2::tsvector WHERE id = $1"),
            remove: None,
        },
    }
}

fn similar_sql(naming: &Naming, entity: &EntityModel) -> SimilarSql {
    let name = naming.table(&format!("{}__similar", entity.table));
    SimilarSql {
        put: naming.sql(&format!("INSERT INTO {name} (key, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING")),
        remove: naming.sql(&format!("DELETE FROM {name} WHERE key = ?1 AND id = ?2")),
    }
}

/// The id of a record.
pub fn id_of(values: &[Value]) -> Uuid {
    values.get(system::ID).and_then(Value::as_id).unwrap_or_default()
}

/// The version of a record.
pub fn version_of(values: &[Value]) -> i64 {
    values.get(system::VERSION).and_then(Value::as_int).unwrap_or_default()
}
