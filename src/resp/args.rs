//! The words of one command, as ranges into the buffer that they were received in.

use std::ops::Index;

use crate::number::parse_i64;

/// A range of bytes in an input buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// The bytes of the span in `input`.
    pub fn of(self, input: &[u8]) -> &[u8] {
        &input[self.start as usize..][..self.len as usize]
    }
}

/// The words of one command; word 0 is its name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// The buffer that the spans point into.
    input: &'a [u8],
    /// One span per word, never empty.
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The command whose words are `spans` of `input`. There is at least one word: the name.
    pub fn new(input: &'a [u8], spans: &'a [Span]) -> Self {
        debug_assert!(!spans.is_empty());
        Self { input, spans }
    }

    /// Number of words, the name included.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Bytes of the command when it is sent as an array of bulk strings.
    pub fn request_bytes(&self) -> u64 {
        let header = |len: u64| 4 + u64::from(len.checked_ilog10().unwrap_or(0));
        let words = self.spans.iter().map(|span| u64::from(span.len));
        header(self.spans.len() as u64) + words.map(|len| header(len) + len + 2).sum::<u64>()
    }

    /// The words from `first` on as a command; there must be at least one.
    pub fn tail(&self, first: usize) -> Args<'a> {
        Args::new(self.input, &self.spans[first..])
    }

    /// Word `index`, or `None` past the end.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.input))
    }

    /// Word `index` as an integer, if it is one.
    pub fn integer(&self, index: usize) -> Option<i64> {
        self.get(index).and_then(parse_i64)
    }

    /// The words from `first` on.
    pub fn from(&self, first: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let input = self.input;
        self.spans[first.min(self.spans.len())..].iter().map(move |span| span.of(input))
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    fn index(&self, index: usize) -> &[u8] {
        self.spans[index].of(self.input)
    }
}
