//! `policies/organisation.yaml`.

use super::action::DESTINATIONS;
use super::field::category;
use super::{DURATION, Is, Shape, form, list, may, must, some, words};
use crate::policy::words::{Role, TransferInstrument};

/// Who is responsible, for what, and who receives.
pub const ORGANISATION: Shape = Shape {
    id: "organisation",
    what: "the organisation",
    says: "Who is responsible, for what, and who receives.",
    keys: &[
        must("controller", Is::Keys(&CONTROLLER), "Who decides why and how (GDPR Art. 13(1)(a), 30(1)(a))."),
        may("dpo", Is::Keys(&DPO), "The data protection officer (GDPR Art. 13(1)(b))."),
        may("supervisory_authority", Is::Text, "The name of the authority that a person can complain to."),
        must("purposes", Is::Entries(&Is::Keys(&PURPOSE)), "What data is processed for, by name."),
        may("consent", Is::Keys(&CONSENT), "What holds of every consent."),
        may(
            "identifying_categories",
            some(&category()),
            "Categories that identify here, beside the shipped list.",
        ),
        may("recipients", Is::Entries(&Is::Keys(&RECIPIENT)), "Who receives personal data, by name."),
        may(
            "categories",
            Is::Entries(&Is::Keys(&CATEGORY)),
            "Destinations of a category's fields that have no words of their own.",
        ),
        super::PROPOSED,
        may("reasons", list(&Is::Name), "Codes that a caller may give as a reason."),
    ],
    rules: &[],
};

/// Where somebody is reached.
const CONTACT: Is = form(r"^(https?://|mailto:|tel:).|^[^@]+@[^@]+\.[^@]+$", "privacy@example.org");

/// The controller.
pub(crate) const CONTROLLER: Shape = Shape {
    id: "controller",
    what: "the controller",
    says: "Who decides why and how.",
    keys: &[
        must("name", Is::Text, "Its name."),
        must("address", Is::Text, "Its postal address."),
        must(
            "contact",
            CONTACT,
            "Where to reach it: an e-mail address, or a URL of https, http, mailto or tel.",
        ),
    ],
    rules: &[],
};

/// The data protection officer.
pub(crate) const DPO: Shape = Shape {
    id: "dpo",
    what: "a data protection officer",
    says: "The data protection officer.",
    keys: &[must(
        "contact",
        CONTACT,
        "Where to reach them: an e-mail address, or a URL of https, http, mailto or tel.",
    )],
    rules: &[],
};

/// A purpose.
pub(crate) const PURPOSE: Shape = Shape {
    id: "purpose",
    what: "a purpose",
    says: "What data is processed for.",
    keys: &[
        may("says", Is::Text, "What a person reads; needed where a basis is consent (GDPR Art. 7 and 13)."),
        must("notice_version", Is::Integer(1, 1_000_000), "Raise it when a change must be agreed to anew."),
        may(
            "direct_marketing",
            Is::Boolean,
            "Whether it is direct marketing, to which everybody may object (GDPR Art. 21(2)).",
        ),
    ],
    rules: &[],
};

/// What holds of every consent.
pub(crate) const CONSENT: Shape = Shape {
    id: "consent",
    what: "a consent",
    says: "What holds of every consent.",
    keys: &[may("expires", DURATION, "How long it holds. Default: 365d.")],
    rules: &[],
};

/// A recipient.
pub(crate) const RECIPIENT: Shape = Shape {
    id: "recipient",
    what: "a recipient",
    says: "Who receives personal data (GDPR Art. 28, 30(1)(d), 44).",
    keys: &[
        must("name", Is::Text, "Its name as the register shows it."),
        must(
            "role",
            Is::Words(|| words(Role::ALL, Role::word)),
            "What it is in law: `processor` (Art. 28), `joint_controller` (Art. 26) or `controller`.",
        ),
        must("agreement", Is::Text, "The reference of the agreement with it."),
        must("country", form("^[A-Z]{2}$", "DE"), "Where it is: two letters of ISO 3166-1."),
        may(
            "transfer_instrument",
            Is::Words(|| words(TransferInstrument::ALL, TransferInstrument::word)),
            "What a transfer to a third country rests on (GDPR Art. 44 to 49).",
        ),
        may(
            "transfer_valid_until",
            form("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2027-06-30"),
            "The last day on which the instrument holds; afterwards calls that would send there are refused.",
        ),
        may(
            "transfer_consent",
            Is::Text,
            "The purpose that a person must have agreed to before their data goes there (GDPR Art. 49(1)(a)).",
        ),
        may(
            "pseudonymize_before_transfer",
            Is::Boolean,
            "Whether identifying fields may go there only protected.",
        ),
    ],
    rules: &[],
};

/// Destinations of a category.
pub(crate) const CATEGORY: Shape = Shape {
    id: "category",
    what: "a category",
    says: "Destinations of the category's fields where they have no words of their own.",
    keys: &[DESTINATIONS.upstream, DESTINATIONS.caller_of_category, DESTINATIONS.stored, DESTINATIONS.export],
    rules: &[],
};
