//! Has the writer answer what a client sent, in as many rounds as it takes. Long commands are worked out, or read, beside.

use super::Connection;
use super::progress::{Outcome, Progress};
use super::socket::Ended;
use crate::writer::{Completion, Promise, Submission, promise};

impl Connection {
    /// Has the writer answer the items, in as many rounds as it takes, and sends the replies.
    pub(super) async fn submit(&mut self) -> Result<(), Ended> {
        self.info.set_waiting(true);
        let (promise, mut resolver) = self.promise.take().unwrap_or_else(promise);
        if self.records_origins
            && let Some(origin) = self.session.client.new_origin()
        {
            self.origin = Some(origin);
        }
        let mut progress = Progress::default();
        loop {
            let may_wait = self.work.as_ref().is_some_and(|work| work.may_wait());
            if may_wait {
                // The replies before it do not wait for it.
                self.send().await?;
            }
            let work = self.work.as_deref_mut().expect("a round has buffers");
            let (keeps_bytes, discard) = (work.out.len(), work.discard);
            let mut submission = work.submission(self.session.client_id(), resolver);
            submission.origin = self.origin.take();
            let mut completion = self.completion(submission, &promise, may_wait, &mut progress).await?;
            self.origin = completion.submission.origin.take();
            progress = progress.next(&completion);
            let work = self.work.as_deref_mut().expect("a round has buffers");
            self.session.no_ops.answered(completion.submission.changed);
            resolver = work.restore(*completion.submission);
            self.session.finish_transactions(work, completion.executed);
            if discard {
                work.out.truncate(keeps_bytes);
            }
            debug_assert!(
                completion.executed > 0
                    || completion.is_next_long
                    || progress.is_long
                    || work.items.is_empty(),
                "a completion answers something"
            );
            work.items.drain(..completion.executed);
            match progress.permit {
                None => self.send().await?,
                // Others wait for the permit, so nothing is sent that this client might not take. There are no replies.
                Some(_) if self.info.is_killed() => return Err(Ended),
                Some(_) => {}
            }
            if completion.is_next_long {
                self.read_item_beside().await?;
                self.info.set_waiting(true);
            }
            if self.work.as_ref().is_none_or(|work| work.items.is_empty()) {
                break;
            }
        }
        self.promise = Some((promise, resolver));
        self.info.set_waiting(false);
        Ok(())
    }

    /// Has a submission answered, by the writer unless its first command is long and changes nothing.
    async fn completion(
        &mut self,
        submission: Box<Submission>,
        promise: &Promise,
        may_wait: bool,
        progress: &mut Progress,
    ) -> Result<Completion, Ended> {
        let submission = match progress.is_long {
            false => submission,
            true => match self.work_out(submission, progress).await? {
                Outcome::Answered(completion) => return Ok(completion),
                Outcome::ForWriter(submission) => submission,
            },
        };
        self.writer.submit(submission).await.map_err(|_| Ended)?;
        match may_wait {
            true => self.served(promise).await,
            false => promise.wait().await.map_err(|_| Ended),
        }
    }
}
