//! A server that runs, and how it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use homing_credentials::ApiKey;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gateway::Gateway;
use super::operations::Readiness;

/// Of the time that a stop may take, what HTTP requests and workers get at most: the rest is the gateway's, whose links
/// have receipts to flush.
const HALF: u32 = 2;

/// A server that runs. Dropping it stops nothing cleanly: call [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    /// Where plain HTTP is answered.
    pub http: Option<SocketAddr>,
    /// Where HTTPS is answered.
    pub https: Option<SocketAddr>,
    /// Where device links are taken.
    pub gateway: SocketAddr,
    /// Where the data is.
    pub data_dir: PathBuf,
    /// What clients must trust, if the certificate is the development one.
    pub development_certificate: Option<PathBuf>,
    /// The operator's token, at the first start only.
    pub first_admin_token: Option<ApiKey>,
    pub(super) parts: Parts,
}

/// What must be stopped.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) readiness: Readiness,
    pub(super) gateway: Gateway,
    pub(super) listeners: Group,
    pub(super) workers: Group,
}

/// Tasks that stop together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) stop: CancellationToken,
    pub(super) tracker: TaskTracker,
}

impl Group {
    /// Runs a task that ends by itself after `stop`.
    pub(super) fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    async fn end(&self, within: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(within, self.tracker.wait()).await.is_ok()
    }
}

impl Running {
    /// Stops in the order of the way: no new requests, links told to go, receipts flushed, workers finish. Returns
    /// whether all ended in time; what did not is redone after the next start.
    pub async fn stop(self, within: Duration) -> bool {
        let Parts { readiness, gateway, listeners, workers } = self.parts;
        readiness.set(false);
        let requests_ended = listeners.end(within / HALF / HALF).await;
        let links_ended = gateway.stop(within / HALF).await;
        let workers_ended = workers.end(within / HALF / HALF).await;
        requests_ended && links_ended && workers_ended
    }
}

/// How a server that was told to stop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All that was under way is finished.
    InTime,
    /// Something was not finished in time; it is redone after the next start.
    Late,
    /// A second signal came: nothing was waited for.
    AtOnce,
}

/// Waits for SIGTERM or SIGINT, then stops; a second signal ends it at once.
///
/// # Errors
/// When signals cannot be listened for.
pub async fn run_until_signalled(running: Running, within: Duration) -> std::io::Result<Ended> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "stopping; a second signal ends it at once");
    let ended = tokio::select! {
        all = running.stop(within) => if all { Ended::InTime } else { Ended::Late },
        _ = terminate.recv() => Ended::AtOnce,
        _ = interrupt.recv() => Ended::AtOnce,
    };
    tracing::info!(?ended, "stopped");
    Ok(ended)
}
