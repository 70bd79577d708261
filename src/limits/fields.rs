//! What a caller is told of a limit, as the `RateLimit-Policy` and `RateLimit` fields of the IETF's draft
//! (draft-ietf-httpapi-ratelimit-headers) and `Retry-After` have it.

use std::fmt;
use std::time::Duration;

use super::Rate;

/// What a limit leaves to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many requests there are in a window.
    pub limit: u32,
    /// The length of a window, in seconds.
    pub window: u64,
    /// How many requests may follow at once.
    pub remaining: u32,
    /// Seconds until `remaining` is as high as it can be; for a refused request, until it is more than zero.
    pub reset: u64,
}

/// A request too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// What is left to the caller.
    pub allowance: Allowance,
    /// How long until a request would be accepted.
    pub wait: Duration,
}

impl Allowance {
    pub(super) fn new(rate: &Rate, remaining: u32, reset: Duration) -> Self {
        Self { limit: rate.count.get(), window: seconds(rate.period), remaining, reset: seconds(reset) }
    }

    /// The `RateLimit-Policy` field, such as `"default";q=60;w=60`.
    pub fn policy(&self, name: &str) -> String {
        written(format_args!("{};q={};w={}", Quoted(name), self.limit, self.window))
    }

    /// The `RateLimit` field, such as `"default";r=19;t=1`.
    pub fn field(&self, name: &str) -> String {
        written(format_args!("{};r={};t={}", Quoted(name), self.remaining, self.reset))
    }
}

/// As `format!`, which would begin with less room, and grow.
fn written(text: fmt::Arguments<'_>) -> String {
    let mut out = String::with_capacity(64);
    let _infallible = fmt::Write::write_fmt(&mut out, text);
    out
}

impl Limited {
    /// Whole seconds for `Retry-After`, at least one.
    pub fn retry_after(&self) -> u32 {
        u32::try_from(seconds(self.wait)).unwrap_or(u32::MAX).max(1)
    }
}

/// Whole seconds, rounded up: who waits as long as they are told has waited long enough.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// A string of RFC 9651 section 3.3.3; what cannot stand in one is left out.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if self.0.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return write!(f, "\"{}\"", self.0);
        }
        f.write_char('"')?;
        self.0
            .chars()
            .filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'))
            .try_for_each(|c| f.write_char(c))?;
        f.write_char('"')
    }
}
