//! What people are offered for a record: transitions that they may take, and freezes that stand in their way.

use mortise_definition::Text;
use mortise_definition::model::{Slot, system};
use mortise_definition::source::Operation;
use uuid::Uuid;

use super::freeze::{self, Freeze};
use crate::commands::{guarded, lifecycle_of, open_to, state_of};
use crate::error::Error;
use crate::people::Actor;
use crate::records::Record;
use crate::tenant::Tenant;

/// A transition that a person may take now.
#[derive(Debug, Clone)]
pub struct TransitionOffer {
    /// Id.
    pub id: String,
    /// Words on its button.
    pub label: Text,
    /// Colour of its button.
    pub color: Option<String>,
    /// State afterwards.
    pub to: String,
    /// Fields that have to be filled; those that are filled already are asked for again, to be confirmed.
    pub requires: Vec<Slot>,
    /// Whether its guard holds for the record as it is. Values that come along may change that.
    pub ready: bool,
    /// What the guard says when it does not hold.
    pub message: Option<Text>,
}

impl Tenant {
    /// The transitions that a person may take with a record that was read for them.
    pub async fn transitions(
        &self,
        actor: &Actor,
        entity: &str,
        record: &Record,
    ) -> Result<Vec<TransitionOffer>, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?;
        let Some(lifecycle) = lifecycle_of(&work, entity) else { return Ok(Vec::new()) };
        // What the person may not see counts all the same, so the record is read as it is.
        let table = &work.published.layout.tables[entity.index];
        let stored = self.store.fetch(table.select(), &[record.id().into()], |row| table.record(row)).await?;
        let Some(stored) = stored.into_iter().next().filter(|stored| stored[system::DELETED_AT].is_null())
        else {
            return Ok(Vec::new());
        };
        if !work.reaches(&self.store, entity, Operation::Update, &stored).await? {
            return Ok(Vec::new());
        }
        let state = state_of(lifecycle, &stored);
        let open = lifecycle
            .transitions
            .iter()
            .filter(|one| one.from.iter().any(|from| from == state) && open_to(&work, one));
        Ok(open
            .map(|one| TransitionOffer {
                id: one.id.clone(),
                label: one.label.clone(),
                color: one.color.clone(),
                to: one.to.clone(),
                requires: one.requires.clone(),
                ready: guarded(&work, lifecycle, one, &stored),
                message: one.message.clone(),
            })
            .collect())
    }

    /// The freezes of a record that the person may see, oldest first.
    pub async fn freezes(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<Vec<Freeze>, Error> {
        self.read(actor, entity, id).await?;
        let work = self.work(actor);
        freeze::now(&self.store, work.entity(entity)?, id, work.now).await
    }
}
