//! The table, in Markdown.

use std::fmt::Write;

use super::{Figures, Row};
use crate::figures::{Spread, short};
use crate::servers::Contender;

/// The table of all commands.
pub fn table(elements: u64, rounds: usize, contenders: &[Contender], rows: &[Row]) -> String {
    let mut text = format!(
        "Milliseconds, {elements} elements: the command itself, and the longest wait of another client's GET and SET \
         meanwhile; medians of {rounds} rounds, greatest in parentheses\n\n| command |"
    );
    for contender in contenders {
        let title = contender.title();
        let _ = write!(text, " {title} | GET waits | SET waits |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(contenders.len() * 3));
    for row in rows {
        let _ = write!(text, "\n| {} |", row.name);
        for Figures { took_ms, get_ms, set_ms } in &row.servers {
            for values in [took_ms, get_ms, set_ms] {
                let _ = write!(text, " {} |", cell(values));
            }
        }
    }
    text
}

/// The median of some values, and the greatest if there are several.
fn cell(values: &[f64]) -> String {
    match Spread::of(values.iter().copied()) {
        None => String::new(),
        Some(spread) if values.len() == 1 => short(spread.median),
        Some(spread) => format!("{} ({})", short(spread.median), short(spread.greatest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_three_columns() {
        let figures = || Figures { took_ms: vec![3.0, 1.0, 2.0], get_ms: vec![4.0], set_ms: Vec::new() };
        let rows = [Row { name: "SORT", servers: vec![figures(), figures()] }];
        let text = table(1000, 3, &[Contender::Ackd, Contender::ValkeyNone], &rows);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines[0],
            "| command | ackd | GET waits | SET waits | Valkey none | GET waits | SET waits |"
        );
        assert_eq!(lines[1], "|---|---:|---:|---:|---:|---:|---:|");
        assert_eq!(lines[2], "| SORT | 2.00 (3.00) | 4.00 |  | 2.00 (3.00) | 4.00 |  |");
    }
}
