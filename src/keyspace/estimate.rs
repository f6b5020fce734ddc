//! How much space a change is likely to need, estimated from the words of a command before it runs, or from an effect
//! before it is applied. An estimate costs at most one lookup of a key.
//!
//! The bytes that an effect adds to the log are known exactly and reserved before it is applied. The number of pages is
//! only likely: tree operations take pages one by one and fail when there are none. Then the whole command is rolled
//! back, so the estimate need not be an upper bound.

use super::error::KeyspaceError;
use super::lookup::lookup;
use super::zset;
use crate::effect::{Change, Effect};
use crate::table::{PAGE_BYTES, TableWriter, View};

/// Space that is likely to be needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of a record's payload.
    pub log_bytes: u64,
    /// Pages of the table.
    pub table_pages: u64,
}

/// Reserves space; called before each effect is applied.
pub trait Room {
    /// Makes sure that the record being built may have `need.log_bytes` bytes, and that the next effect may take
    /// `need.table_pages` pages of `table`. On an error nothing was changed.
    fn secure(&mut self, table: &mut TableWriter, need: Estimate) -> Result<(), KeyspaceError>;
}

/// Pages that the change of one key copies or adds, besides those of its bytes: the path to its cell, to its old expiry
/// and to its new one.
const CHANGE_PAGES: u64 = 16;
/// Bytes of elements and values in a page of the table: half of it.
const PAGE_FILL_BYTES: u64 = 2048;
/// Bytes of a long value in a page of the table, which holds nothing else.
const LONG_FILL_BYTES: u64 = 3840;
/// Bytes that an element takes in a tree in addition to those in the log.
const ELEMENT_BYTES: u64 = 16;
/// Pages that the change of one element copies in a tree of some size.
const PATH_PAGES: u64 = 4;
/// Up to this many elements, the size of the collection is not looked up.
const FEW_ELEMENTS: u64 = 8;
/// Likely number of elements in a page.
const PAGE_ELEMENTS: u64 = 16;
/// Bytes of a command's record besides its words.
const COMMAND_BYTES: u64 = 64;

impl Estimate {
    /// What a command with these words is likely to need.
    pub fn of_words<'w>(words: impl Iterator<Item = &'w [u8]>) -> Self {
        let (mut word_bytes, mut fill_pages, mut short_bytes) = (0, 0, 0);
        for word in words {
            let bytes = word.len() as u64;
            word_bytes += bytes;
            match bytes < PAGE_BYTES as u64 {
                true => short_bytes += bytes,
                false => fill_pages += bytes.div_ceil(LONG_FILL_BYTES),
            }
        }
        fill_pages += short_bytes / PAGE_FILL_BYTES;
        Self {
            log_bytes: word_bytes + COMMAND_BYTES,
            table_pages: CHANGE_PAGES + FEW_ELEMENTS * PATH_PAGES + fill_pages,
        }
    }

    /// Adds the likely need of another command of the same submission: they share pages.
    pub fn add(&mut self, other: Estimate) {
        self.log_bytes += other.log_bytes;
        self.table_pages += other.table_pages.saturating_sub(CHANGE_PAGES + FEW_ELEMENTS * PATH_PAGES);
        self.table_pages = self.table_pages.max(other.table_pages);
    }

    /// The need of `effect`, of `effect_bytes` bytes, as the last one of a record with a payload of `payload_bytes`.
    pub fn of_effect(effect: &Effect<'_>, effect_bytes: u64, payload_bytes: u64, view: &View<'_>) -> Self {
        let elements = effect.elements();
        let effect_bytes = effect_bytes.max(effect.stored_bytes().unwrap_or(0));
        let new_bytes = match effect {
            effect if effect.takes_out() => 0,
            Effect::Key { change: Change::SortedSet(_), .. } => {
                zset::TREES * (effect_bytes + elements * ELEMENT_BYTES)
            }
            _ => effect_bytes + elements * ELEMENT_BYTES,
        };
        // An effect without elements holds a value.
        let fill_bytes = if elements == 0 { LONG_FILL_BYTES } else { PAGE_FILL_BYTES };
        let table_pages = CHANGE_PAGES + new_bytes / fill_bytes + copied_pages(effect, elements, view);
        Self { log_bytes: payload_bytes, table_pages }
    }
}

/// Existing pages that are likely to be copied for a change of `elements` elements. Removed elements are often
/// neighbours: removing them copies few pages and frees more in the end. Any further need of a removal is found while
/// it runs, so that it is not refused when it would succeed.
fn copied_pages(effect: &Effect<'_>, elements: u64, view: &View<'_>) -> u64 {
    if elements <= FEW_ELEMENTS || effect.takes_out() {
        return elements.min(FEW_ELEMENTS) * PATH_PAGES;
    }
    let (Some(db), Some(key)) = (effect.db(), effect.key()) else { return 0 };
    // A read error will come up again when the effect is applied.
    let Ok(Some(value)) = lookup(view, db, key) else { return 0 };
    let trees = value.roots.as_slice().iter();
    trees.map(|root| (elements * PATH_PAGES).min(root.len() / PAGE_ELEMENTS)).sum()
}
