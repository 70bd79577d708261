//! The pipeline as listeners call it.

use std::sync::Arc;

use http::{Request, Response};

use crate::net::{ConnectionInfo, Content};
use crate::pipeline::{Gateway, Worker};
use crate::problem::Rejection;
use crate::proxy::Handler;

/// One thread's exchanges.
#[derive(Clone)]
pub struct Exchanges(Worker);

impl Exchanges {
    /// For the thread that calls it.
    pub fn new(gateway: &Arc<Gateway>) -> Self {
        Self(Worker::new(Arc::clone(gateway)))
    }
}

impl Handler for Exchanges {
    fn handle(
        &self,
        request: Request<Content>,
        connection: &Arc<ConnectionInfo>,
    ) -> impl Future<Output = Response<Content>> {
        self.0.handle(request, connection)
    }

    fn refuse(&self, rejection: Rejection) -> Response<Content> {
        self.0.refuse(&rejection)
    }

    async fn settled(&self) {
        self.0.settled().await;
    }
}

impl std::fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchanges")
    }
}
