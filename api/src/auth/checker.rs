//! Passwords are checked on one thread of their own, in one workspace: each check fills 19 MiB, and
//! an allocator keeps that several times over for every thread that ever did it.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use secrecy::SecretString;
use tokio::sync::oneshot;

use super::password::Workspace;
use crate::http::ApiError;

/// Checks that wait; each takes some 30 ms. The next is asked to try later.
const MAX_WAITING: usize = 64;

struct Job {
    hash: Option<String>,
    given: SecretString,
    answer: oneshot::Sender<bool>,
}

/// The way to the thread; it ends with this.
pub(super) struct Checker {
    jobs: SyncSender<Job>,
}

impl Checker {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(MAX_WAITING);
        thread::Builder::new().name("password".to_owned()).spawn(move || work(&waiting))?;
        Ok(Self { jobs })
    }

    /// Whether the password is that of the hash; without a hash it is not, in the same time.
    pub(super) async fn matches(
        &self,
        hash: Option<String>,
        given: SecretString,
    ) -> Result<bool, ApiError> {
        let (answer, answered) = oneshot::channel();
        let busy = || ApiError::Unavailable("too many sign-ins at once".to_owned());
        self.jobs.try_send(Job { hash, given, answer }).map_err(|_| busy())?;
        answered.await.map_err(|_| busy())
    }
}

fn work(waiting: &Receiver<Job>) {
    let mut workspace = Workspace::default();
    for job in waiting {
        // The caller may have gone.
        let _ = job.answer.send(workspace.matches(job.hash.as_deref(), &job.given));
    }
}
