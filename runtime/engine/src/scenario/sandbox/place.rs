//! Where the copy of a tenant is: a file in a folder of its own, or a schema with such a folder. There is one for a tenant at
//! a time, on all nodes together, and it goes whatever comes of it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mortise_store::{Copied, SchemaCopy, TenantStore, Wanted, copy_sqlite};
use parking_lot::Mutex;

use super::{RECORDS_MAX, unwanted};
use crate::engine::{Engine, schema};
use crate::error::Error;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Name of a tenant's file within its folder.
const FILE: &str = "tenant.db";

/// The place of a copy.
pub(super) struct Place {
    folder: Folder,
    schema: Option<SchemaCopy>,
    _alone: Alone,
}

impl Place {
    /// Copies a tenant as it is now.
    pub(super) async fn copy(engine: &Engine, tenant: &Tenant, wanted: &Wanted) -> Result<Place, Error> {
        let alone = Alone::of(engine, &tenant.slug).ok_or_else(busy)?;
        let schema = match &engine.postgres {
            None => None,
            Some(server) => match server.copy_schema(&schema(&tenant.slug), wanted).await? {
                Copied::Whole(schema) => Some(schema),
                Copied::Taken => return Err(busy()),
                Copied::Unwanted => return Err(unwanted()),
            },
        };
        let place = Place { folder: Folder(engine.sandbox_dir(&tenant.slug)), schema, _alone: alone };
        match place.fill(tenant, wanted).await {
            Ok(()) => Ok(place),
            Err(error) => {
                place.remove().await?;
                Err(error)
            }
        }
    }

    /// Makes the folder with what belongs into it.
    async fn fill(&self, tenant: &Tenant, wanted: &Wanted) -> Result<(), Error> {
        let folder = self.folder();
        self.folder.clear().map_err(mortise_store::Error::from)?;
        std::fs::create_dir_all(folder).map_err(mortise_store::Error::from)?;
        if self.schema.is_none()
            && !copy_sqlite(tenant.folder.join(FILE), folder.join(FILE), wanted.clone()).await?
        {
            return Err(unwanted());
        }
        Ok(())
    }

    /// Opens the copy.
    pub(super) async fn open(&self) -> Result<TenantStore, Error> {
        Ok(match &self.schema {
            Some(schema) => schema.open().await?,
            None => TenantStore::open_sqlite_copy(&self.folder().join(FILE))?,
        })
    }

    /// The folder of the copy.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Takes everything away. The store has to be closed.
    pub(super) async fn remove(self) -> Result<(), Error> {
        if let Some(schema) = self.schema {
            schema.remove().await?;
        }
        Ok(self.folder.clear().map_err(mortise_store::Error::from)?)
    }
}

fn busy() -> Error {
    Error::BadRequest(Issue::new("sandbox.busy"))
}

/// A folder that goes when nobody has it any more.
struct Folder(PathBuf);

impl Folder {
    fn clear(&self) -> std::io::Result<()> {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            tracing::warn!(%error, "the copy of a tenant is cleared away at the next start");
        }
    }
}

/// The right to the only sandbox of a tenant in this process.
struct Alone {
    slug: String,
    all: Arc<Mutex<HashSet<String>>>,
}

impl Alone {
    fn of(engine: &Engine, slug: &str) -> Option<Alone> {
        let new = engine.sandboxes.lock().insert(slug.to_owned());
        new.then(|| Alone { slug: slug.to_owned(), all: engine.sandboxes.clone() })
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.all.lock().remove(&self.slug);
    }
}

/// How many records a tenant has, those in the trash included; refused when there are too many to copy.
pub(super) async fn count(tenant: &Tenant) -> Result<i64, Error> {
    let mut records = 0;
    for table in &tenant.published().layout.tables {
        let sql = format!("SELECT count(*) FROM {}", table.name);
        records += tenant.store.fetch_long(&sql, &[], |row| row.int(0)).await?.pop().flatten().unwrap_or(0);
        if records > RECORDS_MAX {
            let issue = Issue::new("sandbox.too_large").with("max", RECORDS_MAX);
            return Err(Error::BadRequest(issue));
        }
    }
    Ok(records)
}
