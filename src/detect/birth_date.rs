//! Dates of birth: a date, and a word beside it that says that somebody was born.

use super::context::Context;
use super::{Found, Kind, What};

pub(super) fn find(text: &str, context: &Context, found: &mut Vec<Found>) {
    for (start, end) in context.dates(text) {
        if context.birth(text, start, end) {
            found.push(Found { start, end, what: What::Kind(Kind::BirthDate) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::context;
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text, context::shared().unwrap(), &mut found);
        found.iter().map(|one| text.get(one.start..one.end).unwrap()).collect()
    }

    #[test]
    fn a_date_is_one_of_birth_where_the_text_says_so() {
        for (text, expected) in [
            ("She was born on 10 December 1815 in London.", "10 December 1815"),
            ("DOB: 12/10/1815", "12/10/1815"),
            ("Date of birth (dd/mm/yyyy): 10-12-1815", "10-12-1815"),
            ("Ada, geb. 10.12.1815, wohnt", "10.12.1815"),
            ("geboren am 10. Dezember 1815", "10. Dezember 1815"),
            ("née le 1er décembre 1815 à", "1er décembre 1815"),
            ("date de naissance : 1815-12-10", "1815-12-10"),
            ("nacida el 10 de diciembre de 1815", "10 de diciembre de 1815"),
            ("nata il 10 dicembre 1815", "10 dicembre 1815"),
            ("geboortedatum 10-12-1815", "10-12-1815"),
            ("ur. 10 grudnia 1815 r.", "10 grudnia 1815"),
            ("nascida em 10/12/1815", "10/12/1815"),
            ("född den 10 december 1815", "10 december 1815"),
            ("narozena 10. prosince 1815", "10. prosince 1815"),
            ("am 10.12.1815 geboren", "10.12.1815"),
            ("born December 10th, 1815", "December 10th, 1815"),
            ("* 10.12.1815", "10.12.1815"),
            ("Dátum narodenia: 01.02.1980", "01.02.1980"),
            ("Datum rojstva: 01.02.1980", "01.02.1980"),
            ("Sünniaeg: 01.02.1980", "01.02.1980"),
            ("Дата на раждане: 01.02.1980", "01.02.1980"),
            ("Narodil sa 5. júla 1980", "5. júla 1980"),
            ("Narodený 5. júna 1980", "5. júna 1980"),
            ("Narodená 5. októbra 1980", "5. októbra 1980"),
            ("Sündinud 5. juuni 1980", "5. juuni 1980"),
            ("sündinud 5. juuli 1980", "5. juuli 1980"),
            ("sündinud 5. detsember 1980", "5. detsember 1980"),
            ("născut la 5 iunie 1980", "5 iunie 1980"),
            ("născută la 5 iulie 1980", "5 iulie 1980"),
            ("rođen 5. kolovoza 1980", "5. kolovoza 1980"),
            ("rođena 5. lipnja 1980", "5. lipnja 1980"),
            ("Született: 1980. március 5.", "1980. március 5"),
            ("született 1980. augusztus 15-én", "1980. augusztus 15"),
            ("1980. március 5-én született Pécsett", "1980. március 5"),
            ("Order 4711 Wien 10 December 1815, born then", "10 December 1815"),
            ("Gimęs 1980 m. kovo 5 d.", "1980 m. kovo 5"),
            ("gimė 1980 m. gruodžio 25 d.", "1980 m. gruodžio 25"),
            ("dzimis 1980. gada 5. jūnijā", "1980. gada 5. jūnijā"),
            ("dzimusi 1980. gada 5. jūlijā", "1980. gada 5. jūlijā"),
            ("Γεννηθείς 01/02/1980", "01/02/1980"),
            ("Γεννημένη στις 5 Ιουνίου 1980", "5 Ιουνίου 1980"),
        ] {
            assert_eq!(all(text), [expected], "{text}");
        }
        for text in [
            "delivered on 10 December 2025",
            "geboren in Wien. Bestellt wurde am 10.12.2025",
            "born 3 times",
            "version 1.2.3",
            "a birth in 1980. Houses 5 were sold",
            "born 1980. gada 5. klase",
            "Gimęs 1980 m. mokykla 5",
            "narodil sa do rodiny 3 bratov 1980",
            "Доставка на поръчка: 01.02.2025",
            "delivered 1980. március 5.",
            "naissance du projet : bientôt",
        ] {
            assert_eq!(all(text), Vec::<&str>::new(), "{text}");
        }
    }
}
