//! Opens a data directory: lock, recovery, and the writer on its thread.

mod options;

pub use options::StorageOptions;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use wal::{DirStorage, Log, LogOptions, Method, Notify};

use crate::checkpointer::Checkpointer;
use crate::clock::Clock;
use crate::config::WalMethod;
use crate::data_dir::{DataDir, DataDirError};
use crate::file_guard::FileGuard;
use crate::owner;
use crate::recovery::{RecoveryError, Report, TableSource, recover};
use crate::scrubber;
use crate::state::ServerState;
use crate::table::{FILE_BYTES_LIMIT, MmapFile, Table, TableError, TableOptions};
use crate::writer::{
    RecoveryFigures, Writer, WriterError, WriterGauges, WriterInbox, WriterQueue, writer_queue_with,
};

/// If a thread that serves connections does not look after a synced group for this long, the writer's own thread does.
const UNNOTICED: Duration = Duration::from_micros(200);

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Its content cannot be served.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The log has records, but its table is missing.
    #[error("{} is missing, but {segment} holds records of it: restore both from one backup, or make the table anew with ackd-wal repair --rebuild-table", path.display())]
    NoTable {
        /// Where the table should be.
        path: PathBuf,
        /// A segment of the log.
        segment: String,
    },
    /// There is a table, but the directory of its log is missing.
    #[error(
        "{} is missing, but there is a table, which had a log: is a volume not mounted, or only half of a backup restored? \
         Put the directory back",
        path.display()
    )]
    NoLogDir {
        /// Where the log should be.
        path: PathBuf,
    },
    /// The table's mappings do not fit the address space of the process.
    #[error(
        "cannot map {}: no addresses for a table of up to {bytes} bytes (table-max-size), which needs twice as many: set \
         table-max-size lower, or lift the limit of this process's address space (ulimit -v{})",
        path.display(),
        limit.map(|limit| format!(", now {limit} bytes")).unwrap_or_default()
    )]
    NoAddresses {
        /// The table's file.
        path: PathBuf,
        /// Size of each mapping.
        bytes: u64,
        /// The limit of the process, if there is one.
        limit: Option<u64>,
    },
    /// A file or a thread could not be created.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

impl StorageError {
    /// Whether data on disk is damaged.
    pub fn is_damage(&self) -> bool {
        match self {
            StorageError::Recovery(error) => error.is_damage(),
            StorageError::NoTable { .. } | StorageError::NoLogDir { .. } => true,
            StorageError::DataDir(_) | StorageError::NoAddresses { .. } | StorageError::Io { .. } => false,
        }
    }

    /// Whether all files are unchanged, to the byte.
    pub fn changed_nothing(&self) -> bool {
        !matches!(self, StorageError::Recovery(RecoveryError::Replaying(_)))
    }

    /// Whether only one group of the log is damaged.
    pub fn is_of_one_group(&self) -> bool {
        use wal::ReadError::Corrupt;
        matches!(self, StorageError::Recovery(RecoveryError::Read(Corrupt { reason, .. })) if reason.is_of_one_group())
    }

    /// Whether `table-max-size` is too large for the process, or too small for the table.
    pub fn is_of_the_table_size(&self) -> bool {
        use RecoveryError::Table;
        matches!(
            self,
            StorageError::NoAddresses { .. } | StorageError::Recovery(Table(TableError::TooLong { .. }))
        )
    }

    /// Whether another server holds the directory.
    pub fn is_in_use(&self) -> bool {
        matches!(self, StorageError::DataDir(DataDirError::InUse { .. }))
    }
}

/// An open data directory with its writer running.
pub struct OpenStorage {
    /// The readers' side of the table.
    pub table: Arc<Table>,
    /// The queue to the writer.
    pub queue: WriterQueue,
    /// The clock for expiry times.
    pub clock: Arc<Clock>,
    /// What recovery found.
    pub report: Report,
    /// How the log syncs, as a text for people.
    pub log_method: String,
    /// How the log syncs, as a value of the configuration; `None` if it is not in files.
    pub wal_method: Option<WalMethod>,
    /// The writer's thread; returns the reason why it stopped.
    pub writer: JoinHandle<Result<(), WriterError>>,
    /// Keeps the directory locked.
    _dir: DataDir,
}

/// Recovers the data in a locked directory and starts the writer. `failed` is called on the writer's thread when it
/// ends because of a permanent failure.
pub fn open(
    dir: DataDir,
    options: StorageOptions,
    state: Arc<ServerState>,
    failed: impl FnOnce(&WriterError) + Send + 'static,
) -> Result<OpenStorage, StorageError> {
    let storage = open_log_dir(&dir, options.log_buffered)?;
    let source = open_table_file(&dir, &storage, &options.table)?;
    let guard = FileGuard::new(&dir).map_err(|source| StorageError::Io {
        what: format!("cannot look at {}", dir.path().display()),
        source,
    })?;
    let (queue, inbox): (WriterQueue, WriterInbox) =
        writer_queue_with(options.queue_messages_max, options.queue_bytes_max);
    let (wake, call) = (queue.clone(), queue.clone());
    let log_options = LogOptions {
        sync_thread: true,
        synced: Some(Notify::new(move || wake.synced())),
        unnoticed: Some((UNNOTICED, Notify::new(move || call.hand_over()))),
        ..options.log
    };
    let recovered = recover(source, storage, &options.table, log_options)?;
    let report = recovered.report;
    let clock = Arc::new(Clock::new(report.wall_ms));
    let status = recovered.log.status();
    let method = status.files.as_ref().map(|files| files.method);
    let figures = RecoveryFigures {
        took_ms: report.took.as_millis() as u64,
        records: report.records,
        checkpoint_lsn: report.checkpoint_lsn,
    };
    let gauges = Arc::new(WriterGauges::new(recovered.table.clone(), status, figures));
    state.set_gauges(gauges.clone());
    scrubber::start(&recovered.table, &state).map_err(thread("scrub"))?;
    let idle = queue.clone();
    gauges.idle().start(move || idle.tick()).map_err(thread("idle"))?;
    let bell = queue.clone();
    let mut checkpointer =
        Checkpointer::new(state.clone(), move || bell.tick()).map_err(thread("checkpoint"))?;
    checkpointer.logged(report.records, report.bytes);
    let writer = Writer::new(
        recovered.log,
        recovered.writer,
        inbox,
        state,
        gauges,
        clock.clone(),
        checkpointer,
        options.writer,
    )
    .guarding(guard);
    let place = queue.clone();
    let writer = std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || place.serve(Box::new(writer)).inspect_err(failed))
        .map_err(thread("writer"))?;
    Ok(OpenStorage {
        table: recovered.table,
        queue,
        clock,
        report,
        log_method: method.map_or_else(|| "none".to_owned(), |method| method.to_string()),
        wal_method: method.map(wal_method),
        writer,
        _dir: dir,
    })
}

/// A way of writing the log as a value of the configuration.
fn wal_method(method: Method) -> WalMethod {
    match method {
        Method::Direct => WalMethod::Direct,
        Method::Buffered => WalMethod::Buffered,
    }
}

/// The error of a thread that cannot be started.
fn thread(what: &str) -> impl FnOnce(io::Error) -> StorageError {
    let what = format!("cannot start the {what} thread");
    move |source| StorageError::Io { what, source }
}

/// The directory of the log's segments.
fn open_log_dir(dir: &DataDir, buffered: bool) -> Result<DirStorage, StorageError> {
    let path = dir.wal_path();
    let opened = if buffered { DirStorage::open_buffered(&path) } else { DirStorage::open(&path) };
    if matches!(&opened, Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Err(StorageError::NoLogDir { path });
    }
    opened.map_err(|source| StorageError::Io { what: format!("cannot open {}", path.display()), source })
}

/// The table's file. A new one is created under a temporary name and renamed when it holds a table, so that a crash
/// leaves either none or a whole one.
fn open_table_file(
    dir: &DataDir,
    log: &DirStorage,
    options: &TableOptions,
) -> Result<TableSource, StorageError> {
    let path = dir.table_path();
    let bytes = FILE_BYTES_LIMIT.min(options.file_bytes_max);
    let failed = |what: &str, path: &Path, source: io::Error| match source.kind() {
        io::ErrorKind::OutOfMemory => {
            let limit = rustix::process::getrlimit(rustix::process::Resource::As).current;
            StorageError::NoAddresses { path: path.to_owned(), bytes, limit }
        }
        _ => StorageError::Io { what: format!("cannot {what} {}", path.display()), source },
    };
    if !path.try_exists().map_err(|source| failed("look for", &path, source))? {
        let segments = wal::segments(log).map_err(RecoveryError::Read)?;
        if let Some(segment) = segments.iter().find(|segment| segment.header().is_some()) {
            return Err(StorageError::NoTable { path, segment: segment.name.clone() });
        }
        let temporary = path.with_extension("new");
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &temporary, error));
            }
            _ => {}
        }
        let file =
            MmapFile::create(&temporary, bytes).map_err(|source| failed("create", &temporary, source))?;
        let _ = Table::create(Box::new(file), options).map_err(RecoveryError::Table)?;
        std::fs::rename(&temporary, &path).map_err(|source| failed("rename", &temporary, source))?;
        dir.sync().map_err(StorageError::DataDir)?;
    }
    owner::pass_on(&path).map_err(|source| failed("change the owner of", &path, source))?;
    let file = MmapFile::open(&path, bytes).map_err(|source| failed("open", &path, source))?;
    Ok(TableSource::Existing(Box::new(file)))
}
