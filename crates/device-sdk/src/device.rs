//! The app's handle.

use std::io;

use bytes::Bytes;
use homing_domain::MessageId;
use homing_domain::limits::{UPSTREAM_MAX_BYTES, UPSTREAM_TOPIC_MAX_BYTES};
use homing_wire::FactKind;
use tokio::sync::{mpsc, oneshot, watch};

use crate::agent::Command;
use crate::builder::Builder;
use crate::identity::{Identity, Route};
use crate::status::Status;

/// A device that connects by itself. Clones are handles of the same; when all of them and the inbox are gone, it leaves.
#[derive(Clone, Debug)]
pub struct Device {
    agent: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Too many wait to be sent already: try later.
    #[error("too many wait to be sent")]
    Full,
    /// The state store could not keep it: try later.
    #[error("the state store failed")]
    Store,
    /// The device was closed.
    #[error("the device is closed")]
    Closed,
}

/// Why a message to the business is not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpError {
    /// Topic or payload is longer than allowed.
    #[error("at most {UPSTREAM_TOPIC_MAX_BYTES} bytes of topic and {UPSTREAM_MAX_BYTES} of payload")]
    TooLarge,
    /// The gateway will never take it.
    #[error("refused by the gateway")]
    Refused,
    /// Too many wait to be sent already: try later.
    #[error("too many wait to be sent")]
    Full,
    /// The state store could not keep it.
    #[error("the state store failed")]
    Store,
    /// The device was closed. If the message was kept, it goes out at the next start.
    #[error("the device is closed")]
    Closed,
}

impl Device {
    /// Starts to build a device.
    #[must_use]
    pub fn builder(identity: Identity, route: Route) -> Builder {
        Builder::new(identity, route)
    }

    pub(crate) const fn new(agent: mpsc::Sender<Command>, status: watch::Receiver<Status>) -> Self {
        Self { agent, status }
    }

    /// What the link is doing, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until the status fulfils `condition`; false = the device was closed before.
    pub async fn wait_for(&self, condition: impl FnMut(&Status) -> bool) -> bool {
        self.status.clone().wait_for(condition).await.is_ok()
    }

    /// The app has shown a message.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn displayed(&self, id: MessageId) -> Result<(), DeviceError> {
        self.receipt(id, FactKind::Displayed).await
    }

    /// The person opened a message.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn opened(&self, id: MessageId) -> Result<(), DeviceError> {
        self.receipt(id, FactKind::Opened).await
    }

    /// The person swiped a message away.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn dismissed(&self, id: MessageId) -> Result<(), DeviceError> {
        self.receipt(id, FactKind::Dismissed).await
    }

    /// A message came by the vendor's channel (FCM, APNs). True = it is new: show it. False = it came before, on either way,
    /// or was taken back. It is remembered durably before this answers; on the device's own link it is a duplicate from
    /// here on, which moves the cursor and is not told to the app.
    ///
    /// # Errors
    /// [`DeviceError`]: nothing is remembered, and whether it is new is not known.
    pub async fn note_vendor_message(&self, id: MessageId) -> Result<bool, DeviceError> {
        let (reply, answer) = oneshot::channel();
        self.agent.send(Command::Vendor { id, reply }).await.map_err(|_| DeviceError::Closed)?;
        answer.await.unwrap_or(Err(DeviceError::Closed))
    }

    /// Sends a message to the business: returns when it is durable there. It is kept and sent again over any number of
    /// links and restarts, under the same id; only this call ends with the process.
    ///
    /// # Errors
    /// [`UpError`].
    pub async fn up(&self, topic: impl Into<String>, payload: impl Into<Bytes>) -> Result<(), UpError> {
        let (topic, payload) = (topic.into(), payload.into());
        if topic.len() > UPSTREAM_TOPIC_MAX_BYTES || payload.len() > UPSTREAM_MAX_BYTES {
            return Err(UpError::TooLarge);
        }
        let (reply, answer) = oneshot::channel();
        self.agent.send(Command::Up { topic, payload, reply }).await.map_err(|_| UpError::Closed)?;
        answer.await.unwrap_or(Err(UpError::Closed))
    }

    /// The device is on another network: connects at once if it has no link; one that is still there goes on with the
    /// heartbeat that is known of the new network, beginning at once. 0 = unknown.
    pub async fn network_changed(&self, network_hash: u64) {
        let _ = self.agent.send(Command::NetworkChanged(network_hash)).await;
    }

    /// Moves the QUIC link to a new local port, as a change of address would. The link goes on.
    ///
    /// # Errors
    /// No QUIC link is live, or no socket can be had.
    pub async fn rebind(&self) -> io::Result<()> {
        let (reply, answer) = oneshot::channel();
        let closed = || io::Error::from(io::ErrorKind::NotConnected);
        self.agent.send(Command::Rebind(reply)).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Breaks the link without a goodbye; the device connects again by itself.
    pub async fn drop_link(&self) {
        let _ = self.agent.send(Command::DropLink).await;
    }

    /// Leaves as [`Device::close`] does, and returns when the state store is free: that is, when the inbox, its deliveries
    /// and all other handles are gone too.
    pub async fn shut_down(self) {
        self.close().await;
        let Self { agent, mut status } = self;
        drop(agent);
        while status.changed().await.is_ok() {}
    }

    /// Leaves: acknowledges what is durable and says goodbye. What the app finishes afterwards is still noted.
    pub async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.agent.send(Command::Close(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }

    async fn receipt(&self, id: MessageId, kind: FactKind) -> Result<(), DeviceError> {
        let (reply, answer) = oneshot::channel();
        self.agent.send(Command::Receipt { id, kind, reply }).await.map_err(|_| DeviceError::Closed)?;
        answer.await.unwrap_or(Err(DeviceError::Closed))
    }
}
