//! One exchange, from the request's head to the answer.

use std::rc::Rc;
use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response};

use super::account::Account;
use super::forward::Upstreams;
use super::gateway::Gateway;
use super::shadow::Witness;
use super::underway::Underway;
use super::well_known;
use super::{
    admit, analysis, answer, authorize, finish, forward, identify, leftover, materials, minimise, open,
    person, records, route,
};
use crate::net::{ConnectionInfo, Content, Waits};
use crate::plan::RouteKind;
use crate::problem::Rejection;

/// The exchanges of one thread: what all threads share, and this thread's own connections to the upstreams.
#[derive(Clone)]
pub struct Worker {
    pub(super) gateway: Arc<Gateway>,
    pub(super) upstreams: Rc<Upstreams>,
    underway: Rc<Underway>,
}

impl Worker {
    /// For the thread that calls it.
    pub fn new(gateway: Arc<Gateway>) -> Self {
        let upstreams = Rc::new(Upstreams::new(&gateway));
        Self { gateway, upstreams, underway: Rc::default() }
    }

    /// Answers one request, whatever happens: the wrapper around [`Self::exchange`], which opens the exchange's account
    /// and closes it on every way out.
    pub async fn handle(&self, request: Request<Content>, connection: &ConnectionInfo) -> Response<Content> {
        if let Some(page) = well_known::page(&self.gateway, &request) {
            return page;
        }
        let mut account = Account::open(Arc::clone(&self.gateway));
        let (head, body) = request.into_parts();
        let (version, waits) = (head.version, head.extensions.get::<Waits>().is_some());
        let mut body = Some(body);
        let mut response = match self.exchange(head, &mut body, connection, &mut account).await {
            Ok(response) => response,
            Err(rejection) => {
                let rejection = Box::pin(finish::refused(&self.gateway, &account, rejection)).await;
                account.problem = Some(rejection.problem);
                answer::problem(&self.gateway, &account, &rejection)
            }
        };
        if body.is_some() {
            Box::pin(leftover::settle(body, waits, version, &mut response)).await;
        }
        account.close(response)
    }

    /// The document for a request that HTTP itself refuses, before it is an exchange.
    pub fn refuse(&self, rejection: &Rejection) -> Response<Content> {
        let account = Account::open(Arc::clone(&self.gateway));
        let response = answer::problem(&self.gateway, &account, rejection);
        account.close(response)
    }

    /// When nothing is under way at an upstream any more, for callers who left either.
    pub async fn settled(&self) {
        self.underway.settled().await;
    }

    async fn exchange(
        &self,
        head: Parts,
        body: &mut Option<Content>,
        connection: &ConnectionInfo,
        account: &mut Account,
    ) -> Result<Response<Content>, Rejection> {
        let gateway = &*self.gateway;
        // One version of everything from here to the end, whatever is reloaded meanwhile.
        let live = gateway.live();
        let routed = route::find(live, &head, account)?;
        admit::address(gateway, &routed, &head, connection, account)?;
        if let RouteKind::Open { body: cap } = routed.route.kind {
            admit::open(gateway, &routed, &head, account).await?;
            return Box::pin(open::pass(self, routed, head, body, cap, account)).await;
        }
        // Boxed: who passes without has no room set aside, and moved, for all that a governed exchange needs.
        Box::pin(self.governed(routed, head, body, account)).await
    }

    /// An exchange with personal data.
    async fn governed(
        &self,
        routed: route::Routed,
        head: Parts,
        body: &mut Option<Content>,
        account: &mut Account,
    ) -> Result<Response<Content>, Rejection> {
        let gateway = &*self.gateway;
        // Who calls, and whether they may, is settled before a byte of the body is read.
        let caller = identify::caller(gateway, &head, account).await?;
        let admitted = admit::admit(gateway, routed, caller, head, account)?;
        if let RouteKind::Answer(kind) = admitted.routed.route.kind {
            return Box::pin(records::answer(gateway, admitted, body.as_ref(), kind, account)).await;
        }
        let body = admitted.read(body).await?;
        // Whoever looks on waits for nothing and changes nothing.
        let witness = Witness::of(gateway, &admitted, &body);
        account.witness.clone_from(&witness);
        let persons = person::of(&admitted, &body)?;
        let mut permit = authorize::permit(gateway, admitted, persons, account).await?;
        let mut materials = materials::collect(gateway, &mut permit, &body).await?;
        let (cleared, drafts) = minimise::request(&permit, &materials, &body)?;
        // What the upstream sees is in the journal first; what the caller gets, too.
        let intent = finish::intend(gateway, &permit, &materials, account).await?;
        let Self { gateway, upstreams, .. } = self.clone();
        let rest = Box::pin(async move {
            let answered = match forward::send(&gateway, &upstreams, &mut permit, cleared).await {
                Ok(upstream) => {
                    witness.iter().for_each(|witness| witness.sees(&upstream));
                    match analysis::of_answer(&gateway, &permit, &mut materials, &upstream).await {
                        Ok(()) => minimise::response(&permit, &materials, upstream, drafts),
                        Err(rejection) => Err(rejection),
                    }
                }
                Err(rejection) => Err(rejection),
            };
            finish::close(&gateway, intent, answered).await
        });
        self.underway.to_its_end(rest).await
    }
}
