//! ackd, a durable key-value server that speaks the Redis protocol.
//!
//! When the reply to a write arrives, the write is on disk.

pub mod checkpointer;
pub mod cli;
pub mod clock;
pub mod command;
pub mod committer;
pub mod config;
pub mod connection;
pub mod daemon;
pub mod damage;
pub mod data_dir;
pub mod descriptors;
pub mod ebb;
pub mod effect;
pub mod executor;
pub mod file_guard;
pub mod file_id;
pub mod glob;
pub mod keyspace;
pub mod logging;
pub mod memory_limit;
pub mod net;
pub mod number;
pub mod own_names;
pub mod owner;
pub mod pid_file;
pub mod rdb;
pub mod recovery;
pub mod resp;
pub mod scrubber;
pub mod serve;
pub mod server;
pub mod spec;
pub mod state;
pub mod storage;
pub mod submission;
mod sync;
pub mod table;
pub mod version;
pub mod writer;
