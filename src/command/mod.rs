//! Commands: what they do.
//!
//! Each family has a file or a folder, whose table `RUNS` names the function that runs each row of
//! [`spec`](crate::spec). A command checks everything before its first change, so an error reply means that nothing was
//! changed.

mod acl;
mod admit;
mod bitmaps;
mod blocking;
mod call;
mod client;
mod client_filter;
mod client_list;
mod cluster;
mod command_log;
mod config;
mod connection;
mod context;
mod cursors;
mod debug;
mod dispatch;
mod docs;
mod elements;
mod error;
mod exec_conditions;
mod geo;
mod hashes;
mod hyperloglog;
mod info;
mod keys;
mod latency;
mod lists;
mod local;
#[cfg(test)]
mod local_tests;
mod long;
mod memory;
mod monitor;
mod process;
mod pubsub;
mod removed;
mod replicas;
mod resolve;
mod run;
mod server;
mod sets;
mod sort;
mod sorted_sets;
mod sources;
#[cfg(test)]
mod space_tests;
mod streams;
mod strings;
mod table;
#[cfg(test)]
mod tests;
mod tracking;
mod transactions;
mod words;

pub use admit::{Admission, Caller, Space};
pub use blocking::{Claims, Wait};
pub use call::Call;
pub use context::{LocalCtx, ReadCtx, WriteCtx};
pub use dispatch::{
    execute, execute_or_wait, is_long, prepare, purge_passed, read, read_shortly, run_no_op,
    short_reply_bytes_max, store, takes_long,
};
pub use error::{CommandError, whole};
pub use exec_conditions::{ExecCondition, exec_conditions};
pub use long::WorkFn;
pub use resolve::{Malformed, find};
pub use run::{LocalFn, ReadFn, Run, WriteFn};
pub use table::run_of;

use crate::spec::Spec;

/// What runs the commands, family by family.
static FAMILIES: &[&[(&Spec, Run)]] = &[
    strings::RUNS,
    bitmaps::RUNS,
    hyperloglog::RUNS,
    sort::RUNS,
    keys::RUNS,
    hashes::RUNS,
    sets::RUNS,
    lists::RUNS,
    sorted_sets::RUNS,
    streams::RUNS,
    geo::RUNS,
    acl::RUNS,
    client::RUNS,
    cluster::RUNS,
    config::RUNS,
    connection::RUNS,
    debug::RUNS,
    docs::RUNS,
    info::RUNS,
    latency::RUNS,
    memory::RUNS,
    monitor::RUNS,
    pubsub::RUNS,
    replicas::RUNS,
    server::RUNS,
    command_log::RUNS,
    transactions::RUNS,
];

/// How long the commands take that may be worked out beside the writer, family by family.
static WORK: &[&[(&Spec, WorkFn)]] = &[
    strings::WORK,
    bitmaps::WORK,
    hyperloglog::WORK,
    sort::WORK,
    keys::WORK,
    sets::WORK,
    lists::WORK,
    sorted_sets::WORK,
    geo::WORK,
];
