//! Deadlines as they stand at one moment, to be held to whatever the clock shows later.

use super::error::KeyspaceError;
use super::events::Classes;
use super::layout::deadlines_slot;
use super::lookup::lookup;
use super::walk::walk;
use super::{Keyspace, deadline, field_deadline};
use crate::effect::{DATABASES_MAX, Effect, ItemsBuffer};

/// The deadline of a key, or of a field of a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The key's database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// The field, if it is one's deadline.
    pub field: Option<Box<[u8]>>,
    /// The deadline, in milliseconds since 1970.
    pub expire_at_ms: u64,
}

impl Keyspace<'_> {
    /// The deadlines of all keys and fields, but no more than `count_max`: those of keys first, the earliest of each
    /// database before its later ones.
    pub fn standing(&self, count_max: usize) -> Result<Vec<Standing>, KeyspaceError> {
        let view = self.view();
        let mut all = Vec::new();
        for db in 0..DATABASES_MAX {
            walk(&view, view.root(deadlines_slot(db)), &[], |index_key, _| {
                let (expire_at_ms, key) = deadline::split(index_key)?;
                all.push(Standing { db, key: key.into(), field: None, expire_at_ms });
                Ok(all.len() < count_max)
            })?;
        }
        field_deadline::each(&view, |db, key| {
            let Some(hash) = lookup(&view, db, key)?.and_then(|value| value.hash(0)) else {
                return Ok(true);
            };
            hash.each_from(&view, &[], |field, element| {
                if let Some(expire_at_ms) = element.expire_at_ms {
                    all.push(Standing { db, key: key.into(), field: Some(field.into()), expire_at_ms });
                }
                Ok(all.len() < count_max)
            })?;
            Ok(all.len() < count_max)
        })?;
        all.truncate(count_max);
        Ok(all)
    }

    /// Deletes the key or field if it still has this very deadline, because that has passed; says whether it did.
    pub fn end(&mut self, standing: &Standing) -> Result<bool, KeyspaceError> {
        let Standing { db, key, field, expire_at_ms } = standing;
        let found = {
            let view = self.view();
            let value = lookup(&view, *db, key)?;
            match (value, field) {
                (Some(value), None) => value.expire_at_ms,
                (Some(value), Some(field)) => match value.hash(0) {
                    Some(hash) => hash.get(&view, field)?.and_then(|element| element.expire_at_ms),
                    None => None,
                },
                (None, _) => None,
            }
        };
        if found != Some(*expire_at_ms) {
            return Ok(false);
        }
        let Some(field) = field else { return self.expired(*db, key).map(|()| true) };
        let mut fields = ItemsBuffer::new();
        fields.push(field);
        let gone = Effect::HashDelete { db: *db, key, fields: fields.items(), expired: true };
        self.take_out(&gone, Classes::HASH, "hexpired")?;
        Ok(true)
    }
}
