//! The token bucket that all who ask a vendor for an app share.

use homing_domain::{ChannelPolicy, Granted, Millis, Rate, Throttle, UnixMillis};
use homing_ports::{Clock, Replaced, Result, Throttles};

use super::lines::Line;

/// Tries to change a bucket that others change too; each lost one means that another took from it.
const TRIES_MAX: usize = 8;
/// Others take from the bucket again and again: look again after this.
const CONTENDED_WAIT: Millis = 100;

/// How fast a vendor is asked for an app.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket(Rate);

impl Bucket {
    /// What the policy says, or what the vendor gives anybody.
    pub(super) fn of(policy: &ChannelPolicy, usual: u32) -> Self {
        let per_second = policy.per_second.unwrap_or(usual).max(1);
        Self(Rate { per_second, burst: policy.burst.unwrap_or(per_second).max(1) })
    }

    /// Takes up to `wanted` requests. The wait is for what of `all` was not granted.
    pub(super) async fn take<P: Throttles + Clock>(
        &self,
        ports: &P,
        line: &Line,
        wanted: u32,
        all: u32,
    ) -> Result<Granted> {
        if wanted == 0 {
            return Ok(Granted { requests: 0, wait: 0 });
        }
        for _ in 0..TRIES_MAX {
            let mut throttle = ports.throttle(&line.app, line.channel).await?;
            let granted = throttle.take(wanted, self.0, ports.now());
            if granted.requests == 0 || store(ports, line, throttle).await? {
                return Ok(self.waiting_for_all(granted, all));
            }
        }
        Ok(Granted { requests: 0, wait: CONTENDED_WAIT })
    }

    /// The bucket says when there is one more; whoever needs a hundred more need not come back for each.
    fn waiting_for_all(&self, granted: Granted, all: u32) -> Granted {
        let missing = u64::from(all.saturating_sub(granted.requests));
        let all = missing * 1_000 / u64::from(self.0.per_second);
        Granted { wait: if missing > 0 { granted.wait.max(all) } else { 0 }, ..granted }
    }
}

impl Bucket {
    /// Gives requests back that were not made. Whatever fails here makes the others slower for a moment, and no more.
    pub(super) async fn give_back<P: Throttles>(&self, ports: &P, line: &Line, requests: u32) {
        for _ in 0..TRIES_MAX {
            let stored = match ports.throttle(&line.app, line.channel).await {
                Ok(mut throttle) => {
                    throttle.give_back(requests, self.0);
                    store(ports, line, throttle).await
                }
                Err(error) => Err(error),
            };
            match stored {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(app = %line.app, channel = %line.channel, %error, "a share of a rate was lost");
                    return;
                }
            }
        }
    }
}

/// Nobody asks until then. Whoever fails to say so is told again by the vendor.
pub(super) async fn pause<P: Throttles>(ports: &P, line: &Line, until: UnixMillis) {
    for _ in 0..TRIES_MAX {
        let stored = match ports.throttle(&line.app, line.channel).await {
            Ok(mut throttle) => {
                throttle.pause(until);
                store(ports, line, throttle).await
            }
            Err(error) => Err(error),
        };
        match stored {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(app = %line.app, channel = %line.channel, %error, "a vendor's pause was not kept");
                return;
            }
        }
    }
}

/// `false` = another change came first.
async fn store<P: Throttles>(ports: &P, line: &Line, mut throttle: Throttle) -> Result<bool> {
    throttle.revision += 1;
    Ok(ports.replace_throttle(&line.app, line.channel, throttle).await? == Replaced::Done)
}
