//! What is known about each command before it runs: one row for each, with its arguments, keys, properties and
//! documentation.
//!
//! These rows are used by dispatch, `COMMAND`, access control, the writer before it runs a command, and the tools for
//! the log. The functions that run the commands are in [`command`](crate::command). Rows are named like their commands:
//! `SET`, `CLIENT_KILL`.

mod acl;
mod bitmaps;
mod categories;
mod client;
mod cluster;
mod command_log;
mod commands;
mod config;
mod connection;
mod debug;
mod flags;
mod geo;
mod hashes;
mod hyperloglogs;
mod info;
mod key_positions;
mod key_words;
mod keys;
mod latency;
mod lists;
mod memory;
mod monitor;
mod object;
mod pubsub;
mod replicas;
mod row;
mod server;
mod sets;
mod sort;
mod sorted_sets;
mod streams;
mod strings;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod transactions;

pub use acl::*;
pub use bitmaps::*;
pub use categories::CATEGORIES;
pub use client::*;
pub use cluster::*;
pub use command_log::*;
pub use commands::*;
pub use config::*;
pub use connection::*;
pub use debug::*;
pub use flags::Flags;
pub use geo::*;
pub use hashes::*;
pub use hyperloglogs::*;
pub use info::*;
pub use key_positions::{Access, At, KeyPosition, KeyRange};
pub use keys::*;
pub use latency::*;
pub use lists::*;
pub use memory::*;
pub use monitor::*;
pub use object::*;
pub use pubsub::*;
pub use replicas::*;
pub use row::{Kind, Secrets, Spec};
pub use server::*;
pub use sets::*;
pub use sort::*;
pub use sorted_sets::*;
pub use streams::*;
pub use strings::*;
pub use syntax::Argument;
pub use table::{COMMAND_IDS_MAX, all, by_id, find, lookup};
pub use transactions::*;

use row::{TRIED_WORDS, rows};

/// The commands, family by family.
static FAMILIES: &[&[&Spec]] = &[
    strings::ROWS,
    bitmaps::ROWS,
    hyperloglogs::ROWS,
    sort::ROWS,
    keys::ROWS,
    object::ROWS,
    hashes::ROWS,
    sets::ROWS,
    lists::ROWS,
    sorted_sets::ROWS,
    streams::ROWS,
    geo::ROWS,
    acl::ROWS,
    client::ROWS,
    cluster::ROWS,
    config::ROWS,
    connection::ROWS,
    debug::ROWS,
    commands::ROWS,
    info::ROWS,
    latency::ROWS,
    memory::ROWS,
    monitor::ROWS,
    pubsub::ROWS,
    replicas::ROWS,
    server::ROWS,
    command_log::ROWS,
    transactions::ROWS,
];
