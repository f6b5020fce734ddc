//! Reads the table: its last durable checkpoint, and all its pages to check them.
//!
//! The file is never mapped or locked, so a running server does not notice.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ackd::table::{self, Finding, Meta, Report, TableError};
use indicatif::{ProgressBar, ProgressStyle};
use rustix::fs::OFlags;
use serde::Serialize;

use crate::error::ToolError;
use crate::escape::{base64, quoted_if_needed};
use crate::output::fields::Number;

/// Name of the table's file in the data directory.
pub const TABLE_FILE: &str = "table.ackd";

/// The table's last durable checkpoint.
#[derive(Clone, Debug)]
pub enum Checkpoint {
    /// There is no table file.
    NoTable,
    /// Neither meta page is usable, for this reason.
    Unusable(String),
    /// The newest valid meta page.
    Durable(Meta),
}

impl Checkpoint {
    /// Reads the meta pages of the table in the data directory `dir`.
    pub fn of_dir(dir: &Path) -> Result<Self, ToolError> {
        let path = dir.join(TABLE_FILE);
        let file = match open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::NoTable),
            Err(error) => return Err(ToolError::io(&path, error)),
        };
        let metas = table::read_metas(&file);
        let newest = metas.iter().flatten().max_by_key(|meta| meta.sequence);
        match (newest, &metas) {
            (Some(meta), _) => Ok(Self::Durable(*meta)),
            (None, [first, second]) => {
                let fault = |meta: &Result<Meta, table::MetaFault>| match meta {
                    Err(fault) => fault.to_string(),
                    Ok(_) => String::new(),
                };
                Ok(Self::Unusable(format!("meta page 0 {}; meta page 1 {}", fault(first), fault(second))))
            }
        }
    }

    /// LSN of the last record in the checkpoint; 0 if unknown.
    pub fn lsn(&self) -> u64 {
        match self {
            Self::Durable(meta) => meta.lsn,
            Self::NoTable | Self::Unusable(_) => 0,
        }
    }
}

/// The note that the server keeps in the table in the data directory `dir`, if there is a table with one.
pub fn note(dir: &Path) -> Result<Option<Vec<u8>>, ToolError> {
    let path = dir.join(TABLE_FILE);
    match open(&path) {
        Ok(file) => Ok(table::read_note(&file).map(|note| note.text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ToolError::io(&path, error)),
    }
}

/// The result of checking a table.
pub enum Checked {
    /// All of it was checked.
    Report(Report),
    /// It cannot be opened, for this reason.
    Unusable(String),
}

/// Checks every page of the table in the data directory `dir`.
pub fn check(dir: &Path) -> Result<Checked, ToolError> {
    let path: PathBuf = dir.join(TABLE_FILE);
    // A link or a pipe is refused here, before anything waits for it.
    open(&path).map_err(|error| ToolError::io(&path, error))?;
    let bar = bar();
    let result = table::verify_path(&path, &mut |progress| {
        if let Some(bar) = &bar {
            bar.set_length(progress.pages_total.max(progress.pages_checked));
            bar.set_position(progress.pages_checked);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    match result {
        Ok(report) => Ok(Checked::Report(report)),
        Err(TableError::Io { path, source, .. }) => Err(ToolError::io(&path, source)),
        Err(error) => Ok(Checked::Unusable(error.to_string())),
    }
}

/// A damaged page of the table, as it is printed.
#[derive(Serialize)]
pub struct PageFinding {
    kind: &'static str,
    page: Number,
    /// Offset of the page in the file.
    off: Number,
    reason: String,
    /// Slot of the named tree; null for pages of the checkpoint itself.
    slot: Option<usize>,
    nested: bool,
    from_key_b64: Option<String>,
    to_key_b64: Option<String>,
}

impl PageFinding {
    /// The finding for a JSON line.
    pub fn of(finding: &Finding) -> Self {
        Self {
            kind: "table",
            page: Number(finding.page),
            off: Number(offset(finding)),
            reason: finding.reason.to_string(),
            slot: finding.slot,
            nested: finding.nested,
            from_key_b64: finding.from_key.as_deref().map(base64),
            to_key_b64: finding.to_key.as_deref().map(base64),
        }
    }
}

/// Prints a finding for people.
pub fn print_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let (page, offset, reason) = (finding.page, offset(finding), &finding.reason);
    write!(out, "{TABLE_FILE}: page {page} (offset {offset}): {reason}")?;
    if let Some(slot) = finding.slot {
        let nested = if finding.nested { ", in a tree of one of its keys" } else { "" };
        write!(out, "; tree {slot}{nested}")?;
        if let Some(key) = &finding.from_key {
            write!(out, ", keys from {}", quoted_if_needed(key))?;
        }
        if let Some(key) = &finding.to_key {
            write!(out, ", keys below {}", quoted_if_needed(key))?;
        }
    }
    writeln!(out)
}

fn offset(finding: &Finding) -> u64 {
    finding.page.saturating_mul(table::PAGE_BYTES as u64)
}

/// Opens a plain file for reading. A symbolic link is an error, and a pipe does not block.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"))
    }
}

/// A progress bar, if standard error is a terminal.
fn bar() -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} pages  {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    Some(bar)
}
