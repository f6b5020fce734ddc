//! Statistics for people.

use std::io::{self, Write};

use super::histogram::{Bucket, Histogram};
use super::summary::{Quantiles, Summary, TopName, ratio};
use crate::escape::{count, size};
use crate::time;

/// Width in characters of the longest bar of a histogram.
const BAR: u64 = 40;

pub fn print(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    totals(summary, out)?;
    ops(summary, out)?;
    histogram(out, "records per group", &summary.records_per_group, &count)?;
    histogram(out, "bytes on disk per group", &summary.disk_bytes_per_group, &size)?;
    histogram(out, "time between groups", &summary.micros_between_groups, &time::show_span)?;
    histogram(out, "value sizes", &summary.value_bytes, &size)?;
    top(out, "keys by writes", &summary.top_keys_by_writes, count)?;
    top(out, "keys by bytes", &summary.top_keys_by_bytes, size)?;
    top(out, "prefixes by writes", &summary.top_prefixes_by_writes, count)?;
    top(out, "prefixes by bytes", &summary.top_prefixes_by_bytes, size)?;
    biggest(summary, out)
}

fn totals(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let (first, last) = (summary.first_lsn.0, summary.last_lsn.0);
    writeln!(out, "records      {} in {} groups", count(summary.records), count(summary.groups))?;
    if let (Some(from), Some(to)) = (&summary.first_ts, &summary.last_ts) {
        writeln!(out, "LSN          {first}..{last}")?;
        writeln!(out, "time         {from} .. {to} ({})", time::show_span(summary.span_micros.0))?;
        let bytes = size(summary.payload_bytes_per_second as u64);
        writeln!(out, "rate         {} records/s, {bytes}/s of payload", summary.records_per_second)?;
    }
    writeln!(
        out,
        "bytes        {} of payload, {} on disk: amplification {}",
        size(summary.payload_bytes.0),
        size(summary.disk_bytes.0),
        summary.write_amplification
    )?;
    let share = ratio(summary.sets_with_deadline * 100, summary.sets);
    writeln!(
        out,
        "deadlines    {} of {} sets ({share:.1} %)",
        count(summary.sets_with_deadline),
        count(summary.sets)
    )
}

fn ops(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let total: u64 = summary.ops.iter().map(|op| op.count).sum();
    writeln!(out, "\noperations")?;
    for op in &summary.ops {
        let share = ratio(op.count * 100, total);
        let (number, bytes) = (count(op.count), size(op.bytes.0));
        writeln!(
            out,
            "  {:<10} {number:>14}  {share:5.1} %  {bytes:>10}  {} B each",
            op.op, op.bytes_per_op
        )?;
    }
    Ok(())
}

fn histogram(
    out: &mut dyn Write,
    title: &str,
    histogram: &Histogram,
    show: &dyn Fn(u64) -> String,
) -> io::Result<()> {
    if histogram.total() == 0 {
        return Ok(());
    }
    let mean = show(histogram.mean().round() as u64);
    let Quantiles { p50, p99, max } = Quantiles::of(histogram);
    writeln!(out, "\n{title}: mean {mean}, p50 {}, p99 {}, max {}", show(p50.0), show(p99.0), show(max.0))?;
    let buckets = histogram.buckets();
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(1);
    for Bucket { from, to, count: number } in buckets {
        let range = if from == to { show(from) } else { format!("{} .. {}", show(from), show(to)) };
        let bar = "#".repeat((number.saturating_mul(BAR) / most).max(1) as usize);
        writeln!(out, "  {range:>24} {:>14}  {bar}", count(number))?;
    }
    Ok(())
}

fn top(out: &mut dyn Write, title: &str, names: &[TopName], show: fn(u64) -> String) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for name in names {
        let error = match name.error.0 {
            0 => String::new(),
            error => format!("  (at most {} too high)", show(error)),
        };
        writeln!(out, "  {:>14}  db{}  {}{error}", show(name.count.0), name.db, name.printable)?;
    }
    Ok(())
}

fn biggest(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.biggest_values.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nbiggest values")?;
    for big in &summary.biggest_values {
        writeln!(out, "  {:>14}  db{}  {}  LSN {}", size(big.val_len.0), big.db, big.printable, big.lsn.0)?;
    }
    Ok(())
}
