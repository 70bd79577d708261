//! A run as Markdown.

use std::fmt::Write as _;

use super::{Run, before, goals};
use crate::growth::{Growth, Keys, Persons};
use crate::idle::Memory;
use crate::living::{Reloads, Starts, Stretch};
use crate::measure::{Cell, Effort, Measured, Sample, WARM};
use crate::others::Others;
use crate::statistics::Spread;
use crate::steady::CYCLE;
use crate::walk::Walked;

/// What others are compared with, where it is among the targets.
const REFERENCES: [&str; 6] = ["haproxy", "haproxy-jwt", "nginx-lua", "fastapi", "floor", "floor-journal"];

/// The whole run.
pub(crate) fn page(run: &Run, plot: &str) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let machine = &run.machine;
    writeln!(out, "### The run of {}\n", run.at)?;
    writeln!(
        out,
        "`{}` at {}: {} rounds, each with every target started anew and loaded in turn, {}. {}, {} cores, {} MiB; {}, Linux {}; files on {} ({}); load average at the start {}.\n",
        run.command,
        run.commit,
        run.effort.rounds,
        how_long(&run.effort),
        machine.processor,
        machine.cores,
        machine.memory_mib,
        machine.system,
        machine.kernel,
        machine.files.kind,
        machine.files.at.display(),
        machine.load,
    )?;
    writeln!(out, "| target | version |\n|---|---|")?;
    for (name, version) in &run.versions {
        writeln!(out, "| {name} | {version} |")?;
    }
    writeln!(
        out,
        "\n![CPU time per request, as a ratio to HAProxy's, of the gateway and its peers]({plot})\n"
    )?;
    if run.smoke {
        writeln!(out, "A smoke test: what was done is checked, how fast it was says nothing.")?;
    } else {
        goals::table(run, &mut out)?;
        before::table(run, &mut out)?;
    }
    for measured in &run.measured {
        workload(measured, &mut out)?;
    }
    if !run.starts.is_empty() {
        started(&run.starts, &mut out)?;
    }
    if let Some(reloads) = &run.reloads {
        reloaded(reloads, &mut out)?;
    }
    if let Some(growth) = &run.growth {
        grown(growth, &mut out)?;
    }
    if !run.walked.is_empty() {
        walked(&run.walked, &mut out)?;
    }
    Ok(out)
}

/// How long a target is loaded in a round, for each kind of load.
fn how_long(effort: &Effort) -> String {
    let Effort { time, warm, new_tokens, cycles, .. } = *effort;
    let (time, warm) = (time.as_secs_f64(), warm.as_secs_f64());
    let mut says = format!(
        "for {time:.1} s after {warm:.1} s that do not count; with another token in each request for {new_tokens} requests \
         after {WARM}"
    );
    if cycles > 0 {
        let counted = cycles * CYCLE;
        // A `String` takes whatever is written.
        let _ = write!(
            says,
            "; the gateway, where it keeps records of bodies below 64 KB, for {counted} requests or more after {CYCLE}, at fixed \
             rates for {time:.1} s around the end of writing its indices"
        );
    }
    says
}

fn started(starts: &[Starts], out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n#### H start: from nothing to the first answer over TLS, on all cores\n")?;
    writeln!(out, "| activities | ms, median | least | greatest | CPU ms, mean |\n|---|---|---|---|---|")?;
    for Starts { activities, first_ms: Spread { median, least, greatest }, cpu_ms } in starts {
        writeln!(out, "| {activities} | {median:.1} | {least:.1} | {greatest:.1} | {cpu_ms:.0} |")?;
    }
    Ok(())
}

fn reloaded(reloads: &Reloads, out: &mut String) -> std::fmt::Result {
    let Reloads { activities, reload_ms, stretches } = reloads;
    writeln!(
        out,
        "\n#### H reload: the governed exchange (C) at 1,000 calls a second while {activities} activities are reloaded\n"
    )?;
    writeln!(out, "| | reloads | calls, none lost | p50 µs | p99 µs | p99.9 µs | largest µs |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for Stretch { reloads, calls, p50_us, p99_us, p999_us, largest_us } in stretches {
        let what = if *reloads == 0 { "without" } else { "with" };
        writeln!(
            out,
            "| {what} | {reloads} | {calls} | {p50_us:.0} | {p99_us:.0} | {p999_us:.0} | {largest_us:.0} |"
        )?;
    }
    if let (Some(step), Some(worst)) = (reloads.step_ms(), reloads.worst_ms()) {
        writeln!(
            out,
            "\nOne stretch in ten since the first reload has a largest latency {step:.1} ms or more above the median of those \
             before, the worst one {worst:.1} ms."
        )?;
    }
    let Spread { median, least, greatest } = reload_ms;
    writeln!(
        out,
        "\nA reload took {median:.0} ms, {least:.0} to {greatest:.0}, most of it on a thread that gives way to all others."
    )
}

fn grown(growth: &Growth, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n#### H keys: a limiter with so many callers (in process)\n")?;
    writeln!(
        out,
        "| keys | ns a check, at random | bytes a key | ns a read of a word, at random in as much memory |\n|---|---|---|---|"
    )?;
    for Keys { keys, check_ns, bytes, read_ns } in &growth.keys {
        writeln!(out, "| {keys} | {check_ns:.0} | {bytes:.0} | {read_ns:.1} |")?;
    }
    writeln!(out, "\n#### H persons: a store with so many persons who have agreed (in process)\n")?;
    writeln!(
        out,
        "| wanted | made | consents/s, durable | µs a look into the store | ns a look where all are remembered, at random | bytes remembered of each | ns a read of a word, at random in as much memory | µs a key made, durable | MiB on disk |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for size in &growth.persons {
        let Persons {
            wanted,
            persons,
            made_per_second,
            look_us,
            remembered_ns,
            bytes,
            read_ns,
            minted_us,
            disk_mib,
        } = size;
        writeln!(
            out,
            "| {wanted} | {persons} | {made_per_second:.0} | {look_us:.1} | {remembered_ns:.0} | {bytes:.0} | {read_ns:.1} | {minted_us:.0} | {disk_mib:.1} |"
        )?;
    }
    Ok(())
}

fn walked(walked: &[Walked], out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "\n#### H walk: a body walked, three fields of ten treated, beside `serde_json`'s `IgnoredAny` (in process)\n"
    )?;
    writeln!(out, "| body | bytes | ns a byte | of the first | of `IgnoredAny` |\n|---|---|---|---|---|")?;
    for Walked { body, bytes, byte_ns, of_first, of_grammar } in walked {
        let (ours, first, ratio) = (byte_ns.median, of_first.median, of_grammar.median);
        let far = of_grammar.percent();
        writeln!(out, "| {body} | {bytes} | {ours:.2} | {first:.2} | {ratio:.2} ± {far:.0} % |")?;
    }
    Ok(())
}

fn workload(measured: &Measured, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n#### {}: {}\n", measured.name, measured.title)?;
    if measured.cells.iter().any(|cell| cell.idle.is_some()) {
        idle(measured, out)?;
    } else if !measured.cells.is_empty() {
        loaded(measured, out)?;
    }
    for (name, why) in &measured.missing {
        writeln!(out, "\nNot measured: {name}, {why}.")?;
    }
    for (name, why) in &measured.wrong {
        writeln!(out, "\n**Wrong**: {name}: {why}")?;
    }
    Ok(())
}

fn loaded(measured: &Measured, out: &mut String) -> std::fmt::Result {
    let cell = |name: &&str| measured.cells.iter().find(|cell| cell.target == *name);
    let references: Vec<&Cell> = REFERENCES.iter().filter_map(cell).collect();
    write!(out, "| target | CPU µs a request |")?;
    for reference in &references {
        write!(out, " of {} |", reference.target)?;
    }
    writeln!(out, " requests/s | p50 µs | p99 µs | p99.9 µs | MiB | at most |")?;
    writeln!(out, "|---|---|{}---|---|---|---|---|---|", "---|".repeat(references.len()))?;
    for cell in &measured.cells {
        let plain = if cell.plain { " (plain)" } else { "" };
        let Some(spread) = cell.spread(|sample| sample.cpu_us) else { continue };
        write!(out, "| {}{plain} | {:.1} ± {:.0} % |", cell.target, spread.median, spread.percent())?;
        for reference in &references {
            write!(out, " {:.2} |", cell.ratio(reference, |sample| sample.cpu_us).unwrap_or(0.0))?;
        }
        let middle = |of: fn(&Sample) -> f64| cell.spread(of).map_or(0.0, |spread| spread.median);
        writeln!(
            out,
            " {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            middle(|sample| sample.per_second),
            middle(|sample| sample.p50_us),
            middle(|sample| sample.p99_us),
            middle(|sample| sample.p999_us),
            cell.resident_kib as f64 / 1024.0,
            cell.peak_kib as f64 / 1024.0,
        )?;
    }
    let ours = measured.cells.iter().filter(|cell| cell.target.starts_with("consentry") && !cell.plain);
    for cell in ours {
        let mut threads: Vec<_> = cell.by_thread_us.iter().filter(|(_, us)| **us >= 0.05).collect();
        threads.sort_by(|one, other| other.1.total_cmp(one.1));
        if threads.len() < 2 {
            continue;
        }
        let threads: Vec<_> = threads.iter().map(|(name, us)| format!("{name} {us:.1}")).collect();
        writeln!(out, "\n{}, by thread, means of all rounds: {} µs.", cell.target, threads.join(", "))?;
    }
    let counted = measured.cells.iter().filter_map(|cell| Some((cell.target, cell.calls.as_ref()?)));
    let counted: Vec<_> =
        counted.map(|(target, calls)| format!("{target} {:.2}", calls.values().sum::<f64>())).collect();
    if !counted.is_empty() {
        writeln!(
            out,
            "\nSystem calls a request, of all threads, while they are counted: {}.",
            counted.join(", ")
        )?;
    }
    if measured.sync_us > 0.0 {
        writeln!(out, "\nOne `fdatasync` meanwhile: {:.0} µs.", measured.sync_us)?;
    }
    if let Some(Others { programs, stolen }) = measured.others {
        writeln!(
            out,
            "\nOf the cores' time other programs and threads of the kernel had {:.1} %, other machines on the same hardware {:.1} %.",
            programs * 100.0,
            stolen * 100.0
        )?;
    }
    Ok(())
}

fn idle(measured: &Measured, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "| target | connections | MiB | connections | MiB | KiB for each more |\n|---|---|---|---|---|---|"
    )?;
    for cell in &measured.cells {
        if let Some(memory) = cell.idle {
            let mib = |kib: u64| kib as f64 / 1024.0;
            let Memory { few, few_kib, many, many_kib } = memory;
            let (less, more) = (mib(few_kib), mib(many_kib));
            let each = memory.each_kib();
            writeln!(out, "| {} | {few} | {less:.1} | {many} | {more:.1} | {each:.1} |", cell.target)?;
        }
    }
    Ok(())
}
