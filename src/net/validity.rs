//! From when to when a certificate is valid. Those who connect look at it, so whoever serves it should too.

use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

use crate::clock::Timestamp;

/// How long before its end a certificate should have been renewed: those who renew by themselves do so weeks before. One that has
/// a short life, when two thirds of it are over.
const SOON: Duration = Duration::from_secs(14 * 86_400);

const NEVER: &str = "is at no time valid: when it begins and ends makes no sense";

/// What a certificate says of itself (RFC 5280 section 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second at which it is valid.
    pub begins: Timestamp,
    /// The last one.
    pub ends: Timestamp,
}

/// How a certificate stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Valid for a while.
    Valid,
    /// Valid, and for 14 days at most, or for the last third of its time where that is shorter.
    EndsSoon,
    /// Not valid any more.
    Ended,
    /// Not valid yet.
    NotYet,
}

impl Validity {
    /// Of a certificate. `None` where it has no such times that can be read.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = ParsedCertificate::try_from(certificate).ok()?;
        // The library names the times to whoever asks for a moment outside of them, before it looks for who signed.
        let at = |seconds| {
            let (nobody, at) =
                (RootCertStore::empty(), UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
            match verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], at, &[]) {
                Err(Error::InvalidCertificate(error)) => Some(error),
                _ => None,
            }
        };
        let Some(CertificateError::ExpiredContext { not_after, .. }) = at(u64::MAX) else { return None };
        let begins = match at(0) {
            Some(CertificateError::NotValidYetContext { not_before, .. }) => not_before.as_secs(),
            // It began with 1970, and what is missing is who signed it.
            _ => 0,
        };
        let timestamp =
            |seconds: u64| Some(Timestamp::from_millis(i64::try_from(seconds).ok()?.checked_mul(1000)?));
        Some(Self { begins: timestamp(begins)?, ends: timestamp(not_after.as_secs())? })
    }

    /// How it stands at this moment.
    pub fn at(self, now: Timestamp) -> Standing {
        match self {
            Self { begins, .. } if now < begins => Standing::NotYet,
            Self { ends, .. } if now.seconds() > ends.seconds() => Standing::Ended,
            Self { ends, .. } if now.plus(self.soon()) > ends => Standing::EndsSoon,
            _ => Standing::Valid,
        }
    }

    /// How long before its end it should have been renewed.
    fn soon(self) -> Duration {
        let millis = self.ends.millis().saturating_sub(self.begins.millis());
        SOON.min(Duration::from_millis(u64::try_from(millis).unwrap_or(0)) / 3)
    }

    /// Whether those who connect at this moment find it valid.
    pub fn holds(self, now: Timestamp) -> bool {
        matches!(self.at(now), Standing::Valid | Standing::EndsSoon)
    }

    /// What is to be said of it at this moment, if anything: the rest of a sentence that begins with its file.
    pub fn says(self, now: Timestamp) -> Option<String> {
        let Self { begins, ends } = self;
        match self.at(now) {
            Standing::Valid => None,
            Standing::EndsSoon => Some(format!("ends at {ends}: renew it")),
            Standing::Ended => Some(format!("is not valid any more: it ended at {ends}")),
            Standing::NotYet => Some(format!("is not valid yet: it begins at {begins}")),
        }
    }

    /// The same of a certificate that may have no such times: that one is valid at none.
    pub fn says_of(validity: Option<Self>, now: Timestamp) -> Option<String> {
        validity.map_or_else(|| Some(NEVER.to_owned()), |validity| validity.says(now))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn of(begins: (i32, u8, u8), ends: (i32, u8, u8)) -> Option<Validity> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(begins.0, begins.1, begins.2);
        params.not_after = date_time_ymd(ends.0, ends.1, ends.2);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Validity::of(certificate.der())
    }

    #[test]
    fn the_times_of_a_certificate_are_read_and_said() {
        let validity = of((2026, 3, 2), (2026, 6, 1)).unwrap();
        assert_eq!(validity.begins.to_string(), "2026-03-02T00:00:00Z");
        assert_eq!(validity.ends.to_string(), "2026-06-01T00:00:00Z");
        let near = |at: Timestamp, seconds: i64| Timestamp::from_millis(at.millis() + 1000 * seconds);
        for (now, standing, says) in [
            (near(validity.begins, -1), Standing::NotYet, Some("is not valid yet: it begins at 2026-03-02")),
            (validity.begins, Standing::Valid, None),
            (near(validity.ends, -14 * 86_400), Standing::Valid, None),
            (near(validity.ends, 1 - 14 * 86_400), Standing::EndsSoon, Some("ends at 2026-06-01")),
            // RFC 5280: the end is the last second of it.
            (validity.ends, Standing::EndsSoon, Some("ends at 2026-06-01")),
            (near(validity.ends, 1), Standing::Ended, Some("is not valid any more: it ended at 2026-06-01")),
        ] {
            assert_eq!(validity.at(now), standing, "{now}");
            assert_eq!(validity.holds(now), matches!(standing, Standing::Valid | Standing::EndsSoon));
            let said = validity.says(now);
            assert_eq!(said.is_some(), says.is_some(), "{said:?}");
            assert!(said.unwrap_or_default().contains(says.unwrap_or_default()));
        }
    }

    #[test]
    fn one_with_a_short_life_is_to_be_renewed_in_its_last_third() {
        for (ends, soon) in
            [((2026, 3, 3), 8 * 3600), ((2026, 3, 9), 7 * 86_400 / 3), ((2026, 4, 13), 14 * 86_400)]
        {
            let validity = of((2026, 3, 2), ends).unwrap();
            let before = |seconds: i64| Timestamp::from_millis(validity.ends.millis() - 1000 * seconds);
            assert_eq!(validity.at(validity.begins), Standing::Valid);
            assert_eq!(validity.at(before(soon)), Standing::Valid);
            assert_eq!(validity.at(before(soon - 1)), Standing::EndsSoon);
        }
    }

    #[test]
    fn times_at_the_edges_are_read_and_ones_that_make_no_sense_are_none() {
        let validity = of((1970, 1, 1), (9999, 12, 31)).unwrap();
        assert_eq!((validity.begins.seconds(), validity.ends.seconds()), (0, 253_402_214_400));
        assert_eq!(of((2027, 1, 1), (2026, 1, 1)), None);
        assert_eq!(Validity::of(&CertificateDer::from(vec![0x30, 0])), None);
    }
}
