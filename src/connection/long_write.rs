//! Long writing commands whose only change is a result of other keys, such as `ZUNIONSTORE`: they are worked out on a
//! snapshot, on a thread of their own, while the writer serves other clients. The writer then stores the result, if what
//! it came from has not changed meanwhile; a long result in several steps, see [`Prepared`](crate::keyspace::Prepared).
//!
//! If the sources change, the command is worked out again. If they go on changing, the writer runs it like any other
//! command.

use std::sync::Arc;
use std::time::Instant;

use smol::future::FutureExt;
use smol::lock::Semaphore;

use super::Connection;
use super::progress::{Outcome, Progress};
use super::read::{ReadCall, Reads};
use super::socket::Ended;
use crate::keyspace::Prepared;
use crate::resp::Reply;
use crate::state::{RunEnd, ServerState};
use crate::writer::{Completion, Item, Submission, WorkedOut};

/// The most commands that are worked out, each by a thread, or whose results are being stored; further ones wait.
const LONG_WRITES_MAX: usize = 2;
static LONG_WRITES: Semaphore = Semaphore::new(LONG_WRITES_MAX);
/// How often a command is worked out before the writer runs it.
const TRIES_MAX: u32 = 2;

impl Connection {
    /// Works out the first command of a submission, unless that was done too often, or its result is being stored.
    pub(super) async fn work_out(
        &mut self,
        mut submission: Box<Submission>,
        progress: &mut Progress,
    ) -> Result<Outcome, Ended> {
        // A pause that began meanwhile holds back the steps, too.
        self.pause(true).await?;
        if let Some(Item::Store { result, .. }) = submission.items.first() {
            if !result.is_outdated {
                return Ok(Outcome::ForWriter(submission));
            }
            self.state.stats.outdated();
            start_again(&mut submission);
        }
        if progress.tries == TRIES_MAX {
            progress.permit = None;
            submission.runs_long = true;
            return Ok(Outcome::ForWriter(submission));
        }
        progress.tries += 1;
        if !self.state.publication.ask() {
            self.writer.publish().await.map_err(|_| Ended)?;
        }
        let (reads, state) = (self.session.reads.clone(), self.state.clone());
        let work = async {
            if progress.permit.is_none() {
                progress.permit = Some(Arc::new(LONG_WRITES.acquire().await));
            }
            let permit = progress.permit.clone();
            Ok(smol::unblock(move || {
                // Also if nobody waits for the result any more.
                let _permit = permit;
                work_out(&*reads, &state, submission)
            })
            .await)
        };
        let end = async {
            self.stopped().await?;
            Err(Ended)
        };
        work.or(end).await
    }
}

/// Turns a result that is outdated back into its command.
fn start_again(submission: &mut Submission) {
    if let Some(item) = submission.items.first_mut()
        && let Item::Store { spec, db, first_span, spans, .. } = *item
    {
        *item = Item::Execute { spec, db, first_span, spans };
    }
}

/// Works out the first command of a submission.
fn work_out(reads: &dyn Reads, state: &ServerState, mut submission: Box<Submission>) -> Outcome {
    let Some(&Item::Execute { spec, db, first_span, spans }) = submission.items.first() else {
        return Outcome::ForWriter(submission);
    };
    let started = Instant::now();
    let mut out = Vec::new();
    let mut reply = Reply::within(&mut out, submission.protocol, state.limits.reply_bytes_max());
    let mut prepared = Prepared::new(&submission.client_id.to_be_bytes());
    let args = submission.args(first_span, spans);
    let call = ReadCall { spec, db, args: &args, now_ms: reads.now_ms() };
    match reads.prepare(call, &mut reply, &mut prepared) {
        Ok(true) => {}
        Ok(false) => {
            submission.runs_long = true;
            return Outcome::ForWriter(submission);
        }
        Err(error) => {
            prepared = Prepared::default();
            reply.truncate(0);
            reply.error(error.to_string());
        }
    }
    state.stats.worked_out();
    if prepared.changes() {
        let result = WorkedOut { prepared, reply: out, took: started.elapsed(), is_outdated: false };
        submission.items[0] = Item::Store { spec, db, first_span, spans, result: Box::new(result) };
        return Outcome::ForWriter(submission);
    }
    let error = reply.error_since(0);
    if let Some(text) = error {
        state.stats.error(text);
    }
    let failed = error.is_some();
    let run = RunEnd { took: started.elapsed(), reply_bytes: out.len() as u64, failed };
    state.ran(submission.client_id, spec, &args, run);
    let replies_at = submission.out.len();
    submission.long_ahead = false;
    submission.out.append(&mut out);
    Outcome::Answered(Completion { submission, executed: 1, is_next_long: false, replies_at })
}
