//! The driver's clock: wall time at the start, moved on by the monotonic clock, so that it never jumps.

use std::time::Duration;

use homing_domain::UnixMillis;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    wall: UnixMillis,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the SDK drives the machines: here the time comes from")]
    pub(crate) fn start() -> Self {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), wall: UnixMillis(millis(wall)) }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.wall.plus(millis(self.start.elapsed()))
    }

    /// Waits until then; for ever at [`UnixMillis::NEVER`].
    pub(crate) async fn sleep_until(&self, at: UnixMillis) {
        if at == UnixMillis::NEVER {
            return std::future::pending().await;
        }
        tokio::time::sleep_until(self.start + Duration::from_millis(at.since(self.wall))).await;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
