//! Getting a message into its app's list, where every reader comes by.

use homing_domain::Upstream;
use homing_ports::{Clock as _, Error, Fault, Result};

use super::position::{LANDS_WITHIN, is_late};
use super::row::{self, Mark};
use crate::AwsStore;
use crate::expression::Expression;
use crate::item::Item;
use crate::one_item::Call;
use crate::transaction::{Refusal, Transacted, Write};

/// Writes of one message while others draw the same position, or while this process stands still for seconds each time. Two
/// of either in a row are rare.
const ATTEMPTS_MAX: u32 = 4;

/// Whether it was there.
pub(super) enum Stored {
    New,
    Before(Mark),
}

/// The entry moves to another position. Only while it is where it was: of several tries one takes effect.
pub(super) fn move_mark(from: u64, to: u64) -> Expression {
    Expression::update("SET #p = :to").when("#p = :from").value("from", from).value("to", to)
}

impl AwsStore {
    pub(super) async fn store_once(&self, call: Call, upstream: &Upstream, is_forwarding: bool) -> Result<Stored> {
        let mut drawn = Vec::new();
        for _ in 0..ATTEMPTS_MAX {
            let writes = |_| {
                // A position of its own for each try: the one that lands has drawn it just now.
                let position = self.shared.upstreams.positions.draw(self.now());
                drawn.push(position);
                let mark = Mark { app: upstream.app.clone(), position, is_forwarding };
                vec![
                    Write::Put(row::write_mark(upstream, mark, self.now()), Expression::absent()),
                    Write::Put(row::write_entry(upstream, position, self.now()), Expression::absent()),
                ]
            };
            let outcome = self.transact_in_time(call, LANDS_WITHIN, writes).await?;
            match (landed(call, outcome)?, drawn.last()) {
                (Landed::Now, Some(position)) => {
                    self.be_seen(call, upstream, *position).await?;
                    return Ok(Stored::New);
                }
                (Landed::Before(mark), _) if drawn.contains(&mark.position) => {
                    // A try of this very call, whose answer was lost.
                    self.be_seen(call, upstream, mark.position).await?;
                    return Ok(Stored::New);
                }
                (Landed::Before(mark), _) => return Ok(Stored::Before(mark)),
                (Landed::Now | Landed::Collided, _) => {}
            }
        }
        Err(Error::with_source(Fault::Retry, call.operation, "others drew the same position each time"))
    }

    /// A process that stood still between drawing a position and writing it may have written behind a reader's cursor. Then
    /// the entry moves to the end: a reader may see it twice, none misses it.
    async fn be_seen(&self, call: Call, upstream: &Upstream, mut position: u64) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            if !is_late(position, self.now()) {
                return Ok(());
            }
            let mut drawn = position;
            let writes = |_| {
                drawn = self.shared.upstreams.positions.draw(self.now());
                vec![
                    Write::Update(row::mark_key(&upstream.device, upstream.id), move_mark(position, drawn)),
                    Write::Delete(row::entry_key(&upstream.app, position), Expression::none()),
                    Write::Put(row::write_entry(upstream, drawn, self.now()), Expression::absent()),
                ]
            };
            let outcome = self.transact_in_time(call, LANDS_WITHIN, writes).await?;
            match landed(call, outcome)? {
                Landed::Now => position = drawn,
                // By a try whose answer was lost.
                Landed::Before(mark) => position = mark.position,
                Landed::Collided => {}
            }
        }
        Err(Error::with_source(Fault::Retry, call.operation, "it came late each time"))
    }
}

/// What a transaction came to that starts with the mark.
enum Landed {
    Now,
    /// The mark is there, or is another one.
    Before(Mark),
    /// Another message has the position.
    Collided,
}

fn landed(call: Call, outcome: Transacted) -> Result<Landed> {
    let Transacted::Refused(refusals) = outcome else { return Ok(Landed::Now) };
    match refusals.into_iter().next() {
        Some(Refusal::Condition(mark)) => {
            let missing = || Error::with_source(Fault::Retry, call.operation, "refused without the item");
            let mark: Item = mark.ok_or_else(missing)?;
            Ok(Landed::Before(call.read(row::read_mark(mark))?))
        }
        _ => Ok(Landed::Collided),
    }
}
