use std::sync::atomic::AtomicUsize as Count;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that answers every connection with these bytes once it has read a request; without any, it says nothing.
async fn server(answer: &'static str) -> (Uri, Arc<Count>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/analyze", listener.local_addr().unwrap()).parse().unwrap();
    let asked = Arc::new(Count::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let mut length = 0;
                // Head and body come together or in two parts; the body ends with a brace.
                while !request[..length].ends_with(b"}") {
                    match socket.read(&mut request[length..]).await.unwrap() {
                        0 => return,
                        read => length += read,
                    }
                }
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    (url, asked)
}

fn whole(body: &str) -> &'static str {
    let text = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Box::leak(text.into_boxed_str())
}

fn analyzer(url: Uri, timeout: Duration, at_once: usize) -> Analyzer {
    Analyzer::new(AnalyzerConfig { url, tls: None, timeout, language: "en".into(), at_once }).unwrap()
}

const LONG: Duration = Duration::from_secs(20);

fn entities() -> Vec<String> {
    vec!["PERSON".to_owned()]
}

#[tokio::test]
async fn what_it_finds_is_told_in_bytes() {
    let (url, _) = server(whole(r#"[{"entity_type":"PERSON","start":1,"end":4,"score":0.9}]"#)).await;
    let found = analyzer(url, LONG, 2).analyze("«Zoë»", &entities(), 50).await.unwrap();
    assert_eq!(found, [Entity { start: 2, end: 6, entity: 0 }]);
}

#[tokio::test]
async fn whatever_goes_wrong_is_an_error_and_soon_nobody_is_asked() {
    for answer in [
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[]",
        "what?\r\n\r\n",
        whole("{}"),
        whole(r#"[{"entity_type":"PERSON","start":0,"end":99,"score":0.9}]"#),
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n[",
    ] {
        let (url, asked) = server(answer).await;
        let analyzer = analyzer(url, LONG, 2);
        for _ in 0..5 {
            analyzer.analyze("Zoe", &entities(), 50).await.unwrap_err();
        }
        assert_eq!(asked.load(Ordering::SeqCst), FAILURES as usize, "{answer}");
        assert!(matches!(analyzer.analyze("Zoe", &entities(), 50).await, Err(AnalyzerError::Resting)));
    }
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/analyze", listener.local_addr().unwrap()).parse().unwrap()
    };
    let refused = analyzer(closed, LONG, 2).analyze("Zoe", &entities(), 50).await;
    assert!(matches!(refused, Err(AnalyzerError::Fetch(_))), "{refused:?}");
}

#[tokio::test]
async fn after_a_rest_it_is_asked_again_and_one_success_forgives() {
    let (url, asked) = server(whole("[]")).await;
    let analyzer = analyzer(url, LONG, 2);
    let How::Http(http) = &analyzer.how else { panic!("it asks") };
    for _ in 0..FAILURES {
        http.note(false);
    }
    assert!(matches!(analyzer.analyze("Zoe", &entities(), 50).await, Err(AnalyzerError::Resting)));
    *http.failed.lock().unwrap() = Instant::now().checked_sub(REST);
    assert_eq!(analyzer.analyze("Zoe", &entities(), 50).await.unwrap(), []);
    assert_eq!((asked.load(Ordering::SeqCst), http.failures.load(Ordering::Relaxed)), (1, 0));
}

#[tokio::test]
async fn those_who_wait_are_few_and_one_is_asked_at_a_time() {
    let (url, asked) = server("").await;
    let analyzer = Arc::new(analyzer(url, LONG, 1));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..WAITING + 5 {
        let analyzer = Arc::clone(&analyzer);
        all.spawn(async move { analyzer.analyze("Zoe", &entities(), 50).await.unwrap_err() });
    }
    for _ in 0..5 {
        let refused = all.join_next().await.unwrap().unwrap();
        assert!(matches!(refused, AnalyzerError::Busy), "{refused:?}");
    }
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // The first has no answer yet, so everybody else still waits for its slot.
    assert_eq!((all.len(), asked.load(Ordering::SeqCst)), (WAITING, 1));
}

#[tokio::test]
async fn a_slow_one_is_given_up() {
    let (url, _) = server("").await;
    let late = analyzer(url, Duration::from_millis(300), 1).analyze("Zoe", &entities(), 50).await;
    assert!(matches!(late, Err(AnalyzerError::TimedOut(_) | AnalyzerError::Fetch(_))), "{late:?}");
}

#[tokio::test]
async fn a_text_that_is_too_long_is_not_asked_about() {
    let (url, asked) = server(whole("[]")).await;
    let refused = analyzer(url, LONG, 1).analyze(&"a".repeat(LONGEST + 1), &entities(), 50).await;
    assert!(matches!(refused, Err(AnalyzerError::TooLong)));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_given_is_found_without_asking() {
    let analyzer = Analyzer::given(vec![("PERSON".into(), "Zoë".into()), ("LOCATION".into(), "Lyon".into())]);
    let found = analyzer.analyze("Zoë of Lyon, Zoë", &entities(), 50).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|one| one.entity == 0 && one.end - one.start == "Zoë".len()));
}
