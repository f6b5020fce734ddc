//! Medians, spreads and the tables in which they are shown.

use std::fmt;

use serde::Serialize;

/// The median of some values and the range that they spread over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least value.
    pub least: f64,
    /// The greatest value.
    pub greatest: f64,
}

impl Spread {
    /// Median and range; nothing if there is no value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (least, greatest) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => values[middle],
            _ => (values[middle - 1] + values[middle]) / 2.0,
        };
        Some(Self { median, least, greatest })
    }

    /// Median and range of the values of `ours` divided by those of `theirs`, round by round.
    pub fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        Self::of(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2} ({:.2}-{:.2})", self.median, self.least, self.greatest);
        formatter.pad(&text)
    }
}

/// Three significant digits, with k and M for thousands and millions.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 999_500_000.0 => format!("{:.2}G", value / 1e9),
        size if size >= 99_950_000.0 => format!("{:.0}M", value / 1e6),
        size if size >= 999_500.0 => format!("{:.2}M", value / 1e6),
        size if size >= 99_950.0 => format!("{:.0}k", value / 1e3),
        size if size >= 9_995.0 => format!("{:.1}k", value / 1e3),
        size if size >= 999.5 => format!("{:.2}k", value / 1e3),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The median of some values as short text; empty if there is none.
pub fn median(values: &[f64]) -> String {
    Spread::of(values.iter().copied()).map_or_else(String::new, |spread| short(spread.median))
}

/// The values of `ours` divided by those of `theirs` of the same round; nothing if there is none.
pub fn ratios(ours: &[f64], theirs: &[f64]) -> String {
    Spread::of_ratios(ours, theirs).map_or_else(String::new, |spread| spread.to_string())
}

/// Rows of text in columns: the first column to the left, the others to the right.
pub struct Grid {
    /// The rows, the heading first.
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A grid with a heading.
    pub fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned).to_vec()] }
    }

    /// Appends a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes the grid to standard output.
    pub fn print(&self) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                line += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            }
            println!("{}", line.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_pair_the_figures_of_the_same_round() {
        let spread = Spread::of_ratios(&[2.0, 30.0, 4.0], &[1.0, 10.0, 4.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, least: 1.0, greatest: 3.0 });
        assert_eq!(Spread::of([1.0, 4.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of_ratios(&[1.0], &[0.0]), None);
    }

    #[test]
    fn numbers_are_shown_with_the_digits_that_count() {
        let shown = [0.5, 12.34, 999.0, 1_234.0, 56_789.0, 123_456.0, 1_234_567.0].map(short);
        assert_eq!(shown, ["0.50", "12.3", "999", "1.23k", "56.8k", "123k", "1.23M"]);
    }
}
