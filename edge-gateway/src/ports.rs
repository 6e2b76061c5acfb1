//! What the gateway needs of the rest.

use homing_ports::{
    Apps, Clock, Devices, Events, Feeds, Gateways, Mailboxes, Messages, NoticeSource, Notices, Queues, Settings,
    Upstreams,
};

/// All ports of a gateway. Whatever has them is one.
pub trait GatewayPorts:
    Apps
    + Clock
    + Devices
    + Events
    + Feeds
    + Gateways
    + Mailboxes
    + Messages
    + NoticeSource
    + Notices
    + Queues
    + Settings
    + Upstreams
    + Send
    + Sync
    + 'static
{
}

impl<P> GatewayPorts for P where
    P: Apps
        + Clock
        + Devices
        + Events
        + Feeds
        + Gateways
        + Mailboxes
        + Messages
        + NoticeSource
        + Notices
        + Queues
        + Settings
        + Upstreams
        + Send
        + Sync
        + 'static
{
}
