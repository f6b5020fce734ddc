//! The command line and its help texts. Parsing only, no other logic.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::output::{Escape, Values};

/// Reads, searches and checks ackd's log and table, also while the server runs. Only `repair --apply` writes.
#[derive(Debug, Parser)]
#[command(name = "ackd-wal", version, after_help = GENERAL_HELP, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to colour text output; NO_COLOR turns `auto` off
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: When,
}

const GENERAL_HELP: &str = "\
DIR is the server's data directory: it holds table.ackd and wal/.
Data goes to standard output, notes and progress to standard error.

Exit codes:
  0  nothing wrong        2  damage found              4  refused: a symbolic link, a foreign file,
  1  usage or I/O error   3  a torn tail, no damage       or a repair that was not confirmed

Examples:
  ackd-wal ls /var/lib/ackd
  ackd-wal verify --table /var/lib/ackd
  ackd-wal dump /var/lib/ackd --key 'user:*' --since -15m --format jsonl";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the segments of the log and the last checkpoint
    Ls(LsArgs),
    /// Print records that match filters
    Dump(DumpArgs),
    /// Print everything that happened to one key
    History(HistoryArgs),
    /// Print one record in full: position, checksum, effects, bytes
    Cat(CatArgs),
    /// Print the last durable records, and follow the log with -f
    Tail(TailArgs),
    /// Count what was written: operations, keys, sizes, groups, rates
    Stats(StatsArgs),
    /// Check the whole log, and the table with --table
    Verify(VerifyArgs),
    /// Show what a repair of a damaged directory would lose; repair it with --apply
    Repair(RepairArgs),
}

/// `ls`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ackd-wal ls /var/lib/ackd
  ackd-wal ls /var/lib/ackd --format jsonl | jq 'select(.state == \"live\") | .seg'")]
pub struct LsArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
}

/// `dump`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ackd-wal dump DIR --since -15m --op set,del
  ackd-wal dump DIR --prefix session: --format jsonl --values none
  ackd-wal dump DIR --reverse --limit 10
  ackd-wal dump DIR --to-lsn 107255 --format resp | redis-cli -p 6380 --pipe

RESP output replays into a Redis server. A deadline that is past or less than an hour away is
written at the end, because a later record may still change it. FLUSHDB and FLUSHALL are
replayed too.")]
pub struct DumpArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// Which records.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// First LSN to print
    #[arg(long, value_name = "LSN")]
    pub from_lsn: Option<u64>,
    /// Last LSN to print
    #[arg(long, value_name = "LSN")]
    pub to_lsn: Option<u64>,
    /// Print at most this many records
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Newest first
    #[arg(long)]
    pub reverse: bool,
    /// How records are printed.
    #[command(flatten)]
    pub show: ShowArgs,
    /// Continue after damage; records after it are marked as salvaged
    #[arg(long)]
    pub keep_going: bool,
}

/// `history`
#[derive(Debug, Args)]
#[command(after_help = "\
Prints all records that name the key, including renames from and to it, and all that touch every
key (FLUSHDB, FLUSHALL, SWAPDB), as far back as the log goes.

Examples:
  ackd-wal history DIR session:91c2
  ackd-wal history DIR user:1 --reverse --limit 1     # its last change")]
pub struct HistoryArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// The key itself, not a pattern
    pub key: OsString,
    /// Only changes in this database
    #[arg(long, value_name = "N")]
    pub db: Option<usize>,
    /// Print at most this many records
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Newest first
    #[arg(long)]
    pub reverse: bool,
    /// How records are printed.
    #[command(flatten)]
    pub show: ShowArgs,
    /// Continue after damage; records after it are marked as salvaged
    #[arg(long)]
    pub keep_going: bool,
}

/// `cat`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ackd-wal cat DIR 107256
  ackd-wal cat DIR 107256 --keep-going      # also if it comes after damage")]
pub struct CatArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// The record's LSN
    pub lsn: u64,
    /// Also look for the record after damage
    #[arg(long)]
    pub keep_going: bool,
}

/// `tail`
#[derive(Debug, Args)]
#[command(after_help = "\
A record is printed once the log itself proves that it is durable: a later group, a seal or a
segment header says how far the log is synced.

Examples:
  ackd-wal tail DIR
  ackd-wal tail DIR -f --prefix order: --format jsonl")]
pub struct TailArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// Keep printing records as they become durable, until interrupted
    #[arg(short, long)]
    pub follow: bool,
    /// Start with the last N records
    #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 20)]
    pub lines: u64,
    /// Which records.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How records are printed.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// `stats`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ackd-wal stats DIR
  ackd-wal stats DIR --since -1h --sep : --top 20
  ackd-wal stats DIR --format json | jq .top_keys_by_bytes

Memory use does not grow with the log. The top lists come from space-saving counters: a count
may be too high by at most the error shown. Quantiles (p50, p99) are within 1 %.")]
pub struct StatsArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// Which records.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// First LSN to count
    #[arg(long, value_name = "LSN")]
    pub from_lsn: Option<u64>,
    /// Last LSN to count
    #[arg(long, value_name = "LSN")]
    pub to_lsn: Option<u64>,
    /// Separator that ends a key's prefix
    #[arg(long, default_value = ":", value_name = "TEXT")]
    pub sep: String,
    /// Length of the top lists
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub top: u16,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: StatsFormat,
    /// Continue after damage
    #[arg(long)]
    pub keep_going: bool,
}

/// `verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Checks the checksum of every group and record, that LSNs and groups have no gaps, that segments
are linked, and that payloads can be decoded. A torn tail is reported separately: it was never
acknowledged, and the server puts it aside at its next start.

Examples:
  ackd-wal verify DIR
  ackd-wal verify DIR --table --keep-going
  ackd-wal verify DIR --format jsonl | jq 'select(.kind == \"damage\")'")]
pub struct VerifyArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// Also check every page of the table, and which pages are allocated
    #[arg(long)]
    pub table: bool,
    /// Continue after the first damage in the log
    #[arg(long)]
    pub keep_going: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
}

/// `repair`
#[derive(Debug, Args)]
#[command(after_help = "\
Stop the server first. Without a mode, this shows what is wrong and what each mode would lose. With
a mode, it prints the whole plan. Nothing is changed without --apply, and then only after you type
\"lose N records\" with the N of the plan, or give --yes-i-lose N.

--trim-tail          ends the log before the first damage. The result is a state that the server
                     was once in
--skip-bad-records   also keeps the readable records after the damage, if they still fit. The
                     result is a state that the server was never in. A record without effects
                     replaces each lost one, so LSNs do not change
--rebuild-table      rebuilds a damaged table from the log, if the log goes back to LSN 1

The new log or table is written next to the old one, read back, and put in its place in one step.
The old one stays as wal.orig-TIME or table.ackd.orig-TIME until you delete it. There must be room
for both. --skip-bad-records also needs room for a copy of the table, to try which records fit.

A damaged table cannot be repaired in place. There is no older checkpoint to go back to either,
because its pages are reused: use --rebuild-table, or restore a backup.

Examples:
  ackd-wal repair DIR
  ackd-wal repair --trim-tail DIR
  ackd-wal repair --skip-bad-records --apply --yes-i-lose 3 DIR")]
pub struct RepairArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// End the log before the first damage
    #[arg(long, group = "mode")]
    pub trim_tail: bool,
    /// Also keep the readable records after the damage
    #[arg(long, group = "mode")]
    pub skip_bad_records: bool,
    /// Rebuild the table from the log
    #[arg(long, group = "mode")]
    pub rebuild_table: bool,
    /// Carry out the plan, once it is confirmed
    #[arg(long, requires = "mode")]
    pub apply: bool,
    /// Confirm that the plan loses N records
    #[arg(long, value_name = "N", requires = "apply")]
    pub yes_i_lose: Option<u64>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
}

/// What a repair does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairMode {
    /// Ends the log before the first damage.
    TrimTail,
    /// Also keeps the readable records after the damage.
    SkipBadRecords,
    /// Rebuilds the table from the log.
    RebuildTable,
}

impl RepairMode {
    /// The flag for it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::TrimTail => "--trim-tail",
            Self::SkipBadRecords => "--skip-bad-records",
            Self::RebuildTable => "--rebuild-table",
        }
    }
}

impl RepairArgs {
    /// The mode asked for.
    pub fn mode(&self) -> Option<RepairMode> {
        let asked = [
            (self.trim_tail, RepairMode::TrimTail),
            (self.skip_bad_records, RepairMode::SkipBadRecords),
            (self.rebuild_table, RepairMode::RebuildTable),
        ];
        asked.into_iter().find(|(asked, _)| *asked).map(|(_, mode)| mode)
    }
}

/// Which effects are wanted. An effect must meet every condition given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Not before this time: RFC 3339, a time ago (-15m), or @seconds since 1970
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Keys that match a pattern with *, ?, [a-z] and \ as in Redis; also the new key of a rename or copy
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    pub key: Option<String>,
    /// Keys that start with this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prefix: Option<String>,
    /// Effects with these names: set,append,setrange,del,expired,expire,persist,rename,copy,move,flushdb,flushall,swapdb ...
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub op: Vec<String>,
    /// Effects on this database
    #[arg(long, value_name = "N")]
    pub db: Option<usize>,
    /// Effects that store at least this many bytes
    #[arg(long, value_name = "BYTES")]
    pub min_size: Option<u64>,
    /// Effects in the group with this number, which were synced together
    #[arg(long, value_name = "ID")]
    pub batch: Option<u64>,
}

/// How records are printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct ShowArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// How much of each value to print: none, head:BYTES or full [default: head:64 in text, else full]
    #[arg(long, value_name = "HOW", value_parser = Values::parse)]
    pub values: Option<Values>,
    /// How to print keys and values
    #[arg(long, value_enum, default_value_t)]
    pub escape: Escape,
}

/// Output formats for records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object per line; the first line has the version
    Jsonl,
    /// Comma-separated values with a header line
    Csv,
    /// Redis commands that replay the records
    Resp,
    /// The records' bytes
    Hex,
}

/// Output formats for listings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object per line; the first line has the version
    Jsonl,
}

/// Output formats for statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatsFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also when the output is not a terminal
    Always,
    /// Not even on a terminal
    Never,
}
