//! The length of a value of any type.

use super::cell::Value;
use super::error::KeyspaceError;
use crate::table::View;

impl Value<'_> {
    /// Number of elements of a collection, or of bytes of a string. Of a hash, fields that have expired count, too.
    pub fn length(&self, view: &View<'_>) -> Result<u64, KeyspaceError> {
        if let Some(text) = self.text()? {
            Ok(text.len())
        } else if let Some(list) = self.list() {
            list.len()
        } else if let Some(set) = self.set() {
            set.len()
        } else if let Some(set) = self.sorted_set() {
            set.len()
        } else if let Some(stream) = self.stream()? {
            stream.len()
        } else {
            self.hash(0).map_or(Ok(0), |hash| hash.len(view))
        }
    }
}
