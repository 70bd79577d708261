//! A run as a picture: for some workloads a bar for each target, by CPU time per request as a ratio to HAProxy's. What is so much
//! dearer that all else would be too short to see is cut, with its figure behind it.

use std::fmt::Write as _;

use crate::measure::{Cell, Measured};

/// What is drawn, and whose CPU time is 1.
const DRAWN: [(&str, &str); 6] = [
    ("A", "haproxy"),
    ("B RS256", "haproxy-jwt"),
    ("C", "haproxy"),
    ("D 2 KB", "haproxy"),
    ("D 64 KB", "haproxy"),
    ("E", "haproxy"),
];
/// The ratio that the longest bar has.
const LONGEST: f64 = 8.0;

const WIDTH: f64 = 900.0;
const NAMES: f64 = 170.0;
const VALUES: f64 = 70.0;
const ROOM: f64 = WIDTH - NAMES - VALUES;
const BAR: f64 = 19.0;
const TITLE: f64 = 24.0;
const BETWEEN: f64 = 14.0;
const TOP: f64 = 28.0;
/// What is written over lines can be read.
const CLEAR: &str = "paint-order=\"stroke\" stroke=\"white\" stroke-width=\"4\"";
const OURS: &str = "#1a7f5a";
const OTHERS: &str = "#8a94a6";

/// The picture.
pub(crate) fn svg(measured: &[Measured]) -> String {
    let mut body = String::new();
    let mut y = TOP + 4.0;
    for (name, reference) in DRAWN {
        let Some(one) = measured.iter().find(|measured| measured.name == name) else { continue };
        let Some(reference) = one.cells.iter().find(|cell| cell.target == reference) else { continue };
        text(&mut body, 8.0, y + 14.0, "font-weight=\"bold\"", &titled(one, reference));
        y += TITLE;
        for cell in one.cells.iter().filter(|cell| !cell.target.starts_with("floor")) {
            if let Some(ratio) = cell.ratio(reference, |sample| sample.cpu_us) {
                bar(&mut body, y, cell, ratio);
                y += BAR;
            }
        }
        y += BETWEEN;
    }
    let mut lines = String::new();
    for ratio in 0..=LONGEST as u32 {
        let x = NAMES + ROOM * f64::from(ratio) / LONGEST;
        let colour = if ratio == 1 { "#5a6472" } else { "#dfe3ea" };
        // A `String` takes whatever is written, here and below.
        let _ = writeln!(
            lines,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{y:.0}\" stroke=\"{colour}\"/>"
        );
        text(&mut lines, x, TOP - 8.0, "text-anchor=\"middle\"", &ratio.to_string());
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {y:.0}\" width=\"{WIDTH:.0}\" height=\"{y:.0}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>CPU time per request, as a ratio to HAProxy's</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{lines}{body}</svg>\n"
    )
}

/// What a workload is, and who is 1 in it.
fn titled(one: &Measured, reference: &Cell) -> String {
    let plain = if reference.plain { ", plain" } else { "" };
    format!("{}: {} (1: {}{plain})", one.name, one.title, reference.target)
}

fn bar(out: &mut String, y: f64, cell: &Cell, ratio: f64) {
    let colour = if cell.target.starts_with("consentry") { OURS } else { OTHERS };
    let plain = if cell.plain { " (plain)" } else { "" };
    let (middle, height) = (y + BAR - 5.0, BAR - 4.0);
    text(out, NAMES - 8.0, middle, "text-anchor=\"end\"", &format!("{}{plain}", cell.target));
    let long = ROOM * ratio.min(LONGEST) / LONGEST;
    let _ = writeln!(
        out,
        "<rect x=\"{NAMES}\" y=\"{y:.0}\" width=\"{long:.1}\" height=\"{height:.0}\" fill=\"{colour}\"/>"
    );
    if ratio > LONGEST {
        let (x, low) = (NAMES + long - 14.0, y + height);
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {low:.0} l6 -{height:.0} m4 0 l-6 {height:.0}\" stroke=\"white\" stroke-width=\"2\"/>"
        );
    }
    text(out, NAMES + long + 6.0, middle, CLEAR, &format!("{ratio:.2}"));
}

fn text(out: &mut String, x: f64, y: f64, more: &str, says: &str) {
    let says = says.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {more}>{says}</text>");
}

/// That a picture is there, well formed as far as names go, and of workloads and targets that there are.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let empty = svg(&[]);
    anyhow::ensure!(empty.starts_with("<svg") && empty.trim_end().ends_with("</svg>"));
    let mut out = String::new();
    text(&mut out, 1.0, 2.0, "", "a < b & c");
    anyhow::ensure!(out.contains("a &lt; b &amp; c"));
    for (name, reference) in DRAWN {
        let known = crate::workloads::ALL.iter().find(|known| known.name == name);
        anyhow::ensure!(known.is_some_and(|known| known.peers.contains(&reference)), "{name} is drawn");
    }
    Ok(())
}
