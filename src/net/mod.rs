//! Bytes on the wire, before they mean anything: TLS and its certificates, the one form of a path, which headers may
//! travel, who is at the other end, and how a connection outwards is made. This room knows nothing of policies.

mod body;
pub mod certificates;
pub mod chunks;
mod connection;
pub mod dial;
pub mod fetch;
pub mod framing;
pub mod headers;
pub mod path;
pub mod peer;
pub mod query;
pub mod tls;
pub mod trace;
mod validity;

pub use body::{BodyError, Content};
pub use certificates::Certificates;
pub use connection::{ConnectionInfo, Protocol, TlsInfo, Waits};
pub use dial::names_a_socket;
pub use path::{CanonicalPath, PathError, canonical};
pub use peer::{PeerKey, TrustedProxies};
pub use validity::{Standing, Validity};
