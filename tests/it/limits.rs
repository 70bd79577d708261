//! Limits: exact bursts per caller, address and person, and what the answers say of them.

use consentry::problem::Problem::{RateLimited, ScopeMissing};

use crate::support::{Answer, Call, Gateway, Options, Reply};

const OFFER: &str = r#"{"offer": "none today"}"#;

fn call(gateway: &Gateway, route: &str, who: &str) -> Call {
    Call::json(format!("/v1/offers/{route}"), r#"{"interest": "bees"}"#)
        .bearer(&gateway.token(who, &["offers"]))
}

async fn gateway(more: &str) -> Gateway {
    let gateway = Gateway::with(Options { more: more.to_owned(), ..Options::default() }).await;
    gateway.upstream.answer(Reply::json(OFFER));
    gateway
}

/// The number behind a key of the RateLimit field: `"route";r=2;t=1800`.
fn part(answer: &Answer, header: &str, key: &str) -> u64 {
    let field = answer.header(header).unwrap_or_else(|| panic!("no {header}: {answer:?}"));
    let found = field.split(';').find_map(|part| part.trim().strip_prefix(&format!("{key}=")));
    found.unwrap_or_else(|| panic!("no {key}: {field}")).parse().unwrap()
}

#[tokio::test]
async fn a_caller_has_exactly_the_burst_and_is_told_when_to_come_back() {
    let gateway = gateway("").await;
    for left in [2, 1, 0] {
        let answer = gateway.send(call(&gateway, "by-caller", "bea")).await.ok();
        assert_eq!(part(&answer, "ratelimit", "r"), left, "{answer:?}");
        assert_eq!(
            (part(&answer, "ratelimit-policy", "q"), part(&answer, "ratelimit-policy", "w")),
            (2, 3600)
        );
    }
    assert_eq!(gateway.upstream.take().len(), 3);
    for _ in 0..5 {
        let answer = gateway.refuses(call(&gateway, "by-caller", "bea"), RateLimited).await;
        // Two an hour: one comes back after half an hour.
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1790..=1800).contains(&wait), "{wait}");
        assert_eq!(part(&answer, "ratelimit", "r"), 0);
    }
    // A fresh token is the same caller; another caller, and another route, count for themselves.
    gateway.refuses(call(&gateway, "by-caller", "bea"), RateLimited).await;
    gateway.send(call(&gateway, "by-caller", "cal")).await.ok();
    gateway.send(call(&gateway, "by-person", "bea")).await.ok();
    gateway.close().await;
}

#[tokio::test]
async fn calls_at_once_do_not_share_a_place() {
    let gateway = gateway("").await;
    let calls = (0..24).map(|_| {
        let (client, call) = (gateway.client.clone(), call(&gateway, "by-caller", "bea"));
        tokio::spawn(async move { client.send(call).await.status })
    });
    let mut passed = 0;
    for call in calls.collect::<Vec<_>>() {
        passed += usize::from(call.await.unwrap() == 200);
    }
    assert_eq!((passed, gateway.upstream.take().len()), (3, 3));
    gateway.close().await;
}

#[tokio::test]
async fn a_person_is_counted_by_themselves_and_only_by_calls_that_may_be_made() {
    let gateway = gateway("").await;
    for _ in 0..5 {
        let call = Call::json("/v1/offers/by-person", "{}").bearer(&gateway.token("bea", &["shop"]));
        gateway.refuses(call, ScopeMissing).await;
    }
    for _ in 0..3 {
        gateway.send(call(&gateway, "by-person", "bea")).await.ok();
    }
    drop(gateway.upstream.take());
    gateway.refuses(call(&gateway, "by-person", "bea"), RateLimited).await;
    gateway.send(call(&gateway, "by-person", "dan")).await.ok();
    gateway.close().await;
}

#[tokio::test]
async fn an_address_is_believed_from_a_trusted_proxy_alone() {
    let trusting = gateway("trusted_proxies: [127.0.0.1, 10.0.0.0/8]\n").await;
    let via = |forwarded: &str| call(&trusting, "by-address", "bea").header("x-forwarded-for", forwarded);
    for _ in 0..3 {
        trusting.send(via("203.0.113.7")).await.ok();
    }
    drop(trusting.upstream.take());
    trusting.refuses(via("203.0.113.7"), RateLimited).await;
    // What stands left of the first stranger is the caller's own text.
    trusting.refuses(via("198.51.100.1, 203.0.113.7"), RateLimited).await;
    trusting.refuses(via("198.51.100.1, 203.0.113.7, 10.1.2.3"), RateLimited).await;
    let rfc_7239 = call(&trusting, "by-address", "bea").header("forwarded", "for=203.0.113.7;proto=https");
    trusting.refuses(rfc_7239, RateLimited).await;
    trusting.send(via("203.0.113.8")).await.ok();
    // One /64 is one household.
    for host in 1..=3 {
        trusting.send(via(&format!("2001:db8:1:2::{host}"))).await.ok();
    }
    drop(trusting.upstream.take());
    trusting.refuses(via("2001:db8:1:2:ffff::9"), RateLimited).await;
    trusting.send(via("2001:db8:1:3::1")).await.ok();
    trusting.close().await;

    let alone = gateway("").await;
    for last in 1..=3 {
        let call = call(&alone, "by-address", "bea").header("x-forwarded-for", &format!("203.0.113.{last}"));
        alone.send(call).await.ok();
    }
    drop(alone.upstream.take());
    let call = call(&alone, "by-address", "bea").header("x-forwarded-for", "203.0.113.99");
    alone.refuses(call, RateLimited).await;
    alone.close().await;
}
