//! Decompression of strings in the format of LibLZF.
//!
//! ```text
//! 000LLLLL                      L + 1 bytes follow as they are
//! LLLooooo oooooooo             L + 2 bytes of the output, from o + 1 bytes back (L is 1 to 6)
//! 111ooooo LLLLLLLL oooooooo    L + 9 bytes, from o + 1 bytes back
//! ```

use super::error::RdbError;

/// One byte of input becomes this many bytes of output at most: three of them 264.
const FACTOR_MAX: u64 = 88;

/// Decompresses bytes to `len` bytes. No memory is taken before it is certain that as many can come.
pub(super) fn decompress(mut input: &[u8], len: u64) -> Result<Vec<u8>, RdbError> {
    if len == 0 || len > FACTOR_MAX * input.len() as u64 {
        return Err(RdbError::Text);
    }
    let len = usize::try_from(len).map_err(|_| RdbError::Text)?;
    let mut output = Vec::with_capacity(len);
    while let Some((&control, rest)) = input.split_first() {
        input = if control < 0x20 {
            let (plain, rest) = rest.split_at_checked(usize::from(control) + 1).ok_or(RdbError::Text)?;
            output.extend_from_slice(plain);
            rest
        } else {
            repeat(control, rest, &mut output)?
        };
        if output.len() > len {
            return Err(RdbError::Text);
        }
    }
    if output.len() == len { Ok(output) } else { Err(RdbError::Text) }
}

/// Appends bytes of the output again; returns what is left of the input.
fn repeat<'a>(control: u8, mut input: &'a [u8], output: &mut Vec<u8>) -> Result<&'a [u8], RdbError> {
    let mut next = || {
        let (&byte, rest) = input.split_first().ok_or(RdbError::Text)?;
        input = rest;
        Ok(usize::from(byte))
    };
    let mut len = usize::from(control >> 5) + 2;
    if len == 9 {
        len += next()?;
    }
    let back = (usize::from(control & 0x1F) << 8 | next()?) + 1;
    let mut from = output.len().checked_sub(back).ok_or(RdbError::Text)?;
    // The bytes may overlap with those that they become: the first `back` of them repeat.
    while len > 0 {
        let part = len.min(output.len() - from);
        output.extend_from_within(from..from + part);
        (from, len) = (from + part, len - part);
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_as_they_are_or_again() {
        assert_eq!(decompress(b"\x02abc", 3).unwrap(), b"abc");
        assert_eq!(decompress(b"\x00a\xE0\x00\x00", 10).unwrap(), b"aaaaaaaaaa", "overlapping");
        assert_eq!(decompress(b"\x03abcd\x20\x02", 7).unwrap(), b"abcdbcd");
        assert_eq!(decompress(b"\x00a\xE0\xFF\x00", 265).unwrap(), [b'a'; 265], "the longest repetition");
    }

    #[test]
    fn what_is_not_compressed_so_is_refused() {
        for (bytes, len) in [
            (&b"\x02ab"[..], 3),
            (b"\x02abc", 2),
            (b"\x02abc", 4),
            (b"\x02abc", 0),
            (b"\x02abc", u64::MAX),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\x20", 4),
            (b"\x00a\xE0\x00", 10),
            (b"", 1),
        ] {
            assert_eq!(decompress(bytes, len), Err(RdbError::Text), "{bytes:?} {len}");
        }
    }
}
