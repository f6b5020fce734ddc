//! The version of this program.

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
