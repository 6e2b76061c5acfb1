//! Delivery rows and the numbers of messages.

use bytes::Bytes;
use homing_domain::{
    BatchId, Breakdown, Channel, Counter, Delivery, DeviceId, DeviceSnapshot, Fact, MessageId, Platform, Reason,
    Recorded, ReplacedEnd, Stage, Step, Tally, UnixMillis, VersionLabel,
};

use super::code::Code;
use super::{Stored, Wrong, app_id, id_bytes, optional_time};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeliveryRow {
    #[prost(bytes = "bytes", tag = "1")]
    message: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    device: Bytes,
    #[prost(uint32, tag = "3")]
    channel: u32,
    #[prost(uint32, tag = "4")]
    stage: u32,
    #[prost(uint32, optional, tag = "5")]
    reason: Option<u32>,
    #[prost(uint64, optional, tag = "6")]
    enqueued_at: Option<u64>,
    #[prost(uint64, optional, tag = "7")]
    sent_at: Option<u64>,
    #[prost(message, optional, tag = "8")]
    ended: Option<RecordedRow>,
    #[prost(message, optional, tag = "9")]
    replaced: Option<EndRow>,
    #[prost(message, optional, tag = "10")]
    displayed: Option<RecordedRow>,
    #[prost(message, optional, tag = "11")]
    opened: Option<RecordedRow>,
    #[prost(message, optional, tag = "12")]
    dismissed: Option<RecordedRow>,
    #[prost(uint64, optional, tag = "13")]
    claimed_at: Option<u64>,
    #[prost(message, optional, tag = "14")]
    sent: Option<RecordedRow>,
    #[prost(message, optional, tag = "15")]
    about: Option<SnapshotRow>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SnapshotRow {
    #[prost(string, tag = "1")]
    app: String,
    #[prost(string, optional, tag = "2")]
    user: Option<String>,
    #[prost(uint32, tag = "3")]
    platform: u32,
    #[prost(string, tag = "4")]
    version: String,
    #[prost(uint64, tag = "5")]
    since: u64,
}

/// The names of an app's versions.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AppVersionsRow {
    #[prost(string, repeated, tag = "1")]
    pub(crate) versions: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RecordedRow {
    #[prost(uint64, tag = "1")]
    at: u64,
    #[prost(bytes = "bytes", tag = "2")]
    by: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EndRow {
    #[prost(uint32, tag = "1")]
    channel: u32,
    #[prost(uint32, tag = "2")]
    stage: u32,
    #[prost(bytes = "bytes", tag = "3")]
    by: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TallyRow {
    #[prost(message, repeated, tag = "1")]
    counters: Vec<CounterRow>,
}

/// With a step: of a breakdown; with a stage: ended; with a fact: a fact; with none: targeted, or what the flags say.
#[derive(Clone, PartialEq, prost::Message)]
struct CounterRow {
    #[prost(uint32, tag = "1")]
    channel: u32,
    #[prost(uint32, tag = "2")]
    stage: u32,
    #[prost(uint32, tag = "3")]
    fact: u32,
    #[prost(sint64, tag = "4")]
    number: i64,
    #[prost(bool, tag = "5")]
    is_enumerated: bool,
    #[prost(bool, tag = "6")]
    is_accepted: bool,
    #[prost(bool, tag = "7")]
    is_sent: bool,
    #[prost(uint32, tag = "8")]
    step: u32,
    /// Of the breakdown; else the version is.
    #[prost(uint32, tag = "9")]
    platform: u32,
    #[prost(string, tag = "10")]
    version: String,
}

impl Stored for Delivery {
    type Row = DeliveryRow;

    fn to_row(&self) -> DeliveryRow {
        DeliveryRow {
            message: id_bytes(self.message.as_bytes()),
            device: id_bytes(self.device.as_bytes()),
            channel: self.channel.code(),
            stage: self.stage.code(),
            reason: self.reason.map(Code::code),
            enqueued_at: optional_time(self.enqueued_at),
            sent_at: optional_time(self.sent_at),
            ended: self.ended.as_ref().map(recorded_row),
            replaced: self.replaced.map(|end| EndRow {
                channel: end.channel.code(),
                stage: end.stage.code(),
                by: id_bytes(end.by.as_bytes()),
            }),
            displayed: self.displayed.as_ref().map(recorded_row),
            opened: self.opened.as_ref().map(recorded_row),
            dismissed: self.dismissed.as_ref().map(recorded_row),
            claimed_at: optional_time(self.claimed_at),
            sent: self.sent.as_ref().map(recorded_row),
            about: self.about.as_ref().map(snapshot_row),
        }
    }

    fn from_row(row: DeliveryRow) -> Result<Self, Wrong> {
        Ok(Self {
            message: MessageId::from_slice(&row.message).ok_or("message")?,
            device: DeviceId::from_slice(&row.device).ok_or("device")?,
            channel: Channel::from_code(row.channel)?,
            stage: Stage::from_code(row.stage)?,
            reason: row.reason.map(Reason::from_code).transpose()?,
            enqueued_at: row.enqueued_at.map(UnixMillis),
            sent_at: row.sent_at.map(UnixMillis),
            ended: recorded(row.ended)?,
            replaced: row.replaced.map(replaced).transpose()?,
            displayed: recorded(row.displayed)?,
            opened: recorded(row.opened)?,
            dismissed: recorded(row.dismissed)?,
            claimed_at: row.claimed_at.map(UnixMillis),
            sent: recorded(row.sent)?,
            about: row.about.map(snapshot).transpose()?,
        })
    }
}

fn snapshot_row(about: &DeviceSnapshot) -> SnapshotRow {
    SnapshotRow {
        app: about.app.as_str().to_owned(),
        user: about.user.as_ref().map(|user| user.as_str().to_owned()),
        platform: about.platform.code(),
        version: about.version.as_str().to_owned(),
        since: about.since.0,
    }
}

fn snapshot(row: SnapshotRow) -> Result<DeviceSnapshot, Wrong> {
    Ok(DeviceSnapshot {
        app: app_id(&row.app)?,
        user: row.user.map(|user| user.parse().map_err(|_| "user")).transpose()?,
        platform: Platform::from_code(row.platform)?,
        version: VersionLabel::new(&row.version),
        since: UnixMillis(row.since),
    })
}

fn recorded_row(recorded: &Recorded) -> RecordedRow {
    RecordedRow { at: recorded.at.0, by: id_bytes(recorded.by.as_bytes()) }
}

fn recorded(row: Option<RecordedRow>) -> Result<Option<Recorded>, Wrong> {
    let read = |row: RecordedRow| {
        let by = BatchId::from_slice(&row.by).ok_or("batch")?;
        Ok(Recorded { at: UnixMillis(row.at), by })
    };
    row.map(read).transpose()
}

fn replaced(row: EndRow) -> Result<ReplacedEnd, Wrong> {
    Ok(ReplacedEnd {
        channel: Channel::from_code(row.channel)?,
        stage: Stage::from_code(row.stage)?,
        by: BatchId::from_slice(&row.by).ok_or("batch")?,
    })
}

impl Stored for Tally {
    type Row = TallyRow;

    fn to_row(&self) -> TallyRow {
        let counter = |(counter, number)| match counter {
            Counter::Targeted => CounterRow { number, ..CounterRow::default() },
            Counter::Enumerated => CounterRow { number, is_enumerated: true, ..CounterRow::default() },
            Counter::Ended(channel, stage) => {
                CounterRow { channel: Code::code(channel), stage: Code::code(stage), number, ..CounterRow::default() }
            }
            Counter::Fact(channel, fact) => {
                CounterRow { channel: Code::code(channel), fact: Code::code(fact), number, ..CounterRow::default() }
            }
            Counter::Accepted => CounterRow { number, is_accepted: true, ..CounterRow::default() },
            Counter::Sent(channel) => {
                CounterRow { channel: Code::code(channel), number, is_sent: true, ..CounterRow::default() }
            }
            Counter::Of(Breakdown::Platform(platform), step) => {
                CounterRow { platform: Code::code(platform), step: Code::code(step), number, ..CounterRow::default() }
            }
            Counter::Of(Breakdown::Version(version), step) => {
                let version = version.as_str().to_owned();
                CounterRow { version, step: Code::code(step), number, ..CounterRow::default() }
            }
        };
        TallyRow { counters: self.iter().map(counter).collect() }
    }

    fn from_row(row: TallyRow) -> Result<Self, Wrong> {
        let mut tally = Self::default();
        for row in row.counters {
            tally.add(counter(&row)?, row.number);
        }
        Ok(tally)
    }
}

fn counter(row: &CounterRow) -> Result<Counter, Wrong> {
    if row.step != 0 {
        let breakdown = match row.platform {
            0 => Breakdown::Version(VersionLabel::new(&row.version)),
            platform => Breakdown::Platform(Platform::from_code(platform)?),
        };
        return Ok(Counter::Of(breakdown, Step::from_code(row.step)?));
    }
    Ok(match (row.stage, row.fact) {
        (0, 0) if row.is_enumerated => Counter::Enumerated,
        (0, 0) if row.is_accepted => Counter::Accepted,
        (0, 0) if row.is_sent => Counter::Sent(Channel::from_code(row.channel)?),
        (0, 0) => Counter::Targeted,
        (stage, 0) => Counter::Ended(Channel::from_code(row.channel)?, Stage::from_code(stage)?),
        (_, fact) => Counter::Fact(Channel::from_code(row.channel)?, Fact::from_code(fact)?),
    })
}
