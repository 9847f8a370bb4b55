//! Ties the installed plugins to a model: entities and fields by name, conditions compiled, rights cut down.

use std::sync::Arc;

use mortise_definition::model::Model;
use mortise_store::TenantStore;

use super::bound::Bound;
use super::host::PluginHouse;
use crate::error::Error;

/// The plugins of a tenant, tied to a model that is or will be in force.
pub(crate) async fn bind(
    _store: &TenantStore,
    _house: &Arc<PluginHouse>,
    _model: &Model,
) -> Result<Arc<Bound>, Error> {
    Ok(Arc::default())
}
