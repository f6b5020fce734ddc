//! The threads that serve connections: all run one executor, each drives the reactor while it has nothing else to do.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use async_executor::Executor;

/// Threads that run the same tasks. They end when this is dropped; tasks that are not done are dropped with them.
pub struct Executors {
    /// What the threads run.
    executor: Arc<Executor<'static>>,
    /// Closed to end the threads.
    stop: async_channel::Sender<()>,
    /// The threads.
    threads: Vec<JoinHandle<()>>,
}

impl Executors {
    /// Starts `count` threads, at least one.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(count: usize) -> io::Result<Self> {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = async_channel::bounded::<()>(1);
        let mut executors = Self { executor, stop, threads: Vec::new() };
        for number in 0..count.max(1) {
            let (executor, stopped) = (executors.executor.clone(), stopped.clone());
            let thread = thread::Builder::new().name(format!("ackd-exec-{number}")).spawn(move || {
                let _abort = AbortOnPanic;
                let _ = async_io::block_on(executor.run(stopped.recv()));
            })?;
            executors.threads.push(thread);
        }
        Ok(executors)
    }

    /// Where tasks are spawned.
    pub fn spawner(&self) -> Spawner {
        Spawner { executor: self.executor.clone() }
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
    }
}

/// Spawns tasks on [`Executors`].
#[derive(Clone)]
pub struct Spawner {
    /// What the threads run.
    executor: Arc<Executor<'static>>,
}

impl Spawner {
    /// Runs `task` in the background. A panic in it ends the process: a task that is silently gone would leave a
    /// server that looks alive.
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

/// Ends the process when it is dropped by a panic. The panic's message is out by then.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}
