//! Pages of everyone, or of everyone that an expression holds for.

use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{Audience, Cursor, Device, DeviceId, Lane, Message, Target};
use homing_ports::StageError;

use crate::enumerate::{Page, as_of};
use crate::exclude::Candidate;
use crate::{Fanout, Ports};

/// Reads of the directory for one page, when few of the devices read are meant: so many at most, to stay well within a job's
/// time.
const READS_PER_PAGE: usize = 8;

impl<P: Ports> Fanout<P> {
    /// Devices registered after the release began are not targeted, so that an enumeration ends. Nor are those that have the
    /// message from the feed.
    pub(crate) async fn page_of_app(
        &self,
        message: &Message,
        segment: u8,
        mut after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Page, StageError> {
        let as_of = as_of(message, self.ports.now());
        let is_meant = |device: &Device| match &message.audience {
            Audience::Expression(expression) => expression.holds_for(device, as_of),
            _ => true,
        };
        let is_for_pages =
            |device: &Device| device.created_at <= as_of && message.lane_of(device) == Lane::Pages && is_meant(device);
        let is_everyone = matches!(message.audience, Audience::All) && message.exclude.is_empty();
        let at_once = if is_everyone { limit } else { SHARD_MAX_DEVICES };
        let mut targets = Vec::new();
        for _ in 0..READS_PER_PAGE {
            let devices = self.ports.devices_of_app(&message.app, segment, after, at_once).await?;
            let last = devices.last().filter(|_| devices.len() >= at_once).map(|device| device.id);
            let candidate = |device: Device| Candidate { target: Target::plain(device.id, None), device: Some(device) };
            let meant = devices.into_iter().filter(is_for_pages).map(candidate);
            targets.extend(self.select(message, meant.collect()).await?);
            if targets.len() > limit {
                // The rest is read again with the next page.
                targets.truncate(limit);
                let last = targets.last().map(|target| Cursor::After(target.device));
                return Ok((targets, last));
            }
            after = last;
            // A page that is half full is full enough to be no waste.
            if after.is_none() || targets.len() * 2 > limit {
                break;
            }
        }
        Ok((targets, after.map(Cursor::After)))
    }
}
