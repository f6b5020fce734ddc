//! The events of a key whose whole value is replaced by another one: `overwritten`, and `type_changed` if that is of another
//! type. Only commands that replace whatever the key holds send them, not those that change a value.

use super::cell::Kind;
use super::error::KeyspaceError;
use super::{Classes, Keyspace};

/// The type of a value that is about to be replaced; `None` if there is none, or nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Before(Option<Kind>);

impl Keyspace<'_> {
    /// The value of a key that is about to be replaced.
    #[inline]
    pub fn before(&self, db: usize, key: &[u8]) -> Result<Before, KeyspaceError> {
        if !self.wants(Classes::OVERWRITTEN | Classes::TYPE_CHANGED) {
            return Ok(Before::default());
        }
        Ok(Before(self.info(db, key)?.map(|info| info.kind)))
    }

    /// Reports that the value of a key was replaced by one of type `now`, if it had one.
    #[inline]
    pub fn overwritten(&mut self, before: Before, now: Kind, db: usize, key: &[u8]) {
        let Some(kind) = before.0 else { return };
        self.event(Classes::OVERWRITTEN, "overwritten", db, key);
        if kind != now {
            self.event(Classes::TYPE_CHANGED, "type_changed", db, key);
        }
    }

    /// The same, if the key holds the new value.
    pub fn overwritten_by_this(
        &mut self,
        before: Before,
        db: usize,
        key: &[u8],
    ) -> Result<(), KeyspaceError> {
        if before.0.is_some()
            && let Some(info) = self.info(db, key)?
        {
            self.overwritten(before, info.kind, db, key);
        }
        Ok(())
    }
}
