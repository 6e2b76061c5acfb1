//! Before the Hello: nobody is known, and hardly any memory is spent.

use homing_domain::UnixMillis;
use homing_wire::{CloseCode, Decoder, Frame};

use super::claim::Claim;
use super::closing::Closing;
use super::joining::Joining;
use crate::Transport;
use crate::limits::HELLO_TIMEOUT;

/// A fresh connection.
#[derive(Debug)]
pub struct Greeting {
    transport: Transport,
    decoder: Decoder,
    deadline: UnixMillis,
}

impl Greeting {
    /// The transport has just been opened.
    #[must_use]
    pub fn new(now: UnixMillis, transport: Transport) -> Self {
        Self { transport, decoder: Decoder::new(), deadline: now.plus(HELLO_TIMEOUT) }
    }

    /// Takes bytes in. `Some` = the Hello is complete: check its proof, then call [`Self::identify`].
    ///
    /// # Errors
    /// The close that answers anything but one well-formed Hello.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Claim>, Closing> {
        self.decoder.feed(bytes);
        match self.decoder.next_frame()? {
            None => Ok(None),
            Some(Frame::Hello(hello)) => Claim::try_from(hello).map(Some),
            Some(_) => Err(Closing::new(CloseCode::Protocol)),
        }
    }

    /// When [`Self::timeout`] is to be called.
    #[must_use]
    pub const fn next_timeout(&self) -> UnixMillis {
        self.deadline
    }

    /// # Errors
    /// The close, when the Hello took too long.
    pub fn timeout(&self, now: UnixMillis) -> Result<(), Closing> {
        if now < self.deadline { Ok(()) } else { Err(Closing::new(CloseCode::Idle)) }
    }

    /// The claim's proof was right.
    #[must_use]
    pub fn identify(self, claim: Claim) -> Joining {
        Joining::new(self.transport, self.decoder, claim)
    }
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use homing_wire::{Hello, Ping, encode};

    use super::*;

    fn hello() -> Hello {
        Hello {
            device: Bytes::from_static(&[7; 16]),
            app: "demo".to_owned(),
            conn_seq: 1,
            auth: Bytes::from_static(&[1; 16]),
            ..Hello::default()
        }
    }

    fn bytes(frame: impl Into<Frame>) -> BytesMut {
        let mut buffer = BytesMut::new();
        encode(&frame.into(), &mut buffer);
        buffer
    }

    fn greeting() -> Greeting {
        Greeting::new(UnixMillis(0), Transport::Tcp)
    }

    #[test]
    fn a_hello_may_come_in_pieces() {
        let mut greeting = greeting();
        let bytes = bytes(hello());
        let (last, first) = bytes.split_last().unwrap();
        assert_eq!(greeting.receive(first), Ok(None));
        assert_eq!(greeting.receive(&[*last]).unwrap().unwrap().conn_seq, 1);
    }

    #[test]
    fn anything_else_closes_the_link() {
        let protocol = Err(Closing::new(CloseCode::Protocol));
        assert_eq!(greeting().receive(&bytes(Ping::default())), protocol);
        assert_eq!(greeting().receive(&[0x80, 0xff, 0xff, 0xff]), protocol);
        for broken in [
            Hello { device: Bytes::from_static(&[7; 15]), ..hello() },
            Hello { app: "No App".to_owned(), ..hello() },
            Hello { conn_seq: 0, ..hello() },
            Hello { conn_seq: u64::MAX, ..hello() },
            Hello { auth: Bytes::new(), ..hello() },
        ] {
            assert_eq!(greeting().receive(&bytes(broken.clone())), protocol, "{broken:?}");
        }
    }

    #[test]
    fn silence_times_out() {
        assert_eq!(greeting().timeout(UnixMillis(HELLO_TIMEOUT - 1)), Ok(()));
        assert_eq!(greeting().timeout(UnixMillis(HELLO_TIMEOUT)), Err(Closing::new(CloseCode::Idle)));
    }
}
