//! Policies that tests play cases of.

/// Parameters that are treated, a condition, and an answer that not everybody sees whole.
pub(super) const STANDING: &str = r#"
activity: standing
title: A customer's standing
purpose: product-recommendation
legal_basis: contract
data_subject_categories: [customers]
data_subject: path.customer
retention: 30d after exchange
upstream: favourites-model
routes:
  - match: GET /standing/{customer}
    payload: none
    path: { customer: { category: pd:Identifier, type: string, length: 1..20, upstream: pseudonymize, stored: encrypted } }
    query: { born: { category: pd:BirthDate, type: string, format: date, required: false, upstream: { generalize: { date_to: year } } } }
    headers: { x-agent: { category: pd:Name, type: string, length: 1..20, upstream: leave_out, stored: pseudonymize } }
    access: { all_scopes: [predict], on_behalf_of: behalf, when: "!has(query.born) || caller.kind == 'program'" }
request:
  fields: {}
response:
  fields:
    score: { type: integer, caller: { all_scopes: [exact], otherwise: { generalize: { bands_of: 10 } } } }
"#;

pub(super) const STANDING_CASES: &str = r#"
- case: the model sees of the call what the policy says, and an agent a band
  given: { token: { sub: robot, client_id: robot, scopes: [predict, behalf] } }
  send: { method: GET, path: "/standing/ada?b%6Frn=1990-12-10", headers: { x-agent: Grace } }
  upstream_answers: { json: { score: 47 } }
  upstream_asked: { path: { matches: "^/standing/p1_[a-z2-7]{26}$" }, query: { born: 1990-01-01 }, headers: {} }
  caller_gets: { status: 200, json: { score: 40 } }
  stored: { path: { customer: ada }, header: { x-agent: { matches: "^p1_" } } }
- case: who may sees the score itself
  given: { token: { sub: ada, scopes: [predict, exact] } }
  send: { method: GET, path: /standing/ada }
  upstream_answers: { json: { score: 47 } }
  upstream_asked: { query: {} }
  caller_gets: { status: 200, json: { score: 47 } }
- case: a person brings no date of birth
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: GET, path: "/standing/ada?born=1990-12-10" }
  caller_gets: { status: 403, problem: access-not-permitted }
  upstream_sees: nothing
"#;
