//! What the app reads.

use std::fmt;

use tokio::sync::mpsc;

use crate::agent::Command;
use crate::state::{Event, Item};

/// Events that wait for the app. When it is full the device reads no more from its link, and the platform keeps the rest.
pub(crate) const INBOX_MAX: usize = 64;

/// The events of one device, in order.
pub struct Inbox {
    items: mpsc::Receiver<Item>,
    agent: mpsc::Sender<Command>,
}

impl Inbox {
    pub(crate) const fn new(items: mpsc::Receiver<Item>, agent: mpsc::Sender<Command>) -> Self {
        Self { items, agent }
    }

    /// The next event; `None` = the device was closed, or will never connect again. Can be cancelled without loss.
    pub async fn next(&mut self) -> Option<Delivery> {
        let item = self.items.recv().await?;
        Some(Delivery { item, agent: self.agent.clone() })
    }

    /// Calls `handler` with each event, one after the other, and counts an event as done when it returns.
    pub async fn run(&mut self, mut handler: impl AsyncFnMut(&Event)) {
        while let Some(delivery) = self.next().await {
            handler(delivery.event()).await;
            delivery.done().await;
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

/// An event in the app's hands. Dropped without [`Delivery::done`] it comes again at the next start.
pub struct Delivery {
    item: Item,
    agent: mpsc::Sender<Command>,
}

impl Delivery {
    /// What happened.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.item.event
    }

    /// The app is done with it: it will not come again.
    pub async fn done(self) {
        // A closed device forgets nothing: the event comes again.
        let _ = self.agent.send(Command::Finished(self.item.number)).await;
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item.fmt(f)
    }
}
