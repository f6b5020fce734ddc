//! `ackd-bench`: measures ackd side by side with others. `benches/README.md` says how to read the figures.
//!
//! - `compare`: the server against Redis and Valkey, whole, over the network (`load` makes the traffic).
//! - `stalls`: how long others wait while one client runs a long command, against Redis and Valkey.
//! - `memory`: what long replies take, against Redis and Valkey.
//! - `restart`: how soon a killed server answers again, and how much space its data takes, against Redis.
//! - `table`: the table alone against LMDB and redb.
//! - `scarce`: the table in less memory than its data, against LMDB.
//! - `log`: the log alone against fio.
//!
//! Rules for all: things that are compared run alternately, in rounds, never at the same time. The result is the ratio of
//! two figures of the same round, shown as the median of all rounds with the minimum and the maximum.

#![allow(clippy::print_stdout, reason = "figures go to standard output")]

mod client;
mod compare;
mod cost;
mod figures;
mod load;
mod log;
mod memory;
mod restart;
mod scarce;
mod servers;
mod stalls;
mod table;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a measurement may end with.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measures ackd side by side with Redis, Valkey, LMDB, redb and fio.
#[derive(Parser)]
#[command(name = "ackd-bench", version)]
struct Cli {
    /// What to measure.
    #[command(subcommand)]
    command: Command,
}

/// What to measure.
#[derive(Subcommand)]
enum Command {
    /// The server against Redis (always, everysec and without persistence) and Valkey.
    Compare(Box<compare::Options>),
    /// How long others wait while one client runs a long command.
    Stalls(stalls::Options),
    /// Memory that long replies take.
    Memory(memory::Options),
    /// Start after a kill, memory and files, against Redis.
    Restart(restart::Options),
    /// The table against LMDB and redb.
    Table(table::Options),
    /// The table against LMDB in less memory than its data.
    Scarce(scarce::Options),
    /// One step of `scarce`, in a control group.
    #[command(hide = true)]
    ScarceStep(scarce::step::Options),
    /// The log against fio.
    Log(log::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Compare(options) => compare::run(&options),
        Command::Stalls(options) => stalls::run(&options),
        Command::Memory(options) => memory::run(&options),
        Command::Restart(options) => restart::run(&options),
        Command::Table(options) => table::run(&options),
        Command::Scarce(options) => scarce::run(&options),
        Command::ScarceStep(options) => scarce::step::run(&options),
        Command::Log(options) => log::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ackd-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
