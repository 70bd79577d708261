//! Who is at the other end: the caller's address behind proxies that are trusted, and the key under which an address is
//! counted.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::FORWARDED;
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Addresses looked at in a forwarding header, from the right; a longer chain of trusted proxies is not believed.
const MOST_HOPS: usize = 32;

/// The networks of proxies whose word on the caller's address is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Proxies in these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// True if `address` is a trusted proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of whoever is behind the last trusted proxy.
    ///
    /// Read from the right, where the proxy next to us wrote: the first address that is not a trusted proxy's. What
    /// stands left of it is the caller's own text. Where a proxy says nothing, or nothing that can be read, the last
    /// address known to be true is taken, so a malformed header never gives a caller a fresh address. `Forwarded`
    /// (RFC 7239) and `X-Forwarded-For` both present is one too many: then neither is believed.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let old = headers.get_all(X_FORWARDED_FOR).iter();
        let new = headers.get_all(FORWARDED).iter();
        let texts = |values: Vec<&'_ http::HeaderValue>| -> Option<Vec<String>> {
            values.into_iter().map(|value| value.to_str().ok().map(str::to_owned)).collect()
        };
        let (old, new) = (old.collect::<Vec<_>>(), new.collect::<Vec<_>>());
        let hops: Option<Vec<Option<IpAddr>>> = match (old.is_empty(), new.is_empty()) {
            (false, true) => texts(old).map(|lines| {
                lines.iter().flat_map(|line| line.split(',')).map(|hop| address(hop.trim())).collect()
            }),
            (true, false) => texts(new)
                .map(|lines| lines.iter().flat_map(|line| line.split(',')).map(forwarded_for).collect()),
            _ => None,
        };
        let mut believed = peer;
        for hop in hops.unwrap_or_default().into_iter().rev().take(MOST_HOPS) {
            let Some(address) = hop else { return believed };
            believed = address;
            if !self.contains(address) {
                return believed;
            }
        }
        believed
    }
}

/// The `for=` of one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut named = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    });
    let value = named.next()?;
    if named.next().is_some() {
        return None;
    }
    address(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// An address, perhaps in brackets and perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let host = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            let port_is_one = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            port_is_one.then_some(host)?
        }
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => is_port(port).then_some(host)?,
            _ => text,
        },
    };
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// What connections and requests of an address are counted under: IPv4 as it is, IPv6 by its first 64 bits, since a
/// subscriber has at least that many addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerKey(u64);

impl PeerKey {
    /// The key of `address`.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // No IPv6 /64 that is assigned begins with sixteen zero bits.
            IpAddr::V4(address) => Self(u64::from(u32::from(address))),
            IpAddr::V6(address) => Self((u128::from(address) >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(client("192.0.2.9", &[("x-forwarded-for", "198.51.100.1")]), "192.0.2.9");
        assert_eq!(client("::ffff:192.0.2.9", &[("forwarded", "for=198.51.100.1")]), "192.0.2.9");
    }

    #[test]
    fn the_rightmost_address_that_is_not_a_proxys_is_the_callers() {
        let spoofed = "203.0.113.7, 198.51.100.1, 10.9.9.9";
        assert_eq!(client("10.0.0.1", &[("x-forwarded-for", spoofed)]), "198.51.100.1");
        let lines = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(client("10.0.0.1", &lines), "198.51.100.1");
        let forwarded = "for=203.0.113.7, for=\"[2001:db8::5]:1234\";proto=https, for=10.2.2.2;by=10.3.3.3";
        assert_eq!(client("fd00::1", &[("forwarded", forwarded)]), "2001:db8::5");
        assert_eq!(client("10.0.0.1", &[("x-forwarded-for", "198.51.100.1:8080")]), "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_leaves_the_last_true_address() {
        for text in ["", "unknown", "1.2.3", "203.0.113.7,", "203.0.113.7, _hidden", "[::1", "1.2.3.4:99999"]
        {
            assert_eq!(client("10.0.0.1", &[("x-forwarded-for", text)]), "10.0.0.1", "{text}");
        }
        assert_eq!(client("10.0.0.1", &[("x-forwarded-for", "x, 10.2.2.2")]), "10.2.2.2");
        assert_eq!(client("10.0.0.1", &[("forwarded", "for=1.2.3.4;for=5.6.7.8")]), "10.0.0.1");
        let both = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=198.51.100.1")];
        assert_eq!(client("10.0.0.1", &both), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_key_is_an_address_or_a_64() {
        let key = |text: &str| PeerKey::of(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
