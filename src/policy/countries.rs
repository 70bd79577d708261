//! Where personal data may go without a transfer instrument (GDPR Art. 44 and 45).
//!
//! Source: the European Commission's list of adequacy decisions under Art. 45(3), as of November 2026. A decision can be
//! repealed or expire: compare the list with the Commission's before a release.

/// How the law sees a country, from the Union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adequacy {
    /// A member state of the European Economic Area.
    Eea,
    /// A decision covers the whole country.
    Adequate,
    /// A decision covers some recipients; the policy must say that this one is among them.
    PartlyAdequate(&'static str),
    /// No decision.
    Third,
}

/// The adequacy of an ISO 3166-1 alpha-2 code; `None` where it is not assigned.
pub fn adequacy(code: &str) -> Option<Adequacy> {
    if EEA.contains(&code) {
        return Some(Adequacy::Eea);
    }
    if ADEQUATE.iter().any(|(country, _)| *country == code) {
        return Some(Adequacy::Adequate);
    }
    if let Some((_, whom)) = PARTLY_ADEQUATE.iter().find(|(country, _)| *country == code) {
        return Some(Adequacy::PartlyAdequate(whom));
    }
    OTHERS.split_ascii_whitespace().any(|country| country == code).then_some(Adequacy::Third)
}

/// From how many years on a child consents alone to what an information society service does with their data (GDPR
/// Art. 8(1)); `None` for what is no member state of the European Economic Area.
pub fn age_of_consent(code: &str) -> Option<u32> {
    AGES.iter().find(|(states, _)| states.contains(&code)).map(|(_, age)| *age)
}

/// 16, where national law does not lower it, to no less than 13.
///
/// Sources, national law as of November 2026 as far as known here; laws on this are changing (Norway's government has
/// proposed 15, Spain's 16), so compare the table with the supervisory authorities before a release.
///
/// - 13: BE (Act of 30 July 2018, Art. 7), EE (Personal Data Protection Act, § 8), FI (Act 1050/2018, § 5), IS (Act
///   90/2018, Art. 10), LV (Personal Data Processing Law, s. 33), MT (S.L. 586.11), NO (personopplysningsloven, § 5), PT
///   (Lei 58/2019, Art. 16), SE (Lag 2018:218, ch. 2 § 4)
/// - 14: AT (DSG, § 4(4)), BG (Personal Data Protection Act, Art. 25c), CY (Law 125(I)/2018, s. 8), ES (LO 3/2018, Art. 7),
///   IT (D.lgs. 196/2003, Art. 2-quinquies), LT (Law on Legal Protection of Personal Data, Art. 6)
/// - 15: CZ (Act 110/2019, § 7), DK (databeskyttelsesloven, § 6, as amended from 2024), FR (Loi 78-17, Art. 45), GR (Law
///   4624/2019, Art. 21), SI (ZVOP-2, Art. 8)
/// - 16: HR, IE (Data Protection Act 2018, s. 31), NL (UAVG, Art. 5), SK (Act 18/2018, § 15), and DE, HU, LI, LU, PL, RO
///   without a law of their own that lowers it
#[rustfmt::skip]
const AGES: &[(&[&str], u32)] = &[
    (&["BE", "EE", "FI", "IS", "LV", "MT", "NO", "PT", "SE"], 13),
    (&["AT", "BG", "CY", "ES", "IT", "LT"], 14),
    (&["CZ", "DK", "FR", "GR", "SI"], 15),
    (&["DE", "HR", "HU", "IE", "LI", "LU", "NL", "PL", "RO", "SK"], 16),
];

#[rustfmt::skip]
const EEA: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    // Parts of member states that have codes of their own and in which Union law applies.
    "AX", "BL", "GF", "GP", "MF", "MQ", "RE", "YT",
];

/// Country and decision.
const ADEQUATE: &[(&str, &str)] = &[
    ("AD", "2010/625/EU"),
    ("AR", "2003/490/EC"),
    ("BR", "adopted in January 2026"),
    ("CH", "2000/518/EC"),
    ("FO", "2010/146/EU"),
    ("GB", "(EU) 2021/1772, renewed in December 2025"),
    ("GG", "2003/821/EC"),
    ("IL", "2011/61/EU"),
    ("IM", "2004/411/EC"),
    ("JE", "2008/393/EC"),
    ("JP", "(EU) 2019/419"),
    ("KR", "(EU) 2022/254"),
    ("NZ", "2013/65/EU"),
    ("UY", "2012/484/EU"),
];

/// Country, and whom its decision covers.
const PARTLY_ADEQUATE: &[(&str, &str)] = &[
    ("CA", "commercial organisations under PIPEDA (2002/2/EC)"),
    ("US", "organisations certified under the Data Privacy Framework ((EU) 2023/1795)"),
];

/// Every other assigned code.
const OTHERS: &str = "AE AF AG AI AL AM AO AQ AS AU AW AZ BA BB BD BF BH BI BJ BM BN BO BQ BS BT BV BW BY BZ CC CD CF \
    CG CI CK CL CM CN CO CR CU CV CW CX DJ DM DO DZ EC EG EH ER ET FJ FK FM GA GD GE GH GI GL GM GN GQ GS GT GU GW GY \
    HK HM HN HT ID IN IO IQ IR JM JO KE KG KH KI KM KN KP KW KY KZ LA LB LC LK LR LS LY MA MC MD ME MG MH MK ML MM MN \
    MO MP MR MS MU MV MW MX MY MZ NA NC NE NF NG NI NP NR NU OM PA PE PF PG PH PK PM PN PR PS PW PY QA RS RU RW SA SB \
    SC SD SG SH SJ SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM UZ VA VC \
    VE VG VI VN VU WF WS YE ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_one_age_of_consent() {
        let states: Vec<_> = AGES.iter().flat_map(|(states, _)| states.iter()).collect();
        let members: Vec<_> = EEA.iter().take(30).collect();
        assert_eq!(states.len(), members.len());
        for state in members {
            assert!((13..=16).contains(&age_of_consent(state).unwrap()), "{state}");
        }
        assert_eq!(
            (age_of_consent("FR"), age_of_consent("DE"), age_of_consent("US")),
            (Some(15), Some(16), None)
        );
    }

    #[test]
    fn countries_stand_as_the_commission_lists_them() {
        assert_eq!(adequacy("DE"), Some(Adequacy::Eea));
        assert_eq!(adequacy("NO"), Some(Adequacy::Eea));
        assert_eq!(adequacy("CH"), Some(Adequacy::Adequate));
        assert!(matches!(adequacy("US"), Some(Adequacy::PartlyAdequate(_))));
        assert_eq!(adequacy("CN"), Some(Adequacy::Third));
        assert_eq!(adequacy("UK"), None);
        assert_eq!(adequacy("de"), None);
    }

    #[test]
    fn every_code_of_iso_3166_stands_once() {
        let mut all: Vec<&str> = EEA.to_vec();
        all.extend(ADEQUATE.iter().chain(PARTLY_ADEQUATE).map(|(country, _)| *country));
        all.extend(OTHERS.split_ascii_whitespace());
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(count, 249, "assigned codes");
    }
}
