//! `LATENCY`: slow events, and how long commands take.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use super::local::{self, Outcome, excerpt, unknown_subcommand};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::{LatencyEvent, LatencyHistogram, LatencySeries};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::LATENCY, Run::Local(unknown_subcommand)),
    (&spec::LATENCY_DOCTOR, Run::Local(doctor)),
    (&spec::LATENCY_GRAPH, Run::Local(graph)),
    (&spec::LATENCY_HISTOGRAM, Run::Local(histogram)),
    (&spec::LATENCY_HISTORY, Run::Local(history)),
    (&spec::LATENCY_LATEST, Run::Local(latest)),
    (&spec::LATENCY_RESET, Run::Local(reset_latency)),
    (&spec::LATENCY_HELP, Run::Local(latency_help)),
];

/// Rows of `LATENCY GRAPH`.
const GRAPH_ROWS: u64 = 4;
/// Columns of `LATENCY GRAPH`: the newest samples.
const GRAPH_COLUMNS: usize = 80;

/// `LATENCY LATEST`
fn latest(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let all = ctx.server.latency.all();
    reply.array(all.len());
    for (event, series) in all {
        let last = series.samples.back().copied();
        reply.array(4);
        reply.bulk(event.name().as_bytes());
        reply.integer(last.map_or(0, |sample| sample.unix_s) as i64);
        reply.integer(last.map_or(0, |sample| sample.took_ms) as i64);
        reply.integer(series.worst_ms as i64);
    }
    Ok(())
}

/// The samples of the event that word 2 names, if it has any.
fn series(ctx: &LocalCtx<'_>, args: &Args<'_>) -> Option<LatencySeries> {
    LatencyEvent::find(&args[2]).and_then(|event| ctx.server.latency.of(event))
}

/// `LATENCY HISTORY event`
fn history(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let samples = series(ctx, args).map(|series| series.samples).unwrap_or_default();
    reply.array(samples.len());
    for sample in samples {
        reply.array(2);
        reply.integer(sample.unix_s as i64);
        reply.integer(sample.took_ms as i64);
    }
    Ok(())
}

/// `LATENCY GRAPH event`
fn graph(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let series = series(ctx, args).ok_or_else(|| {
        CommandError::from(format!("ERR No samples available for event '{}'", excerpt(&args[2])))
    })?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    reply.verbatim(*b"txt", draw(&args[2], &series, now).as_bytes());
    Ok(())
}

/// Draws the samples as columns, each with its age below it.
fn draw(name: &[u8], series: &LatencySeries, now_s: u64) -> String {
    let skipped = series.samples.len().saturating_sub(GRAPH_COLUMNS);
    let columns: Vec<_> = series.samples.iter().skip(skipped).collect();
    let high = columns.iter().map(|sample| sample.took_ms).max().unwrap_or(0);
    let low = columns.iter().map(|sample| sample.took_ms).min().unwrap_or(0);
    let mut text = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        String::from_utf8_lossy(name),
        series.worst_ms,
        "-".repeat(GRAPH_COLUMNS)
    );
    let range = (high - low).max(1);
    let height = |took_ms: u64| (took_ms - low) * (GRAPH_ROWS - 1) / range;
    for row in (0..GRAPH_ROWS).rev() {
        let line: String = columns
            .iter()
            .map(|sample| match height(sample.took_ms) {
                top if top > row => '|',
                top if top == row && row == GRAPH_ROWS - 1 => '#',
                top if top == row => '_',
                _ => ' ',
            })
            .collect();
        let _ = writeln!(text, "{line}");
    }
    let ages: Vec<String> = columns.iter().map(|sample| age(now_s.saturating_sub(sample.unix_s))).collect();
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        let line: String = ages.iter().map(|age| age.chars().nth(row).unwrap_or(' ')).collect();
        let _ = write!(text, "\n{line}");
    }
    text.push('\n');
    text
}

/// An age in a few letters.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `LATENCY RESET [event ...]`
fn reset_latency(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let named = args.from(2).filter_map(LatencyEvent::find);
    let latency = &ctx.server.latency;
    let reset = match args.len() {
        2 => LatencyEvent::ALL.into_iter().filter(|event| latency.reset(*event)).count(),
        _ => named.filter(|event| latency.reset(*event)).count(),
    };
    reply.integer(reset as i64);
    Ok(())
}

/// `LATENCY DOCTOR`
fn doctor(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut text = String::new();
    let threshold_ms = ctx.server.limits.latency_threshold_ms();
    if threshold_ms == 0 {
        text.push_str(
            "Events are not watched: CONFIG SET latency-monitor-threshold <milliseconds> begins it.\n",
        );
    }
    for (event, series) in ctx.server.latency.all() {
        let count = series.samples.len() as u64;
        let mean = series.samples.iter().map(|sample| sample.took_ms).sum::<u64>() / count.max(1);
        let _ = writeln!(
            text,
            "{}: {count} seconds with one of {threshold_ms} ms or more, {mean} ms on average, {} ms at worst. {}",
            event.name(),
            series.worst_ms,
            advice(event)
        );
    }
    if let Some(gauges) = ctx.server.gauges() {
        let storage = gauges.storage();
        let _ = writeln!(
            text,
            "A sync of the log takes {} us (median) and {} us (99th percentile), by {}.\n\
             SLOWLOG GET shows the slowest commands, LATENCY HISTOGRAM how long each command takes.",
            storage.sync_us_p50, storage.sync_us_p99, storage.log_method
        );
    }
    reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// What an administrator can do about an event.
fn advice(event: LatencyEvent) -> &'static str {
    match event {
        LatencyEvent::Command => "SLOWLOG GET names the commands; split what touches many keys.",
        LatencyEvent::FastCommand => {
            "Data that is not in memory, or a busy processor: look at page faults and load."
        }
        LatencyEvent::LogSync => {
            "The disk is slow to sync: look for other writers on it, or give the log its own."
        }
        LatencyEvent::Checkpoint => {
            "It runs beside the writer; only its end is waited for when space is short."
        }
        LatencyEvent::ExpireCycle => "Many keys end at the same moment: spread their deadlines.",
    }
}

/// `LATENCY HISTOGRAM [command ...]`
fn histogram(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let specs: Vec<&'static Spec> = if args.len() == 2 {
        spec::all().collect()
    } else {
        let mut chosen = Vec::new();
        for word in args.from(2) {
            chosen.extend(spec::find(word));
        }
        // The name of a container command means all of its subcommands.
        chosen
            .iter()
            .flat_map(|spec: &&Spec| std::iter::once(*spec).chain(spec.subcommands.iter().copied()))
            .collect()
    };
    let found: Vec<(&Spec, LatencyHistogram)> = specs
        .iter()
        .map(|spec| (*spec, ctx.server.stats.latency(spec.id)))
        .filter(|(_, histogram)| histogram.count() > 0)
        .collect();
    reply.map(found.len());
    for (spec, histogram) in &found {
        reply.bulk(spec.name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(histogram.count() as i64);
        reply.bulk(b"histogram_usec");
        let buckets = cumulative(histogram);
        reply.map(buckets.len());
        for (upper_us, count) in buckets {
            reply.integer(upper_us as i64);
            reply.integer(count as i64);
        }
    }
    Ok(())
}

/// The number of runs that took at most 1, 2, 4 ... microseconds. Steps that add none are left out.
fn cumulative(histogram: &LatencyHistogram) -> Vec<(u64, u64)> {
    let mut steps: Vec<(u64, u64)> = Vec::new();
    let mut total = 0;
    for (upper_ns, count) in histogram.buckets() {
        total += count;
        let upper_us = upper_ns.div_ceil(1000).next_power_of_two();
        match steps.last_mut() {
            Some((last_us, last_count)) if *last_us == upper_us => *last_count = total,
            _ => steps.push((upper_us, total)),
        }
    }
    steps
}

/// `LATENCY HELP`
fn latency_help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
        "    If no commands are specified then all histograms are replied.",
    ];
    local::help(reply, "LATENCY", &lines);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::state::LatencySample;

    #[test]
    fn a_graph_has_a_column_for_each_sample_and_its_age_below() {
        let samples = [(1, 10), (50, 40), (100, 20)];
        let samples =
            samples.into_iter().map(|(unix_s, took_ms)| LatencySample { unix_s, took_ms }).collect();
        let text = draw(b"command", &LatencySeries { samples, worst_ms: 99 }, 100);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "command - high 40 ms, low 10 ms (all time high 99 ms)");
        assert_eq!(lines[2..], [" # ", " | ", " |_", "_||", "", "150", "m0s", " s "]);
    }

    #[test]
    fn a_histogram_counts_runs_up_to_each_power_of_two() {
        let histogram = LatencyHistogram::default();
        for us in [1, 3, 3, 100] {
            histogram.record(Duration::from_micros(us));
        }
        let steps = cumulative(&histogram);
        assert_eq!(steps.last().map(|step| step.1), Some(4));
        assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1), "{steps:?}");
        assert!(steps.iter().all(|(upper_us, _)| upper_us.is_power_of_two()));
        assert_eq!(steps.iter().find(|step| step.0 == 4).map(|step| step.1), Some(3));
    }
}
