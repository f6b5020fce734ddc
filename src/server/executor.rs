//! The threads that serve connections: all run one executor, and each sleeps where its share of the sockets is watched.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Wake;
use std::thread::{self, JoinHandle};

use async_executor::Executor;

use super::slice::ask_for_short_slices;
use crate::connection::ThreadChores;
use crate::net::{Readiness, Registration, Stream};
use crate::writer::WriterQueue;

/// Threads that run the same tasks. They end when this is dropped; unfinished tasks are dropped with them.
pub struct Executors {
    /// What the threads run, and where they sleep.
    spawner: Spawner,
    /// Closed to end the threads.
    stop: async_channel::Sender<()>,
    /// The threads.
    threads: Vec<JoinHandle<()>>,
    /// The writer, which the threads run or wake.
    writer: WriterQueue,
}

impl Executors {
    /// Starts `count` threads, at least one, whose tasks submit to `writer`.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(count: usize, writer: &WriterQueue) -> io::Result<Self> {
        let readiness: Vec<_> = (0..count.max(1)).map(|_| Readiness::new()).collect::<io::Result<_>>()?;
        let sockets = Arc::new(Sockets { readiness, next: AtomicUsize::new(0) });
        let spawner = Spawner { executor: Arc::new(Executor::new()), sockets: sockets.clone() };
        let (stop, stopped) = async_channel::bounded::<()>(1);
        let mut executors = Self { spawner, stop, threads: Vec::new(), writer: writer.clone() };
        let first = sockets.readiness[0].clone();
        writer.begin_hosting(sockets.readiness.len(), move || first.ring_if_asleep());
        for (number, readiness) in sockets.readiness.iter().cloned().enumerate() {
            let (executor, stopped) = (executors.spawner.executor.clone(), stopped.clone());
            let chores = ThreadChores::new(writer.clone());
            let thread = thread::Builder::new().name(format!("ackd-exec-{number}")).spawn(move || {
                let _abort = AbortOnPanic;
                if let Err(error) = ask_for_short_slices() {
                    tracing::debug!(%error, "no short slices for the threads of connections");
                }
                let serving = executor.run(stopped.recv());
                // Without its sockets the thread's clients would never be served again.
                let _ = readiness.block_on(serving, chores).expect("sockets are watched for ever");
            })?;
            executors.threads.push(thread);
        }
        Ok(executors)
    }

    /// Where tasks are spawned.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }
}

impl Drop for Executors {
    fn drop(&mut self) {
        self.stop.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.writer.end_hosting();
    }
}

/// Spawns tasks on [`Executors`].
#[derive(Clone)]
pub struct Spawner {
    /// The executor that the threads run.
    executor: Arc<Executor<'static>>,
    /// The sockets that the threads watch.
    sockets: Arc<Sockets>,
}

/// The sockets of all threads.
struct Sockets {
    /// By thread.
    readiness: Vec<Arc<Readiness>>,
    /// Counter that picks the thread for the next socket, modulo the number of threads.
    next: AtomicUsize,
}

impl Spawner {
    /// Registers a client's socket with one of the threads; they take turns.
    ///
    /// # Errors
    /// The system cannot watch it.
    pub fn register(&self, socket: Stream) -> io::Result<Registration> {
        let Sockets { readiness, next } = &*self.sockets;
        readiness[next.fetch_add(1, Relaxed) % readiness.len()].register(socket)
    }

    /// Wakes all threads.
    pub fn wake_all(&self) {
        self.sockets.readiness.iter().for_each(|readiness| readiness.wake_by_ref());
    }

    /// Runs `task` in the background. A panic in it ends the process: if a task disappeared silently, the server would
    /// only look alive.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(abort_on_panic(task)).detach();
    }

    /// The same, but the task ends early when the returned handle is dropped.
    pub fn spawn_scoped(&self, task: impl Future<Output = ()> + Send + 'static) -> async_executor::Task<()> {
        self.executor.spawn(abort_on_panic(task))
    }
}

/// Runs `task`; a panic in it ends the process.
async fn abort_on_panic(task: impl Future<Output = ()>) {
    let _abort = AbortOnPanic;
    task.await;
}

/// Ends the process when it is dropped by a panic. The panic's message has been printed by then.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}
