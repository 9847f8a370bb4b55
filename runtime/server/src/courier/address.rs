//! From names to addresses, and which of them may be gone to: not into the network of whoever runs the server, unless that
//! is allowed.

use std::net::{IpAddr, SocketAddr};

use mortise_engine::{Issue, Refusal};
use mortise_plugin_host::address::reachable;

use super::wire::{Network, Trouble};

/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;

/// A name or an address as it is looked up: one of IPv6 without brackets.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// Addresses of a name. A name that leads into a private network is refused as a whole.
pub(super) async fn find(
    network: &dyn Network,
    host: &str,
    port: u16,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, Trouble> {
    let mut found = network.look_up(bare(host), port).await.map_err(Trouble::unreachable)?;
    if found.is_empty() {
        return Err(Trouble::unreachable("no address"));
    }
    // All are judged, not only those that are tried: a name that leads inside as well is an attempt to get in.
    let ips: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
    if !reachable(&ips, allow_private) {
        return Err(Trouble::Private);
    }
    found.truncate(ADDRESSES_MAX);
    Ok(found)
}

/// Trouble on the way as the refusal of a delivery.
pub(super) fn refusal(host: &str, trouble: Trouble) -> Refusal {
    let issue = |code| Issue::new(code).with("host", host);
    match trouble {
        Trouble::Private => Refusal::lasting(issue("delivery.private")),
        Trouble::Name => Refusal::lasting(Issue::new("delivery.address").with("address", host)),
        Trouble::Unreachable(reason) => {
            Refusal::passing(issue("delivery.unreachable").with("reason", reason))
        }
        Trouble::Late => Refusal::passing(issue("delivery.timeout")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Internet;
    use super::*;

    #[tokio::test]
    async fn names_that_lead_home_are_refused_unless_that_is_allowed() {
        for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "0x7f.1"] {
            match find(&Internet, host, 80, false).await {
                Err(trouble) => assert!(
                    matches!(trouble, Trouble::Private | Trouble::Unreachable(_)),
                    "{host}: {trouble:?}"
                ),
                Ok(found) => panic!("{host}: {found:?}"),
            }
        }
        assert!(find(&Internet, "127.0.0.1", 80, true).await.is_ok());
    }
}
