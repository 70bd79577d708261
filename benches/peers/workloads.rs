//! Everything that is measured, in the order of a full run.

use crate::load::Order;
use crate::material::Algorithm;
use crate::workload::{Measure, Shape, Tokens, Work, Workload};

/// Rows of MLflow's `dataframe_split` that make about 2 KB, 64 KB and 1 MB.
const ROWS_2K: usize = 17;
const ROWS_64K: usize = 590;
const ROWS_1M: usize = 9_450;

/// How many callers share a connection of HTTP/2.
const STREAMS: usize = 8;

const PLAIN: Workload = Workload {
    name: "A",
    title: "TLS proxying of a route without personal data",
    work: Work::Plain,
    shape: Shape::Record,
    tokens: Tokens::None,
    measure: Measure::Load(Order::Closed),
    connections: 64,
    workers: 1,
    counted: false,
    peers: &["consentry", "consentry-beside", "haproxy", "nginx", "envoy", "caddy", "floor"],
};

const GUARDED: Workload = Workload {
    work: Work::Guarded,
    peers: &["consentry", "consentry-beside", "haproxy-jwt", "envoy-jwt", "haproxy"],
    ..PLAIN
};

const GOVERNED: Workload = Workload {
    name: "C",
    title: "the full governed exchange of one record (204 bytes)",
    work: Work::Governed,
    tokens: Tokens::Rotating(Algorithm::Hs256),
    peers: &[
        "consentry",
        "consentry-beside",
        "consentry-durable",
        "nginx-lua",
        "nginx-njs",
        "fastapi",
        "haproxy",
        "nginx",
        "floor",
        "floor-journal",
    ],
    ..PLAIN
};

const PACED: Workload = Workload {
    peers: &[
        "consentry",
        "consentry-beside",
        "consentry-durable",
        "nginx-lua",
        "haproxy",
        "nginx",
        "floor",
        "floor-journal",
    ],
    ..GOVERNED
};

/// Growth of bodies: few connections, as large bodies are held whole.
const BODY: Workload = Workload {
    name: "H 200 B",
    title: "the full governed exchange over four connections, one record",
    connections: 4,
    peers: &["consentry", "consentry-beside", "haproxy"],
    ..GOVERNED
};

/// All of them.
pub(crate) const ALL: &[Workload] = &[
    Workload { counted: true, ..PLAIN },
    Workload {
        name: "A h2",
        title: "the same over HTTP/2, eight callers a connection",
        measure: Measure::Load(Order::Multiplexed(STREAMS)),
        peers: &["consentry", "consentry-beside", "haproxy", "nginx", "envoy", "caddy"],
        ..PLAIN
    },
    Workload {
        name: "B HS256",
        title: "a token (HS256, a thousand in rotation) and a limit for each caller",
        tokens: Tokens::Rotating(Algorithm::Hs256),
        ..GUARDED
    },
    Workload {
        name: "B RS256",
        title: "a token (RS256, a thousand in rotation) and a limit for each caller",
        tokens: Tokens::Rotating(Algorithm::Rs256),
        ..GUARDED
    },
    Workload {
        name: "B ES256",
        title: "a token (ES256, a thousand in rotation) and a limit for each caller",
        tokens: Tokens::Rotating(Algorithm::Es256),
        ..GUARDED
    },
    Workload {
        name: "B HS256 new",
        title: "the same with another token (HS256) in each request",
        tokens: Tokens::New(Algorithm::Hs256),
        ..GUARDED
    },
    Workload {
        name: "B RS256 new",
        title: "the same with another token (RS256) in each request",
        tokens: Tokens::New(Algorithm::Rs256),
        ..GUARDED
    },
    Workload {
        name: "B ES256 new",
        title: "the same with another token (ES256) in each request",
        tokens: Tokens::New(Algorithm::Es256),
        ..GUARDED
    },
    Workload { counted: true, ..GOVERNED },
    Workload {
        name: "C h2",
        title: "the same over HTTP/2, eight callers a connection",
        measure: Measure::Load(Order::Multiplexed(STREAMS)),
        peers: &["consentry", "consentry-beside", "nginx-lua", "haproxy", "nginx"],
        ..GOVERNED
    },
    Workload {
        name: "C two cores",
        title: "the full governed exchange with two workers, which share both cores with load and model",
        workers: 2,
        peers: &["consentry", "consentry-beside", "nginx-lua", "haproxy", "nginx"],
        ..GOVERNED
    },
    Workload {
        name: "C two cores, 256",
        title: "the same with 256 callers instead of 64",
        workers: 2,
        connections: 256,
        peers: &["consentry", "consentry-beside", "nginx-lua", "haproxy", "nginx"],
        ..GOVERNED
    },
    Workload {
        name: "D 2 KB",
        title: "the full governed exchange of a batch (MLflow dataframe_split, 17 rows)",
        shape: Shape::Split(ROWS_2K),
        ..GOVERNED
    },
    Workload {
        name: "D 64 KB",
        title: "the full governed exchange of a batch (MLflow dataframe_split, 590 rows)",
        shape: Shape::Split(ROWS_64K),
        ..GOVERNED
    },
    Workload {
        name: "E",
        title: "a new connection for each request, nothing resumed: handshake, one request of A, end",
        measure: Measure::Load(Order::Handshakes),
        ..PLAIN
    },
    Workload {
        name: "F 2000",
        title: "the full governed exchange at 2,000 requests a second",
        measure: Measure::Load(Order::Paced(2_000.0)),
        ..PACED
    },
    Workload {
        name: "F 5000",
        title: "the full governed exchange at 5,000 requests a second",
        measure: Measure::Load(Order::Paced(5_000.0)),
        ..PACED
    },
    Workload {
        name: "F 10000",
        title: "the full governed exchange at 10,000 requests a second",
        measure: Measure::Load(Order::Paced(10_000.0)),
        ..PACED
    },
    Workload { name: "G", title: "resident memory with idle connections", measure: Measure::Idle, ..PLAIN },
    Workload {
        name: "H policies",
        title: "the full governed exchange (C) among 3, 10, 100 and 500 activities with a route each",
        peers: &["consentry", "consentry-10", "consentry-100", "consentry-500"],
        ..GOVERNED
    },
    BODY,
    Workload { name: "H 2 KB", title: "the same, 2 KB", shape: Shape::Split(ROWS_2K), ..BODY },
    Workload { name: "H 64 KB", title: "the same, 64 KB", shape: Shape::Split(ROWS_64K), ..BODY },
    Workload { name: "H 1 MB", title: "the same, 1 MB", shape: Shape::Split(ROWS_1M), ..BODY },
    Workload { name: "H 8 MB", title: "the same, 8 MB", shape: Shape::Split(8 * ROWS_1M), ..BODY },
];
