//! Puts the parts together: opens the data, serves clients, and stops in order.

use std::path::Path;
use std::process;
use std::sync::Arc;

use crate::cli::exit;
use crate::config::{Config, Settings};
use crate::connection::{Services, SnapshotReads};
use crate::daemon::{Daemon, Failure};
use crate::data_dir::DataDir;
use crate::net::{Endpoint, ListenError, Listener};
use crate::own_names::{OwnName, OwnNames};
use crate::pid_file::PidFile;
use crate::server::{self, Executors};
use crate::storage::{self, OpenStorage, StorageError, StorageOptions};
use crate::version::VERSION;
use crate::writer::WriterError;

/// Serves until asked to stop; everything acknowledged is on disk before, during and after.
///
/// With `accept_tail_loss`, this start discards a damaged last group of the log.
pub fn serve(daemon: &Arc<Daemon>, config: &Config, accept_tail_loss: bool) -> Result<(), Failure> {
    let state = daemon.state.clone();
    // This comes first: a server that already runs on the directory must not notice a failed start.
    let dir = DataDir::open(&config.dir).map_err(|error| failure(&config.dir, &error.into()))?;
    let listeners = listen(config)?;
    let options = StorageOptions::new(config, accept_tail_loss);
    let open = storage::open(dir, options, state.clone(), writer_failed)
        .map_err(|error| failure(&config.dir, &error))?;
    let start = |error| Failure::new(exit::START, format!("cannot start to serve: {error}"));
    let executors = Executors::start(config.thread_count(), &open.queue).map_err(start)?;
    let (table, clock, queue) = (open.table.clone(), open.clock.clone(), open.queue.clone());
    let reads = Arc::new(SnapshotReads::new(table, clock, state.clone(), queue));
    note_in_force(state.settings(), config, &open, executors.threads());
    announce(config, &open, &listeners, executors.threads());
    let (writer, records_origins) = (open.queue.clone(), config.wal_origin);
    let services = Services { state, writer, reads, records_origins };
    let pid_file = PidFile::write(config.pid_file.clone());
    let names = own_names(&listeners, &pid_file);
    daemon.ready();
    let serving = server::run(services, listeners, names, executors.spawner());
    let mode = smol::future::block_on(serving);
    daemon.stopping();
    let stopped = smol::future::block_on(open.queue.shutdown(mode.checkpoint));
    drop(executors);
    if let Err(reason) = stopped {
        // The writer reports it itself and ends the process, as whenever it fails.
        let _ = open.writer.join();
        return Err(Failure::new(exit::IO, format!("the last checkpoint failed: {reason}")));
    }
    Ok(())
}

/// Opens the sockets that clients connect to. This is done after the data directory is locked and before the data is
/// read, so that a mistake in the configuration shows before recovery. Connections wait in the sockets until the server
/// is ready.
fn listen(config: &Config) -> Result<Vec<Listener>, Failure> {
    let backlog = i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX);
    let open = || {
        let mut listeners = match config.port {
            0 => Vec::new(),
            port => Listener::bind_all(&config.bind, port, backlog)?,
        };
        if let Some(path) = &config.unix_socket {
            listeners.push(Listener::unix(path, Some(config.unix_socket_permissions.0), backlog)?);
        }
        Ok(listeners)
    };
    let listeners = open().map_err(|error: ListenError| Failure::new(exit::START, error.to_string()))?;
    if listeners.is_empty() {
        return Err(Failure::new(exit::USAGE, "nothing to listen on: port is 0 and unixsocket is not set"));
    }
    Ok(listeners)
}

/// The names that the server made outside of its data directory.
fn own_names(listeners: &[Listener], pid_file: &PidFile) -> OwnNames {
    let sockets = listeners.iter().filter_map(Listener::made).map(|made| ("Unix socket", made));
    let all = sockets.chain(pid_file.made().map(|made| ("pid file", made)));
    OwnNames::new(all.map(|(what, (path, id))| OwnName { what, path: path.to_owned(), id }))
}

/// Notes the values in force if the configuration leaves them to the server, or asks for more than the system allows.
fn note_in_force(settings: &Settings, config: &Config, open: &OpenStorage, threads: usize) {
    settings.note_in_force("threads", threads.to_string());
    if let Some(method) = open.wal_method {
        settings.note_in_force("wal-method", method.name());
    }
    let kernel_backlog = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
    if let Some(backlog) = kernel_backlog.ok().and_then(|text| text.trim().parse::<u32>().ok())
        && backlog < config.tcp_backlog
    {
        settings.note_in_force("tcp-backlog", backlog.to_string());
        tracing::warn!(backlog, "the system (net.core.somaxconn) allows less than tcp-backlog asks for");
    }
}

/// The exit code and message for a failure to open the data.
fn failure(dir: &Path, error: &StorageError) -> Failure {
    let code = if error.is_in_use() {
        exit::IN_USE
    } else if error.is_of_the_table_size() {
        exit::START
    } else if error.is_damage() {
        exit::DAMAGED
    } else {
        exit::IO
    };
    let hint = if code == exit::DAMAGED {
        let tail = match error.is_of_one_group() {
            true => ", and --accept-tail-loss gives that group up if it is the last one",
            false => "",
        };
        let changed = match error.changed_nothing() {
            true => "nothing was changed",
            false => "log and checkpoint are as they were",
        };
        format!("; {changed}, `ackd-wal verify --table {}` says more{tail}", dir.display())
    } else {
        String::new()
    };
    Failure::new(code, format!("{}: {error}{hint}", dir.display()))
}

/// Ends the process when the writer cannot go on. Writes that it did not acknowledge may or may not be on disk; a
/// restart recovers those that are.
fn writer_failed(error: &WriterError) {
    let code = if error.is_damage() { exit::DAMAGED } else { exit::IO };
    tracing::error!(code, "{error}; stopping");
    process::exit(i32::from(code));
}

/// Logs in one line what runs where, what recovery found, and how the log is synced.
fn announce(config: &Config, open: &OpenStorage, listeners: &[Listener], threads: usize) {
    let endpoints: Vec<String> = listeners
        .iter()
        .map(|listener| match listener.endpoint() {
            Endpoint::Tcp(address) => address.to_string(),
            Endpoint::Unix(path) => path.display().to_string(),
        })
        .collect();
    let report = &open.report;
    if report.accepted_loss {
        tracing::warn!(
            bytes = report.torn_bytes,
            after_lsn = report.last_lsn,
            "accepted tail loss: the last group is damaged, may have been acknowledged, and was put aside in a .broken file"
        );
    } else if report.torn_bytes > 0 {
        tracing::warn!(
            bytes = report.torn_bytes,
            after_lsn = report.last_lsn,
            "torn tail: a group that was never acknowledged was put aside in a .broken file, or dropped if there is no space"
        );
    }
    tracing::info!(
        version = VERSION,
        pid = process::id(),
        listen = endpoints.join(" "),
        dir = %config.dir.display(),
        threads,
        log = open.log_method,
        checkpoint_lsn = report.checkpoint_lsn,
        last_lsn = report.last_lsn,
        replayed = report.records,
        recovery_ms = report.took.as_millis() as u64,
        "ready to accept connections"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{ApplyError, KeyspaceError};
    use crate::recovery::RecoveryError;
    use crate::table::{CorruptReason, TableError};

    #[test]
    fn what_is_said_of_a_failed_start_is_true() {
        let corrupt = |reason| RecoveryError::Table(TableError::Corrupt { page: 7, reason });
        let told = |error| failure(Path::new("data"), &StorageError::Recovery(error));
        let damaged = told(corrupt(CorruptReason::Depth));
        assert_eq!(damaged.code, exit::DAMAGED);
        assert!(damaged.message.contains("nothing was changed"), "{damaged}");
        let unfit = RecoveryError::Apply(ApplyError::Effect {
            lsn: 3,
            source: KeyspaceError::BadCell("it is empty"),
        });
        let unfit = told(RecoveryError::Replaying(unfit.into()));
        assert_eq!(unfit.code, exit::DAMAGED);
        assert!(!unfit.message.contains("nothing was changed"), "{unfit}");
        for unreadable in [corrupt(CorruptReason::Unreadable), TableError::Faulted.into()] {
            let unreadable = told(unreadable);
            assert_eq!(unreadable.code, exit::IO, "{unreadable}");
            assert!(!unreadable.message.contains("changed"), "{unreadable}");
        }
    }
}
