//! What the trees of a sorted set hold: the layout is in `zset`.

use smallvec::SmallVec;

use super::error::KeyspaceError;
use crate::effect::{SCORE_BYTES, Score};
use crate::table::Cell;

/// The score that a member's cell holds.
pub(super) fn score_of(cell: &Cell<'_>) -> Result<Score, KeyspaceError> {
    Score::from_bytes(cell.bytes).ok_or(KeyspaceError::BadCell("a member without a score"))
}

/// The second tree's key of an element.
pub(super) fn order_key(score: Score, member: &[u8]) -> SmallVec<[u8; 64]> {
    let mut key = SmallVec::with_capacity(SCORE_BYTES + member.len());
    key.extend_from_slice(&score.to_bytes());
    key.extend_from_slice(member);
    key
}

/// Score and member of a key of the second tree.
pub(super) fn split(order_key: &[u8]) -> Result<(Score, &[u8]), KeyspaceError> {
    const BAD: KeyspaceError = KeyspaceError::BadCell("a member behind something that is no score");
    let (score, member) = order_key.split_at_checked(SCORE_BYTES).ok_or(BAD)?;
    Ok((Score::from_bytes(score).ok_or(BAD)?, member))
}
