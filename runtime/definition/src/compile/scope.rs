//! The scope of expressions that come after publishing: filters of a request see what the app's own expressions see.

use std::sync::Arc;

use mortise_expr::{Member, Scope, Shape};

use super::expressions::user_shape;
use super::settings::setting_type;
use crate::model::{EntityModel, Model};

impl Model {
    /// The names that an expression over records of `entity` may use: `record`, `user`, and the settings of an app.
    pub fn scope(&self, entity: &EntityModel, app: usize) -> Scope {
        let settings = self.apps[app]
            .settings
            .iter()
            .map(|setting| Member::new(setting.name.as_str(), setting_type(setting.declaration.kind)));
        Scope::new()
            .root("record", Arc::clone(&entity.shape))
            .root("user", Arc::new(user_shape()))
            .root("settings", Arc::new(Shape::new(settings.collect())))
            .functions(Arc::clone(&self.apps[app].functions))
    }
}
