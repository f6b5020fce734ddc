//! Patterns: the answer is that of a matcher that tries everything, and the prefix of all matches is right.
//!
//! Input: the length of the pattern, the pattern, and the text.

use ackd::glob::{literal_prefix, matches};

use super::input::Input;

/// Bytes of pattern and text up to which everything is tried.
const TRIED_BYTES_MAX: usize = 64;

pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let len = usize::from(input.byte());
    let (pattern, text) = (input.take(len), input.0);
    let matched = matches(pattern, text);
    let (prefix, rest) = literal_prefix(pattern);
    assert!(prefix.len() + rest.len() <= pattern.len());
    assert!(!matched || text.starts_with(&prefix));
    // Text that starts with the prefix matches as its rest matches the pattern's rest.
    if let Some(left) = text.strip_prefix(&*prefix) {
        assert_eq!(matches(rest, left), matched);
    }
    if pattern.len().max(text.len()) <= TRIED_BYTES_MAX {
        assert_eq!(tried(pattern, text), matched);
    }
}

/// Whether the whole text matches: row by row, which prefixes of the text match the pattern so far.
fn tried(pattern: &[u8], text: &[u8]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let end = item_end(pattern, at);
        let item = &pattern[at..end];
        let before = reached.clone();
        for place in 0..reached.len() {
            reached[place] = match item {
                b"*" => before[..=place].contains(&true),
                _ => place > 0 && before[place - 1] && matches(item, &text[place - 1..place]),
            };
        }
        at = end;
    }
    reached[text.len()]
}

/// Where the item of the pattern that starts at `at` ends.
fn item_end(pattern: &[u8], at: usize) -> usize {
    let len = pattern.len();
    match pattern[at] {
        b'\\' => (at + 2).min(len),
        b'[' => {
            let mut at = at + 1 + usize::from(pattern.get(at + 1) == Some(&b'^'));
            loop {
                match pattern[at.min(len)..] {
                    [] => return len,
                    [b']', ..] => return at + 1,
                    [b'\\', _, ..] => at += 2,
                    [_, b'-', _, ..] => at += 3,
                    _ => at += 1,
                }
            }
        }
        _ => at + 1,
    }
}
