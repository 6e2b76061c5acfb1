//! Who a Hello says it is from.

use homing_domain::{AppId, ConnSeq, DeviceId, Epoch, FeedOffset, Seq};
use homing_wire::{CloseCode, Hello};

use super::closing::Closing;

/// The content of a Hello, well-formed but not proven. The driver checks `auth` over the session's TLS exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which device.
    pub device: DeviceId,
    /// Of which app.
    pub app: AppId,
    /// Life of the mailbox that `last_seq` belongs to.
    pub epoch: Epoch,
    /// Everything up to here is safe on the device, or was skipped.
    pub last_seq: Seq,
    /// Number of this connection.
    pub conn_seq: ConnSeq,
    /// Which fleet key the device's secret derives from.
    pub key_id: u32,
    /// Generation of the device's secret.
    pub credential_generation: u32,
    /// The proof.
    pub auth: [u8; 16],
    /// Messages that the device takes unacknowledged; 0 = the default.
    pub window: u32,
    /// Everything of the app's feed up to here is safe on the device, or not for it.
    pub feed_offset: FeedOffset,
    /// Whether the device keeps and acknowledges that offset.
    pub reads_feed: bool,
}

impl TryFrom<Hello> for Claim {
    type Error = Closing;

    fn try_from(hello: Hello) -> Result<Self, Closing> {
        let malformed = Closing::new(CloseCode::Protocol);
        Ok(Self {
            device: DeviceId::from_slice(&hello.device).ok_or(malformed)?,
            app: hello.app.parse().map_err(|_| malformed)?,
            epoch: hello.epoch,
            last_seq: hello.last_seq,
            conn_seq: Some(hello.conn_seq).filter(|n| (1..ConnSeq::MAX).contains(n)).ok_or(malformed)?,
            key_id: hello.key_id,
            credential_generation: hello.credential_generation,
            auth: hello.auth.as_ref().try_into().map_err(|_| malformed)?,
            window: hello.window,
            feed_offset: hello.feed_offset,
            reads_feed: hello.reads_feed,
        })
    }
}
