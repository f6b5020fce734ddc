//! Writing values.

use crate::number::parse_i64;

/// The longest string that may be written as an integer, in bytes.
const INTEGER_BYTES_MAX: usize = 11;

/// Takes the bytes of a value.
pub trait Output {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Takes the number of the next bytes in their place, so that they need not be read. `false` if it needs them.
    fn skip(&mut self, _len: u64) -> bool {
        false
    }

    /// Whether it takes no more.
    fn is_full(&self) -> bool {
        false
    }
}

impl Output for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Writes a length, or another number that is not negative.
pub fn put_length(len: u64, output: &mut impl Output) {
    match len {
        0..0x40 => output.put(&[len as u8]),
        0x40..0x4000 => output.put(&(len as u16 | 0x4000).to_be_bytes()),
        0x4000..=0xFFFF_FFFF => {
            output.put(&[0x80]);
            output.put(&(len as u32).to_be_bytes());
        }
        _ => {
            output.put(&[0x81]);
            output.put(&len.to_be_bytes());
        }
    }
}

/// Writes a string: as an integer if it is the text of one, and short.
pub fn put_text(text: &[u8], output: &mut impl Output) {
    let integer = if text.len() <= INTEGER_BYTES_MAX { parse_i64(text) } else { None };
    if let Some(integer) = integer {
        if let Ok(integer) = i8::try_from(integer) {
            return output.put(&[0xC0, integer as u8]);
        }
        if let Ok(integer) = i16::try_from(integer) {
            let [low, high] = integer.to_le_bytes();
            return output.put(&[0xC1, low, high]);
        }
        if let Ok(integer) = i32::try_from(integer) {
            output.put(&[0xC2]);
            return output.put(&integer.to_le_bytes());
        }
    }
    put_length(text.len() as u64, output);
    output.put(text);
}
