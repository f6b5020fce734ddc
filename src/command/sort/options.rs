//! The options of `SORT`.

use super::pattern::Pattern;
use crate::command::{CommandError, words};
use crate::resp::Args;

/// The parsed options.
#[derive(Debug)]
pub(super) struct Options<'w> {
    /// `BY`: what the elements are sorted by, instead of themselves.
    pub(super) by: Option<Pattern<'w>>,
    /// Whether the elements are not sorted, because the pattern of `BY` has no star.
    pub(super) unsorted: bool,
    /// `LIMIT`: how many elements to skip, and how many to return; a negative number means all.
    pub(super) limit: (i64, i64),
    /// `GET`: what to return for each element.
    pub(super) get: Vec<Pattern<'w>>,
    /// Whether the order is reversed.
    pub(super) descending: bool,
    /// Whether to compare bytes instead of numbers.
    pub(super) alphabetic: bool,
    /// The key that gets the result.
    pub(super) store: Option<&'w [u8]>,
}

impl<'w> Options<'w> {
    /// Parses the words after the key.
    pub(super) fn parse(args: &Args<'w>, read_only: bool) -> Result<Self, CommandError> {
        let mut options = Self {
            by: None,
            unsorted: false,
            limit: (0, -1),
            get: Vec::new(),
            descending: false,
            alphabetic: false,
            store: None,
        };
        let mut rest = args.from(2);
        while let Some(word) = rest.next() {
            match word {
                word if words::is(word, "asc") => options.descending = false,
                word if words::is(word, "desc") => options.descending = true,
                word if words::is(word, "alpha") => options.alphabetic = true,
                word if words::is(word, "limit") && rest.len() >= 2 => {
                    let mut number = || words::integer(rest.next().unwrap_or_default());
                    options.limit = (number()?, number()?);
                }
                _ => {
                    let value = rest.next().ok_or(CommandError::SYNTAX)?;
                    options.take(word, value, read_only)?;
                }
            }
        }
        Ok(options)
    }

    /// Parses an option of two words.
    fn take(&mut self, word: &[u8], value: &'w [u8], read_only: bool) -> Result<(), CommandError> {
        match word {
            word if words::is(word, "by") => {
                self.unsorted = !value.contains(&b'*');
                self.by = Some(Pattern(value));
            }
            word if words::is(word, "get") => self.get.push(Pattern(value)),
            word if words::is(word, "store") && !read_only => self.store = Some(value),
            _ => return Err(CommandError::SYNTAX),
        }
        Ok(())
    }
}
