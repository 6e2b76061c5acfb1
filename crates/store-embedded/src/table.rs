//! The layout on disk: which table lives in which keyspace of the engine, and under which first byte.
//!
//! Tables that are written and die together share a keyspace, because each keyspace costs a memtable and files of its
//! own. A table's first byte never changes and is never given out again.

use homing_domain::{
    AppId, AudienceId, Channel, DeviceId, Granularity, MemberKey, MessageId, ShardId, UnixMillis, UserId,
};
use homing_ports::QueueName;

/// A keyspace of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// Small things: format, settings, apps, what apps have set for vendors' channels.
    Meta,
    /// Devices and their indexes.
    Directory,
    /// One item per device, rewritten with every push.
    Mailboxes,
    /// Messages, their indexes, the pages of their audiences, the feeds of apps, and what ages out when.
    Messages,
    /// Delivery rows, numbers, and what was counted already.
    Ledger,
    /// Queue items and dead letters.
    Queues,
    /// Messages from devices.
    Upstreams,
    /// Uploaded lists: each a million rows that come and go together.
    Audiences,
}

impl Space {
    /// Every keyspace, in the order of its discriminant.
    pub(crate) const ALL: [Self; 8] = [
        Self::Meta,
        Self::Directory,
        Self::Mailboxes,
        Self::Messages,
        Self::Ledger,
        Self::Queues,
        Self::Upstreams,
        Self::Audiences,
    ];

    /// Its name in the engine; never changes.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Directory => "directory",
            Self::Mailboxes => "mailboxes",
            Self::Messages => "messages",
            Self::Ledger => "ledger",
            Self::Queues => "queues",
            Self::Upstreams => "upstreams",
            Self::Audiences => "audiences",
        }
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $space:ident $byte:literal;)*) => {
        /// A table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Table {
            $($(#[$doc])* $name,)*
        }

        impl Table {
            /// The keyspace that it lives in.
            pub(crate) const fn space(self) -> Space {
                match self {
                    $(Self::$name => Space::$space,)*
                }
            }

            /// The first byte of its keys.
            const fn byte(self) -> u8 {
                match self {
                    $(Self::$name => $byte,)*
                }
            }

            /// Its name in errors.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

tables! {
    /// () → version of this layout.
    Format = Meta 1;
    /// () → settings of the installation.
    Settings = Meta 2;
    /// app → app.
    Apps = Meta 3;
    /// app, channel's name → what is set for it.
    ChannelConfigs = Meta 4;
    /// device → device.
    Devices = Directory 1;
    /// app, device → (). A segment is a contiguous range of it, for it is the device id's top bits.
    DevicesByApp = Directory 2;
    /// app, user, time of change descending, device → ().
    DevicesByUser = Directory 3;
    /// app, channel's name, token at the vendor → who has it.
    VendorTokens = Directory 4;
    /// device → mailbox.
    Mailboxes = Mailboxes 1;
    /// message → message.
    Messages = Messages 1;
    /// app, time of acceptance descending, message descending → ().
    MessagesByApp = Messages 2;
    /// time of acceptance, message → (); only while the message was `accepted`. Of format 1, empty since.
    MessagesAccepted = Messages 3;
    /// message, shard → shard.
    Shards = Messages 4;
    /// time, kind, what → (): what is deleted when its time is over.
    Aging = Messages 5;
    /// time, message → (): when somebody must look at it again.
    MessagesDue = Messages 6;
    /// app, offset → entry of its feed.
    Feeds = Messages 7;
    /// message, device → delivery.
    Deliveries = Ledger 1;
    /// message → numbers.
    Tallies = Ledger 2;
    /// message, kind, batch or shard → (): counted already.
    Counted = Ledger 3;
    /// app → names of the versions that its figures know.
    AppVersions = Ledger 4;
    /// app, granularity, start → numbers.
    Statistics = Ledger 5;
    /// app, batch → (): added already.
    StatisticsCounted = Ledger 6;
    /// queue, id → item.
    QueueItems = Queues 1;
    /// queue, id → dead letter.
    DeadLetters = Queues 2;
    /// app, position → upstream message.
    Upstreams = Upstreams 1;
    /// device, its own number of it → (): stored already.
    UpstreamsSeen = Upstreams 2;
    /// app → last position given out.
    UpstreamPositions = Upstreams 3;
    /// audience → uploaded list.
    Audiences = Audiences 1;
    /// app, audience → ().
    AudiencesByApp = Audiences 2;
    /// audience, member → its user. A segment is a contiguous range of it, for it is the member key's top bits.
    AudienceMembers = Audiences 3;
}

/// A key with its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Where it belongs.
    pub(crate) table: Table,
    /// The table's byte and the parts.
    pub(crate) bytes: Vec<u8>,
}

/// Ends a text inside a key: no app id holds it, no channel's name, and no user id (control characters are refused).
const END: u8 = 0;

impl Key {
    /// The key of a table's only row, or the prefix of all of its rows.
    pub(crate) fn of(table: Table) -> Self {
        let mut bytes = Vec::with_capacity(48);
        bytes.push(table.byte());
        Self { table, bytes }
    }

    /// Adds bytes of a fixed length.
    pub(crate) fn raw(mut self, part: &[u8]) -> Self {
        self.bytes.extend_from_slice(part);
        self
    }

    /// Adds one byte.
    pub(crate) fn byte(mut self, part: u8) -> Self {
        self.bytes.push(part);
        self
    }

    /// Adds a number that sorts as a number.
    pub(crate) fn number(self, part: u64) -> Self {
        self.raw(&part.to_be_bytes())
    }

    /// Adds a point in time, earlier first.
    pub(crate) fn time(self, part: UnixMillis) -> Self {
        self.number(part.0)
    }

    /// Adds a point in time, later first.
    pub(crate) fn time_descending(self, part: UnixMillis) -> Self {
        self.number(!part.0)
    }

    /// Adds an app.
    pub(crate) fn app(self, part: &AppId) -> Self {
        self.raw(part.as_str().as_bytes()).byte(END)
    }

    /// Adds a user.
    pub(crate) fn user(self, part: &UserId) -> Self {
        self.raw(part.as_str().as_bytes()).byte(END)
    }

    /// Adds a channel, so that channels sort by their names.
    pub(crate) fn channel(self, part: Channel) -> Self {
        self.raw(part.name().as_bytes()).byte(END)
    }

    /// Adds a message.
    pub(crate) fn message(self, part: &MessageId) -> Self {
        self.raw(part.as_bytes())
    }

    /// Adds a message, so that later ids come first.
    pub(crate) fn message_descending(self, part: &MessageId) -> Self {
        self.raw(&part.as_bytes().map(|byte| !byte))
    }

    /// Adds a device.
    pub(crate) fn device(self, part: &DeviceId) -> Self {
        self.raw(part.as_bytes())
    }

    /// Adds a shard.
    pub(crate) fn shard(self, part: &ShardId) -> Self {
        self.raw(part.as_bytes())
    }

    /// Adds an uploaded list.
    pub(crate) fn audience(self, part: &AudienceId) -> Self {
        self.raw(part.as_bytes())
    }

    /// Adds a member of an uploaded list.
    pub(crate) fn member(self, part: MemberKey) -> Self {
        self.raw(&part.0)
    }

    /// Adds a granularity.
    pub(crate) fn granularity(self, part: Granularity) -> Self {
        self.byte(match part {
            Granularity::Minute => 1,
            Granularity::Hour => 2,
            Granularity::Day => 3,
        })
    }

    /// Adds a queue.
    pub(crate) fn queue(self, part: QueueName) -> Self {
        self.byte(match part {
            QueueName::Audience => 1,
            QueueName::Dispatch => 2,
            QueueName::Receipts => 3,
            QueueName::Close => 4,
            QueueName::Intake => 5,
            QueueName::Due => 6,
            QueueName::Apns => 7,
            QueueName::Fcm => 8,
            QueueName::Huawei => 9,
            QueueName::Honor => 10,
            QueueName::Xiaomi => 11,
            QueueName::Oppo => 12,
            QueueName::Vivo => 13,
            QueueName::Meizu => 14,
            QueueName::WebPush => 15,
        })
    }

    /// The first key after all that start with this one.
    pub(crate) fn after_all(&self) -> Vec<u8> {
        let mut end = self.bytes.clone();
        while end.last() == Some(&u8::MAX) {
            end.pop();
        }
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        end
    }

    /// The first key after this very one.
    pub(crate) fn next(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tables_share_a_place() {
        for (at, one) in Table::ALL.iter().enumerate() {
            for other in &Table::ALL[at + 1..] {
                assert!(one.space() != other.space() || one.byte() != other.byte(), "{} {}", one.name(), other.name());
            }
        }
    }

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        let key = Key::of(Table::Apps).raw(&[7, 255, 255]);
        assert_eq!(key.after_all(), [3, 8]);
        assert!(key.bytes < key.after_all());
    }

    #[test]
    fn an_app_is_no_prefix_of_another() {
        let short = Key::of(Table::DevicesByApp).app(&"a".parse().unwrap());
        let long = Key::of(Table::DevicesByApp).app(&"a-b".parse().unwrap());
        assert!(!long.bytes.starts_with(&short.bytes));
    }
}
