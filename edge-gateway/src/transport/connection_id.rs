//! Connection ids that a load balancer can route by: `0x0F | server id (8 bytes) | random (7 bytes)`, the layout of the
//! QUIC passthrough of AWS's Network Load Balancer.

use aws_lc_rs::rand;
use homing_domain::ServerId;
use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};

/// Length in bytes.
const LENGTH: usize = 16;
/// First byte of the layout.
const LAYOUT: u8 = 0x0f;

/// Makes ids of one gateway, and knows those of others.
#[derive(Debug)]
pub(crate) struct RoutableIds(pub(crate) ServerId);

impl ConnectionIdGenerator for RoutableIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; LENGTH];
        id[0] = LAYOUT;
        id[1..9].copy_from_slice(&self.0.0);
        rand::fill(&mut id[9..]).expect("the system gives random bytes, as it did for the TLS keys");
        ConnectionId::new(&id)
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        let is_mine = id.len() == LENGTH && id[0] == LAYOUT && id[1..9] == self.0.0;
        if is_mine { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        LENGTH
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_gateway() {
        let mut mine = RoutableIds(ServerId(*b"server 1"));
        let id = mine.generate_cid();
        assert_eq!((id.len(), id[0], &id[1..9]), (16, 0x0f, &b"server 1"[..]));
        assert_ne!(id, mine.generate_cid());
        assert!(mine.validate(&id).is_ok());
        assert!(RoutableIds(ServerId(*b"server 2")).validate(&id).is_err());
        assert!(mine.validate(&ConnectionId::new(&id[..15])).is_err());
    }
}
