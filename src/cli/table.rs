//! Tables of text for a terminal.

use std::fmt::Write as _;

/// Columns as wide as their widest cell, two spaces between them, every line after `indent`.
pub(super) fn table<const N: usize>(indent: &str, heads: [&str; N], rows: &[[String; N]]) -> String {
    let heads = heads.map(str::to_owned);
    let lines = || std::iter::once(&heads).chain(rows);
    let mut widths = [0_usize; N];
    for line in lines() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in lines() {
        let mut cells = String::new();
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(cells, "{cell:<width$}  ");
        }
        let _ = writeln!(text, "{indent}{}", cells.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [["é".to_owned(), "x".to_owned()], ["longer".to_owned(), String::new()]];
        assert_eq!(table("  ", ["a", "b"], &rows), "  a       b\n  é       x\n  longer\n");
    }
}
