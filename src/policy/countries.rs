//! Where personal data may go without a transfer instrument (GDPR Art. 44 and 45).
//!
//! Source: the European Commission's list of adequacy decisions under Art. 45(3), as of November 2026. A decision can be
//! repealed or expire: compare the list with the Commission's before a release.

/// How the law sees a country, from the Union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A member state of the European Economic Area.
    Eea,
    /// A decision covers the whole country.
    Adequate,
    /// A decision covers some recipients; the policy must say that this one is among them.
    PartlyAdequate(&'static str),
    /// No decision.
    Third,
}

/// The standing of an ISO 3166-1 alpha-2 code; `None` where it is not assigned.
pub fn standing(code: &str) -> Option<Standing> {
    if EEA.contains(&code) {
        return Some(Standing::Eea);
    }
    if ADEQUATE.iter().any(|(country, _)| *country == code) {
        return Some(Standing::Adequate);
    }
    if let Some((_, whom)) = PARTLY_ADEQUATE.iter().find(|(country, _)| *country == code) {
        return Some(Standing::PartlyAdequate(whom));
    }
    OTHERS.split_ascii_whitespace().any(|country| country == code).then_some(Standing::Third)
}

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
    fn countries_stand_as_the_commission_lists_them() {
        assert_eq!(standing("DE"), Some(Standing::Eea));
        assert_eq!(standing("NO"), Some(Standing::Eea));
        assert_eq!(standing("CH"), Some(Standing::Adequate));
        assert!(matches!(standing("US"), Some(Standing::PartlyAdequate(_))));
        assert_eq!(standing("CN"), Some(Standing::Third));
        assert_eq!(standing("UK"), None);
        assert_eq!(standing("de"), None);
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
