//! Which key the secrets of an installation are sealed with: its name is kept here, so that a node with another key is
//! refused at its start, and not noticed when a message cannot be sent.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::Control;
use super::entity::note;
use crate::{Error, Keyring, Result};

/// Name of the note.
const KEY: &str = "secret_key";

impl Control {
    /// Name of the key that secrets are sealed with; none before the first start.
    pub async fn secret_key(&self) -> Result<Option<String>> {
        Ok(note::Entity::find_by_id(KEY).one(&self.db).await?.map(|note| note.value))
    }

    /// Makes sure that all nodes have the key that secrets are sealed with. The first to come decides; whoever has the
    /// present key and a new one before it, has it changed.
    pub async fn settle_key(&self, keys: &Keyring) -> Result<()> {
        let own = keys.id().ok_or(Error::KeyUnreadable)?;
        let first = note::ActiveModel { name: Set(KEY.to_owned()), value: Set(own.to_owned()) };
        let known = OnConflict::column(note::Column::Name).do_nothing().to_owned();
        note::Entity::insert(first).on_conflict(known).exec_without_returning(&self.db).await?;
        let agreed = self.secret_key().await?.unwrap_or_default();
        if agreed == own {
            return Ok(());
        }
        if !keys.knows(&agreed) {
            return Err(Error::KeyWrong { sealed_with: agreed, here: own.to_owned() });
        }
        let changed = note::Entity::update_many()
            .col_expr(note::Column::Value, Expr::value(own))
            .filter(note::Column::Name.eq(KEY))
            .filter(note::Column::Value.eq(agreed));
        changed.exec(&self.db).await?;
        Ok(())
    }
}
