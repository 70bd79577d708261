//! What of an exchange is neither network nor disk: know the caller, find the route, ask the standing, walk the body
//! once and seal what is kept.

use std::sync::Arc;

use anyhow::Context as _;
use consentry::action::{Materials, Pseudonyms};
use consentry::clock::Timestamp;
use consentry::custody::{RecordDraft, SubjectKey};
use consentry::payload::{Caps, Envelope, FieldId, Treated, Value, Visitor};
use consentry::pipeline::Gateway;
use consentry::plan::{Field, Side};
use http::{HeaderMap, HeaderValue, Method, header};

use crate::setting::{Setting, body, token};

const CAPS: Caps = Caps { bytes: 64 << 10, depth: 16, members: 100_000, rows: 1_000 };

/// One person's request, over and over.
pub(crate) struct Alone {
    gateway: Arc<Gateway>,
    headers: HeaderMap,
    body: String,
    key: Arc<SubjectKey>,
    pseudonyms: Arc<Pseudonyms>,
    at: Timestamp,
}

impl Alone {
    /// For the first person of a setting.
    pub(crate) fn new(setting: &Setting) -> anyhow::Result<Self> {
        let gateway = Arc::clone(setting.gateway());
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", token(0)?))?);
        let caller = gateway.identity().authenticate(&headers, None)?;
        let person = caller.person("sub").context("the token names a person")?;
        let custody = gateway.custody().clone();
        let at = gateway.clock().now();
        let domain: Arc<str> = "favourites".into();
        let (key, pseudonyms) = setting.runtime().block_on(async {
            let key = custody.key(&custody.lookup(&person), None, "favourites", at.day()).await?;
            anyhow::Ok((key, custody.pseudonyms(&domain).await?))
        })?;
        Ok(Self { gateway, headers, body: body(0), key, pseudonyms, at })
    }

    /// The work of one request, and how many bytes and fields came of it.
    pub(crate) fn exchange(&self) -> anyhow::Result<(usize, usize)> {
        let live = self.gateway.live();
        let caller = self.gateway.identity().authenticate(&self.headers, None)?;
        let found = live.plan.route(&Method::POST, "/predict/").ok().context("the route is there")?;
        let person = caller.person("sub").context("the token names a person")?;
        let lookup = self.gateway.custody().lookup(&person);
        std::hint::black_box(self.gateway.standing().cached(&lookup));
        let side = &found.route.activity.request;
        let materials = Materials { pseudonyms: Some(&self.pseudonyms), keys: &live.keys, analyses: None };
        let mut treat = Treat {
            side,
            materials,
            draft: RecordDraft::new(Arc::clone(&self.key), self.at),
            stored: String::new(),
        };
        // With the room that the pipeline gives it.
        let mut out = Vec::with_capacity(self.body.len() + self.body.len() / 4 + 64);
        let payload = found.route.payload.as_ref().context("the route is governed")?;
        payload.request.walk(self.body.as_bytes(), &Envelope::default(), &CAPS, &mut treat, &mut out)?;
        Ok((out.len(), treat.draft.finish()?.fields.iter().count()))
    }
}

/// What the pipeline does with the request's fields.
struct Treat<'a> {
    side: &'a Side,
    materials: Materials<'a>,
    draft: RecordDraft,
    stored: String,
}

#[derive(Debug, thiserror::Error)]
#[error("a field was refused: {0}")]
struct Refused(&'static str);

impl<'a> Treat<'a> {
    fn field(&self, id: FieldId) -> Result<&'a Field, Refused> {
        self.side.fields.get(id.index()).ok_or(Refused("unknown"))
    }
}

impl Visitor for Treat<'_> {
    type Error = Refused;

    fn value(
        &mut self,
        id: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Refused> {
        let field = self.field(id)?;
        let checked = field.check.run(value).map_err(|invalid| Refused(invalid.word))?;
        let treated = field.outward.apply(checked.value(), &self.materials, out);
        let treated = treated.map_err(|_| Refused("outward"))?;
        if let Some(stored) = &field.stored {
            self.stored.clear();
            stored
                .apply(checked.value(), &self.materials, &mut self.stored)
                .map_err(|_| Refused("stored"))?;
            self.draft.keep(&field.name, at, checked.value()).map_err(|_| Refused("sealed"))?;
        }
        Ok(checked.settle(treated, out))
    }

    fn missing(&mut self, _: FieldId) -> Result<(), Refused> {
        Ok(())
    }

    fn undeclared(&mut self) -> Result<(), Refused> {
        Err(Refused("undeclared"))
    }

    fn misshapen(&mut self, _: FieldId) -> Refused {
        Refused("misshapen")
    }
}
