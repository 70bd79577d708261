//! Words that tell what a number beside them is, in the languages of the Union: they decide where form and check digits do not.
//! Each expression looks at a bounded piece of text.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// How far before a number a word for it may stand, in bytes.
const REACH: usize = 48;

/// Dates as they are written with day, month and year. Whether a word in one is a month's is asked afterwards, but where the year
/// comes first (hu, lt, lv): there any other word would hide the date that begins with the number behind it.
const DATE: &str = r"(?x)\b(?:
    [0-9]{4}\ ?[-./]\ ?[0-9]{1,2}\ ?[-./]\ ?[0-9]{1,2}
  | [0-9]{1,2}\ ?[-./]\ ?(?:[0-9]{1,2}|[ivxIVX]{1,4})\ ?[-./]\ ?(?:[0-9]{4}|[0-9]{2})
  | [0-9]{1,2}(?:\.|st|nd|rd|th|er|ère|º|ª|o|:a|:e)?[\ -](?:de\ |of\ |di\ |d['’])?\pL{3,12}\.?(?:\ de|\ del|\ do)?,?[\ -](?:[0-9]{4}|'?[0-9]{2})
  | \pL{3,12}\.?\ [0-9]{1,2}(?:st|nd|rd|th)?,?\ [0-9]{4}
  | [0-9]{4}(?:\.|\ m\.|\.?\ gada)\ (?:jan|feb|m[aá]r|[aá]pr|máj|mai|j[uúū][nl]|aug|sze?p|sep|okt|nov|dec|saus|vasar|kov|balan|geguž|birž|liep|rugp|rugs|spal|lapkr|gruod)\pL{0,9}\.?\ [0-9]{1,2}
  | [0-9]{4}\.?\ (?:gada|g\.)\ [0-9]{1,2}\.\ (?:jan|feb|mar|apr|mai|j[uū][nl]|aug|sep|okt|nov|dec)\pL{0,9}
)\b";

/// What months' names begin with: en, de, fr, es, it, nl, pl, pt, sv, cs, da, fi, ro, hu, hr, sk, sl, et, lv, lt, el, bg.
const MONTHS: &[&str] = &[
    "jan", "ian", "feb", "fév", "fev", "mar", "mär", "mrt", "maa", "apr", "avr", "abr", "mai", "may", "maj",
    "mei", "máj", "jun", "juin", "juil", "jul", "giu", "lug", "aug", "aoû", "aou", "ago", "sep", "set",
    "szept", "okt", "oct", "ott", "out", "nov", "noi", "dez", "dec", "déc", "dic", "des", "déz", "gen",
    "ene", "mag", "stycz", "lut", "kwie", "czerw", "lip", "sierp", "wrze", "paźd", "list", "grud", "led",
    "únor", "břez", "dub", "květ", "červ", "srp", "září", "říj", "pros", "tammi", "helmi", "huhti", "touko",
    "kesä", "heinä", "elo", "syys", "loka", "joulu", "sij", "velj", "ožu", "tra", "svi", "ruj", "stud",
    "ιαν", "φεβ", "μαρ", "απρ", "μαΐ", "μαϊ", "ιουν", "ιουλ", "αυγ", "σεπ", "οκτ", "νοε", "δεκ", "яну",
    "фев", "мар", "апр", "май", "юни", "юли", "авг", "сеп", "окт", "ное", "дек", "avg", "jún", "júl", "már",
    "ápr", "jaan", "veeb", "juun", "juul", "dets", "iun", "iul", "kolov", "jūn", "jūl", "saus", "vasar",
    "kov", "balan", "geguž", "birž", "liep", "rugp", "rugs", "spal", "lapkr", "gruod",
];

/// What stands before a date of birth.
const BORN_BEFORE: &str = r"(?:\bborn\b|\bbirth|\bd\.?o\.?b\b|\bbday\b|geboren|\bgeb\.|\bgeb\b|geburt|\bgebdat|\bné\b|\bnée\b|\bné\(e\)|naissance|\bnais|\bnac(?:id[oa]|imiento|ió|í)\b|\bnascid[oa]|\bnascimento|\bnasc(?:eu|i)?\b|\bnat[oai]\b|nascita|\bnacque|geboorte|\burodz|\bur\.|\burodził|född|födelse|\bf\.|narozen|naroden|narodil|\bnar\.|\bdat\. nar|født|fødsel|syntyn|syntymä|\bsynt\.|\bs\.|născut|na[sșş]ter|szület|\bszül\.|rođen|rojen|rojst|sünd|sünni|dzim|gimim|gimęs|gimusi|\bgimė\b|γεννήσεως|γέννησης|γεννήθηκε|γεννηθ|γεννημέν|роден|рожден|раждан|\*)";
/// What stands after one.
const BORN_AFTER: &str = r"^(?:-[áé]n)?[\s,)]{0,3}(?:(?:in|à|a|en|em|te|w|v|i) \pL{1,20} )?(?:geboren|gebürtig|born|született|syntynyt|\(birth|\(dob|\(geb)";
/// Between such a word and its date nothing ends a sentence, and there is no other date.
const APART: &str = r"(?:[.!?;]\s+\p{Lu}\pL{3}|\n\s*\n|\d{4}|\d\d?[./]\d\d?[./])";

/// What stands before a phone number.
const PHONE: &str = r"(?:\btel|telef|phone|fon\b|\btfn|\bmobil|handy|\bgsm\b|\bfax|\bcell|portable|móvil|\btél|téléph|\bkom|\bpuh|matkap|\bsms\b|whatsapp|signal\b|\bcall\b|\bring\b|\banruf|\bruf|appel|joindre|llam|chiam|\bbel\b|zadzwoń|dzwoni|ligue|ligar|zavol|volej|numéro|nummer\b|\bτηλ|тел)";
/// What stands before a national identification number that any number of its length could be.
const NATIONAL: &str = r"(?:\bbsn\b|burgerservice|sofi|\bnif\b|contribuinte|\bafm\b|αφμ|α\.φ\.μ|\boib\b|osobni id|\btaj\b|tic\b|\btin\b|tax\s?(?:id|no|number|identification)|steuer|\bidnr|identity card|\bid\s?(?:card|no|number|:)|karta tal|personal (?:id|number|no)|national (?:id|insurance|identity)|social security|identifi|fiscal|cpr|peid|numéro national|rijksregister|personnummer|rodné|\brč\b|\br\.\s?č)";
/// What stands before a number of a version or section.
const VERSION: &str = r"(?:\bv|\bver\.?|\bvers\pL{1,5}|\bverz\pL|\bwersj\pL|release|build|firmware|sec[tc]\pL{2,5}|§|chap\pL{3,5}|kapit\pL{1,4}|cap[ií]t\pL{1,4}|abschnitt|avsnitt|afsnit|paragra\pL{1,5}|art[ií]\pL{3,5}|art\.?|rozdzia\pL{1,3}|punkt\pL{0,2}|oddíl|hoofdstuk|clause)\s?[:#]?\s?$";

/// The expressions, compiled once.
#[derive(Debug)]
pub(super) struct Context {
    date: Regex,
    born_before: Regex,
    born_after: Regex,
    apart: Regex,
    phone: Regex,
    national: Regex,
    version: Regex,
}

/// `None` where one does not compile, which a test rules out.
pub(super) fn shared() -> Option<&'static Context> {
    static SHARED: LazyLock<Option<Context>> = LazyLock::new(|| {
        let compile = |pattern: &str| RegexBuilder::new(pattern).case_insensitive(true).build().ok();
        Some(Context {
            date: compile(DATE)?,
            born_before: compile(BORN_BEFORE)?,
            born_after: compile(BORN_AFTER)?,
            apart: RegexBuilder::new(APART).build().ok()?,
            phone: compile(PHONE)?,
            national: compile(NATIONAL)?,
            version: compile(VERSION)?,
        })
    });
    SHARED.as_ref()
}

impl Context {
    /// Where dates stand. The expression's matches have a greatest length, so that looking for all of them takes linear time.
    pub(super) fn dates<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (usize, usize)> {
        let named = |date: &str| {
            let mut words = date.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() > 2);
            words.all(|word| {
                let word = word.to_lowercase();
                matches!(&*word, "del" | "gada")
                    || MONTHS.iter().any(|month| word.starts_with(month))
                    || word.chars().all(|c| "ivx".contains(c))
            })
        };
        let dates = self.date.find_iter(text).filter(move |date| named(date.as_str()));
        dates.map(|date| (date.start(), date.end()))
    }

    /// Whether the text says of the date at these places that somebody was born then.
    pub(super) fn birth(&self, text: &str, start: usize, end: usize) -> bool {
        let before = before(text, start, REACH);
        let told = self.born_before.find_iter(before).last();
        let told =
            told.is_some_and(|word| before.get(word.end()..).is_some_and(|rest| !self.apart.is_match(rest)));
        told || self.born_after.is_match(after(text, end, REACH))
    }

    /// Whether a word for a phone number stands shortly before.
    pub(super) fn phone_before(&self, text: &str, start: usize) -> bool {
        self.phone.is_match(before(text, start, 28))
    }

    /// Whether a word for a national identification number stands before.
    pub(super) fn national_before(&self, text: &str, start: usize) -> bool {
        self.national.is_match(before(text, start, REACH))
    }

    /// Whether a word for a version stands immediately before.
    pub(super) fn version_before(&self, text: &str, start: usize) -> bool {
        self.version.is_match(before(text, start, 16))
    }
}

/// At most so many bytes before a place.
fn before(text: &str, start: usize, reach: usize) -> &str {
    let from = (start.saturating_sub(reach)..=start).find(|at| text.is_char_boundary(*at));
    from.and_then(|from| text.get(from..start)).unwrap_or_default()
}

/// At most so many bytes after a place.
fn after(text: &str, end: usize, reach: usize) -> &str {
    let last = text.len().min(end + reach);
    let to = (end..=last).rev().find(|at| text.is_char_boundary(*at));
    to.and_then(|to| text.get(end..to)).unwrap_or_default()
}
