//! International bank account numbers: ISO 13616, the country's length and structure from SWIFT's registry, check digits by
//! ISO 7064 (mod 97-10).

use iban::Iban;

use super::run::Run;

/// Where the account number that the run begins with ends.
pub(super) fn at(run: &Run) -> Option<usize> {
    let [country @ .., check, digit] = run.compact.get(..4)? else { return None };
    if !country.iter().all(u8::is_ascii_uppercase) || !check.is_ascii_digit() || !digit.is_ascii_digit() {
        return None;
    }
    (1..=run.pieces.len())
        .rev()
        .filter(|count| run.pieces.iter().take(*count).all(|piece| piece.between.is_of(b" -.")))
        .filter_map(|count| run.upto(count))
        .filter(|(_, compact)| compact.len() >= 15)
        .find(|(_, compact)| std::str::from_utf8(compact).is_ok_and(|text| text.parse::<Iban>().is_ok()))
        .map(|(end, _)| end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let mut run = Run::default();
        run.read(text, 0);
        at(&run).map(|end| text.get(..end).unwrap())
    }

    #[test]
    fn examples_of_the_registry_are_found_in_the_ways_people_write_them() {
        for iban in [
            "DE89370400440532013000",
            "GB29NWBK60161331926819",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "NL91 ABNA 0417 1643 00",
            "be68 5390 0754 7034",
            "ES91-2100-0418-4502-0005-1332",
            "IT 60 X 05428 11101 000000123456",
        ] {
            assert_eq!(found(iban), Some(iban));
            assert_eq!(found(&format!("{iban} at the bank")), Some(iban));
        }
        for other in [
            "DE89370400440532013001",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "DE89 3704 0044",
            "HELLO WORLD 12",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
