//! From names to addresses, and which of them deliveries may go to: not into the network of whoever runs the server,
//! unless that is allowed. What was checked is what is connected to, so that a name cannot change in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mortise_engine::{Issue, Refusal};
use tokio::net::{TcpStream, lookup_host};

/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Addresses of a name. A name that leads into a private network is refused as a whole.
pub(super) async fn find(host: &str, port: u16, allow_private: bool) -> Result<Vec<SocketAddr>, Refusal> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let found = lookup_host((bare, port)).await.map_err(|error| unreachable(host, &error))?;
    let found: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
    if !allow_private && !found.iter().all(|address| is_public(address.ip())) {
        return Err(Refusal::lasting(Issue::new("delivery.private").with("host", host)));
    }
    match found.is_empty() {
        true => Err(unreachable(host, &"no address")),
        false => Ok(found),
    }
}

/// A connection to the first of these addresses that takes one.
pub(super) async fn connect(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Refusal> {
    let stream = TcpStream::connect(addresses).await.map_err(|error| unreachable(host, &error))?;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    Ok(stream)
}

pub(super) fn unreachable(host: &str, reason: &dyn std::fmt::Display) -> Refusal {
    Refusal::passing(Issue::new("delivery.unreachable").with("host", host).with("reason", reason))
}

/// Whether an address belongs to the internet at large.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let carrier = a == 100 && (64..128).contains(&b);
    let protocols = a == 192 && b == 0 && c == 0;
    let measurements = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 240
        || carrier
        || protocols
        || measurements
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let within = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4 in other clothes: mapped, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => within(high, low),
        [0x2002, high, low, ..] => within(high, low),
        // Teredo and documentation.
        [0x2001, 0 | 0xdb8, ..] => false,
        // What is given out at all.
        [first, ..] => (first & 0xe000) == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_at_large_are_public() {
        for public in ["8.8.8.8", "203.119.25.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "::127.0.0.1",
        ];
        for private in private {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[tokio::test]
    async fn names_that_lead_home_are_refused_unless_that_is_allowed() {
        for host in ["localhost", "127.0.0.1", "[::1]", "0x7f.1"] {
            match find(host, 80, false).await {
                Err(refusal) => assert!(
                    matches!(refusal.issue.code, "delivery.private" | "delivery.unreachable"),
                    "{host}: {refusal:?}"
                ),
                Ok(found) => panic!("{host}: {found:?}"),
            }
        }
        assert!(find("127.0.0.1", 80, true).await.is_ok());
    }
}
