//! Connections: which vendors have been asked over each.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use homing_domain::Channel;

use crate::stage::Stage;

/// A connection. All requests that come over it share one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    /// One bit for each channel, in the order of [`Channel::ALL`].
    asked: Arc<AtomicU16>,
}

const _: () = assert!(Channel::ALL.len() <= u16::BITS as usize, "a bit for each channel");

impl Connection {
    /// Whether this vendor is asked over it for the first time.
    pub(crate) fn is_new_to(&self, stage: &Stage) -> bool {
        let at = Channel::ALL.into_iter().position(|channel| channel == stage.channel).unwrap_or_default();
        let bit = 1 << at;
        self.asked.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

/// A listener that tells connections apart instead of saying where they come from.
pub(crate) struct TellingApart<L>(pub(crate) L);

impl<L: Listener> Listener for TellingApart<L> {
    type Io = L::Io;
    type Addr = Connection;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        (self.0.accept().await.0, Connection::default())
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(Connection::default())
    }
}

impl<L: Listener> Connected<IncomingStream<'_, TellingApart<L>>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TellingApart<L>>) -> Self {
        stream.remote_addr().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::actor;

    #[test]
    fn a_connection_counts_once_at_each_vendor() {
        let stage = |channel| Stage::new(channel, actor(channel).unwrap(), 1);
        let (fcm, apns) = (stage(Channel::Fcm), stage(Channel::Apns));
        let connection = Connection::default();
        let same = connection.clone();
        assert!(connection.is_new_to(&fcm) && !same.is_new_to(&fcm));
        assert!(same.is_new_to(&apns) && !connection.is_new_to(&apns));
        assert!(Connection::default().is_new_to(&fcm), "another one");
    }
}
