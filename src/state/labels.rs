//! The name and library that clients set.

/// The name and library that a client set.
#[derive(Clone, Debug, Default)]
pub struct ClientLabels {
    /// `CLIENT SETNAME`; empty when not set.
    pub name: Vec<u8>,
    /// `CLIENT SETINFO LIB-NAME`; empty when not set.
    pub library_name: Vec<u8>,
    /// `CLIENT SETINFO LIB-VER`; empty when not set.
    pub library_version: Vec<u8>,
}
