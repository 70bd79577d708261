//! Categories of personal data: the terms of the Data Privacy Vocabulary's extension for personal data, and what the
//! law sees in them.
//!
//! Source: W3C Data Privacy Vocabulary, `pd` 2.0 to 2.3 (<https://w3id.org/dpv/pd>); both spellings where they differ.
//! Special categories are those that DPV derives from `SpecialCategoryPersonalData` (GDPR Art. 9), criminal ones those
//! under `Criminal` (Art. 10). What is identifying is this project's reading: a value of it alone tells who somebody is,
//! or reaches them.

/// What is known of a category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// A value of it alone tells who somebody is.
    pub identifying: bool,
    /// GDPR Art. 9(1).
    pub special: bool,
    /// GDPR Art. 10.
    pub criminal: bool,
}

/// The facts of `pd:NAME`; `None` where the vocabulary has no such term.
pub fn facts(category: &str) -> Option<Facts> {
    let name = category.strip_prefix("pd:")?;
    let has = |list: &[&str]| list.binary_search(&name).is_ok();
    let facts = Facts {
        identifying: has(IDENTIFYING) || has(SPECIAL_IDENTIFYING),
        special: has(SPECIAL) || has(SPECIAL_IDENTIFYING),
        criminal: has(CRIMINAL),
    };
    (facts != Facts::default() || has(PLAIN)).then_some(facts)
}

/// Every known term without `pd:`, for "did you mean".
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    [IDENTIFYING, SPECIAL_IDENTIFYING, SPECIAL, CRIMINAL, PLAIN].into_iter().flatten().copied()
}

/// Every known term as policies write it, sorted, for editors.
pub fn terms() -> Vec<&'static str> {
    static TERMS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let mut terms: Vec<String> = names().map(|name| format!("pd:{name}")).collect();
        terms.sort_unstable();
        terms
    });
    TERMS.iter().map(String::as_str).collect()
}

// INVARIANT: each list is sorted, and no term stands in two of them.

#[rustfmt::skip]
const IDENTIFYING: &[&str] = &[
    "AccountIdentifier", "BankAccount", "BrowserFingerprint", "Contact", "CreditCardNumber",
    "DigitalFingerprint", "EmailAddress", "EmailAddressPersonal", "EmailAddressWork", "FinancialAccount",
    "FinancialAccountNumber", "HouseNumber", "IPAddress", "Identifier", "Identifying", "MACAddress", "Name",
    "OfficialID", "Passport", "PaymentCardNumber", "PhysicalAddress", "Picture", "Street",
    "TelephoneNumber", "UID", "Username", "VehicalLicenseNumber", "VehicalLicenseRegistration",
    "VehicleLicense",
];

#[rustfmt::skip]
const SPECIAL_IDENTIFYING: &[&str] = &[
    "Biometric", "FacialExpression", "FacialPrint", "Fingerprint", "Retina",
];

#[rustfmt::skip]
const SPECIAL: &[&str] = &[
    "BloodType", "DNACode", "Disability", "DrugTestResult", "EthnicOrigin", "Ethnicity", "FamilyHealthHistory", "Fetish",
    "Genetic", "Health", "HealthHistory", "HealthRecord", "IndividualHealthHistory", "MedicalHealth",
    "MentalHealth", "PhilosophicalBelief", "PhysicalHealth", "PoliticalAffiliation", "PoliticalOpinion",
    "Prescription", "Proclivity", "Race", "Religion", "ReligiousBelief", "Sexual", "SexualHistory",
    "SexualPreference", "TradeUnionMembership",
];

#[rustfmt::skip]
const CRIMINAL: &[&str] = &[
    "Criminal", "CriminalCharge", "CriminalConviction", "CriminalOffence", "CriminalOffense",
    "CriminalPardon",
];

#[rustfmt::skip]
const PLAIN: &[&str] = &[
    "Accent", "Acquaintance", "Acquantaince", "Age", "AgeExact", "AgeRange", "ApartmentOwned",
    "Association", "Attitude", "Authenticating", "AuthenticationHistory", "Behavioral", "Behavioural",
    "BirthCountry", "BirthDate", "BirthPlace", "BrowserHistory", "BrowsingBehavior", "BrowsingBehaviour",
    "BrowsingReferral", "CallLog", "CarOwned", "Character", "Citizenship", "City", "Communication",
    "CommunicationsMetadata", "Connection", "Country", "CountryOfBirth", "Credit", "CreditCapacity",
    "CreditRecord", "CreditScore", "CreditStanding", "CreditWorthiness", "CurrentEmployment",
    "CurrentLocation", "Demeanor", "Demeanour", "Demographic", "DeviceApplications", "DeviceBased",
    "DeviceOperatingSystem", "DeviceSoftware", "Dialect", "DisciplinaryAction", "Dislike", "Divorce",
    "Domicile", "Education", "EducationExperience", "EducationQualification", "EducationTraining",
    "EmailContent", "Emotion", "EmploymentHistory", "External", "Family", "FamilyStructure",
    "Favorite", "FavoriteColor", "FavoriteFood", "FavoriteMusic", "Favourite", "FavouriteColour",
    "FavouriteFood", "FavouriteMusic", "Financial", "FinancialStatus", "Friend", "GPSCoordinate", "Gender",
    "GeneralReputation", "Geographic", "GroupMembership", "GroupProfile", "HairColor", "HairColour",
    "Height", "Historical", "HomeLocation", "HouseOwned", "Household", "Income", "IncomeBracket",
    "IndividualProfile", "Insurance", "Intention", "Interaction", "Interest", "Internal", "Job",
    "KnowledgeBelief", "Language", "LifeHistory", "Like", "LinkClicked", "LoanRecord", "Locality",
    "Location", "MaritalStatus", "Marriage", "Mood", "Nationality", "Offspring", "Opinion", "Ownership",
    "PINCode", "Parent", "Password", "PastEmployment", "PaymentCard", "PaymentCardExpiry",
    "PerformanceAtWork", "PersonalDocuments", "PersonalPossession", "Personality", "PhysicalCharacteristic",
    "PhysicalTrait", "Piercing", "PlaceOfBirth", "PostalCode", "Preference", "PrivacyPreference",
    "Professional", "ProfessionalCertification", "ProfessionalEvaluation", "ProfessionalExperience",
    "ProfessionalInterview", "ProfessionalTraining", "Profile", "PublicLife",
    "PubliclyAvailableSocialMedia", "Purchase", "PurchasesAndSpendingHabit", "Reference", "Region",
    "Relationship", "Reliability", "Residency", "RoomNumber", "Salary", "Sale", "School", "SecretText",
    "ServiceConsumptionBehavior", "ServiceConsumptionBehaviour", "Sibling", "SkinTone", "Social",
    "SocialBehaviour", "SocialMedia", "SocialMediaCommunication", "SocialNetwork", "SocialStatus",
    "TVViewingBehavior", "TVViewingBehaviour", "Tattoo", "Tax", "TechnicalKnowledge", "Thought", "Tracking",
    "Transaction", "Transactional", "TravelHistory", "UserAgent", "Vehicle", "VehicleUsage",
    "VoiceCommunicationRecording", "VoiceMail", "Vulnerability", "Weight", "WorkEnvironment",
    "WorkExperience", "WorkHistory", "WorkLocation",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_disjoint() {
        for list in [IDENTIFYING, SPECIAL_IDENTIFYING, SPECIAL, CRIMINAL, PLAIN] {
            assert!(list.is_sorted());
        }
        let mut all: Vec<_> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_law_sees_what_it_should() {
        let facts = |name| facts(name).unwrap();
        assert!(facts("pd:EmailAddress").identifying && facts("pd:Name").identifying);
        assert!(facts("pd:MentalHealth").special && facts("pd:TradeUnionMembership").special);
        assert!(facts("pd:Ethnicity").special && facts("pd:EthnicOrigin").special);
        assert!(facts("pd:Fingerprint").special && facts("pd:Fingerprint").identifying);
        assert!(facts("pd:CriminalConviction").criminal);
        assert_eq!(facts("pd:FavoriteColor"), Facts::default());
        assert_eq!(super::facts("pd:Shoes"), None);
        assert_eq!(super::facts("Name"), None);
    }
}
