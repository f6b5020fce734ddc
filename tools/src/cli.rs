//! The command line: what may be asked, with examples. No logic beyond reading the words.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::output::{Escape, Values};

/// Reads, searches and checks ackd's log and table, beside a running server too. Only `repair --apply` writes.
#[derive(Debug, Parser)]
#[command(name = "ackd-wal", version, after_help = GENERAL_HELP, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Colour in text output; NO_COLOR switches `auto` off
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: When,
}

const GENERAL_HELP: &str = "\
DIR is the server's data directory: it holds table.ackd and wal/.
Data goes to standard output, notes and progress to standard error.

Exit codes:
  0  nothing wrong        2  damage found                    4  refused: a link, a foreign file,
  1  usage or I/O error   3  damage in the torn tail only       or a repair nobody confirmed

Examples:
  ackd-wal ls /var/lib/ackd
  ackd-wal verify --table /var/lib/ackd
  ackd-wal dump /var/lib/ackd --key 'user:*' --since -15m --format jsonl";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the segments of the log, and where the last checkpoint stands
    Ls(LsArgs),
    /// Print records, filtered
    Dump(DumpArgs),
    /// Print all that ever happened to one key
    History(HistoryArgs),
    /// Print one record in full: bytes, effects, place, checksum
    Cat(CatArgs),
    /// Print the last durable records and follow the log
    Tail(TailArgs),
    /// Count what was written: operations, keys, sizes, groups, rates
    Stats(StatsArgs),
    /// Check the whole log, and the table with --table
    Verify(VerifyArgs),
    /// Say what a repair of a damaged directory would lose, and do it with --apply
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
    /// How to print
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

RESP output replays into a Redis. Deadlines that are past or near are held back to its end, as long as later
records may still lift them; FLUSHDB and FLUSHALL are replayed like anything else.")]
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
    /// Go on behind damage; what follows it is marked as salvaged
    #[arg(long)]
    pub keep_going: bool,
}

/// `history`
#[derive(Debug, Args)]
#[command(after_help = "\
Everything that names the key, a rename to or from it included, and everything that touches all keys (FLUSHDB,
FLUSHALL, SWAPDB), as far back as the log goes.

Examples:
  ackd-wal history DIR session:91c2
  ackd-wal history DIR user:1 --reverse --limit 1     # its last change")]
pub struct HistoryArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// The key, as it is
    pub key: OsString,
    /// Changes in this database only
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
    /// Go on behind damage; what follows it is marked as salvaged
    #[arg(long)]
    pub keep_going: bool,
}

/// `cat`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ackd-wal cat DIR 107256
  ackd-wal cat DIR 107256 --keep-going      # reach a record behind damage")]
pub struct CatArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// The record's LSN
    pub lsn: u64,
    /// Look for the record behind damage too
    #[arg(long)]
    pub keep_going: bool,
}

/// `tail`
#[derive(Debug, Args)]
#[command(after_help = "\
A record is printed once the log itself proves that it is durable: a later group, a seal or a segment header says
how far the log was synced.

Examples:
  ackd-wal tail DIR
  ackd-wal tail DIR -f --prefix order: --format jsonl")]
pub struct TailArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// Go on and print records as they become durable, until interrupted
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

Memory stays small whatever the log: top lists are kept with space-saving counters, whose counts may be too high
by the error shown.")]
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
    /// What ends a key's prefix
    #[arg(long, default_value = ":", value_name = "TEXT")]
    pub sep: String,
    /// Length of the top lists
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub top: u16,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: StatsFormat,
    /// Go on behind damage
    #[arg(long)]
    pub keep_going: bool,
}

/// `verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Checks every group's and record's checksum, that LSNs and groups follow each other without gaps, that segments are
linked, and that payloads can be decoded. A torn tail is reported apart: it was never acknowledged, and the server
drops it at its next start.

Examples:
  ackd-wal verify DIR
  ackd-wal verify DIR --table --keep-going
  ackd-wal verify DIR --format jsonl | jq 'select(.kind == \"damage\")'")]
pub struct VerifyArgs {
    /// The server's data directory
    pub dir: PathBuf,
    /// Check every page of the table and its allocation too
    #[arg(long)]
    pub table: bool,
    /// Report what follows the first damage of the log too
    #[arg(long)]
    pub keep_going: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
}

/// `repair`
#[derive(Debug, Args)]
#[command(after_help = "\
Without a way of repairing it says what is wrong and what each way would cost. With one it prints
the whole plan. It changes something only with --apply, and then only once \"lose N records\" is
typed, N being the number in the plan, or given as --yes-i-lose N. The server must be stopped.

--trim-tail          the log ends before the first damage: a state that the server was in once
--skip-bad-records   keeps what is readable behind damage too, as far as it fits what is left: a
                     state that the server was never in. Each lost record leaves one without
                     effects, so LSNs stay what they were
--rebuild-table      makes a damaged table anew from the log, if that goes back to LSN 1

The new log or table is written beside the old one, read back, and put in its place in one step.
The old one stays as wal.orig-TIME or table.ackd.orig-TIME; remove it when nobody needs it any
more. Room for both is needed, and for a copy of the table while --skip-bad-records tries what
fits.

A table whose meta pages or other pages are damaged cannot be mended in place, and there is no
older checkpoint to go back to, for its pages are used again: --rebuild-table, or a backup.

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
    /// Keep what can be read behind damage
    #[arg(long, group = "mode")]
    pub skip_bad_records: bool,
    /// Make the table anew from the log
    #[arg(long, group = "mode")]
    pub rebuild_table: bool,
    /// Do it, once it is confirmed
    #[arg(long, requires = "mode")]
    pub apply: bool,
    /// Confirm that the plan loses N records
    #[arg(long, value_name = "N", requires = "apply")]
    pub yes_i_lose: Option<u64>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
}

/// Ways of repairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairMode {
    /// The log ends before the first damage.
    TrimTail,
    /// What can be read behind damage is kept.
    SkipBadRecords,
    /// The table is made anew from the log.
    RebuildTable,
}

impl RepairMode {
    /// The flag that asks for it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::TrimTail => "--trim-tail",
            Self::SkipBadRecords => "--skip-bad-records",
            Self::RebuildTable => "--rebuild-table",
        }
    }
}

impl RepairArgs {
    /// The way asked for.
    pub fn mode(&self) -> Option<RepairMode> {
        let asked = [
            (self.trim_tail, RepairMode::TrimTail),
            (self.skip_bad_records, RepairMode::SkipBadRecords),
            (self.rebuild_table, RepairMode::RebuildTable),
        ];
        asked.into_iter().find(|(asked, _)| *asked).map(|(_, mode)| mode)
    }
}

/// Which effects are wanted; all given conditions hold at once.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Not before this time: RFC 3339, a time ago (-15m), or @seconds since 1970
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Keys that match, with *, ?, [a-z] and \ as in Redis; the new key of a rename or copy counts too
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    pub key: Option<String>,
    /// Keys that start with this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prefix: Option<String>,
    /// Effects: set,append,setrange,del,expired,expire,persist,rename,copy,move,flushdb,flushall,swapdb ...
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub op: Vec<String>,
    /// Effects on this database
    #[arg(long, value_name = "N")]
    pub db: Option<usize>,
    /// Effects that store at least this many bytes
    #[arg(long, value_name = "BYTES")]
    pub min_size: Option<u64>,
    /// Effects of the group with this number, which were synced together
    #[arg(long, value_name = "ID")]
    pub batch: Option<u64>,
}

/// How records are printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct ShowArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// How much of a value: none, head:BYTES or full [default: head:64 in text, else full]
    #[arg(long, value_name = "HOW", value_parser = Values::parse)]
    pub values: Option<Values>,
    /// How bytes become text: escapes where needed, or base64 throughout
    #[arg(long, value_enum, default_value_t)]
    pub escape: Escape,
}

/// Forms of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object on each line, after a line that says the version
    Jsonl,
    /// Comma-separated values with a line of names
    Csv,
    /// Commands that make a Redis do the same
    Resp,
    /// The records' bytes
    Hex,
}

/// Forms of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// A JSON object on each line, after a line that says the version
    Jsonl,
}

/// Forms of statistics.
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
    /// Even if it is not a terminal
    Always,
    /// Nowhere
    Never,
}
