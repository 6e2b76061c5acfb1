//! The gateway's machine over a mailbox that answers at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use homing_domain::mailbox::{Body, Enqueue, Enqueued, Mailbox};
use homing_domain::{
    DeviceId, GatewayRef, HandOffTarget, HeartbeatSettings, MessageId, Priority, PushBody, ServerId, UnixMillis,
};
use homing_link::Transport;
use homing_link::server::{Effect, FeedPage, Greeting, Live};
use homing_wire::{Frame, encode};

use crate::network::Pipe;

pub(crate) const DEVICE: DeviceId = DeviceId::from_bytes([7; 16]);
const GATEWAY: GatewayRef = GatewayRef { server_id: ServerId([1; 8]), incarnation: 1 };

pub(crate) struct Gateway {
    pub(crate) settings: HeartbeatSettings,
    mailbox: Mailbox,
    state: State,
    messages: u64,
    /// Probes that it sent.
    pub(crate) probes: u64,
}

enum State {
    Alone,
    Greeting(Box<Greeting>),
    Live(Box<Live>),
}

impl Gateway {
    pub(crate) fn new(settings: HeartbeatSettings) -> Self {
        let mailbox = Mailbox::new("demo".parse().expect("an app"), 1, 1, None);
        Self { settings, mailbox, state: State::Alone, messages: 0, probes: 0 }
    }

    pub(crate) fn accept(&mut self, now: UnixMillis, transport: Transport) {
        self.state = State::Greeting(Box::new(Greeting::new(now, transport)));
    }

    pub(crate) fn next_timeout(&self) -> UnixMillis {
        match &self.state {
            State::Live(live) => live.next_timeout(),
            State::Alone | State::Greeting(_) => UnixMillis::NEVER,
        }
    }

    pub(crate) fn timeout(&mut self, now: UnixMillis, pipe: &mut Pipe) {
        if let State::Live(live) = &mut self.state
            && live.next_timeout() <= now
        {
            live.timeout(now);
            self.perform(now, pipe);
        }
    }

    pub(crate) fn receive(&mut self, now: UnixMillis, port: u16, bytes: &[u8], pipe: &mut Pipe) {
        match std::mem::replace(&mut self.state, State::Alone) {
            State::Alone => {}
            State::Greeting(mut greeting) => {
                let claim = greeting.receive(bytes).expect("a Hello").expect("all of it");
                let joining = greeting.identify(claim);
                let taken_over = self.mailbox.take_over(joining.takeover(GATEWAY, now)).expect("it is the newest");
                let live = joining.welcome(now, taken_over, &self.settings).expect("it fits");
                self.state = State::Live(Box::new(live));
            }
            State::Live(mut live) => {
                live.observed(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), port)));
                live.receive(now, bytes);
                self.state = State::Live(live);
            }
        }
        self.perform(now, pipe);
    }

    /// New settings, told at once.
    pub(crate) fn configure(&mut self, now: UnixMillis, settings: HeartbeatSettings, pipe: Option<&mut Pipe>) {
        self.settings = settings;
        if let (State::Live(live), Some(pipe)) = (&mut self.state, pipe) {
            live.heartbeat_changed(&settings);
            self.perform(now, pipe);
        }
    }

    /// A message for the device.
    pub(crate) fn push(&mut self, now: UnixMillis, pipe: Option<&mut Pipe>) {
        self.messages += 1;
        let body = PushBody {
            message: MessageId::from_bytes(u128::from(self.messages).to_be_bytes()),
            accepted_at: now,
            expires_at: UnixMillis::NEVER,
            priority: Priority::Normal,
            collapse_key: None,
            payload: Bytes::from_static(b"{}"),
            recalls: None,
        };
        let enqueued = self.mailbox.enqueue(Enqueue {
            app: self.mailbox.app.clone(),
            message: body.message,
            user: None,
            now,
            accepted_at: now,
            expires_at: body.expires_at,
            priority: body.priority,
            collapse_key: None,
            body: Body::Inline(body.payload.clone()),
            variant: 0,
        });
        let Enqueued::Stored { seq, .. } = enqueued else { panic!("{enqueued:?}") };
        if let (State::Live(live), Some(pipe)) = (&mut self.state, pipe) {
            let conn_seq = live.conn_seq();
            live.hand_off(now, &Arc::new(body), HandOffTarget { device: DEVICE, conn_seq, seq, enqueued_at: now });
            self.perform(now, pipe);
        }
    }

    fn perform(&mut self, now: UnixMillis, pipe: &mut Pipe) {
        let State::Live(live) = &mut self.state else { return };
        let mut is_over = false;
        while let Some(effect) = live.poll() {
            match effect {
                Effect::Transmit(frame) => {
                    self.probes += u64::from(matches!(frame, Frame::Probe(_)));
                    let mut bytes = BytesMut::new();
                    encode(&frame, &mut bytes);
                    pipe.send_down(now, bytes.to_vec());
                }
                Effect::Record { ticket, .. } => live.recorded(now, ticket),
                Effect::Trim { expected_lo, through } => {
                    let answer = self.mailbox.trim(live.conn_seq(), expected_lo, through);
                    live.trimmed(now, answer.map_err(Into::into));
                }
                Effect::ReadMailbox => live.mailbox(now, Ok(Some(self.mailbox.clone()))),
                Effect::ReadFeed { after, .. } => live.feed(now, Ok(FeedPage { through: after, pushes: vec![] })),
                Effect::Close(_) | Effect::Ended => is_over = true,
                other => panic!("not expected here: {other:?}"),
            }
        }
        if is_over {
            self.state = State::Alone;
        }
    }
}
