//! The bodies that are walked, and what is done with their fields: of the bench of the walk, and of the one beside others.

use std::convert::Infallible;

use consentry::payload::{Caps, FieldId, Kind, Layout, Path, Treated, Undeclared, Value, Visitor};

/// What a body may have at most.
pub(crate) const CAPS: Caps = Caps { bytes: 16 << 20, depth: 32, members: 1_000_000, rows: 1_000_000 };

/// Replaces the first field by a pseudonym's worth of text, leaves out the second, bands the third, keeps the others;
/// of rows of values, the first columns, and blanks where a field would be left out.
pub(crate) struct Three;

impl Visitor for Three {
    type Error = Infallible;

    fn value(
        &mut self,
        field: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Infallible> {
        let (column, in_row) = match at {
            [_, column] => (*column, true),
            _ => (u32::from(field.0), false),
        };
        Ok(match column {
            0 => {
                out.push_str("p1_0123456789abcdefghijkl");
                Treated::Replaced(Kind::String)
            }
            1 if in_row => Treated::Replaced(Kind::Null),
            1 => Treated::LeftOut,
            2 => {
                out.push_str(value.text.get(..1).unwrap_or("0"));
                out.push('0');
                Treated::Replaced(Kind::Integer)
            }
            _ => Treated::Kept,
        })
    }

    fn missing(&mut self, _: FieldId) -> Result<(), Infallible> {
        Ok(())
    }

    fn undeclared(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn misshapen(&mut self, _: FieldId) -> Infallible {
        unreachable!("the bodies have the declared shape")
    }
}

fn record(number: usize) -> String {
    format!(
        r#"{{"email":"ada.king{number}@example.org","last_name":"King","age":{},"first_name":"Ada","sex":"Female","favorite_color":"Red","favorite_food":"Pizza","city":"Paris","note":"likes \"long\" walks","score":{}.25}}"#,
        20 + number % 70,
        number * 37 % 1000,
    )
}

const FIELDS: [&str; 10] = [
    "email",
    "last_name",
    "age",
    "first_name",
    "sex",
    "favorite_color",
    "favorite_food",
    "city",
    "note",
    "score",
];

fn layout(prefix: &str) -> anyhow::Result<Layout> {
    compiled(FIELDS.map(|field| format!("{prefix}{field}")))
}

fn compiled(paths: impl IntoIterator<Item = String>) -> anyhow::Result<Layout> {
    let paths: Vec<_> = paths.into_iter().map(|path| Path::parse(&path)).collect::<Result<_, _>>()?;
    Ok(Layout::compile(&paths, Undeclared::Refuse)?)
}

/// `dataframe_split`: the names once, then a row of values for each record.
fn wide(bytes: usize) -> String {
    let row = |number: usize| {
        format!(
            r#"["ada.king{number}@example.org","King",{},"Ada","Female","Red","Pizza",{}.25]"#,
            20 + number % 70,
            number * 37 % 1000
        )
    };
    let rows: Vec<_> = (0..bytes / 76).map(row).collect();
    let names = FIELDS.map(|name| format!("\"{name}\"")).join(",");
    format!("{{\"dataframe_split\":{{\"columns\":[{names}],\"data\":[{}]}}}}", rows.join(","))
}

fn wide_layout() -> anyhow::Result<Layout> {
    compiled(
        ["index", "name", "about", "columns[*]", "data[*][*]"]
            .map(|field| format!("dataframe_split.{field}")),
    )
}

fn batch(bytes: usize) -> String {
    let rows: Vec<_> = (0..bytes / 204).map(record).collect();
    format!("{{\"rows\":[{}]}}", rows.join(","))
}

/// A body, and where its fields are.
pub(crate) struct Body {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) layout: Layout,
}

/// One record, more and more of them, and rows of values.
pub(crate) fn bodies() -> anyhow::Result<Vec<Body>> {
    let rows = || layout("rows[*].");
    Ok([
        ("200B", record(1), layout("")?),
        ("2KB", batch(2 << 10), rows()?),
        ("64KB", batch(64 << 10), rows()?),
        ("1MB", batch(1 << 20), rows()?),
        ("8MB", batch(8 << 20), rows()?),
        ("wide 2KB", wide(2 << 10), wide_layout()?),
        ("wide 64KB", wide(64 << 10), wide_layout()?),
    ]
    .map(|(name, text, layout)| Body { name, text, layout })
    .into())
}
