//! What a feed has for one device.

use std::sync::Arc;

use futures_util::future::try_join_all;
use homing_domain::{Device, DeviceId, FeedOffset, Message, PushBody, UnixMillis};
use homing_link::server::FeedPage;
use homing_ports::{Devices, Messages, Result};

use super::app_feed::AppFeed;
use super::messages::FeedMessages;
use crate::bodies::Bodies;

/// Messages that one device's answer reads at the same time, when nobody read them before.
const READS_AT_ONCE: usize = 16;

/// Who asks, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Which device.
    pub(crate) device: DeviceId,
    /// How far it has come.
    pub(crate) after: FeedOffset,
    /// At most so many pushes.
    pub(crate) limit: usize,
    /// The present.
    pub(crate) now: UnixMillis,
}

/// Where messages come from.
#[derive(Debug)]
pub(crate) struct Sources<'g, P> {
    pub(crate) ports: &'g P,
    pub(crate) messages: &'g FeedMessages,
    pub(crate) bodies: &'g Bodies,
}

/// What is meant for the device of what comes after its offset. Its row is read after the look at the feed, so that whoever
/// changed it before a release is judged as changed.
pub(crate) async fn page_for<P: Devices + Messages>(
    sources: &Sources<'_, P>,
    feed: &AppFeed,
    asked: Asked,
) -> Result<FeedPage> {
    let mut pushes = Vec::new();
    let mut look = feed.look(asked.after, asked.now);
    if look.candidates.is_empty() {
        return Ok(FeedPage { through: look.head, pushes });
    }
    let Some(device) = sources.ports.device(&asked.device).await? else {
        // Deregistered: its mailbox ends the link.
        return Ok(FeedPage { through: look.head, pushes });
    };
    loop {
        for some in look.candidates.chunks(READS_AT_ONCE) {
            let reads = some.iter().map(|(_, message)| sources.messages.message(sources.ports, *message));
            for ((offset, _), message) in some.iter().zip(try_join_all(reads).await?) {
                let Some(message) = message else {
                    continue;
                };
                if let Some(body) = sources.body_for(&message, &device).await? {
                    pushes.push((*offset, body));
                }
                if pushes.len() >= asked.limit {
                    return Ok(FeedPage { through: *offset, pushes });
                }
            }
        }
        if look.through == look.head {
            return Ok(FeedPage { through: look.head, pushes });
        }
        look = feed.look(look.through, asked.now);
    }
}

impl<P: Messages> Sources<'_, P> {
    /// What the device gets of a message; `None` = nothing. What takes a message back is for the devices that the message is
    /// for.
    async fn body_for(&self, message: &Message, device: &Device) -> Result<Option<Arc<PushBody>>> {
        let variant = match message.recalls {
            None => message.rendering_in_feed(device),
            Some(recalled) => {
                let recalled = self.messages.message(self.ports, recalled).await?;
                recalled.is_some_and(|recalled| recalled.means_in_feed(device)).then_some(0)
            }
        };
        Ok(variant.map(|variant| self.bodies.of(message, variant)))
    }
}
