//! Who has which address at a vendor.

use bytes::Bytes;
use homing_domain::DeviceId;

use super::{Stored, Wrong, id_bytes};

/// Who has a token; its key says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenOwner {
    /// Who reported it last.
    pub(crate) device: DeviceId,
    /// Who had it before, if it was another: a claim that is repeated is answered as it was at first.
    pub(crate) before: Option<DeviceId>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TokenOwnerRow {
    #[prost(bytes = "bytes", tag = "1")]
    device: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    before: Option<Bytes>,
}

impl Stored for TokenOwner {
    type Row = TokenOwnerRow;

    fn to_row(&self) -> TokenOwnerRow {
        TokenOwnerRow {
            device: id_bytes(self.device.as_bytes()),
            before: self.before.map(|before| id_bytes(before.as_bytes())),
        }
    }

    fn from_row(row: TokenOwnerRow) -> Result<Self, Wrong> {
        let device = |bytes: Bytes| DeviceId::from_slice(&bytes).ok_or("device");
        Ok(Self { device: device(row.device)?, before: row.before.map(device).transpose()? })
    }
}
