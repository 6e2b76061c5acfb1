//! Retention: what is older than the promised history is deleted, a bounded page at a time.

use homing_domain::limits::HISTORY_KEPT_FOR;
use homing_domain::{AppId, AudienceId, BatchId, Granularity, MessageId, Period, UnixMillis, Upstream};
use homing_ports::{Messages, QueueName, Result};

use crate::EmbeddedStore;
use crate::error::{StoreError, StoreResult};
use crate::table::{Key, Table};
use crate::{audiences, ledger, messages, queues, statistics, upstreams};

/// Rows deleted in one commit: about 5 ms of the committer, between which pushes go on.
const PAGE_ROWS: usize = 1_000;
const OPERATION: &str = "sweep what is too old";

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Messages, upstream messages, dead letters and uploaded lists that are gone with all that belongs to them.
    pub items: u64,
    /// Rows deleted for them.
    pub rows: u64,
}

/// Something that has an age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Aged {
    /// What came for a message that is not there: deliveries and numbers. Messages themselves are found by their app's
    /// index, which saves a row for each.
    Message(MessageId),
    /// An upstream message at its position.
    Upstream(AppId, u64),
    /// A dead letter.
    DeadLetter(QueueName, u64),
    /// An uploaded list.
    Audience(AudienceId),
    /// Figures of an app.
    Period(AppId, Period),
    /// The memory that a batch was added to an app's figures.
    StatisticsBatch(AppId, BatchId),
}

const MESSAGE: u8 = 1;
const UPSTREAM: u8 = 2;
const DEAD_LETTER: u8 = 3;
const AUDIENCE: u8 = 4;
const PERIOD: u8 = 5;
const STATISTICS_BATCH: u8 = 6;

impl Aged {
    /// Where its age stands.
    pub(crate) fn key(&self, since: UnixMillis) -> Key {
        let key = Key::of(Table::Aging).time(since);
        match self {
            Self::Message(id) => key.byte(MESSAGE).message(id),
            Self::Upstream(app, position) => key.byte(UPSTREAM).app(app).number(*position),
            Self::DeadLetter(queue, id) => key.byte(DEAD_LETTER).queue(*queue).number(*id),
            Self::Audience(id) => key.byte(AUDIENCE).audience(id),
            Self::Period(app, period) => key.byte(PERIOD).app(app).granularity(period.granularity).time(period.start),
            Self::StatisticsBatch(app, batch) => key.byte(STATISTICS_BATCH).app(app).raw(batch.as_bytes()),
        }
    }

    fn from_key(key: &[u8]) -> StoreResult<Self> {
        // The table's byte and the time.
        const HEAD: usize = 9;
        let parsed = key.get(HEAD..).and_then(|tail| {
            let (kind, what) = tail.split_first()?;
            match *kind {
                MESSAGE => MessageId::from_slice(what).map(Self::Message),
                UPSTREAM => {
                    let (app, position) = what.split_last_chunk()?;
                    Some(Self::Upstream(app_in(app)?, u64::from_be_bytes(*position)))
                }
                PERIOD => {
                    let (rest, start) = what.split_last_chunk()?;
                    let (code, app) = rest.split_last()?;
                    let is = |of: &Granularity| Key::of(Table::Statistics).granularity(*of).bytes[1..] == [*code];
                    let granularity = Granularity::ALL.into_iter().find(is)?;
                    let start = UnixMillis(u64::from_be_bytes(*start));
                    Some(Self::Period(app_in(app)?, Period { granularity, start }))
                }
                STATISTICS_BATCH => {
                    let (app, batch) = what.split_last_chunk::<16>()?;
                    Some(Self::StatisticsBatch(app_in(app)?, BatchId::from_bytes(*batch)))
                }
                DEAD_LETTER => {
                    let (queue, id) = what.split_last_chunk()?;
                    let is = |name: &QueueName| Key::of(Table::DeadLetters).queue(*name).bytes[1..] == *queue;
                    let queue = QueueName::ALL.into_iter().find(is)?;
                    Some(Self::DeadLetter(queue, u64::from_be_bytes(*id)))
                }
                AUDIENCE => AudienceId::from_slice(what).map(Self::Audience),
                _ => None,
            }
        });
        parsed.ok_or(StoreError::Damaged { table: Table::Aging, what: "an unknown kind" })
    }
}

/// An app as a key holds it.
fn app_in(bytes: &[u8]) -> Option<AppId> {
    std::str::from_utf8(bytes.strip_suffix(&[0])?).ok()?.parse().ok()
}

impl EmbeddedStore {
    /// Deletes what is older than [`HISTORY_KEPT_FOR`], page by page until nothing is left of it. Meant to run every hour
    /// or so. Mailboxes, devices and apps do not age.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn sweep(&self, now: UnixMillis) -> Result<Swept> {
        let end = now.minus(HISTORY_KEPT_FOR);
        let mut swept = self.sweep_messages(end).await?;
        let prefix = Key::of(Table::Aging);
        let end = prefix.clone().time(end).bytes;
        // Every page starts where the last one ended: deleted rows leave traces in the engine that are slow to pass.
        let mut start = None;
        loop {
            let page = self.keys(prefix.clone(), start.take()).await?;
            let Some(last) = page.last() else {
                return Ok(swept);
            };
            start = Some(last.clone().next());
            for key in page {
                if key.bytes >= end {
                    return Ok(swept);
                }
                let aged = Aged::from_key(&key.bytes).map_err(|error| error.in_port(OPERATION))?;
                swept.rows += self.forget(aged).await?;
                swept.items += 1;
                self.delete_all(vec![key]).await?;
            }
        }
    }

    /// Deletes messages accepted and released before `end`, app by app. A scheduled one may be older than its release.
    async fn sweep_messages(&self, end: UnixMillis) -> Result<Swept> {
        let mut swept = Swept::default();
        let mut next_app = None;
        loop {
            let start = next_app.take();
            let first =
                self.read_pages(OPERATION, move |engine| engine.page(&messages::of_all_apps(), start, 1)).await?;
            let Some((key, _)) = first.first() else {
                return Ok(swept);
            };
            let of_app = messages::app_of(key).map_err(|error| error.in_port(OPERATION))?;
            // Later messages come first, so all from here to the app's end are too old.
            let mut start = Some(of_app.clone().time_descending(end).after_all());
            loop {
                let page = self.keys(of_app.clone(), start.take()).await?;
                let Some(last) = page.last() else { break };
                start = Some(last.clone().next());
                for key in page {
                    let id = messages::id_in(&key.bytes).map_err(|error| error.in_port(OPERATION))?;
                    if self.message(id).await?.is_some_and(|message| message.release_at.is_some_and(|at| at >= end)) {
                        continue;
                    }
                    swept.rows += self.forget(Aged::Message(id)).await? + self.delete_all(vec![key]).await?;
                    swept.items += 1;
                }
            }
            next_app = Some(of_app.after_all());
        }
    }

    /// Deletes all that belongs to something. Returns how many rows.
    async fn forget(&self, aged: Aged) -> Result<u64> {
        match aged {
            Aged::Message(id) => {
                let mut rows = 0;
                for prefix in [messages::shards_of(&id), ledger::deliveries_of(&id), ledger::counted_of(&id)] {
                    rows += self.delete_prefix(prefix).await?;
                }
                let mut keys = vec![ledger::tally_of(&id)];
                // The message row goes last: while it is there, nothing of it starts to age anew.
                if let Some(message) = self.message(id).await? {
                    keys.extend(messages::due(&message));
                    keys.push(messages::key(&id));
                }
                Ok(rows + self.delete_all(keys).await?)
            }
            Aged::Upstream(app, position) => {
                let key = upstreams::key(&app, position);
                let stored = self.engine().noun::<Upstream>(&key).map_err(|error| error.in_port(OPERATION))?;
                match stored {
                    Some(stored) => self.delete_all(vec![upstreams::seen(&stored), key]).await,
                    None => Ok(0),
                }
            }
            Aged::Period(app, period) => self.delete_all(vec![statistics::key(&app, period)]).await,
            Aged::StatisticsBatch(app, batch) => self.delete_all(vec![statistics::mark(&app, &batch)]).await,
            Aged::DeadLetter(queue, id) => self.delete_all(vec![queues::dead_letter_key(queue, id)]).await,
            Aged::Audience(id) => {
                // The row goes first: while it is there, members may be added.
                let row = self.forget_audience(OPERATION, id).await?;
                Ok(row + self.delete_prefix(audiences::members_of(&id)).await?)
            }
        }
    }

    async fn delete_prefix(&self, prefix: Key) -> Result<u64> {
        let mut rows = 0;
        let mut start = None;
        loop {
            let page = self.keys(prefix.clone(), start.take()).await?;
            let Some(last) = page.last() else {
                return Ok(rows);
            };
            start = Some(last.clone().next());
            rows += self.delete_all(page).await?;
        }
    }

    async fn keys(&self, prefix: Key, start: Option<Vec<u8>>) -> Result<Vec<Key>> {
        self.read_pages(OPERATION, move |engine| {
            let page = engine.page(&prefix, start, PAGE_ROWS)?;
            Ok(page.into_iter().map(|(key, _)| Key { table: prefix.table, bytes: key.into() }).collect())
        })
        .await
    }

    async fn delete_all(&self, keys: Vec<Key>) -> Result<u64> {
        let rows = keys.len() as u64;
        self.commit(OPERATION, move |view| {
            keys.into_iter().for_each(|key| view.delete(key));
            Ok(rows)
        })
        .await
    }
}
