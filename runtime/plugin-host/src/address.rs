//! Which addresses of the network a plugin may reach: those of the internet at large, in both families and in every
//! disguise, unless the operator says otherwise. What was checked has to be what is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the internet at large.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The addresses of a name that may be connected to: all, or none when one of them is not public. A name that leads both
/// outside and inside is an attempt to get in.
pub fn reachable(addresses: &[IpAddr], allow_private: bool) -> bool {
    !addresses.is_empty() && (allow_private || addresses.iter().copied().all(is_public))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let carrier = a == 100 && (64..128).contains(&b);
    let protocols = a == 192 && b == 0 && c == 0;
    let relays = a == 192 && b == 88 && c == 99;
    let measurements = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 240
        || carrier
        || protocols
        || relays
        || measurements
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let within = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4 in other clothes: mapped, translated, 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => within(high, low),
        [0x2002, high, low, ..] => within(high, low),
        // Teredo, benchmarks, ORCHID, documentation.
        [0x2001, 0 | 2 | 0x0db8, ..] => false,
        [0x2001, second, ..] if (0x10..0x40).contains(&second) => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // What is given out at all.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn inner_addresses_are_refused_in_every_disguise() {
        for inner in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(inner.parse().unwrap()), "{inner}");
        }
        for outer in ["8.8.8.8", "203.119.25.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(outer.parse().unwrap()), "{outer}");
        }
    }

    #[test]
    fn one_inner_address_closes_the_whole_name() {
        let both = ["8.8.8.8".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        assert!(!reachable(&both, false));
        assert!(reachable(&both, true));
        assert!(reachable(&both[..1], false));
        assert!(!reachable(&[], true));
    }

    proptest! {
        #[test]
        fn an_address_is_judged_alike_as_itself_and_mapped(bits in any::<u32>()) {
            let plain = Ipv4Addr::from_bits(bits);
            let mapped = plain.to_ipv6_mapped();
            prop_assert_eq!(is_public(plain.into()), is_public(mapped.into()));
            let [a, b, c, d] = plain.octets();
            let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
            let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, pair(a, b), pair(c, d));
            prop_assert_eq!(is_public(plain.into()), is_public(translated.into()));
            let tunnelled = Ipv6Addr::new(0x2002, pair(a, b), pair(c, d), 0, 0, 0, 0, 1);
            prop_assert_eq!(is_public(plain.into()), is_public(tunnelled.into()));
        }
    }
}
