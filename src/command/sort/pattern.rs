//! Patterns of `BY` and `GET`: `weight_*` is the string under that key, with the element in place of the star;
//! `object_*->name` is a field of a hash; `#` is the element itself.

use crate::command::CommandError;
use crate::keyspace::KeyReader;

/// What a pattern found for an element; `None` if it found nothing.
pub(super) type Found = Option<Vec<u8>>;

/// A pattern as the client wrote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern<'w>(pub(super) &'w [u8]);

impl Pattern<'_> {
    /// Looks the pattern up for an element.
    pub(super) fn look_up(
        &self,
        keys: &mut KeyReader<'_>,
        db: usize,
        element: &[u8],
    ) -> Result<Found, CommandError> {
        if self.0 == b"#" {
            return Ok(Some(element.to_vec()));
        }
        let Some((key, field)) = self.name(element) else { return Ok(None) };
        let Some(value) = keys.get(db, &key)? else { return Ok(None) };
        let view = keys.view();
        let text = match field {
            None => value.text()?,
            Some(field) => match value.hash(keys.now_ms()) {
                Some(hash) => hash.get(view, field)?.map(|element| element.text),
                None => None,
            },
        };
        Ok(text.map(|text| text.to_contiguous(view)).transpose()?.map(|text| text.into_owned()))
    }

    /// The key for an element, and the field if the pattern has one.
    fn name(&self, element: &[u8]) -> Option<(Vec<u8>, Option<&[u8]>)> {
        let star = self.0.iter().position(|byte| *byte == b'*')?;
        let (before, behind) = (&self.0[..star], &self.0[star + 1..]);
        // An arrow at the end is part of the key.
        let arrow = behind.windows(2).position(|two| two == b"->").filter(|at| at + 2 < behind.len());
        let (behind, field) = match arrow {
            Some(at) => (&behind[..at], Some(&behind[at + 2..])),
            None => (behind, None),
        };
        Some(([before, element, behind].concat(), field))
    }
}
