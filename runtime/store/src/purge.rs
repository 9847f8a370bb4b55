//! What upgrades and removed apps left behind, how much it holds, and dropping it for good: the only way in which values
//! of records ever leave a tenant's tables without a person deleting the records. The audit trail keeps what it tells.

use indexmap::IndexMap;
use serde::Serialize;

use crate::catalog::{Catalog, Migration, Purged, Step};
use crate::error::Result;
use crate::exec::{Naming, Row, quote};
use crate::tenant::{TenantStore, migrate_in};
use crate::writer::Session;

/// A column, or a whole table, that is kept but no longer part of any installed app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retired {
    /// What names it when it is to be dropped: `app.entity`, `app.entity.field`.
    pub key: String,
    /// The app it came from.
    pub app: String,
    /// Key of the entity.
    pub entity: String,
    /// Id of the field; none for a whole table.
    pub field: Option<String>,
    /// Present name of the table.
    pub table: String,
    /// Present name of the column.
    pub column: Option<String>,
    /// Records that hold a value; of a table, all its records.
    pub rows: i64,
    /// Its values follow from others.
    pub calculated: bool,
}

/// Everything that is kept, without how much it holds.
pub fn retired(catalog: &Catalog) -> Vec<Retired> {
    let mut found = Vec::new();
    for (entity, table) in &catalog.tables {
        let app = entity.split('.').next().unwrap_or_default();
        let whole = Retired {
            key: entity.clone(),
            app: app.to_owned(),
            entity: entity.clone(),
            field: None,
            table: table.name.clone(),
            column: None,
            rows: 0,
            calculated: false,
        };
        if table.retired {
            found.push(whole);
            continue;
        }
        found.extend(table.columns.iter().filter(|(_, column)| column.retired).map(|(id, column)| Retired {
            key: format!("{entity}.{id}"),
            // Fields that an app adds to the entity of another have its id before their own.
            app: id.split_once(':').map_or(app, |(extending, _)| extending).to_owned(),
            field: Some(field_of(id).to_owned()),
            column: Some(column.name.clone()),
            calculated: column.calculated,
            ..whole.clone()
        }));
    }
    found
}

/// The field that a column was kept for: columns of a type that the field no longer has are numbered.
fn field_of(id: &str) -> &str {
    id.split_once('~').map_or(id, |(field, _)| field)
}

/// Statements that count, one for each table, with the positions of what they count.
fn counts(naming: &Naming, retired: &[Retired]) -> Vec<(String, Vec<usize>)> {
    let mut tables: IndexMap<&str, Vec<usize>> = IndexMap::new();
    for (position, one) in retired.iter().enumerate() {
        tables.entry(&one.table).or_default().push(position);
    }
    let count = |position: &usize| {
        let column = retired[*position].column.as_deref().map_or("*".to_owned(), quote);
        format!("count({column})")
    };
    let statement = |(table, positions): (&str, Vec<usize>)| {
        let counted = positions.iter().map(count).collect::<Vec<_>>().join(", ");
        (format!("SELECT {counted} FROM {}", naming.table(table)), positions)
    };
    tables.into_iter().map(statement).collect()
}

fn read_counts(row: &dyn Row, columns: usize) -> Result<Vec<i64>> {
    (0..columns).map(|index| Ok(row.int(index)?.unwrap_or_default())).collect()
}

fn note(retired: &mut [Retired], positions: &[usize], rows: Vec<Vec<i64>>) {
    let counted = rows.into_iter().flatten();
    positions.iter().zip(counted).for_each(|(position, count)| retired[*position].rows = count);
}

impl TenantStore {
    /// Everything that is kept, and how much it holds. Of an app, where one is named.
    pub async fn retired(&self, app: Option<&str>) -> Result<Vec<Retired>> {
        let mut found = retired(&self.catalog().await?);
        found.retain(|one| app.is_none_or(|app| one.app == app));
        for (sql, positions) in counts(self.naming(), &found) {
            let rows = self.fetch_long(&sql, &[], |row| read_counts(row, positions.len())).await?;
            note(&mut found, &positions, rows);
        }
        Ok(found)
    }
}

/// Drops what was chosen out of [`retired`], and tells how much each held. All in the transaction of this write.
pub fn purge_in(
    session: &mut Session<'_>,
    catalog: &Catalog,
    mut chosen: Vec<Retired>,
) -> Result<Vec<Retired>> {
    for (sql, positions) in counts(session.naming, &chosen) {
        let rows = session.query(&sql, &[], |row| read_counts(row, positions.len()))?;
        note(&mut chosen, &positions, rows);
    }
    migrate_in(session, &plan_purge(catalog, &chosen), &Catalog::default())?;
    Ok(chosen)
}

/// The steps that drop these, and the catalogue without them.
pub fn plan_purge(catalog: &Catalog, chosen: &[Retired]) -> Migration {
    let mut migration = Migration { after: catalog.clone(), ..Migration::default() };
    let after = &mut migration.after;
    for one in chosen {
        let (entity, table) = (one.entity.clone(), one.table.clone());
        let Some(column) = one.column.clone() else {
            migration.steps.push(Step::DropTable { entity: entity.clone(), table });
            after.tables.shift_remove(&entity);
            after.purged.extend((one.rows > 0).then_some(Purged { entity, field: None }));
            continue;
        };
        let columns = after.tables.get_mut(&entity).map(|table| &mut table.columns);
        let dropped = columns.and_then(|columns| {
            let id = columns.iter().find(|(_, kept)| kept.name == column)?.0.clone();
            columns.shift_remove(&id)
        });
        migration.steps.push(Step::DropColumn { entity: entity.clone(), table, column });
        // What held nothing, or can be worked out again, is not missed when it comes back.
        if let (Some(dropped), Some(field)) =
            (dropped.filter(|_| one.rows > 0 && !one.calculated), &one.field)
        {
            after.purged.push(Purged { entity, field: Some((field.clone(), dropped.ty)) });
        }
    }
    migration
}
