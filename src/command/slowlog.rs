//! `SLOWLOG` and `LATENCY`: which commands took long, and how long commands take.

use super::local::{self, Outcome, excerpt, parse_integer, specs, unknown_subcommand};
use super::{Args, LocalCtx, Spec};
use crate::resp::Reply;
use crate::state::LatencyHistogram;

/// The commands of this file.
pub static SPECS: &[Spec] = specs! { "server":
    760 "slowlog" -2 [] "2.2.12" "Depends on subcommand." unknown_subcommand
        => "A container for slow log commands.", SLOWLOG_SUBCOMMANDS;
    765 "latency" -2 [] "2.8.13" "Depends on subcommand." unknown_subcommand
        => "A container for latency diagnostics commands.", LATENCY_SUBCOMMANDS;
};

static SLOWLOG_SUBCOMMANDS: &[Spec] = specs! { "server":
    761 "slowlog|get" -2 [ADMIN LOADING STALE] "2.2.12" "O(N) where N is the number of entries returned" get
        => "Returns the slow log's entries.";
    762 "slowlog|len" 2 [ADMIN LOADING STALE] "2.2.12" "O(1)" len
        => "Returns the number of entries in the slow log.";
    763 "slowlog|reset" 2 [ADMIN LOADING STALE] "2.2.12" "O(N) where N is the number of entries in the slowlog" reset
        => "Clears all entries from the slow log.";
    764 "slowlog|help" 2 [LOADING STALE] "6.2.0" "O(1)" slowlog_help
        => "Returns helpful text about the different subcommands.";
};

static LATENCY_SUBCOMMANDS: &[Spec] = specs! { "server":
    766 "latency|doctor" 2 [ADMIN NOSCRIPT LOADING STALE] "2.8.13" "O(1)" doctor
        => "Returns a human-readable latency analysis report.";
    767 "latency|graph" 3 [ADMIN NOSCRIPT LOADING STALE] "2.8.13" "O(1)" graph
        => "Returns a latency graph for an event.";
    768 "latency|histogram" -2 [ADMIN NOSCRIPT LOADING STALE] "7.0.0"
        "O(N) where N is the number of commands with latency information being retrieved." histogram
        => "Returns the cumulative distribution of latencies of a subset or all commands.";
    769 "latency|history" 3 [ADMIN NOSCRIPT LOADING STALE] "2.8.13" "O(1)" history
        => "Returns timestamp-latency samples for an event.";
    770 "latency|latest" 2 [ADMIN NOSCRIPT LOADING STALE] "2.8.13" "O(1)" latest
        => "Returns the latest latency samples for all events.";
    771 "latency|reset" -2 [ADMIN NOSCRIPT LOADING STALE] "2.8.13" "O(1)" reset_latency
        => "Resets the latency data for one or more events.";
    772 "latency|help" 2 [LOADING STALE] "2.8.13" "O(1)" latency_help
        => "Returns helpful text about the different subcommands.";
};

/// Records that `SLOWLOG GET` returns when not told how many.
const GET_DEFAULT: i64 = 10;

/// `SLOWLOG GET [count]`
fn get(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 3 {
        return Err("ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.".into());
    }
    let count = args.get(2).map_or(Some(GET_DEFAULT), parse_integer).filter(|count| *count >= -1);
    let count = count.ok_or("ERR count should be greater than or equal to -1")?;
    let records = ctx.server.slowlog.newest(usize::try_from(count).unwrap_or(usize::MAX));
    reply.array(records.len());
    for record in records {
        reply.array(6);
        reply.integer(record.id as i64);
        reply.integer(record.unix_s as i64);
        reply.integer(record.took_us as i64);
        reply.array(record.words.len());
        record.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(record.addr.as_bytes());
        reply.bulk(&record.name);
    }
    Ok(())
}

/// `SLOWLOG LEN`
fn len(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(ctx.server.slowlog.len() as i64);
    Ok(())
}

/// `SLOWLOG RESET`
fn reset(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.server.slowlog.reset();
    reply.ok();
    Ok(())
}

/// `SLOWLOG HELP`
fn slowlog_help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
    ];
    local::help(reply, "SLOWLOG", &lines);
    Ok(())
}

/// `LATENCY LATEST`. No events are sampled; histograms and the slow log say what was slow.
fn latest(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(0);
    Ok(())
}

/// `LATENCY HISTORY event`
fn history(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(0);
    Ok(())
}

/// `LATENCY GRAPH event`
fn graph(_: &mut LocalCtx<'_>, args: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    Err(format!("ERR No samples available for event '{}'", excerpt(&args[2])).into())
}

/// `LATENCY RESET [event ...]`
fn reset_latency(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(0);
    Ok(())
}

/// `LATENCY DOCTOR`
fn doctor(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let text = match ctx.server.gauges() {
        None => "The storage is not open yet.\n".to_string(),
        Some(gauges) => {
            let storage = gauges.storage();
            format!(
                "A sync of the log takes {} us (median) and {} us (99th percentile), by {}.\n\
                 SLOWLOG GET shows the slowest commands, LATENCY HISTOGRAM how long each command takes.\n",
                storage.sync_us_p50, storage.sync_us_p99, storage.log_method
            )
        }
    };
    reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

/// `LATENCY HISTOGRAM [command ...]`
fn histogram(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let specs: Vec<&'static Spec> = if args.len() == 2 {
        ctx.server.commands.iter().collect()
    } else {
        let mut chosen = Vec::new();
        for word in args.from(2) {
            chosen.extend(super::docs::find(&ctx.server.commands, word));
        }
        // A container stands for its subcommands.
        chosen.iter().flat_map(|spec: &&Spec| std::iter::once(*spec).chain(spec.subcommands)).collect()
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

/// Runs that took at most 1, 2, 4 ... microseconds, without the steps that add none.
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
