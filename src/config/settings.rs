//! The configuration of a running server: read by `CONFIG GET`, changed by `CONFIG SET`, written by `CONFIG REWRITE`.
//!
//! Commands on the data path do not look here: what they need is copied into [`Limits`] with each change.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use super::compat::Rule;
use super::directives::Change;
use super::{Config, Known, Loaded, LogLevel, Origin, RewriteError, rewrite};
use crate::command::EncodingLimits;
use crate::state::Limits;

/// Why nothing was changed by a `CONFIG SET`. The texts are Redis's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no such directive.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A directive cannot be changed, or not to this value.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed {
        /// The directive, as the client called it.
        name: String,
        /// What stands against it.
        reason: String,
    },
}

/// The configuration of a running server.
#[derive(Default)]
pub struct Settings {
    /// What is in force, and where it comes from.
    loaded: Mutex<Loaded>,
    /// What to do when `loglevel` changes, once logging is set up.
    on_log_level: OnceLock<Box<dyn Fn(LogLevel) + Send + Sync>>,
}

impl Settings {
    /// A server that starts with `loaded`.
    pub fn new(loaded: Loaded) -> Self {
        Self { loaded: Mutex::new(loaded), on_log_level: Default::default() }
    }

    /// Says what to do when `loglevel` changes. Only the first call counts.
    pub fn on_log_level(&self, apply: impl Fn(LogLevel) + Send + Sync + 'static) {
        let _ = self.on_log_level.set(Box::new(apply));
    }

    /// The values in force.
    pub fn current(&self) -> Config {
        self.lock().config.clone()
    }

    /// The configuration file, if there is one.
    pub fn file(&self) -> Option<std::path::PathBuf> {
        self.lock().file.clone()
    }

    /// Names and values of the directives that match any of `patterns`, each once. Whoever asks for a name, not a
    /// pattern, gets it in the spelling used.
    pub fn matching(&self, patterns: &[&[u8]]) -> Vec<(String, String)> {
        let loaded = self.lock();
        Known::all()
            .filter(|known| shown(*known))
            .filter_map(|known| {
                let name = patterns.iter().find_map(|pattern| name_matched(known.name(), pattern))?;
                Some((name, known.show(&loaded.config)))
            })
            .collect()
    }

    /// Sets all of `pairs`, or none; `limits` then holds what commands look at.
    pub fn set(&self, pairs: &[(&[u8], &[u8])], limits: &Limits) -> Result<(), SetError> {
        let mut loaded = self.lock();
        let mut config = loaded.config.clone();
        let mut changed: BTreeMap<&'static str, Origin> = BTreeMap::new();
        // All names are looked at before any value, as Redis does.
        let mut known_pairs = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let name = String::from_utf8_lossy(name);
            let known = Known::find(&name)
                .filter(|known| shown(*known))
                .ok_or_else(|| SetError::Unknown(name.chars().take(64).collect()))?;
            check_changeable(known).map_err(|reason| failed(&name, reason))?;
            if changed.insert(known.name(), Origin::Runtime).is_some() {
                return Err(failed(&name, "duplicate parameter"));
            }
            known_pairs.push((known, name, value));
        }
        let mut warnings = Vec::new();
        for (known, name, value) in known_pairs {
            let value =
                std::str::from_utf8(value).map_err(|_| failed(&name, "argument must be UTF-8 text"))?;
            match known {
                Known::Own(row) => {
                    (row.parse)(&mut config, &[value.to_string()]).map_err(|reason| failed(&name, reason))?;
                }
                Known::Compat(row) => {
                    // Lines of a file add up; a value that a client sets replaces what was.
                    config.inert.remove(row.name);
                    let warning = config
                        .apply_compat(row, value)
                        .map_err(|_| failed(&name, compat_reason(row.rule)))?;
                    warnings.extend(warning);
                }
            }
        }
        for warning in warnings {
            tracing::warn!("{}: {warning}", Origin::Runtime);
        }
        publish(&config, limits);
        if config.log_level != loaded.config.log_level
            && let Some(apply) = self.on_log_level.get()
        {
            apply(config.log_level);
        }
        loaded.config = config;
        loaded.origins.append(&mut changed);
        Ok(())
    }

    /// Writes what is in force into the configuration file.
    pub fn rewrite(&self) -> Result<(), RewriteError> {
        let loaded = self.lock();
        let path = loaded.file.as_deref().ok_or(RewriteError::NoFile)?;
        rewrite::rewrite(path, &loaded.config)
    }

    /// What is loaded, locked.
    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// How a directive is called in an answer to `pattern`, if that matches its name.
fn name_matched(name: &str, pattern: &[u8]) -> Option<String> {
    if pattern.eq_ignore_ascii_case(name.as_bytes()) {
        return Some(String::from_utf8_lossy(pattern).into_owned());
    }
    crate::glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()).then(|| name.to_owned())
}

/// Whether clients see a directive at all: words of the file that are no parameters are left out.
fn shown(known: Known) -> bool {
    !matches!(known.name(), "user" | "loadmodule" | "rename-command")
}

/// What stands against a directive's change at run time, if anything.
fn check_changeable(known: Known) -> Result<(), &'static str> {
    match known {
        Known::Own(row) => match row.change {
            Change::Live => Ok(()),
            Change::Start => Err("can't set immutable config"),
            Change::Protected => Err("can't set protected config"),
        },
        Known::Compat(_) => Ok(()),
    }
}

/// Why a directive has one value only.
fn compat_reason(rule: Rule) -> String {
    match rule {
        Rule::Always(reason) | Rule::Refused(reason) => format!("not supported: {reason}"),
        Rule::Inert => unreachable!("inert directives take any value"),
    }
}

/// The error for a directive, as the client called it.
fn failed(name: &str, reason: impl Into<String>) -> SetError {
    SetError::Failed { name: name.chars().take(64).collect(), reason: reason.into() }
}

/// Copies what commands look at.
pub fn publish(config: &Config, limits: &Limits) {
    limits.set_clients_max(config.clients_max);
    limits.set_timeout_s(whole_seconds(config.idle_timeout));
    limits.set_unauthenticated_timeout_s(whole_seconds(config.unauthenticated_timeout));
    limits.set_tcp_keepalive_s(whole_seconds(config.tcp_keepalive));
    limits.set_bulk_bytes_max(config.bulk_bytes_max);
    limits.set_query_buffer_bytes_max(config.input_bytes_max);
    limits.set_protected_mode(config.protected_mode);
    limits.set_slowlog_slower_than_us(config.slowlog_micros);
    limits.set_slowlog_len_max(u64::from(config.slowlog_len_max));
    limits.set_latency_threshold_ms(u64::try_from(config.latency_threshold.as_millis()).unwrap_or(u64::MAX));
    limits.set_databases(config.databases);
    limits.set_transaction_bytes_max(config.transaction_bytes_max);
    limits.set_transaction_commands_max(u64::from(config.transaction_commands_max));
    limits.set_subscriptions_max(u64::from(config.subscriptions_max));
    limits.set_tracking_keys_max(match config.tracking_keys_max {
        0 => u64::MAX,
        keys => keys,
    });
    limits.set_notified(config.notified);
    limits.set_outputs(config.outputs.normal, config.outputs.pubsub);
    limits.set_auth_failures_max(config.auth_failures_max);
    limits.set_unauthenticated_bytes_max(config.unauthenticated_bytes_max);
    limits.set_output_bytes_max(config.output_bytes_max);
    limits.set_recovery_target_ms(u64::try_from(config.recovery_target.as_millis()).unwrap_or(u64::MAX));
    limits.set_scrub_rate(config.scrub_rate);
    limits.set_checkpoint_interval_s(whole_seconds(config.checkpoint_interval));
    limits.set_password_digest(config.password.digest());
    limits.set_encodings(encodings(config));
}

/// The limits by which `OBJECT ENCODING` tells. They have two names each, one of them from before Redis 7; what is no
/// number counts as not given.
fn encodings(config: &Config) -> EncodingLimits {
    const NAMES: [[&str; 2]; 8] = [
        ["hash-max-listpack-entries", "hash-max-ziplist-entries"],
        ["hash-max-listpack-value", "hash-max-ziplist-value"],
        ["set-max-intset-entries", ""],
        ["set-max-listpack-entries", ""],
        ["set-max-listpack-value", ""],
        ["zset-max-listpack-entries", "zset-max-ziplist-entries"],
        ["zset-max-listpack-value", "zset-max-ziplist-value"],
        ["list-max-listpack-size", "list-max-ziplist-size"],
    ];
    let mut limits = EncodingLimits::default().to_array();
    for (limit, names) in limits.iter_mut().zip(NAMES) {
        let given = names.iter().find_map(|name| config.inert.get(*name)?.trim().parse().ok());
        *limit = given.unwrap_or(*limit);
    }
    EncodingLimits::from_array(limits)
}

/// Seconds, rounded up: a limit that is set does not become "never".
fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
