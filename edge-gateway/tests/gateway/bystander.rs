//! A well-behaved device beside hostile ones: its messages come all, in order, and in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use homing_link::Transport;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::raw::Raw;
use crate::world::World;

/// Far above what it takes, far below what a gateway that serves one after the other would make of it.
const P99_MAX: Duration = Duration::from_secs(2);
/// Between two messages.
const PACE: Duration = Duration::from_millis(5);

/// Messages flow to it until [`Bystander::check`].
pub(crate) struct Bystander {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Duration>>,
}

impl Bystander {
    pub(crate) async fn start(world: &Arc<World>, n: u32, transport: Transport) -> Self {
        let device = world.register(n);
        let mut link = Raw::join(world, transport, device, 1).await;
        let (stop, mut stopped) = oneshot::channel();
        let world = Arc::clone(world);
        let task = tokio::spawn(async move {
            let mut latencies = Vec::new();
            let mut pace = tokio::time::interval(PACE);
            while stopped.try_recv().is_err() {
                pace.tick().await;
                #[expect(clippy::disallowed_methods, reason = "a latency is measured by the clock")]
                let began = Instant::now();
                let message = world.push(device, "steady");
                let push = link.push().await;
                latencies.push(began.elapsed());
                let expected = u64::try_from(latencies.len()).unwrap();
                assert_eq!((push.seq, &push.message[..]), (expected, &message.as_bytes()[..]));
                link.ack(push.seq).await;
                // Dispatch would wait when a mailbox is full; so does this.
                let has_room =
                    |ports: &crate::world::Ports| (ports.mailbox_of(device).entries.len() < 60).then_some(());
                world.ports.until("room in the mailbox", has_room).await;
            }
            latencies
        });
        Self { stop, task }
    }

    /// Prints the figure and checks the bound.
    pub(crate) async fn check(self, beside: &str) {
        // It has stopped already if one of its own checks failed, which its join shows.
        self.stop.send(()).ok();
        let mut latencies = self.task.await.unwrap();
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        println!("beside {beside}: {} messages, p50 {:?}, p99 {:?}", latencies.len(), at(50), at(99));
        assert!(at(99) < P99_MAX, "p99 {:?} beside {beside}", at(99));
    }
}
