//! What the gateway says of itself: the notice, a page for each problem, and the link to the notice on every answer.

use consentry::problem::Problem;
use http::Method;

use crate::support::{Call, Gateway, Options, canary, clean_body};

#[tokio::test]
async fn the_notice_says_what_article_13_asks_for() {
    let gateway = Gateway::start().await;
    let answer = gateway.send(Call::get("/.well-known/consentry/notice")).await.ok();
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let text = answer.text();
    for said in [
        "Banque du Fleuve",
        "3 quai des Brumes, Nantes",
        "vie-privee@fleuve.example",
        "dpo@fleuve.example",
        "CNIL",
        "to foresee whether you might leave us",
        "to study, without names, why people leave",
        "to decide on the credit that you ask for",
        "to show you offers that fit",
        "to answer you when you use your rights",
        "Score Host SAS",
        "14 days",
        "https://fleuve.example/contest",
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    assert!(!text.contains("<script"));
    for wrong in
        ["/.well-known/consentry/notices", "/.well-known/consentry/", "/.well-known/consentry/../notice"]
    {
        let answer = gateway.send(Call::get(wrong)).await;
        assert!(answer.status == 404 || answer.status == 400, "{wrong}: {answer:?}");
    }
    let post = gateway.send(Call::new(Method::POST, "/.well-known/consentry/notice")).await;
    assert!(post.status == 404 || post.status == 405, "{post:?}");
    let head = gateway.send(Call::new(Method::HEAD, "/.well-known/consentry/notice")).await.ok();
    assert!(head.body.is_empty());
    gateway.upstream.saw_nothing();
    gateway.close().await;
}

#[tokio::test]
async fn every_problem_has_the_page_that_its_type_names() {
    let gateway = Gateway::start().await;
    let index = gateway.send(Call::get("/.well-known/consentry/problems")).await.ok();
    for problem in Problem::ALL {
        let path = format!("/.well-known/consentry/problems/{problem}");
        let page = gateway.send(Call::get(&path)).await.ok();
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        for said in [problem.slug(), problem.status().as_str()] {
            assert!(page.text().contains(said), "{said} is not in {}", page.text());
        }
        assert!(index.text().contains(problem.slug()), "{problem} is not in the index");
    }
    let style = gateway.send(Call::get("/.well-known/consentry/style.css")).await.ok();
    assert!(style.header("content-type").unwrap().starts_with("text/css"));
    // The `type` of a problem that occurs is such a page.
    let answer = gateway.send(Call::get("/v1/nowhere")).await.problem(Problem::RouteUnknown);
    let kind = answer.json()["type"].as_str().unwrap().to_owned();
    gateway.send(Call::get(kind)).await.ok();
    gateway.close().await;
}

#[tokio::test]
async fn a_deployment_may_keep_the_pages_elsewhere() {
    let more = "problems: \"https://docs.fleuve.example/problems/\"\n".to_owned();
    let gateway = Gateway::with(Options { more, ..Options::default() }).await;
    let answer = gateway.send(Call::get("/v1/nowhere")).await.problem(Problem::RouteUnknown);
    assert_eq!(answer.json()["type"], "https://docs.fleuve.example/problems/route-unknown");
    gateway.close().await;
}

#[tokio::test]
async fn every_answer_links_to_the_notice_and_names_its_decision() {
    let gateway = Gateway::with_holder().await;
    let link = Some("</.well-known/consentry/notice>; rel=\"privacy-policy\"");
    let mut decisions = Vec::new();
    for call in [
        gateway.score(clean_body()),
        gateway.score(clean_body()),
        gateway.score("{"),
        Call::get("/v1/live"),
        Call::get("/"),
    ] {
        let answer = gateway.send(call).await;
        assert_eq!(answer.header("link"), link, "{answer:?}");
        decisions.push(answer.header("consentry-decision-id").unwrap().to_owned());
    }
    let seen = decisions.len();
    decisions.sort_unstable();
    decisions.dedup();
    assert_eq!(decisions.len(), seen, "no two exchanges have one decision");
    canary::none_in("decisions", decisions.concat().as_bytes());
    gateway.close().await;
}
