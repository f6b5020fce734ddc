//! Which keys and fields are given an expiry, and names for them.

use crate::effect::{Change, Effect, HashChange};

/// A name for a key, or for a field of a hash: one byte for the database, four for the key's length, the key, and a
/// zero followed by the field.
pub(super) fn name(db: usize, key: &[u8], field: Option<&[u8]>) -> Box<[u8]> {
    let mut name = vec![db as u8];
    name.extend_from_slice(&(key.len() as u32).to_be_bytes());
    name.extend_from_slice(key);
    if let Some(field) = field {
        name.push(0);
        name.extend_from_slice(field);
    }
    name.into()
}

/// The keys and fields that were given an expiry, even if it is the one that they had before.
#[derive(Debug, Default)]
pub struct Given(Vec<(Box<[u8]>, bool)>);

impl Given {
    /// The names. With `true`, all names that start with this one are meant too: the key was replaced with all its
    /// fields.
    pub fn names(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.0.iter().map(|(name, is_whole)| (&**name, *is_whole))
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was given an expiry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops all names but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Notes the keys and fields to which an effect gives an expiry.
    pub(super) fn note(&mut self, effect: &Effect<'_>) {
        let Effect::Key { db, key, change } = *effect else { return };
        let names = &mut self.0;
        names.extend(effect.destination().map(|(db, key)| (name(db, key, None), true)));
        if effect.expire_at_ms().is_none() {
            return;
        }
        match change {
            Change::Hash(HashChange::Set { pairs, .. }) => {
                names.extend(pairs.pairs().map(|(field, _)| (name(db, key, Some(field)), false)));
            }
            Change::Hash(HashChange::Expire { fields, .. }) => {
                names.extend(fields.into_iter().map(|field| (name(db, key, Some(field)), false)));
            }
            _ => names.push((name(db, key, None), false)),
        }
    }
}
