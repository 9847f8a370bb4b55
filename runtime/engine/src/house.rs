//! What a tenant is told by the installation that it lives in: the keys of its secrets, and how long things are kept.

use std::sync::Arc;

use arc_swap::ArcSwap;
use mortise_store::Keyring;

use crate::automation::Retention;
use crate::tenant::Tenant;

/// What holds for all tenants of an installation. Without keys, no secret can be used or set.
pub(crate) struct House {
    keys: ArcSwap<Keyring>,
    retention: ArcSwap<Retention>,
}

impl Default for House {
    fn default() -> Self {
        House { keys: ArcSwap::from_pointee(Keyring::empty()), retention: ArcSwap::default() }
    }
}

impl Tenant {
    /// Says which keys secrets are sealed with from now on.
    pub(crate) fn trust(&self, keys: Arc<Keyring>) {
        self.house.keys.store(keys);
    }

    pub(crate) fn keys(&self) -> Arc<Keyring> {
        self.house.keys.load_full()
    }

    /// Says how long things are kept from now on.
    pub(crate) fn retain(&self, retention: Retention) {
        self.house.retention.store(Arc::new(retention));
    }

    pub(crate) fn retention(&self) -> Retention {
        **self.house.retention.load()
    }
}
