//! What an element is looked up as: `weight_*` is the string of that key with the element in the place of the star,
//! `object_*->name` the field of a hash, and `#` the element itself.

use crate::command::CommandError;
use crate::keyspace::KeyReader;

/// What a row of the result has in one column: nothing if there was nothing to be found.
pub(super) type Found = Option<Vec<u8>>;

/// A pattern as the client wrote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern<'w>(pub(super) &'w [u8]);

impl Pattern<'_> {
    /// What there is for an element, if anything.
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

    /// The key, and the field if there is one, that the pattern names for an element.
    fn name(&self, element: &[u8]) -> Option<(Vec<u8>, Option<&[u8]>)> {
        let star = self.0.iter().position(|byte| *byte == b'*')?;
        let (before, behind) = (&self.0[..star], &self.0[star + 1..]);
        // An arrow that nothing follows belongs to the key.
        let arrow = behind.windows(2).position(|two| two == b"->").filter(|at| at + 2 < behind.len());
        let (behind, field) = match arrow {
            Some(at) => (&behind[..at], Some(&behind[at + 2..])),
            None => (behind, None),
        };
        Some(([before, element, behind].concat(), field))
    }
}
