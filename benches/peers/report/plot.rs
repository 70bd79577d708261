//! A run as a picture: for each workload a bar for each target, by CPU time per request. The scale is logarithmic, as the
//! slowest takes a hundred times what the fastest does.

use std::fmt::Write as _;

use crate::measure::{Cell, Measured};

const WIDTH: f64 = 900.0;
const NAMES: f64 = 190.0;
const VALUES: f64 = 90.0;
const BAR: f64 = 18.0;
const TITLE: f64 = 34.0;
const OURS: &str = "#1a7f5a";
const OTHERS: &str = "#8a94a6";
const FLOOR: &str = "#c9b458";

/// The picture.
pub(crate) fn svg(measured: &[Measured]) -> String {
    let median = |cell: &Cell| cell.spread(|sample| sample.cpu_us).map(|spread| spread.median);
    let groups: Vec<(&Measured, Vec<(&Cell, f64)>)> = measured
        .iter()
        .map(|one| (one, one.cells.iter().filter_map(|cell| Some((cell, median(cell)?))).collect()))
        .filter(|(_, bars): &(_, Vec<_>)| !bars.is_empty())
        .collect();
    let greatest =
        groups.iter().flat_map(|(_, bars)| bars.iter().map(|(_, value)| *value)).fold(10.0, f64::max);
    let decades = greatest.log10().ceil().max(1.0);
    let room = WIDTH - NAMES - VALUES;
    let length = |value: f64| (value.max(1.0).log10() / decades * room).max(1.0);
    let mut body = String::new();
    let mut y = 24.0;
    for (one, bars) in &groups {
        text(&mut body, 8.0, y + 14.0, "font-weight=\"bold\"", &format!("{}: {}", one.name, one.title));
        y += TITLE - 12.0;
        for (cell, value) in bars {
            let colour = match cell.target {
                name if name.starts_with("floor") => FLOOR,
                name if name.starts_with("consentry") => OURS,
                _ => OTHERS,
            };
            let plain = if cell.plain { " (plain)" } else { "" };
            let middle = y + BAR - 5.0;
            text(&mut body, NAMES - 8.0, middle, "text-anchor=\"end\"", &format!("{}{plain}", cell.target));
            let long = length(*value);
            // A `String` takes whatever is written, here and below.
            let _ = writeln!(
                body,
                "<rect x=\"{NAMES}\" y=\"{y:.0}\" width=\"{long:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>",
                BAR - 3.0
            );
            text(&mut body, NAMES + long + 6.0, middle, "", &format!("{value:.1}"));
            y += BAR;
        }
        y += TITLE - 22.0;
    }
    let mut lines = String::new();
    for decade in 0..=decades as u32 {
        let x = NAMES + room * f64::from(decade) / decades;
        let _ =
            writeln!(lines, "<line x1=\"{x:.1}\" y1=\"24\" x2=\"{x:.1}\" y2=\"{y:.0}\" stroke=\"#dfe3ea\"/>");
        text(&mut lines, x, 16.0, "text-anchor=\"middle\"", &format!("{} µs", 10_u64.pow(decade)));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {y:.0}\" width=\"{WIDTH:.0}\" height=\"{y:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>CPU time per request, in microseconds</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{lines}{body}</svg>\n"
    )
}

fn text(out: &mut String, x: f64, y: f64, more: &str, says: &str) {
    let says = says.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {more}>{says}</text>");
}

/// That a picture is there, and well formed as far as names go.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let empty = svg(&[]);
    anyhow::ensure!(empty.starts_with("<svg") && empty.trim_end().ends_with("</svg>"));
    let mut out = String::new();
    text(&mut out, 1.0, 2.0, "", "a < b & c");
    anyhow::ensure!(out.contains("a &lt; b &amp; c"));
    Ok(())
}
