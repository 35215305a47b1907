//! Which addresses a public URL may lead to. Whoever writes an EventRelay chooses the URL, and the operator stands inside the
//! cluster's network: it must not be sent to what only that network can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// True for an address on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // "This network", shared address space, IETF protocol assignments, benchmarking.
        (0, ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18 | 19, _) => true,
        // Azure's own virtual address: wire server, DNS, health probes.
        (168, 63, 129) => true,
        // Reserved.
        (240.., ..) => true,
        _ => false,
    };
    let known = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast();
    !special && !known
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [first, second, ..] = segments;
    // IPv4 in disguise: mapped, compatible, NAT64, 6to4.
    let [.., high, low] = segments;
    let tail = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if address.to_ipv4_mapped().is_some() || matches!(segments, [0, 0, 0, 0, 0, 0, ..]) {
        return address != Ipv6Addr::LOCALHOST && address != Ipv6Addr::UNSPECIFIED && is_public_v4(tail);
    }
    if matches!(segments, [0x64, 0xff9b, ..]) {
        return matches!(segments, [0x64, 0xff9b, 0, 0, 0, 0, ..]) && is_public_v4(tail);
    }
    if let [0x2002, high, low, ..] = segments {
        return is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    // Only 2000::/3 is given out; Teredo and documentation are in it.
    first & 0xe000 == 0x2000 && !(first == 0x2001 && (second == 0 || second == 0xdb8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_cluster_can_reach_is_not_public() {
        for text in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "2002:a00:1::",
            "2001::1",
            "::10.0.0.1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["20.50.1.1", "8.8.8.8", "2603:1020::1", "::ffff:20.50.1.1", "64:ff9b::1432:101", "2002:1432:101::"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
