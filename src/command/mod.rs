//! Commands: what they are called, what they take, what they do.
//!
//! One file per family holds syntax, check and effect of its commands together; [`Spec`] describes each. A command
//! checks everything before its first change, so an error reply means that nothing was changed.

mod acl;
mod bitmaps;
mod blocking;
mod categories;
mod client;
mod client_list;
mod cluster;
mod config;
mod connection;
mod context;
mod cursors;
mod debug;
mod dispatch;
mod docs;
mod elements;
mod error;
mod geo;
mod hashes;
mod hyperloglog;
mod info;
mod key_places;
mod keys;
mod latency;
mod lists;
mod local;
#[cfg(test)]
mod local_tests;
mod memory;
mod monitor;
mod process;
mod pubsub;
mod replicas;
mod server;
mod sets;
mod slowlog;
mod sort;
mod sorted_sets;
mod sources;
#[cfg(test)]
mod space_tests;
mod spec;
mod strings;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod tips;
mod tracking;
mod transactions;
mod words;

pub use blocking::Wait;
pub use context::{LocalCtx, ReadCtx, WriteCtx};
pub use dispatch::{Call, execute, execute_or_wait, purge_passed, read, run_no_op, whole};
pub use error::CommandError;
pub use spec::{Flags, KeySpec, Run, Spec, TRIED_WORDS};
pub use table::{all, lookup};
pub use transactions::EXEC;

use crate::resp::{Args, Reply};

/// A command on the connection's own thread, with the client's state.
pub type LocalFn = fn(&mut LocalCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// A command that only reads, from a snapshot or from the writer's version.
pub type ReadFn = fn(&mut ReadCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// A command that may change data, on the writer.
pub type WriteFn = fn(&mut WriteCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;

/// The commands that this server knows.
pub fn commands() -> crate::state::Commands {
    crate::state::Commands::new(lookup, all())
}
