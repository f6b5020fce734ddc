//! The configuration of a running server: read by `CONFIG GET`, changed by `CONFIG SET`, written by `CONFIG REWRITE`.
//!
//! Commands on the data path do not read this: a [`Follower`] is notified of what they need with each change. `CONFIG
//! GET` shows what is in force. If that differs from what was configured (too few file descriptors, a number of threads
//! left to the server), `CONFIG REWRITE` keeps what was configured.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock};

use super::directives::Change;
use super::{Config, Known, Loaded, LogLevel, Origin, Problem, RewriteError, Word, rewrite, shown_name};
use crate::descriptors::Descriptors;

/// Why a `CONFIG SET` changed nothing. The texts are Redis's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no such directive.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A directive cannot be changed, or not to this value.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed {
        /// The directive, as the client spelled it.
        name: String,
        /// The reason.
        reason: String,
    },
}

/// Keeps a copy of the values that commands read.
pub trait Follower {
    /// Copies the values in force: those of `config`, except for the number of clients.
    fn follow(&self, config: &Config, clients_max: u32);
}

/// What a change of `bind` or `port` calls: it opens the new listeners, then closes the old ones, or leaves everything
/// as it is.
type Listen = dyn Fn(&Config) -> Result<(), String> + Send + Sync;

/// The configuration of a running server.
#[derive(Default)]
pub struct Settings {
    /// What was configured, and what is in force.
    running: Mutex<Running>,
    /// The limits of the process's file descriptors; unset if nothing limits them.
    descriptors: OnceLock<Descriptors>,
    /// What to do when `loglevel` changes, once logging is set up.
    on_log_level: OnceLock<Box<dyn Fn(LogLevel) + Send + Sync>>,
    /// What to do when `bind` or `port` changes, once the server listens.
    on_listen: OnceLock<Box<Listen>>,
}

/// What was configured, and what is in force.
#[derive(Default)]
struct Running {
    /// What was configured, and where that comes from.
    loaded: Loaded,
    /// The values in force of those directives for which it is not what was configured.
    in_force: BTreeMap<&'static str, Word>,
    /// `maxclients` in force, if the process has too few file descriptors for the configured number.
    clients_max: Option<u32>,
}

impl Running {
    /// A directive's value in force.
    fn show(&self, known: Known) -> Word {
        self.in_force.get(known.name()).cloned().unwrap_or_else(|| known.show(&self.loaded.config))
    }

    /// Notifies `follower` of the values in force.
    fn notify(&self, follower: &impl Follower) {
        let config = &self.loaded.config;
        follower.follow(config, self.clients_max.unwrap_or(config.clients_max));
    }
}

impl Settings {
    /// A server that starts with `loaded`.
    pub fn new(loaded: Loaded) -> Self {
        Self { running: Mutex::new(Running { loaded, ..Running::default() }), ..Self::default() }
    }

    /// Sets what to do when `loglevel` changes. Only the first call counts.
    pub fn on_log_level(&self, apply: impl Fn(LogLevel) + Send + Sync + 'static) {
        let _ = self.on_log_level.set(Box::new(apply));
    }

    /// Sets what to do when `bind` or `port` changes. Only the first call counts.
    pub fn on_listen(&self, listen: impl Fn(&Config) -> Result<(), String> + Send + Sync + 'static) {
        let _ = self.on_listen.set(Box::new(listen));
    }

    /// Limits `maxclients` to the file descriptors of the process. Returns what is in force, if that is less than what
    /// was configured. Only the first call counts.
    pub fn limit_clients(&self, descriptors: Descriptors) -> Option<u32> {
        let _ = self.descriptors.set(descriptors);
        let mut running = self.lock();
        let asked = running.loaded.config.clients_max;
        let possible = descriptors.fit(asked).max(1);
        running.clients_max = (possible < asked).then_some(possible);
        if running.clients_max.is_some() {
            running.in_force.insert(CLIENTS_MAX, possible.to_string().into());
        }
        running.clients_max
    }

    /// Notes the value in force of a directive that takes effect at the start, if that is not what was configured.
    pub fn note_in_force(&self, name: &str, value: impl Into<Word>) {
        let known = Known::find(name.as_bytes()).expect("only directives are noted");
        let (mut running, value) = (self.lock(), value.into());
        if value != known.show(&running.loaded.config) {
            running.in_force.insert(known.name(), value);
        }
    }

    /// The configured values.
    pub fn current(&self) -> Config {
        self.lock().loaded.config.clone()
    }

    /// Notifies `follower` of the values in force.
    pub fn publish(&self, follower: &impl Follower) {
        self.lock().notify(follower);
    }

    /// The configuration file, if there is one.
    pub fn file(&self) -> Option<std::path::PathBuf> {
        self.lock().loaded.file.clone()
    }

    /// Names and values in force of the directives that match any of `patterns`, each once; an alias counts as a name.
    /// A name that is asked for without a pattern is returned in the spelling used.
    pub fn matching(&self, patterns: &[&[u8]]) -> Vec<(String, Word)> {
        let running = self.lock();
        Known::all()
            .filter(|known| shown(*known))
            .flat_map(|known| known.names().map(move |name| (known, name)))
            .filter_map(|(known, name)| {
                let name = patterns.iter().find_map(|pattern| name_matched(name, pattern))?;
                Some((name, running.show(known)))
            })
            .collect()
    }

    /// The value in force of directive `name`.
    pub fn shown(&self, name: &str) -> Word {
        let known = Known::find(name.as_bytes()).expect("only directives are asked for");
        self.lock().show(known)
    }

    /// Sets all of `pairs`, or none; then notifies `follower` of the values in force.
    pub fn set(&self, pairs: &[(&[u8], &[u8])], follower: &impl Follower) -> Result<(), SetError> {
        let pairs = named(pairs)?;
        let mut running = self.lock();
        let mut config = running.loaded.config.clone();
        let mut warnings = Vec::new();
        for (known, name, value) in &pairs {
            warnings.extend(set_one(&mut config, *known, name, value)?);
        }
        let has = |wanted: &str| pairs.iter().find(|(known, ..)| known.name() == wanted);
        if let Some((_, name, _)) = has(CLIENTS_MAX) {
            self.check_clients(config.clients_max).map_err(|reason| failed(name, reason))?;
        }
        // This is the last step that can fail, so nothing must be undone.
        let before = &running.loaded.config;
        if let Some((_, name, _)) = has("bind").or_else(|| has("port"))
            && (&config.bind, config.port) != (&before.bind, before.port)
        {
            self.listen(&config).map_err(|()| failed(name, listen_reason(name)))?;
        }
        for warning in warnings {
            tracing::warn!("{}: {warning}", Origin::Runtime);
        }
        if config.log_level != before.log_level
            && let Some(apply) = self.on_log_level.get()
        {
            apply(config.log_level);
        }
        running.loaded.config = config;
        for (known, ..) in &pairs {
            running.in_force.remove(known.name());
            running.loaded.origins.insert(known.name(), Origin::Runtime);
        }
        if !running.in_force.contains_key(CLIENTS_MAX) {
            running.clients_max = None;
        }
        running.notify(follower);
        Ok(())
    }

    /// Whether there are enough file descriptors for `clients_max` clients.
    fn check_clients(&self, clients_max: u32) -> Result<(), String> {
        let possible = self.descriptors.get().map_or(clients_max, |descriptors| descriptors.fit(clients_max));
        if possible >= clients_max {
            return Ok(());
        }
        Err(format!(
            "The operating system is not able to handle the specified number of clients, try with {possible}"
        ))
    }

    /// Listens as `config` says. On failure the event log says why.
    fn listen(&self, config: &Config) -> Result<(), ()> {
        let Some(listen) = self.on_listen.get() else { return Ok(()) };
        listen(config).map_err(|error| tracing::warn!("{error}; the listeners stay as they are"))
    }

    /// Writes the configured values into the configuration file.
    pub fn rewrite(&self) -> Result<(), RewriteError> {
        let running = self.lock();
        let path = running.loaded.file.as_deref().ok_or(RewriteError::NoFile)?;
        rewrite::rewrite(path, &running.loaded.config)
    }

    /// The running configuration, locked.
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The directive of the number of clients.
const CLIENTS_MAX: &str = "maxclients";

/// A directive, its name as the client wrote it, and its value.
type Named<'a> = (Known, String, &'a [u8]);

/// The directives of `pairs`, if all of them can be set. All names are checked before any value, as Redis does.
fn named<'a>(pairs: &[(&[u8], &'a [u8])]) -> Result<Vec<Named<'a>>, SetError> {
    let mut named: Vec<Named<'a>> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let known = Known::find(name).filter(|known| shown(*known));
        let name = shown_name(name);
        let known = known.ok_or_else(|| SetError::Unknown(name.clone()))?;
        check_changeable(known).map_err(|reason| failed(&name, reason))?;
        if named.iter().any(|(_, other, _)| other.eq_ignore_ascii_case(&name)) {
            return Err(failed(&name, "duplicate parameter"));
        }
        named.push((known, name, value));
    }
    Ok(named)
}

/// Sets one directive. Returns a warning if it is accepted without effect.
fn set_one(config: &mut Config, known: Known, name: &str, value: &[u8]) -> Result<Option<String>, SetError> {
    let words = [value.to_vec()];
    match known {
        Known::Own(row) => (row.parse)(config, &words).map(|()| None).map_err(|reason| failed(name, reason)),
        Known::Compat(row) => config.apply_compat(row, &words).map_err(|problem| match problem {
            Problem::Value { reason, .. } => failed(name, reason),
            Problem::Refused { reason, .. } => failed(name, format!("not supported: {reason}")),
            Problem::Unknown { .. } => SetError::Unknown(name.into()),
        }),
    }
}

/// The reply when a change of the addresses or the port fails.
fn listen_reason(name: &str) -> &'static str {
    match name.eq_ignore_ascii_case("bind") {
        true => "Failed to bind to specified addresses.",
        false => "Unable to listen on this port. Check server logs.",
    }
}

/// The name of a directive in the reply to `pattern`, if it matches.
fn name_matched(name: &str, pattern: &[u8]) -> Option<String> {
    if pattern.eq_ignore_ascii_case(name.as_bytes()) {
        return Some(String::from_utf8_lossy(pattern).into_owned());
    }
    crate::glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()).then(|| name.to_owned())
}

/// Whether clients see a directive at all: `CONFIG GET` omits words of the file that are not parameters.
fn shown(known: Known) -> bool {
    !matches!(known.name(), "user" | "loadmodule" | "rename-command")
}

/// The reason why a directive cannot change at run time, if there is one.
fn check_changeable(known: Known) -> Result<(), &'static str> {
    match known.change() {
        Change::Live => Ok(()),
        Change::Start => Err("can't set immutable config"),
        Change::Protected => Err("can't set protected config"),
    }
}

/// The error for a directive, as the client spelled it.
fn failed(name: &str, reason: impl Into<String>) -> SetError {
    SetError::Failed { name: name.into(), reason: reason.into() }
}
