//! Whether anything has expired.

use super::error::KeyspaceError;
use super::{expiry, field_expiry};
use crate::table::View;

/// Whether any key of the database, or any field of a hash, has expired at `now_ms`.
pub fn any_due(view: &View<'_>, db: usize, now_ms: u64) -> Result<bool, KeyspaceError> {
    let due = |expiry: Option<u64>| expiry.is_some_and(|expiry| expiry <= now_ms);
    Ok(due(expiry::first(view, db)?) || due(field_expiry::first(view, db)?))
}
