//! Cursors of `SCAN`: a position in the order of keys, as a number below 2^53.
//!
//! A scan goes through the keys in the order of their bytes. Its position between two calls is a byte string: the next
//! call starts with the first key that is not below it. So a key that exists during the whole scan is returned,
//! whatever is inserted or deleted meanwhile. Each call moves the position forward, so a scan ends.
//!
//! The position is the shortest string that separates the last key seen from the next one, without the literal prefix
//! of the scan's `MATCH`, which the client sends with each call anyway. There are two forms of cursors:
//!
//! ```text
//! direct         bit 52 = 0, bits 48..51 = length of the position (1 to 6), bits 0..48 = its bytes, the first one highest
//! remembered     bit 52 = 1, bits 0..52 = the number under which the server remembers the position
//! ```
//!
//! A scan prefers to stop where its position fits the first form, which needs no memory and survives a restart. Other
//! positions are remembered: at most [`CURSORS_MAX`] of them, in at most [`PLACES_BYTES_MAX`] bytes; the oldest is
//! forgotten first. Each scan has at most two remembered positions: the last one, and the one before it, which a client
//! may send again after it lost a reply. A cursor that was forgotten, or is from before a restart, starts the scan
//! again from the beginning: keys may be returned twice, which `SCAN` allows, and none is left out. The first number is
//! random, so that a cursor from before a restart is not taken for a new one.
//!
//! Cursors stay below 2^53 because some clients read them as floating point numbers.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The most positions remembered.
pub(super) const CURSORS_MAX: usize = 16_384;
/// The most bytes of remembered positions.
const PLACES_BYTES_MAX: usize = 8 << 20;
/// The longest position that fits into a cursor, in bytes.
pub(super) const DIRECT_BYTES_MAX: usize = 6;
/// Set in a cursor whose position is remembered.
const REMEMBERED: u64 = 1 << 52;

/// The positions that this server remembers.
static CURSORS: LazyLock<Mutex<Cursors>> = LazyLock::new(|| {
    let first = rand::random::<u64>() % (REMEMBERED / 2);
    Mutex::new(Cursors { places: BTreeMap::new(), bytes: 0, next: first })
});

/// Remembered positions by number; the oldest has the lowest.
struct Cursors {
    /// The positions.
    places: BTreeMap<u64, Remembered>,
    /// Sum of their lengths, in bytes.
    bytes: usize,
    /// The next number.
    next: u64,
}

/// A remembered position.
struct Remembered {
    /// The position, with the prefix of `MATCH`.
    place: Box<[u8]>,
    /// Number of the previous position of the same scan.
    before: Option<u64>,
}

/// The position of `cursor` in a scan of keys with `prefix`; the beginning if the cursor was forgotten.
pub(super) fn place_of(cursor: u64, prefix: &[u8]) -> Vec<u8> {
    let mut place = prefix.to_vec();
    if cursor & REMEMBERED != 0 {
        let cursors = CURSORS.lock().unwrap_or_else(PoisonError::into_inner);
        match cursors.places.get(&(cursor & !REMEMBERED)) {
            Some(remembered) => place = remembered.place.to_vec(),
            None => return place,
        }
    } else {
        let len = (cursor >> 48) as usize;
        if len <= DIRECT_BYTES_MAX {
            place.extend_from_slice(&cursor.to_be_bytes()[2..][..len]);
        }
    }
    place
}

/// The cursor for the position `place` in a scan of keys with `prefix`. `before` is the scan's previous cursor.
pub(super) fn cursor_of(place: &[u8], prefix: &[u8], before: u64) -> u64 {
    let own = place.strip_prefix(prefix).unwrap_or(place);
    if is_direct(own.len()) {
        let mut bytes = [0; 8];
        bytes[2..][..own.len()].copy_from_slice(own);
        return (own.len() as u64) << 48 | u64::from_be_bytes(bytes);
    }
    let mut cursors = CURSORS.lock().unwrap_or_else(PoisonError::into_inner);
    cursors.remember(place, (before & REMEMBERED != 0).then_some(before & !REMEMBERED)) | REMEMBERED
}

/// Whether a position with `len` bytes after the prefix fits into a cursor.
pub(super) fn is_direct(len: usize) -> bool {
    (1..=DIRECT_BYTES_MAX).contains(&len)
}

impl Cursors {
    /// Remembers a position; returns its number.
    fn remember(&mut self, place: &[u8], before: Option<u64>) -> u64 {
        let older = before.and_then(|before| self.places.get_mut(&before)?.before.take());
        if let Some(older) = older {
            self.forget(older);
        }
        let number = self.next;
        self.next = (self.next + 1) % REMEMBERED;
        self.bytes += place.len();
        self.places.insert(number, Remembered { place: place.into(), before });
        while self.places.len() > CURSORS_MAX || self.bytes > PLACES_BYTES_MAX {
            let oldest = *self.places.keys().next().expect("there are too many of them");
            self.forget(oldest);
        }
        number
    }

    /// Forgets a position.
    fn forget(&mut self, number: u64) {
        if let Some(remembered) = self.places.remove(&number) {
            self.bytes -= remembered.place.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_place_is_its_own_cursor() {
        for place in ["user:1", "user:123456", "user:\0", "user:\u{7f}\0"] {
            let cursor = cursor_of(place.as_bytes(), b"user:", 0);
            assert!(cursor > 0 && cursor < 1 << 52, "{place}");
            assert_eq!(place_of(cursor, b"user:"), place.as_bytes());
        }
        assert_eq!(cursor_of(b"ab", b"", 0), 2 << 48 | 0x6162_0000_0000);
    }

    #[test]
    fn a_long_place_is_remembered_with_the_one_before() {
        let first = cursor_of(b"user:1234567", b"user:", 0);
        let second = cursor_of(b"user:2234567", b"user:", first);
        assert!(first < 1 << 53 && first & REMEMBERED != 0);
        assert_eq!(place_of(first, b"user:"), b"user:1234567");
        assert_eq!(place_of(second, b"user:"), b"user:2234567");
        let third = cursor_of(b"user:3234567", b"user:", second);
        assert_eq!(place_of(third, b"user:"), b"user:3234567");
        assert_eq!(place_of(second, b"user:"), b"user:2234567", "a client may ask again");
        assert_eq!(place_of(first, b"user:"), b"user:", "two calls later it is forgotten");
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_place_goes_first() {
        let mut cursors = Cursors { places: BTreeMap::new(), bytes: 0, next: 7 };
        for _ in 0..CURSORS_MAX + 10 {
            cursors.remember(b"a place", None);
        }
        assert_eq!(cursors.places.len(), CURSORS_MAX);
        assert_eq!(cursors.bytes, CURSORS_MAX * 7);
        assert!(!cursors.places.contains_key(&7) && cursors.places.contains_key(&17));
        for _ in 0..200 {
            cursors.remember(&[b'x'; 65_536], None);
        }
        assert!(cursors.bytes <= PLACES_BYTES_MAX);
    }

    #[test]
    fn a_cursor_from_elsewhere_starts_from_the_beginning() {
        assert_eq!(place_of(REMEMBERED | 1, b"p"), b"p");
        assert_eq!(place_of(7 << 48 | 5, b"p"), b"p");
        assert_eq!(place_of(u64::MAX, b"p"), b"p");
    }
}
