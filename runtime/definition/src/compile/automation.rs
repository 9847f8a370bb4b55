//! Compiles what apps do by themselves.

use indexmap::IndexMap;
use std::sync::Arc;

use super::Compiler;
use crate::model::{Automation, EntityAutomation, EntityModel, RoleModel};
use crate::problem::Problems;

impl Compiler<'_> {
    /// All automation of all apps.
    pub(super) fn automation(
        &self,
        entities: &[EntityModel],
        _roles: &IndexMap<String, Arc<RoleModel>>,
        _problems: &mut Problems,
    ) -> Automation {
        let by_entity = entities.iter().map(|_| EntityAutomation::default()).collect();
        Automation { by_entity, ..Automation::default() }
    }
}
