//! Takes over scenarios as they are written: what they mean is for whoever runs them to say.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Build;
use crate::source::Scenario;

impl Build<'_> {
    pub(super) fn scenarios(&mut self) -> IndexMap<String, (usize, Arc<Scenario>)> {
        let mut all = IndexMap::new();
        for (app, package) in self.packages() {
            for scenario in &package.scenarios {
                all.insert(self.key(app, &scenario.id), (app, Arc::new(scenario.clone())));
            }
        }
        all
    }
}
