//! Batches for asynchronous programs.
//!
//! In: a reader. Out: its batches as a stream, and its counts. Never: blocks the polling thread: a separate thread reads.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use super::{Reader, TableBatch};
use crate::error::{Error, Result};
use crate::report::{Progress, Summary};

/// Maximum batches that wait to be polled.
const WAITING: usize = 2;

/// The batches of a [`Reader`] as a [`Stream`], on any runtime. Dropping the stream ends the reading.
pub struct BatchStream {
    batches: mpsc::Receiver<Result<TableBatch>>,
    summary: oneshot::Receiver<Result<Summary>>,
    progress: Arc<Progress>,
}

impl Reader {
    /// The rest of the batches as a stream.
    ///
    /// # Errors
    ///
    /// When the system cannot start a thread.
    pub fn into_stream(mut self) -> Result<BatchStream> {
        let progress = Arc::clone(&self.progress);
        let (sender, batches) = mpsc::channel(WAITING);
        let (done, summary) = oneshot::channel();
        let read = move || {
            for batch in &mut self {
                if sender.blocking_send(batch).is_err() {
                    // The stream was dropped.
                    return;
                }
            }
            // `finish` waits until there are no more batches.
            drop(sender);
            let _ = done.send(self.finish());
        };
        thread::Builder::new().name("trailmill".to_owned()).spawn(read).map_err(Error::internal)?;
        Ok(BatchStream { batches, summary, progress })
    }
}

impl BatchStream {
    /// Reads the rest, and returns the counts, as [`Reader::finish`].
    ///
    /// # Errors
    ///
    /// What ended the reading.
    pub async fn finish(mut self) -> Result<Summary> {
        while self.batches.recv().await.is_some() {}
        let lost = |_| Err(Error::internal("the thread that reads is gone"));
        (&mut self.summary).await.unwrap_or_else(lost)
    }
}

impl Stream for BatchStream {
    type Item = Result<TableBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(context)
    }
}

impl Drop for BatchStream {
    fn drop(&mut self) {
        self.progress.stop();
    }
}
