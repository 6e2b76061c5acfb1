//! Who the devices are: decided by their numbers alone.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use homing_contract::http::v1::RegisteredDevice;
use serde::{Deserialize, Serialize};

use crate::arguments::{SimulateArguments, TagShare, TransportChoice};

/// A line of `devices.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SimulatedDevice {
    /// Its id.
    pub(super) device_id: String,
    /// Who uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    /// Its tags.
    pub(super) tags: Vec<String>,
    /// The transport of its link; none = it stays away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<String>,
}

/// The rules.
#[derive(Debug)]
pub(super) struct People {
    pub(super) devices: u32,
    links: u32,
    users: u32,
    tags: Vec<TagShare>,
    transport: TransportChoice,
}

impl People {
    pub(super) fn new(arguments: &SimulateArguments) -> Self {
        Self {
            devices: arguments.devices,
            links: arguments.links.min(arguments.devices),
            users: arguments.users.min(arguments.devices),
            tags: arguments.tags.clone(),
            transport: arguments.transport,
        }
    }

    pub(super) fn user(&self, number: u32) -> Option<String> {
        (number < self.users).then(|| format!("user-{number}"))
    }

    /// Tags go to devices by a hash of both, so that they are independent of each other and of who holds a link.
    pub(super) fn tags(&self, number: u32) -> Vec<String> {
        let has = |tag: &&TagShare| spread(number, tag.name.as_bytes()) % 1_000 < u64::from(tag.per_thousand);
        self.tags.iter().filter(has).map(|tag| tag.name.clone()).collect()
    }

    /// Links are spread evenly over all devices.
    pub(super) fn transport(&self, number: u32) -> Option<TransportChoice> {
        let before = |number: u32| u64::from(number) * u64::from(self.links) / u64::from(self.devices.max(1));
        let is_linked = before(number + 1) > before(number);
        is_linked.then(|| match self.transport {
            TransportChoice::Auto if before(number).is_multiple_of(2) => TransportChoice::Quic,
            TransportChoice::Auto => TransportChoice::Tcp,
            one => one,
        })
    }

    /// Writes down who is who.
    pub(super) fn write(&self, registered: &[(u32, RegisteredDevice)], path: &Path) -> Result<()> {
        let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        let mut file = BufWriter::new(file);
        for (number, device) in registered {
            let transport = self.transport(*number).map(|choice| match choice {
                TransportChoice::Tcp => "tcp".to_owned(),
                _ => "quic".to_owned(),
            });
            let line = SimulatedDevice {
                device_id: device.device_id.clone(),
                user: self.user(*number),
                tags: self.tags(*number),
                transport,
            };
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
        file.flush().with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// A number that looks random and is always the same.
fn spread(number: u32, salt: &[u8]) -> u64 {
    let bytes = number.to_be_bytes();
    let hash = salt
        .iter()
        .chain(&bytes)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(devices: u32, links: u32) -> People {
        let tag = |name: &str, per_thousand| TagShare { name: name.to_owned(), per_thousand };
        let tags = vec![tag("vip", 50), tag("everyone", 1_000), tag("nobody", 0)];
        People { devices, links, users: 3, tags, transport: TransportChoice::Auto }
    }

    #[test]
    fn as_many_links_as_asked_for_and_half_of_each_kind() {
        for (devices, links) in [(10, 10), (10, 3), (1_000, 7), (1_000, 0), (3, 1)] {
            let people = people(devices, links);
            let linked: Vec<_> = (0..devices).filter_map(|number| people.transport(number)).collect();
            assert_eq!(linked.len(), links as usize);
            let quic = linked.iter().filter(|choice| **choice == TransportChoice::Quic).count();
            assert_eq!(quic, (links as usize).div_ceil(2));
        }
    }

    #[test]
    fn tags_are_shared_out() {
        let people = people(20_000, 0);
        let count =
            |name: &str| (0..20_000).filter(|number| people.tags(*number).iter().any(|tag| tag == name)).count();
        assert!((900..1_100).contains(&count("vip")), "{}", count("vip"));
        assert_eq!((count("everyone"), count("nobody")), (20_000, 0));
    }

    #[test]
    fn the_first_devices_have_users() {
        let users: Vec<_> = (0..5).map(|number| people(5, 0).user(number)).collect();
        assert_eq!(users, [Some("user-0".into()), Some("user-1".into()), Some("user-2".into()), None, None]);
    }
}
