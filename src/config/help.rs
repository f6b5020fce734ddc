//! The texts that are generated from the table of directives: the help, the example file, the list of values in force.

use std::fmt::Write;

use super::{Change, DIRECTIVES, Directive, Group, Known, Loaded};

/// Column of the help where the text of a directive starts.
const COLUMN: usize = 31;

/// The directives for the help, by group: name, kind of value, default, and description.
pub fn directives() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let _ = writeln!(text, "\n{}:", group.title());
        for row in DIRECTIVES.iter().filter(|row| row.group == group) {
            let _ = writeln!(
                text,
                "  {:<width$}{}",
                format!("--{} ", row.name),
                row.text[0].trim(),
                width = COLUMN - 2
            );
            let _ = writeln!(text, "{:COLUMN$}[{}; default {}]", "", row.kind.describe(), shown_default(row));
        }
    }
    text
}

/// A default for the help.
fn shown_default(row: &Directive) -> &'static str {
    if row.default == "\"\"" { "none" } else { row.default }
}

/// A configuration file with every directive, its text and its default.
pub fn example() -> String {
    let mut text = String::from(
        "# Configuration of ackd. Start it with:  ackd ackd.conf\n\
         #\n\
         # Each line is a directive and its value; the values shown are the defaults. A line that starts with # is a\n\
         # comment. Sizes: 1k is 1000 bytes, 1kb is 1024, and so on with m, g and t. Times: 100ms, 30s, 15m, 2h, 1d.\n\
         # The environment (ACKD_PORT=6380) goes before this file, and a flag (--port 6380) before both.\n\
         #\n\
         # A redis.conf works here as it is. What it says of snapshots, append-only files, memory limits and other parts\n\
         # that do not exist here is accepted, with a warning where a reader could expect something of it.\n\
         #\n\
         # Other files can be read in, their lines taking effect at this place:\n\
         # include /etc/ackd/conf.d/*.conf\n",
    );
    for group in Group::ALL {
        let _ = writeln!(text, "\n\n# --- {} ---", group.title());
        for row in DIRECTIVES.iter().filter(|row| row.group == group) {
            text.push('\n');
            for line in row.text {
                let _ = writeln!(text, "#{line}");
            }
            let _ = writeln!(text, "# Takes: {}. {}.", row.kind.describe(), change_text(row.change));
            let _ = writeln!(text, "{} {}", row.name, row.default);
        }
    }
    text
}

/// When a directive may change, for the example file.
fn change_text(change: Change) -> &'static str {
    match change {
        Change::Live => "CONFIG SET changes it while the server runs",
        Change::Start | Change::Protected => "Takes effect at the start",
    }
}

/// The values in force, line by line, and where each comes from. Passwords are not shown.
pub fn effective(loaded: &Loaded) -> String {
    let mut text = String::new();
    for known in Known::all() {
        let origin = loaded.origin(known.name());
        let is_own = matches!(known, Known::Own(_));
        if is_own || loaded.config.inert.contains_key(known.name()) {
            let value = known.show(&loaded.config);
            let note = if is_own { "" } else { ", without effect here" };
            let value = if value.is_empty() { "\"\"".into() } else { String::from_utf8_lossy(&value) };
            let line = format!("{} {value}", known.name());
            let _ = writeln!(text, "{line:<48} # {origin}{note}");
        }
    }
    text
}
