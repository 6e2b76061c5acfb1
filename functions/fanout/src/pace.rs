//! How fast a message is enumerated: its rate is shared by its segments, and each rests after a page.

use homing_domain::limits::{CLOSE_AFTER_EXPIRY, QUEUE_DELAY_MAX, RATE_MAX_PAUSE, SHARD_MAX_DEVICES};
use homing_domain::{Message, Millis, UnixMillis};

/// From when on nothing of a message is delivered, so that nothing holds it up any more either. "Now or never" has no time
/// to live to go by.
pub(crate) fn over_at(message: &Message) -> UnixMillis {
    match message.options.ttl_seconds {
        0 => message.expires_at.plus(CLOSE_AFTER_EXPIRY),
        _ => message.expires_at,
    }
}

/// Devices a second of the whole message; `None` = as fast as it goes.
fn rate(message: &Message, now: UnixMillis) -> Option<u64> {
    let is_free = message.control.flow.is_stopped() || now >= over_at(message);
    message.options.rate_per_second.filter(|_| !is_free).map(|rate| u64::from(rate.max(1)))
}

/// Devices of one page: at most what its segment may reach in [`RATE_MAX_PAUSE`], and the whole message in a second.
pub(crate) fn page_limit(message: &Message, now: UnixMillis) -> usize {
    let Some(rate) = rate(message, now) else { return SHARD_MAX_DEVICES };
    let of_segment = rate * RATE_MAX_PAUSE / 1_000 / u64::from(message.segments());
    usize::try_from(of_segment.min(rate)).unwrap_or(usize::MAX).clamp(1, SHARD_MAX_DEVICES)
}

/// How long a segment rests after it sent so many devices.
pub(crate) fn pause_after(message: &Message, sent: usize, now: UnixMillis) -> Millis {
    pause(message, sent as u64 * u64::from(message.segments()), now)
}

/// How long devices that were held rest after so many of them went on. They go on one moment after the other, at the rate of
/// the whole message.
pub(crate) fn pause_of_held(message: &Message, sent: usize, now: UnixMillis) -> Millis {
    pause(message, sent as u64, now)
}

/// Devices that were held and go on in one job, about: what the whole message may reach in a second.
pub(crate) fn held_limit(message: &Message, now: UnixMillis) -> usize {
    rate(message, now).map_or(usize::MAX, |rate| usize::try_from(rate).unwrap_or(usize::MAX))
}

/// When a segment begins: one after the other, so that the first pages do not come all at once.
pub(crate) fn stagger(message: &Message, segment: u8, now: UnixMillis) -> Millis {
    pause(message, page_limit(message, now) as u64 * u64::from(segment), now)
}

fn pause(message: &Message, devices: u64, now: UnixMillis) -> Millis {
    rate(message, now).map_or(0, |rate| (devices * 1_000).div_ceil(rate).min(QUEUE_DELAY_MAX))
}

#[cfg(test)]
mod tests {
    use homing_domain::{Audience, Flow};

    use super::*;
    use crate::tests::message;
    use crate::tests::world::NOW;

    fn paced(audience: Audience, rate: u32) -> Message {
        let mut message = message(audience);
        message.options.rate_per_second = Some(rate);
        message
    }

    #[test]
    fn a_second_of_pages_holds_what_the_rate_allows() {
        for rate in [7, 64, 100, 1_000, 20_000, 1_000_000] {
            for audience in [Audience::All, Audience::Devices(Vec::new())] {
                let message = paced(audience, rate);
                let limit = page_limit(&message, NOW);
                let pause = pause_after(&message, limit, NOW);
                let (limit, segments) = (limit as u64, u64::from(message.audience.segments()));
                assert!(limit * segments * 1_000 <= u64::from(rate) * pause, "{rate}: {limit} each {pause} ms");
                assert!(limit * segments * 1_000 > u64::from(rate) * (pause - 1), "and not much less");
                assert!(pause <= RATE_MAX_PAUSE);
            }
        }
    }

    #[test]
    fn the_slowest_rates_rest_longer_than_they_should() {
        let message = paced(Audience::All, 1);
        assert_eq!((page_limit(&message, NOW), pause_after(&message, 1, NOW)), (1, 64_000));
        // A page from before the rate was lowered.
        assert_eq!(pause_after(&message, 256, NOW), QUEUE_DELAY_MAX);
    }

    #[test]
    fn segments_begin_within_one_pause() {
        let message = paced(Audience::All, 1_000);
        let pause = pause_after(&message, page_limit(&message, NOW), NOW);
        let starts: Vec<_> = (0..64).map(|segment| stagger(&message, segment, NOW)).collect();
        assert_eq!(starts[0], 0);
        assert!(starts.is_sorted_by(|one, next| one < next) && starts[63] < pause);
    }

    #[test]
    fn what_is_over_or_stopped_is_not_slowed() {
        let mut message = paced(Audience::All, 1);
        assert_eq!(pause_after(&message, 1, message.expires_at.minus(1)), 64_000);
        assert_eq!(pause_after(&message, 1, message.expires_at), 0);
        message.options.ttl_seconds = 0;
        assert_eq!(pause_after(&message, 1, message.expires_at), 64_000, "now or never");
        message.control.flow = Flow::Aborted;
        assert_eq!((pause_after(&message, 1, NOW), page_limit(&message, NOW)), (0, SHARD_MAX_DEVICES));
    }
}
