//! Reading bytes that are not trusted: every length is checked against what is left.

use std::borrow::Cow;

use super::error::RdbError;
use super::lzf;

/// Forms of a string that are no length.
const INT_8: u8 = 0xC0;
const INT_16: u8 = 0xC1;
const INT_32: u8 = 0xC2;
const COMPRESSED: u8 = 0xC3;

/// Bytes of which the first ones were read.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Those that are left.
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Nothing read yet.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: u64) -> Result<&'a [u8], RdbError> {
        let len = usize::try_from(len).map_err(|_| RdbError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(RdbError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next bytes, as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(RdbError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, RdbError> {
        self.array().map(|[byte]| byte)
    }

    /// A length, or another number that is not negative.
    pub fn length(&mut self) -> Result<u64, RdbError> {
        let first = self.byte()?;
        self.length_from(first)
    }

    /// A length whose first byte was read.
    fn length_from(&mut self, first: u8) -> Result<u64, RdbError> {
        Ok(match first {
            0..0x40 => first.into(),
            0x40..0x80 => u16::from_be_bytes([first & 0x3F, self.byte()?]).into(),
            0x80 => u32::from_be_bytes(self.array()?).into(),
            0x81 => u64::from_be_bytes(self.array()?),
            _ => return Err(RdbError::Length),
        })
    }

    /// A string: its bytes, an integer in their place, or compressed bytes.
    pub fn text(&mut self) -> Result<Cow<'a, [u8]>, RdbError> {
        let integer = |number: i32| Cow::Owned(itoa::Buffer::new().format(number).as_bytes().to_vec());
        Ok(match self.byte()? {
            INT_8 => integer(i8::from_le_bytes(self.array()?).into()),
            INT_16 => integer(i16::from_le_bytes(self.array()?).into()),
            INT_32 => integer(i32::from_le_bytes(self.array()?)),
            COMPRESSED => {
                let (compressed, len) = (self.length()?, self.length()?);
                Cow::Owned(lzf::decompress(self.take(compressed)?, len)?)
            }
            first => {
                let len = self.length_from(first)?;
                Cow::Borrowed(self.take(len)?)
            }
        })
    }
}
