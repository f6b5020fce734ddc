//! Configuration: what can be set, where a value comes from, and how it changes at run time.
//!
//! One table ([`DIRECTIVES`]) describes all directives; [`Config`] holds the values in force as plain fields. A value
//! comes from a flag, else from the environment, else from the file, else it is the default ([`load()`]); at run time
//! [`Settings`] changes it for `CONFIG SET`, all pairs of a call or none. Files are in the syntax of redis.conf, and
//! directives that Redis has too keep their names and meanings; [`compat`] says what becomes of the others.
//!
//! Invariant: each value that is written (`CONFIG REWRITE`, the example file) reads back as the same value.

pub mod compat;
mod directives;
pub mod help;
mod lines;
mod load;
mod outputs;
mod password;
mod rewrite;
mod settings;
mod value;

#[cfg(test)]
mod tests;

pub use directives::{Change, Config, DIRECTIVES, Directive, Group};
pub use load::{ConfigError, Loaded, Origin, Sources, load};
pub use outputs::OutputLimits;
pub use password::Password;
pub use rewrite::RewriteError;
pub use settings::{SetError, Settings, publish};
pub use value::{
    Kind, LogFormat, LogLevel, Permissions, Setting, Supervised, TimeUnit, WalMethod, bytes_text, parse_bytes,
};

use compat::{COMPAT, Compat, Rule};

/// A directive that is known by name.
#[derive(Clone, Copy)]
pub enum Known {
    /// One that means something here.
    Own(&'static Directive),
    /// One of Redis's, without effect here.
    Compat(&'static Compat),
}

impl Known {
    /// The directive called `name`, in whatever case.
    pub fn find(name: &str) -> Option<Known> {
        let own = DIRECTIVES.iter().find(|row| row.name.eq_ignore_ascii_case(name)).map(Known::Own);
        own.or_else(|| COMPAT.iter().find(|row| row.name.eq_ignore_ascii_case(name)).map(Known::Compat))
    }

    /// All directives.
    pub fn all() -> impl Iterator<Item = Known> {
        DIRECTIVES.iter().map(Known::Own).chain(COMPAT.iter().map(Known::Compat))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Known::Own(row) => row.name,
            Known::Compat(row) => row.name,
        }
    }

    /// Its value as `CONFIG GET` shows it.
    pub fn show(self, config: &Config) -> String {
        match self {
            Known::Own(row) => (row.format)(config),
            Known::Compat(row) => config.inert.get(row.name).cloned().unwrap_or_else(|| row.value.into()),
        }
    }

    /// Its value as it stands in a file.
    fn write(self, config: &Config) -> String {
        match self {
            Known::Own(row) => (row.write)(config),
            Known::Compat(_) => lines::quote(&self.show(config)),
        }
    }
}

/// What was wrong with one directive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no such directive.
    #[error("unknown directive '{name}'{}", suggestion(.nearest))]
    Unknown {
        /// The name that was given, cut if it is long.
        name: String,
        /// A directive with nearly that name.
        nearest: Option<&'static str>,
    },
    /// The value cannot be.
    #[error("{name}: {reason}")]
    Value {
        /// The directive.
        name: &'static str,
        /// What the value must be.
        reason: String,
    },
    /// The directive asks for something that is not done here.
    #[error("{name}: not supported: {reason}")]
    Refused {
        /// The directive.
        name: &'static str,
        /// What is so here.
        reason: &'static str,
    },
}

/// `; did you mean ...` if there is anything to suggest.
fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

impl Config {
    /// Sets directive `name` from the words of a line. A warning comes back for what is accepted without effect.
    fn apply(&mut self, name: &str, words: &[String]) -> Result<Option<String>, Problem> {
        match Known::find(name) {
            None => {
                let nearest = nearest(name, Known::all().map(Known::name).chain(["include"]));
                Err(Problem::Unknown { name: name.chars().take(64).collect(), nearest })
            }
            Some(Known::Own(row)) => (row.parse)(self, words)
                .map(|()| None)
                .map_err(|reason| Problem::Value { name: row.name, reason }),
            Some(Known::Compat(row)) => self.apply_compat(row, &words.join(" ")),
        }
    }

    /// Takes `value` for a directive without effect.
    fn apply_compat(&mut self, row: &'static Compat, value: &str) -> Result<Option<String>, Problem> {
        match row.rule {
            _ if same_value(row.value, value) => {
                self.inert.remove(row.name);
                Ok(None)
            }
            Rule::Refused(reason) => Err(Problem::Refused { name: row.name, reason }),
            Rule::Always(reason) => Ok(Some(format!("{} {value}: has no effect: {reason}", row.name))),
            Rule::Inert if compat::SECRET.contains(&row.name) => Ok(None),
            Rule::Inert => {
                match self.inert.get_mut(row.name) {
                    Some(held) if compat::REPEATED.contains(&row.name) => {
                        held.push(' ');
                        held.push_str(value);
                    }
                    _ => drop(self.inert.insert(row.name, value.to_string())),
                }
                Ok(None)
            }
        }
    }
}

/// Whether two texts say the same: letter by letter, or as a number of bytes.
fn same_value(fixed: &str, given: &str) -> bool {
    fixed.eq_ignore_ascii_case(given)
        || parse_bytes(fixed).is_some_and(|bytes| parse_bytes(given) == Some(bytes))
}

/// The candidate that is nearest to `name`, if any is near enough to have been meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.to_ascii_lowercase().chars().take(64).collect();
    let limit = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (edits(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove, replace or swap with their neighbour to make one text of the other.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let width = to.len() + 1;
    let mut table = vec![0; (from.len() + 1) * width];
    table[..width].iter_mut().enumerate().for_each(|(column, edits)| *edits = column);
    for row in 1..=from.len() {
        table[row * width] = row;
        for column in 1..width {
            let at = row * width + column;
            let cost = usize::from(from[row - 1] != to[column - 1]);
            let mut best = (table[at - width] + 1).min(table[at - 1] + 1).min(table[at - width - 1] + cost);
            let swapped =
                row > 1 && column > 1 && from[row - 1] == to[column - 2] && from[row - 2] == to[column - 1];
            if swapped {
                best = best.min(table[at - 2 * width - 2] + 1);
            }
            table[at] = best;
        }
    }
    table[from.len() * width + to.len()]
}
