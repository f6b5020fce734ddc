//! Configuration: what can be set, where a value comes from, and how it changes at run time.
//!
//! One table ([`DIRECTIVES`]) describes all directives; [`Config`] holds the values in force as plain fields. A value
//! comes from a flag, else from the environment, else from the file, else it is the default ([`load()`]). At run time,
//! [`Settings`] changes it for `CONFIG SET`: all pairs of a call, or none. Files have the syntax of redis.conf, and
//! directives that Redis has too keep their names and meanings; [`compat`] says how the others are treated.
//!
//! Invariant: each value that is written (`CONFIG REWRITE`, the example file) reads back as the same value.

mod checks;
mod choices;
pub mod compat;
mod directives;
mod expand;
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

pub use choices::{DebugCommand, LogFormat, LogLevel, Supervised, WalMethod};
pub use directives::{Change, Config, DIRECTIVES, Directive, Group, SCRUB_RATE_MAX};
pub use lines::Word;
pub use load::{ConfigError, Loaded, Origin, Sources, load};
pub use outputs::{OUTBOX_BYTES_MAX, OutputLimit, OutputLimits};
pub use password::Password;
pub use rewrite::RewriteError;
pub use settings::{Follower, SetError, Settings};
pub use value::{Kind, Permissions, Setting, TimeUnit, bytes_text, parse_bytes};

use compat::{COMPAT, Compat, Rule};

/// A known directive.
#[derive(Clone, Copy)]
pub enum Known {
    /// One with an effect here.
    Own(&'static Directive),
    /// One of Redis's, without an effect here.
    Compat(&'static Compat),
}

impl Known {
    /// The directive called `name`, by its name or its alias, ignoring case.
    pub fn find(name: &[u8]) -> Option<Known> {
        Known::all().find(|known| known.names().any(|own| name.eq_ignore_ascii_case(own.as_bytes())))
    }

    /// All directives.
    pub fn all() -> impl Iterator<Item = Known> {
        DIRECTIVES.iter().map(Known::Own).chain(COMPAT.iter().map(Known::Compat))
    }

    /// The names of all directives, with their aliases.
    pub fn all_names() -> impl Iterator<Item = &'static str> {
        Known::all().flat_map(Known::names)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Known::Own(row) => row.name,
            Known::Compat(row) => row.name,
        }
    }

    /// Its name, and its alias if it has one.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let alias = match self {
            Known::Compat(row) if !row.alias.is_empty() => Some(row.alias),
            _ => None,
        };
        [self.name()].into_iter().chain(alias)
    }

    /// When it may change.
    fn change(self) -> Change {
        match self {
            Known::Own(row) => row.change,
            Known::Compat(row) => row.change,
        }
    }

    /// Its value as configured.
    pub fn show(self, config: &Config) -> Word {
        match self {
            Known::Own(row) => (row.format)(config),
            Known::Compat(row) => config.inert.get(row.name).cloned().unwrap_or_else(|| row.value.into()),
        }
    }

    /// Its value as it is written in a file.
    fn write(self, config: &Config) -> Word {
        match self {
            Known::Own(row) => (row.write)(config),
            Known::Compat(_) => lines::quote(&self.show(config)),
        }
    }
}

/// What is wrong with one directive.
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
    /// The value is not valid.
    #[error("{name}: {reason}")]
    Value {
        /// The directive.
        name: &'static str,
        /// What the value must be.
        reason: String,
    },
    /// The directive asks for something that is not supported.
    #[error("{name}: not supported: {reason}")]
    Refused {
        /// The directive.
        name: &'static str,
        /// Why it is not supported.
        reason: &'static str,
    },
}

/// `; did you mean ...` if there is anything to suggest.
fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

impl Config {
    /// Sets directive `name` from the words of a line. Returns a warning if it is accepted without effect.
    fn apply(&mut self, name: &[u8], words: &[Word]) -> Result<Option<String>, Problem> {
        match Known::find(name) {
            None => {
                let name = shown_name(name);
                let nearest = nearest(&name, Known::all_names().chain(["include"]));
                Err(Problem::Unknown { name, nearest })
            }
            Some(Known::Own(row)) => (row.parse)(self, words)
                .map(|()| None)
                .map_err(|reason| Problem::Value { name: row.name, reason }),
            Some(Known::Compat(row)) => self.apply_compat(row, words),
        }
    }

    /// Accepts a value for a directive without an effect, if Redis accepts it.
    fn apply_compat(&mut self, row: &'static Compat, words: &[Word]) -> Result<Option<String>, Problem> {
        let value = row.kind.normal(words).map_err(|reason| Problem::Value { name: row.name, reason })?;
        if value == row.value.as_bytes() {
            self.inert.remove(row.name);
            return Ok(None);
        }
        match row.rule {
            Rule::Refused(reason) => return Err(Problem::Refused { name: row.name, reason }),
            Rule::Always(reason) => {
                let value = String::from_utf8_lossy(&value);
                return Ok(Some(format!("{} {value}: has no effect: {reason}", row.name)));
            }
            Rule::Inert if compat::SECRET.contains(&row.name) => {}
            Rule::Inert => drop(self.inert.insert(row.name, value)),
        }
        Ok(None)
    }
}

/// A name from a client or a file, for messages: cut if it is long, with unprintable characters as escapes.
pub fn shown_name(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(&name[..name.len().min(256)]).into_owned();
    text.chars()
        .take(64)
        .flat_map(|letter| match letter.is_control() {
            true => letter.escape_default().collect::<Vec<_>>(),
            false => vec![letter],
        })
        .collect()
}

/// The candidate that is nearest to `name`, if one is near enough to be a likely typo.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.to_ascii_lowercase().chars().take(64).collect();
    let limit = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
