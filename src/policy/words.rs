//! Words of the language that mean one thing of a closed list.

/// What makes processing lawful (GDPR Art. 6(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegalBasis {
    /// Art. 6(1)(a).
    Consent,
    /// Art. 6(1)(b).
    Contract,
    /// Art. 6(1)(c).
    LegalObligation,
    /// Art. 6(1)(d).
    VitalInterests,
    /// Art. 6(1)(e).
    PublicTask,
    /// Art. 6(1)(f).
    LegitimateInterests,
}

impl LegalBasis {
    /// Every basis there is.
    pub const ALL: &'static [Self] = &[
        Self::Consent,
        Self::Contract,
        Self::LegalObligation,
        Self::VitalInterests,
        Self::PublicTask,
        Self::LegitimateInterests,
    ];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Contract => "contract",
            Self::LegalObligation => "legal_obligation",
            Self::VitalInterests => "vital_interests",
            Self::PublicTask => "public_task",
            Self::LegitimateInterests => "legitimate_interests",
        }
    }

    /// Whether a person may object (GDPR Art. 21(1)).
    pub const fn may_be_objected_to(self) -> bool {
        matches!(self, Self::PublicTask | Self::LegitimateInterests)
    }
}

/// What a recipient is in law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Acts on the controller's behalf (GDPR Art. 28).
    Processor,
    /// Decides together with the controller (GDPR Art. 26).
    JointController,
    /// Decides for itself.
    Controller,
}

impl Role {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::Processor, Self::JointController, Self::Controller];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::JointController => "joint_controller",
            Self::Controller => "controller",
        }
    }
}

/// When the intent of an exchange is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JournalMode {
    /// Before the first byte goes to the upstream.
    #[default]
    BeforeForward,
    /// While the upstream works.
    Overlapped,
}

impl JournalMode {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::BeforeForward, Self::Overlapped];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BeforeForward => "before_forward",
            Self::Overlapped => "overlapped",
        }
    }
}

/// Whether an activity is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Served under its rules.
    #[default]
    Enforce,
    /// Every call is refused.
    Closed,
}

impl Mode {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::Enforce, Self::Closed];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Closed => "closed",
        }
    }
}

/// What a re-use of records rests on (GDPR Art. 6(4)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FurtherProcessing {
    /// A consent of its own.
    OwnConsent,
    /// Research or statistics with the safeguards of Art. 89(1), by reference.
    Art89(String),
    /// Union or member state law, by reference.
    Law(String),
    /// A compatibility assessment, by reference.
    Compatibility(String),
}

impl FurtherProcessing {
    /// As a policy writes it, with its reference.
    pub fn describe(&self) -> String {
        match self {
            Self::OwnConsent => "own_consent".into(),
            Self::Art89(reference) => format!("art_89: {reference}"),
            Self::Law(reference) => format!("law: {reference}"),
            Self::Compatibility(reference) => format!("compatibility: {reference}"),
        }
    }
}

/// What a transfer to a third country rests on (GDPR Art. 45 to 49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferInstrument {
    /// An adequacy decision that covers this recipient (Art. 45).
    Adequacy,
    /// Standard contractual clauses (Art. 46(2)(c) and (d)).
    Scc,
    /// Binding corporate rules (Art. 47).
    Bcr,
    /// A code of conduct (Art. 46(2)(e)).
    CodeOfConduct,
    /// A certification (Art. 46(2)(f)).
    Certification,
    /// An instrument between public authorities (Art. 46(2)(a)).
    PublicAuthorities,
    /// Clauses that the supervisory authority has authorised (Art. 46(3)).
    AuthorisedClauses,
    /// A derogation for a specific situation (Art. 49).
    Derogation,
}

impl TransferInstrument {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[
        Self::Adequacy,
        Self::Scc,
        Self::Bcr,
        Self::CodeOfConduct,
        Self::Certification,
        Self::PublicAuthorities,
        Self::AuthorisedClauses,
        Self::Derogation,
    ];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Adequacy => "adequacy",
            Self::Scc => "scc",
            Self::Bcr => "bcr",
            Self::CodeOfConduct => "code_of_conduct",
            Self::Certification => "certification",
            Self::PublicAuthorities => "public_authorities",
            Self::AuthorisedClauses => "authorised_clauses",
            Self::Derogation => "derogation",
        }
    }
}

/// What lifts the prohibition on special categories (GDPR Art. 9(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Art9Condition {
    /// Point (a).
    ExplicitConsent,
    /// Point (b).
    EmploymentAndSocialSecurity,
    /// Point (c).
    VitalInterests,
    /// Point (d).
    NotForProfitBody,
    /// Point (e).
    MadePublic,
    /// Point (f).
    LegalClaims,
    /// Point (g).
    SubstantialPublicInterest,
    /// Point (h).
    HealthCare,
    /// Point (i).
    PublicHealth,
    /// Point (j).
    ArchivingResearchStatistics,
}

impl Art9Condition {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[
        Self::ExplicitConsent,
        Self::EmploymentAndSocialSecurity,
        Self::VitalInterests,
        Self::NotForProfitBody,
        Self::MadePublic,
        Self::LegalClaims,
        Self::SubstantialPublicInterest,
        Self::HealthCare,
        Self::PublicHealth,
        Self::ArchivingResearchStatistics,
    ];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ExplicitConsent => "explicit_consent",
            Self::EmploymentAndSocialSecurity => "employment_and_social_security",
            Self::VitalInterests => "vital_interests",
            Self::NotForProfitBody => "not_for_profit_body",
            Self::MadePublic => "made_public",
            Self::LegalClaims => "legal_claims",
            Self::SubstantialPublicInterest => "substantial_public_interest",
            Self::HealthCare => "health_care",
            Self::PublicHealth => "public_health",
            Self::ArchivingResearchStatistics => "archiving_research_statistics",
        }
    }
}

/// What an automated decision rests on (GDPR Art. 22(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecisionGround {
    /// Point (a).
    Contract,
    /// Point (b).
    Law,
    /// Point (c).
    ExplicitConsent,
}

impl DecisionGround {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::Contract, Self::Law, Self::ExplicitConsent];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Law => "law",
            Self::ExplicitConsent => "explicit_consent",
        }
    }
}

/// Whose bucket a limit fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// The authenticated caller's.
    Caller,
    /// The peer address's.
    Address,
    /// The person's whose data it is.
    DataSubject,
}

impl Per {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::Caller, Self::Address, Self::DataSubject];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Address => "address",
            Self::DataSubject => "data_subject",
        }
    }
}

/// What becomes of a batch in which a row's person does not permit it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeniedRow {
    /// The whole batch is refused.
    #[default]
    Refuse,
    /// The row is left out, and the answer has `null` at its place.
    LeaveOutRow,
}

impl DeniedRow {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::Refuse, Self::LeaveOutRow];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::LeaveOutRow => "leave_out_row",
        }
    }
}

/// What the gateway answers from its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A page of records with their `export` forms; its query may have `page`.
    PseudonymizedRecords,
    /// One record as stored; its one path parameter is the record's number.
    ReIdentifiedRecord,
}

impl Answer {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::PseudonymizedRecords, Self::ReIdentifiedRecord];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PseudonymizedRecords => "pseudonymized_records",
            Self::ReIdentifiedRecord => "re_identified_record",
        }
    }
}
