//! The keys of an installation's secrets: from the environment or from the data folder, the same on every node. A node
//! with another key is refused at its start, before it could seal anything that the others cannot open.

use mortise_store::control::Control;
use mortise_store::{Error, Keyring};

use crate::{Config, Failure};

/// The keys by which this process works; makes the first one of a new installation.
pub(crate) async fn settle(config: &Config, control: &Control) -> Result<Keyring, Failure> {
    let keys = match &config.secret_key {
        Some(text) => Keyring::parse(text)?,
        None => match (Keyring::find(&config.data)?, control.secret_key().await?) {
            (Some(keys), _) => keys,
            (None, None) => Keyring::of_folder(&config.data)?,
            // To make another one would only hide that something is missing.
            (None, Some(sealed_with)) => return Err(Error::KeyMissing { sealed_with }.into()),
        },
    };
    control.settle_key(&keys).await?;
    Ok(keys)
}

/// Puts a new key before the others and has everything sealed with it, in tenants that are not open when they are
/// opened. Gives the name of the new key.
pub(crate) async fn rotate(state: &crate::AppState) -> Result<String, Failure> {
    if state.config.secret_key.is_some() {
        return Err(Failure::bad_request("server.key_given"));
    }
    let keys = state.engine.keys().rotate(&state.config.data)?;
    state.control.settle_key(&keys).await?;
    let id = keys.id().unwrap_or_default().to_owned();
    state.engine.trust(keys).await?;
    for tenant in state.control.tenants().await?.into_iter().filter(|tenant| !tenant.suspended) {
        state.engine.tenant(&tenant.slug).await?;
        state.rest(&tenant.slug).await?;
    }
    Ok(id)
}
