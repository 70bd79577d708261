//! Values that other libraries made.

/// `samples.txt` and the right numbers of `national/golden.txt`, by country.
#[derive(Debug)]
pub(super) struct Samples {
    lines: Vec<Vec<&'static str>>,
    national: Vec<(&'static str, &'static str, bool)>,
}

impl Samples {
    pub(super) fn read() -> Self {
        let rows = |text: &'static str| {
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.split('\t').collect::<Vec<_>>())
        };
        let national = rows(include_str!("../national/golden.txt")).filter_map(|row| match row.as_slice() {
            [country, _, verdict, number] => Some((*country, *number, *verdict == "good")),
            _ => None,
        });
        Self { lines: rows(include_str!("samples.txt")).collect(), national: national.collect() }
    }

    /// The spellings of each value of a kind in a country.
    pub(super) fn of(&self, kind: &str, country: &str) -> Vec<&[&'static str]> {
        let fits = |row: &&Vec<&'static str>| row.first() == Some(&kind) && row.get(1) == Some(&country);
        self.lines.iter().filter(fits).filter_map(|row| row.get(2..)).collect()
    }

    /// National identification numbers of a country that are right, or wrong.
    pub(super) fn national(&self, country: &str, good: bool) -> Vec<&'static str> {
        let fits = |(of, _, right): &&(&str, &str, bool)| *of == country && *right == good;
        self.national.iter().filter(fits).map(|(_, number, _)| *number).collect()
    }
}
