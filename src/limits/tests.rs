use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_millis(1_795_421_350_000))
}

fn limiter(count: u32, period: u64, burst: u32, cap: usize, clock: &Clock) -> Limiter {
    let rate = Rate::new(count, Duration::from_secs(period), burst).unwrap();
    Limiter::with_clock(rate, cap, clock.clone())
}

fn accepted(limiter: &Limiter, who: Who<'_>, tries: u32) -> u32 {
    (0..tries).filter(|_| limiter.check(who).is_ok()).count() as u32
}

#[test]
fn a_burst_then_the_rate_then_a_burst_again() {
    let clock = clock();
    let limiter = limiter(60, 60, 20, 100, &clock);
    let who = Who::Caller(7);
    assert_eq!(accepted(&limiter, who, 100), 20);
    let limited = limiter.check(who).unwrap_err();
    assert_eq!((limited.wait, limited.retry_after()), (Duration::from_secs(1), 1));
    clock.advance(Duration::from_millis(999));
    assert!(limiter.check(who).is_err());
    clock.advance(Duration::from_millis(1));
    assert_eq!(accepted(&limiter, who, 100), 1);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(accepted(&limiter, who, 100), 20);
    assert_eq!(accepted(&limiter, Who::Caller(8), 100), 20);
}

#[test]
fn whoever_waits_as_told_is_accepted() {
    let clock = clock();
    let limiter = limiter(7, 60, 2, 100, &clock);
    for _ in 0..100 {
        if let Err(limited) = limiter.check(Who::Caller(7)) {
            clock.advance(Duration::from_secs(u64::from(limited.retry_after())));
            assert!(limiter.check(Who::Caller(7)).is_ok());
        }
    }
}

#[test]
fn the_rate_is_exact_within_a_hundredth() {
    for (count, period, burst, step) in
        [(100, 1, 10, 7), (60, 60, 1, 100), (7, 60, 3, 250), (5000, 1, 100, 1)]
    {
        let clock = clock();
        let limiter = limiter(count, period, burst, 100, &clock);
        let (mut passed, mut millis) = (0, 0);
        let end = 1000 * period * (600 / u64::from(count)).max(2);
        while millis < end {
            passed += accepted(&limiter, Who::Caller(7), burst + 1);
            clock.advance(Duration::from_millis(step));
            millis += step;
        }
        let due = f64::from(count) * millis as f64 / (1000.0 * period as f64);
        let more = (f64::from(passed) - f64::from(burst) - due) / due;
        assert!(more.abs() < 0.01, "{passed} passed where {due} were due");
    }
}

#[test]
fn threads_do_not_pass_more_than_one_would() {
    let clock = clock();
    let limiter = limiter(1, 1, 1000, 100, &clock);
    let passed = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| passed.fetch_add(accepted(&limiter, Who::Caller(7), 1000), Ordering::SeqCst));
        }
    });
    assert_eq!(passed.into_inner(), 1000);
}

#[test]
fn an_ipv6_host_is_its_network_and_kinds_do_not_mix() {
    let clock = clock();
    let limiter = limiter(1, 60, 1, 100, &clock);
    let v6 = |text: &str| Who::Address(IpAddr::V6(text.parse::<Ipv6Addr>().unwrap()));
    let v4 = Who::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    assert!(limiter.check(v6("2001:db8:0:1::1")).is_ok());
    assert!(limiter.check(v6("2001:db8:0:1:ffff::2")).is_err());
    assert!(limiter.check(v6("2001:db8:0:2::1")).is_ok());
    assert!(limiter.check(v4).is_ok());
    assert!(limiter.check(v6("::ffff:192.0.2.1")).is_err());
    assert!(limiter.check(Who::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)))).is_ok());
    let (ada, other) = (Person::new("customers", "ada"), Person::new("staff", "ada"));
    assert!(limiter.check(Who::Person(&ada)).is_ok() && limiter.check(Who::Person(&other)).is_ok());
    assert!(limiter.check(Who::Person(&Person::new("customers", "ada"))).is_err());
}

/// What threat 17 asks: memory bounded, an attacker never reset, others never refused for good.
#[test]
fn a_flood_of_keys_fills_no_memory_and_frees_no_attacker() {
    let clock = clock();
    let limiter = limiter(60, 60, 10, 5_000, &clock);
    let attacker = Who::Caller(u128::MAX);
    let regular = Who::Caller(u128::MAX - 1);
    assert_eq!(accepted(&limiter, attacker, 50), 10);
    assert!(limiter.check(regular).is_ok());
    let mut more = 0;
    for second in 0..30u32 {
        for n in 0..20_000u32 {
            let _ = limiter.check(Who::Caller(u128::from(second * 20_000 + n)));
        }
        clock.advance(Duration::from_secs(1));
        limiter.sweep();
        assert!(limiter.len() <= 5_000 + 64, "{}", limiter.len());
        more += accepted(&limiter, attacker, 50);
        assert!(limiter.check(regular).is_ok(), "who was counted before the flood is not touched by it");
    }
    assert_eq!(more, 30);
    clock.advance(Duration::from_secs(3600));
    limiter.sweep();
    assert!(limiter.is_empty());
    assert_eq!(accepted(&limiter, Who::Caller(1), 50), 10, "the flood is over for everybody");
}

#[test]
fn past_the_cap_addresses_share_by_network() {
    let clock = clock();
    let limiter = limiter(60, 60, 10, 1, &clock);
    // The table holds a key a shard; these fill it.
    for n in 0..10_000u128 {
        let _ = limiter.check(Who::Caller(n));
    }
    let full = limiter.len();
    clock.advance(Duration::from_secs(3600));
    let host = |n: u8| Who::Address(IpAddr::V4(Ipv4Addr::new(198, 51, 100, n)));
    let passed: u32 = (0..=255).map(|n| accepted(&limiter, host(n), 1)).sum();
    assert_eq!((full, limiter.len()), (64, 64));
    assert_eq!(passed, 10, "a network counts as one");
}

#[test]
fn a_place_of_ones_own_is_no_fresh_start() {
    let clock = clock();
    let limiter = limiter(60, 60, 10, 1, &clock);
    for n in 0..10_000u128 {
        let _ = limiter.check(Who::Caller(n));
    }
    let attacker = Who::Caller(u128::MAX);
    accepted(&limiter, attacker, 50);
    assert!(limiter.check(attacker).is_err());
    // The others have only been counted once, and go; the attacker gets a place.
    clock.advance(Duration::from_secs(3));
    limiter.sweep();
    assert_eq!(limiter.len(), 0);
    assert_eq!(accepted(&limiter, attacker, 50), 3);
    assert_eq!(limiter.len(), 1);
}

#[test]
fn a_refused_request_is_not_counted() {
    let clock = clock();
    let limiter = limiter(10, 60, 5, 100, &clock);
    let who = Who::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert!(limiter.is_empty());
    assert_eq!(accepted(&limiter, who, 4), 4);
    assert_eq!(accepted(&limiter, who, 100), 1);
    clock.advance(Duration::from_millis(5_999));
    assert_eq!(accepted(&limiter, who, 100), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(accepted(&limiter, who, 100), 1);
}

#[test]
fn fields_are_those_of_the_draft() {
    let clock = clock();
    let limiter = limiter(100, 60, 20, 100, &clock);
    let allowance = limiter.check(Who::Caller(7)).unwrap();
    assert_eq!(allowance.policy("default"), r#""default";q=100;w=60"#);
    assert_eq!(allowance.field("default"), r#""default";r=19;t=1"#);
    assert_eq!(allowance.field("a\"\\\r\né b"), r#""a b";r=19;t=1"#);
    accepted(&limiter, Who::Caller(7), 100);
    let limited = limiter.check(Who::Caller(7)).unwrap_err();
    assert_eq!(limited.allowance.field("default"), r#""default";r=0;t=1"#);
}

#[test]
fn a_rate_that_cannot_be_counted_is_none() {
    let second = Duration::from_secs(1);
    assert_eq!(Rate::new(0, second, 1), None);
    assert_eq!(Rate::new(1, second, 0), None);
    assert_eq!(Rate::new(1, Duration::ZERO, 1), None);
    assert_eq!(Rate::new(u32::MAX, second, 1), None);
    assert_eq!(Rate::new(1, second * 3600 * 24 * 400, 1), None);
    assert_eq!(Rate::new(1, second * 3600 * 24 * 300, u32::MAX), None);
    assert!(Rate::new(1_000_000, second, u32::MAX).is_some());
}

#[test]
fn the_monotonic_clock_counts_too() {
    let limiter = Limiter::new(Rate::new(1, Duration::from_secs(3600), 3).unwrap(), 100);
    assert_eq!(accepted(&limiter, Who::Caller(7), 10), 3);
    assert!(limiter.check(Who::Caller(7)).is_err());
}
