//! Cursors of `SCAN`: a place in the order of keys as a number below 2^53.
//!
//! A scan goes through the keys in the order of their bytes. Its place between two calls is a byte string: the next
//! call starts with the first key that is not below it. Whatever is inserted or deleted meanwhile, a key that is there
//! all the time is therefore returned, and each call with another place gets further, so a scan ends.
//!
//! The place is the shortest string that separates the last key seen from the next one, without the literal prefix of
//! the scan's `MATCH`, which the client sends each time anyway. There are two forms of cursors:
//!
//! ```text
//! place itself   bit 52 = 0, bits 48..51 = its length (1 to 6), bits 0..48 = its bytes, the first one highest
//! remembered     bit 52 = 1, bits 0..52 = the number under which the server remembers the place
//! ```
//!
//! A scan prefers to stop where its place fits the first form, which needs no memory and outlives a restart. The
//! others are remembered: at most [`CURSORS_MAX`] of them in at most [`PLACES_BYTES_MAX`] bytes, the oldest one is
//! forgotten first. A scan holds two at most: the one sent last and the one before, which a client may send again
//! after it lost a reply. A cursor that was forgotten, or comes from before a restart, starts the scan again from its
//! beginning: keys come twice, which `SCAN` allows, and none is left out. Numbers start at random, so that a cursor
//! from before a restart does not meet a new one.
//!
//! Cursors stay below 2^53 because some clients read them as floating point numbers.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Most places remembered.
pub(super) const CURSORS_MAX: usize = 16_384;
/// Most bytes of places remembered.
const PLACES_BYTES_MAX: usize = 8 << 20;
/// Longest place that a cursor holds itself, in bytes.
pub(super) const DIRECT_BYTES_MAX: usize = 6;
/// Set in a cursor whose place is remembered.
const REMEMBERED: u64 = 1 << 52;

/// The places that this server remembers.
static CURSORS: LazyLock<Mutex<Cursors>> = LazyLock::new(|| {
    let first = rand::random::<u64>() % (REMEMBERED / 2);
    Mutex::new(Cursors { places: BTreeMap::new(), bytes: 0, next: first })
});

/// Remembered places by number; the oldest has the lowest.
struct Cursors {
    /// The places.
    places: BTreeMap<u64, Remembered>,
    /// Sum of their lengths, in bytes.
    bytes: usize,
    /// The next number.
    next: u64,
}

/// A remembered place.
struct Remembered {
    /// The place, with the prefix of `MATCH`.
    place: Box<[u8]>,
    /// Number of the place that the same scan was at before.
    before: Option<u64>,
}

/// The place that `cursor` stands for in a scan of keys with `prefix`; the beginning if it is not known.
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

/// The cursor for `place`, to which a scan of keys with `prefix` has come from `before`.
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

/// Whether a place `len` bytes behind the prefix is a cursor itself.
pub(super) fn is_direct(len: usize) -> bool {
    (1..=DIRECT_BYTES_MAX).contains(&len)
}

impl Cursors {
    /// Remembers a place; its number.
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

    /// Forgets a place.
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
