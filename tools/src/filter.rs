//! Which records and effects are wanted.
//!
//! Invariant: a filter looks only at one effect and its group, so the result does not depend on the order of records.

use ackd::effect::Effect;
use ackd::glob;

use crate::cli::FilterArgs;
use crate::error::ToolError;
use crate::time;

/// The conditions of the command line, parsed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Earliest time of a group, in microseconds.
    since_micros: Option<u64>,
    /// Latest time of a group, in microseconds.
    until_micros: Option<u64>,
    /// Pattern that a key must match.
    glob: Option<Vec<u8>>,
    /// Bytes that a key must start with.
    prefix: Option<Vec<u8>>,
    /// Names of effects; empty for all.
    ops: Vec<String>,
    /// Database that an effect must touch.
    db: Option<usize>,
    /// The least bytes that an effect must store.
    min_size: Option<u64>,
    /// Number of the group.
    batch: Option<u64>,
    /// The key of a `history`: takes what names it, and what touches all keys.
    history_of: Option<Vec<u8>>,
}

impl Filter {
    /// Parses the conditions. Times ago count back from `now_micros`.
    pub fn new(args: &FilterArgs, now_micros: u64) -> Result<Self, ToolError> {
        let time = |name: &str, text: &Option<String>| {
            let parsed = text.as_deref().map(|text| time::parse(text, now_micros)).transpose();
            parsed.map_err(|reason| ToolError::Usage(format!("--{name}: {reason}")))
        };
        let (since_micros, until_micros) = (time("since", &args.since)?, time("until", &args.until)?);
        if let (Some(since), Some(until)) = (since_micros, until_micros)
            && since > until
        {
            return Err(ToolError::Usage("--since is later than --until: nothing can match".into()));
        }
        Ok(Self {
            since_micros,
            until_micros,
            glob: args.key.as_ref().map(|text| text.as_bytes().to_vec()),
            prefix: args.prefix.as_ref().map(|text| text.as_bytes().to_vec()),
            ops: ops(&args.op)?,
            db: args.db,
            min_size: args.min_size,
            batch: args.batch,
            history_of: None,
        })
    }

    /// Takes everything that happened to one key, in one database or in all: what names it, and what touches all keys.
    pub fn history(key: &[u8], db: Option<usize>) -> Self {
        Self { db, history_of: Some(key.to_vec()), ..Self::default() }
    }

    /// Whether the group with this number and time may contain wanted effects.
    pub fn takes_group(&self, number: u64, wall_micros: u64) -> bool {
        self.batch.is_none_or(|batch| batch == number) && self.takes_time(wall_micros)
    }

    fn takes_time(&self, wall_micros: u64) -> bool {
        self.since_micros.is_none_or(|since| since <= wall_micros)
            && self.until_micros.is_none_or(|until| wall_micros <= until)
    }

    /// Whether the effect is wanted if its group is.
    pub fn takes(&self, effect: &Effect<'_>) -> bool {
        self.takes_op(effect.name())
            && self.db.is_none_or(|db| touches(effect, db))
            && self.min_size.is_none_or(|min| effect.stored_bytes().is_some_and(|bytes| bytes >= min))
            && self.takes_keys(effect)
    }

    /// Whether every effect of a wanted group is wanted.
    pub fn takes_all_effects(&self) -> bool {
        self.ops.is_empty()
            && self.db.is_none()
            && self.min_size.is_none()
            && self.glob.is_none()
            && self.prefix.is_none()
            && self.history_of.is_none()
    }

    fn takes_op(&self, name: &str) -> bool {
        self.ops.is_empty() || self.ops.iter().any(|op| op == name)
    }

    fn takes_keys(&self, effect: &Effect<'_>) -> bool {
        let other = effect.destination().map(|(_, key)| key);
        if let Some(key) = &self.history_of {
            return effect.key().is_none_or(|named| named == key) || other.is_some_and(|named| named == key);
        }
        if self.glob.is_none() && self.prefix.is_none() {
            return true;
        }
        effect.key().into_iter().chain(other).any(|key| self.takes_key(key))
    }

    fn takes_key(&self, key: &[u8]) -> bool {
        self.glob.as_ref().is_none_or(|pattern| glob::matches(pattern, key))
            && self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix))
    }
}

/// Whether the effect changes something in database `db`.
fn touches(effect: &Effect<'_>, db: usize) -> bool {
    match effect {
        Effect::Database(change) => change.all().any(|changed| changed == db),
        Effect::Key { .. } => {
            effect.db() == Some(db) || effect.destination().is_some_and(|(to_db, _)| to_db == db)
        }
    }
}

fn ops(names: &[String]) -> Result<Vec<String>, ToolError> {
    let names: Vec<String> = names.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    match names.iter().find(|name| !Effect::names().any(|known| known == *name)) {
        Some(unknown) => {
            let known = Effect::names().collect::<Vec<_>>().join(", ");
            Err(ToolError::Usage(format!("--op: no effect is called {unknown:?}; known: {known}")))
        }
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use ackd::effect::{Change, DatabaseChange, KeyChange, StringChange};

    use super::*;

    const SET: Effect<'static> = Effect::Key {
        db: 3,
        key: b"user:1",
        change: Change::String(StringChange::Set { value: b"hello", expire_at_ms: None, raw: false }),
    };
    const RENAME: Effect<'static> =
        Effect::Key { db: 0, key: b"a", change: Change::Key(KeyChange::Rename { to: b"user:2" }) };

    fn filter(change: impl FnOnce(&mut FilterArgs)) -> Filter {
        let mut args = FilterArgs::default();
        change(&mut args);
        Filter::new(&args, 1_000_000).unwrap()
    }

    #[test]
    fn each_condition_lets_through_what_it_names() {
        let by_op = filter(|args| args.op = vec!["SET".into(), "del".into()]);
        assert!(by_op.takes(&SET) && !by_op.takes(&RENAME));
        let by_db = filter(|args| args.db = Some(3));
        assert!(
            by_db.takes(&SET)
                && !by_db.takes(&RENAME)
                && by_db.takes(&Effect::Database(DatabaseChange::FlushAll))
        );
        assert!(by_db.takes(&Effect::Database(DatabaseChange::Swap { a: 0, b: 3 })));
        let by_size = filter(|args| args.min_size = Some(5));
        assert!(by_size.takes(&SET) && !by_size.takes(&RENAME));
        assert!(!filter(|args| args.min_size = Some(6)).takes(&SET));
    }

    #[test]
    fn a_key_condition_sees_the_new_key_of_a_rename_too() {
        for by_key in [
            filter(|args| args.key = Some("user:*".into())),
            filter(|args| args.prefix = Some("user:".into())),
        ] {
            assert!(by_key.takes(&SET) && by_key.takes(&RENAME));
            assert!(!by_key.takes(&Effect::on(0, b"a", KeyChange::Delete { expired: false })));
            assert!(!by_key.takes(&Effect::Database(DatabaseChange::FlushAll)));
        }
    }

    #[test]
    fn times_are_inclusive() {
        let filter = filter(|args| {
            args.since = Some("@1".into());
            args.until = Some("@2".into());
        });
        let taken = [999_999, 1_000_000, 2_000_000, 2_000_001].map(|micros| filter.takes_time(micros));
        assert_eq!(taken, [false, true, true, false]);
    }

    #[test]
    fn contradictions_and_unknown_names_are_refused() {
        let args = FilterArgs { since: Some("@2".into()), until: Some("@1".into()), ..Default::default() };
        assert!(Filter::new(&args, 0).is_err());
        let args = FilterArgs { op: vec!["sett".into()], ..Default::default() };
        assert!(Filter::new(&args, 0).unwrap_err().to_string().contains("\"sett\""));
    }

    #[test]
    fn every_effect_can_be_named() {
        let args = FilterArgs { op: Effect::names().map(str::to_uppercase).collect(), ..Default::default() };
        assert!(Filter::new(&args, 0).unwrap().takes(&SET));
    }
}
