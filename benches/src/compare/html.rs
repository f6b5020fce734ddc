//! One page with plots: no scripts, nothing from elsewhere.
//!
//! Each plot has a row for each cell. A mark is a median, the line through it reaches from the least to the greatest of
//! the rounds; all axes are logarithmic.

use std::fmt::Write;

use super::result::{CellResult, Results, Rounds};
use crate::figures::{Spread, short};
use crate::servers::Contender;

/// Height of a row in pixels.
const ROW: f64 = 24.0;
/// Width of the names of rows.
const NAMES: f64 = 210.0;
/// Width of the plotted area.
const PLOT: f64 = 640.0;
/// Space above the rows for the axis.
const HEAD: f64 = 26.0;

/// A figure that is plotted.
struct Plot {
    /// Heading.
    title: &'static str,
    /// Whether ratios are shown, and not the figures themselves.
    is_ratio: bool,
    /// The figure.
    figure: fn(&Rounds) -> &[f64],
}

/// The plots of the page.
const PLOTS: &[Plot] = &[
    Plot {
        title: "Throughput of ackd divided by that of each server: right of 1, ackd does more",
        is_ratio: true,
        figure: |rounds| &rounds.operations_per_s,
    },
    Plot {
        title: "99th percentile of the latency of ackd divided by that of each server: left of 1, ackd is sooner",
        is_ratio: true,
        figure: |rounds| &rounds.p99_us,
    },
    Plot {
        title: "Computing for an operation, ackd divided by each server: left of 1, ackd needs less",
        is_ratio: true,
        figure: |rounds| &rounds.cpu_us_per_operation,
    },
    Plot { title: "Operations a second", is_ratio: false, figure: |rounds| &rounds.operations_per_s },
    Plot { title: "Median latency, us", is_ratio: false, figure: |rounds| &rounds.p50_us },
    Plot { title: "99th percentile of the latency, us", is_ratio: false, figure: |rounds| &rounds.p99_us },
    Plot { title: "99.9th percentile of the latency, us", is_ratio: false, figure: |rounds| &rounds.p999_us },
];

const STYLE: &str = "body{font:14px system-ui,sans-serif;margin:2em auto;max-width:900px;color:#222}\
    h2{font-size:15px;margin:2em 0 .3em}svg{display:block}text{font:11px system-ui,sans-serif;fill:#333}\
    .grid{stroke:#ddd}.one{stroke:#888}dd,dt{display:inline;margin:0 1em 0 0}";

/// The page.
pub fn page(results: &Results) -> String {
    let mut page =
        String::from("<!doctype html><html lang=en><meta charset=utf-8><title>ackd compared</title>");
    let setting = &results.setting;
    let _ = write!(page, "<style>{STYLE}</style><h1>ackd compared with Redis and Valkey</h1><p>");
    for line in setting.versions.iter().chain(&setting.skipped).chain([&setting.processor, &setting.system]) {
        let _ = write!(page, "{}<br>", escape(line));
    }
    let _ = write!(
        page,
        "{} rounds. A row: test, clients, pipeline, size of values.</p>",
        setting.options.rounds
    );
    legend(&mut page, results);
    for plot in PLOTS {
        draw(&mut page, plot, results);
    }
    page
}

/// Says which colour is which server.
fn legend(page: &mut String, results: &Results) {
    page.push_str("<dl>");
    for server in results.cells.iter().take(1).flat_map(|cell| &cell.servers) {
        let (colour, name) = (colour(server.server), server.server.name());
        let _ = write!(page, "<dt style=\"color:{colour}\">&#9679;</dt><dd>{name}</dd>");
    }
    page.push_str("</dl>");
}

fn colour(server: Contender) -> &'static str {
    match server {
        Contender::Ackd => "#0a7d4b",
        Contender::Always => "#c0392b",
        Contender::Everysec => "#d68910",
        Contender::None => "#2c6fbb",
        Contender::ValkeyAlways => "#8e44ad",
        Contender::ValkeyNone => "#16a0b4",
    }
}

/// What a plot shows of a cell: each server's colour and figures.
fn marks(plot: &Plot, result: &CellResult) -> Vec<(&'static str, Spread)> {
    let shown = result.servers.iter().skip(usize::from(plot.is_ratio));
    let marks = shown.filter_map(|server| {
        let spread = if plot.is_ratio {
            result.ratio(server, plot.figure)
        } else {
            Spread::of((plot.figure)(&server.rounds).iter().copied())
        };
        Some((colour(server.server), spread.filter(|spread| spread.least > 0.0)?))
    });
    marks.collect()
}

/// Appends a plot; nothing if there is nothing to show.
fn draw(page: &mut String, plot: &Plot, results: &Results) {
    let rows: Vec<_> = results.cells.iter().map(|cell| (cell, marks(plot, cell))).collect();
    let rows: Vec<_> = rows.into_iter().filter(|(_, marks)| !marks.is_empty()).collect();
    let spreads = || rows.iter().flat_map(|(_, marks)| marks).map(|(_, spread)| spread);
    let Some(least) = spreads().map(|spread| spread.least).min_by(f64::total_cmp) else { return };
    let greatest = spreads().map(|spread| spread.greatest).fold(least, f64::max);
    let axis = match plot.is_ratio {
        true => Axis::new(least.min(0.8), greatest.max(1.25)),
        false => Axis::new(least * 0.9, greatest * 1.1),
    };
    let height = HEAD + rows.len() as f64 * ROW + 4.0;
    let _ = write!(page, "<h2>{}</h2><svg width={} height={height}>", plot.title, NAMES + PLOT + 30.0);
    axis.draw(page, height, plot.is_ratio);
    for (index, (result, marks)) in rows.iter().enumerate() {
        draw_row(page, &axis, HEAD + index as f64 * ROW, result, marks);
    }
    page.push_str("</svg>");
}

/// Appends a row, one line for each mark.
fn draw_row(page: &mut String, axis: &Axis, top: f64, result: &CellResult, marks: &[(&str, Spread)]) {
    let cell = &result.cell;
    let name = format!("{} c{} P{} {}B", cell.test.name(), cell.clients, cell.pipeline, cell.value_bytes);
    let _ =
        write!(page, "<text x={} y={:.1} text-anchor=end>{name}</text>", NAMES - 8.0, top + ROW / 2.0 + 4.0);
    let step = (ROW - 4.0) / marks.len() as f64;
    for (index, (colour, spread)) in marks.iter().enumerate() {
        let y = top + 2.0 + (index as f64 + 0.5) * step;
        let (x1, x, x2) = (axis.x(spread.least), axis.x(spread.median), axis.x(spread.greatest));
        let _ = write!(
            page,
            "<g stroke=\"{colour}\" fill=\"{colour}\"><line x1={x1:.1} x2={x2:.1} y1={y:.1} y2={y:.1} />\
             <circle cx={x:.1} cy={y:.1} r=2.6><title>{name}: {} ({} to {})</title></circle></g>",
            short(spread.median),
            short(spread.least),
            short(spread.greatest),
        );
    }
}

/// A logarithmic axis.
struct Axis {
    /// Value at its left end.
    least: f64,
    /// Value at its right end.
    greatest: f64,
}

impl Axis {
    fn new(least: f64, greatest: f64) -> Self {
        Self { least, greatest: greatest.max(least * 1.01) }
    }

    /// The x coordinate of a value.
    fn x(&self, value: f64) -> f64 {
        NAMES + (value / self.least).ln() / (self.greatest / self.least).ln() * PLOT
    }

    /// Values that are marked in each power of ten, the fewer the wider the axis.
    fn ticks(&self) -> Vec<f64> {
        let decades = self.least.log10().floor() as i32..=self.greatest.log10().ceil() as i32;
        let steps: &[f64] = match self.greatest / self.least {
            width if width > 2000.0 => &[1.0],
            width if width > 10.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
        };
        let ticks = decades.flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)));
        ticks.filter(|tick| (self.least..=self.greatest).contains(tick)).collect()
    }

    /// Appends lines and numbers.
    fn draw(&self, page: &mut String, height: f64, is_ratio: bool) {
        for tick in self.ticks() {
            let class = if is_ratio && tick == 1.0 { "one" } else { "grid" };
            let (x, text) = (self.x(tick), tick_text(tick));
            let _ = write!(
                page,
                "<line class={class} x1={x:.1} x2={x:.1} y1={HEAD} y2={height} />\
                 <text x={x:.1} y={} text-anchor=middle>{text}</text>",
                HEAD - 8.0,
            );
        }
    }
}

/// A value of an axis.
fn tick_text(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 999_999.0 => (value / 1e6, "M"),
        value if value >= 999.9 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let digits = format!("{value:.3}");
    format!("{}{unit}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Text escaped for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
