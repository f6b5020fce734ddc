//! What a value that is created whole must tell, see [`Keyspace::create`](super::Keyspace::create).

use super::error::KeyspaceError;
use crate::effect::Change;

/// A value that is to be created.
pub trait Creation {
    /// Calls `see` with the changes that create the value under a key that does not exist: for a string one, for a collection
    /// as many as its elements need, each with elements of about `bytes_max` bytes. An error of `see` ends it.
    fn each(
        &self,
        bytes_max: usize,
        see: &mut dyn FnMut(Change<'_>) -> Result<(), KeyspaceError>,
    ) -> Result<(), KeyspaceError>;
}
