//! What an app has set for one vendor's channel.

use bytes::Bytes;

use crate::id::AppId;
use crate::receipt::Channel;
use crate::time::{Millis, UnixMillis};

/// How a vendor is asked. It may change at any time, and holds for every try from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPolicy {
    /// Tries until a message is given up for a device.
    pub attempts_max: u32,
    /// Wait before the second try; each further one doubles it.
    pub base: Millis,
    /// Longest wait.
    pub max: Millis,
    /// Requests a second; `None` = what the vendor gives an app of which nothing else is known.
    pub per_second: Option<u32>,
    /// Requests at once after a pause; `None` = one second's.
    pub burst: Option<u32>,
    /// Devices in one request; `None` = the vendor's most.
    pub batch_max: Option<u16>,
    /// Whether a request whose answer was lost is repeated although the vendor would bring it twice. Devices that have the
    /// SDK show it once even so.
    pub repeats_unanswered: bool,
}

impl Default for ChannelPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 8,
            base: 1_000,
            max: 60_000,
            per_second: None,
            burst: None,
            batch_max: None,
            repeats_unanswered: false,
        }
    }
}

impl ChannelPolicy {
    /// How long to wait after the try of this number (from 0) failed. `jitter` is random: the wait lies in the upper half of
    /// what the policy says, so that those who failed together do not come back together.
    #[must_use]
    pub fn wait(&self, attempt: u32, jitter: u32) -> Millis {
        let doubled = self.base.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(self.max);
        let half = doubled / 2;
        half + (doubled - half) * u64::from(jitter) / u64::from(u32::MAX)
    }
}

/// What an app has from a vendor, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelCredential {
    /// The upload, encrypted.
    pub sealed: Bytes,
    /// `token_key`, `certificate`, `service_account`, `client_secret`, `app_secret`, `vapid`.
    pub kind: String,
    /// What is no secret, by its name in the upload.
    pub public: Vec<(String, String)>,
    /// When it stops being valid, if it says so.
    pub expires_at: Option<UnixMillis>,
    /// When it was uploaded.
    pub uploaded_at: UnixMillis,
    /// The least number of days left that its owner was told of.
    pub warned_days: Option<u16>,
}

/// A day, in milliseconds.
const DAY: Millis = 86_400_000;

impl ChannelCredential {
    /// Days until it stops being valid, begun ones included; 0 = it has. `None` = it does not say.
    #[must_use]
    pub fn days_left(&self, now: UnixMillis) -> Option<u16> {
        let left = self.expires_at?.since(now).div_ceil(DAY);
        Some(u16::try_from(left).unwrap_or(u16::MAX))
    }
}

/// What an app has set for one vendor's channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Whose.
    pub app: AppId,
    /// Which vendor.
    pub channel: Channel,
    /// None = nothing goes by this channel.
    pub credential: Option<ChannelCredential>,
    /// How the vendor is asked.
    pub policy: ChannelPolicy,
    /// Raised by each change; a change names the one it read.
    pub revision: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_stays_in_the_upper_half() {
        let policy = ChannelPolicy { base: 1_000, max: 60_000, ..ChannelPolicy::default() };
        let longest: Vec<_> = (0..8).map(|attempt| policy.wait(attempt, u32::MAX)).collect();
        assert_eq!(longest, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!((policy.wait(0, 0), policy.wait(63, 0), policy.wait(u32::MAX, 0)), (500, 30_000, 30_000));
    }
}
