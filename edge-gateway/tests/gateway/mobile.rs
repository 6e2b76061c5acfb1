//! Devices that live through what happens to gateways: they show signs of life, move when they are asked to, and come back
//! when they are cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use homing_domain::{ConnSeq, DeviceId, Seq, UnixMillis};
use homing_link::Transport;
use homing_ports::Clock as _;
use homing_wire::{Frame, Ping, Push};
use tokio::sync::Notify;

use crate::raw::Raw;
use crate::world::World;

/// Between two heartbeats. Real ones are 25 s and more apart.
const HEARTBEAT: Duration = Duration::from_millis(1_000);
/// The first try after a link broke is within this, at random. In the field it is 30 s.
const COME_BACK_WITHIN: Duration = Duration::from_millis(1_500);

/// What all devices of a test tell.
#[derive(Default)]
pub(crate) struct Log {
    /// When each second link was welcomed.
    pub(crate) moved: std::sync::Mutex<Vec<UnixMillis>>,
    pub(crate) received: AtomicUsize,
    pub(crate) changed: Notify,
}

/// One device.
pub(crate) struct Mobile {
    device: DeviceId,
    transport: Transport,
    conn_seq: ConnSeq,
    /// What it has, in the order in which it came.
    pub(crate) messages: Vec<Vec<u8>>,
    last_seq: Seq,
}

impl Mobile {
    pub(crate) const fn new(device: DeviceId, transport: Transport) -> Self {
        Self { device, transport, conn_seq: 0, messages: Vec::new(), last_seq: 0 }
    }

    pub(crate) async fn connect(&mut self, world: &World) -> Raw {
        self.conn_seq += 1;
        Raw::resume(world, self.transport, self.device, self.conn_seq, self.last_seq).await.0
    }

    /// Lives on `link` until it is asked to move or cut off, then at `next` until `count` messages have come. Returns the
    /// link, for a QUIC connection that is dropped takes its last acknowledgement with it.
    pub(crate) async fn live(mut self, mut link: Raw, next: Arc<World>, log: Arc<Log>, count: usize) -> (Self, Raw) {
        let wait = self.until_asked(&mut link, &log).await;
        // The old link stays open meanwhile; what it still brings comes again on the new one.
        // sleep: the device picks its moment.
        tokio::time::sleep(wait).await;
        let mut new = self.connect(&next).await;
        drop(link);
        log.moved.lock().unwrap().push(next.ports.now());
        log.changed.notify_waiters();
        while self.messages.len() < count {
            self.beat(&mut new, &log).await;
        }
        (self, new)
    }

    /// How long to wait before moving.
    async fn until_asked(&mut self, link: &mut Raw, log: &Log) -> Duration {
        // Heartbeats of different devices come at different moments.
        // sleep: that is how they come to be so.
        tokio::time::sleep(HEARTBEAT.mul_f64(rand::random())).await;
        let mut beats = tokio::time::interval(HEARTBEAT);
        loop {
            let frame = tokio::select! {
                frame = link.next() => frame,
                _ = beats.tick() => {
                    link.send(Ping::default()).await;
                    continue;
                }
            };
            match frame {
                Some(Frame::Push(push)) => self.take(link, push, log).await,
                Some(Frame::Pong(pong)) => {
                    if let Some(go_away) = pong.go_away {
                        return Duration::from_millis(go_away.spread_ms.into()).mul_f64(rand::random());
                    }
                }
                Some(_) => {}
                None => return COME_BACK_WITHIN.mul_f64(rand::random()),
            }
        }
    }

    async fn beat(&mut self, link: &mut Raw, log: &Log) {
        match link.next().await {
            Some(Frame::Push(push)) => self.take(link, push, log).await,
            Some(_) => {}
            None => panic!("the new link broke"),
        }
    }

    async fn take(&mut self, link: &mut Raw, push: Push, log: &Log) {
        assert_eq!(push.seq, self.last_seq + 1, "in order, none missing, none twice");
        self.last_seq = push.seq;
        self.messages.push(push.message.to_vec());
        link.ack(push.seq).await;
        log.received.fetch_add(1, Ordering::Relaxed);
        log.changed.notify_waiters();
    }
}
