//! How many connections there are, in all and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::Limits;
use crate::net::{PeerKey, TrustedProxies};

/// Counts the connections of all threads of a listener. Taken once per connection, so one lock is enough.
#[derive(Debug)]
pub(super) struct Caps {
    all: usize,
    per_address: usize,
    trusted: TrustedProxies,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Holds no address without a connection, so it is bounded by the number of connections.
    by_address: HashMap<PeerKey, usize>,
}

/// A connection's place; dropping it makes room.
#[derive(Debug)]
pub(super) struct Place {
    caps: Arc<Caps>,
    key: Option<PeerKey>,
}

impl Caps {
    pub(super) fn new(limits: &Limits, trusted: TrustedProxies) -> Arc<Self> {
        Arc::new(Self {
            all: limits.connections,
            per_address: limits.connections_per_address,
            trusted,
            open: Mutex::default(),
        })
    }

    /// A place for a connection from `peer`, if there is one.
    pub(super) fn place(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let key = (!self.trusted.contains(peer)).then(|| PeerKey::of(peer));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.all {
            return None;
        }
        if let Some(key) = key {
            let of_address = open.by_address.entry(key).or_default();
            if *of_address >= self.per_address {
                return None;
            }
            *of_address += 1;
        }
        open.all += 1;
        Some(Place { caps: Arc::clone(self), key })
    }

    /// Connections in all.
    pub(super) fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.caps.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(key) = self.key
            && let Some(of_address) = open.by_address.get_mut(&key)
        {
            *of_address -= 1;
            if *of_address == 0 {
                open.by_address.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(all: usize, per_address: usize, trusted: &[&str]) -> Arc<Caps> {
        let limits = Limits { connections: all, connections_per_address: per_address, ..Limits::default() };
        Caps::new(&limits, TrustedProxies::new(trusted.iter().map(|net| net.parse().unwrap())))
    }

    #[test]
    fn an_address_has_so_many_places_and_another_has_its_own() {
        let caps = caps(10, 2, &[]);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = caps.place(one).unwrap();
        let _second = caps.place(one).unwrap();
        assert!(caps.place(one).is_none());
        let _third = caps.place(other).unwrap();
        drop(first);
        assert!(caps.place(one).is_some());
    }

    #[test]
    fn neighbours_in_a_64_share_their_places() {
        let caps = caps(10, 1, &[]);
        let _one = caps.place("2001:db8::1".parse().unwrap()).unwrap();
        assert!(caps.place("2001:db8::ffff:2".parse().unwrap()).is_none());
        assert!(caps.place("2001:db8:0:1::1".parse().unwrap()).is_some());
    }

    #[test]
    fn a_trusted_proxy_is_bounded_by_the_total_only_and_nothing_is_kept_of_those_gone() {
        let caps = caps(3, 1, &["10.0.0.0/8"]);
        let proxy = "10.1.2.3".parse().unwrap();
        let places: Vec<_> = (0..3).map(|_| caps.place(proxy).unwrap()).collect();
        assert!(caps.place(proxy).is_none() && caps.place("192.0.2.1".parse().unwrap()).is_none());
        drop(places);
        drop(caps.place("192.0.2.1".parse().unwrap()));
        assert_eq!(caps.open(), 0);
        assert!(caps.open.lock().unwrap().by_address.is_empty());
    }
}
