//! Places in an app's list.
//!
//! A position is the moment of writing in milliseconds and 11 bits that tell apart what is written within one. It fits the
//! 53 bits of a JSON number in any language until 2109. Writers on different machines draw positions without asking each
//! other, so a list is shown only up to [`SETTLES_AFTER`] ago: by then every write that drew an earlier position has landed or
//! never will, and no reader's cursor can pass a message that comes later.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use homing_domain::{Millis, UnixMillis};

/// One try of a write may take so long, from drawing its position on; a later try draws another one. DynamoDB answers
/// within 20 ms.
pub(super) const LANDS_WITHIN: Duration = Duration::from_secs(2);
/// Age from which on a position is shown: the time within which a position lands, and 3 s for what the network delivers late and for clocks that
/// differ (on AWS by milliseconds).
pub const SETTLES_AFTER: Millis = 5_000;
/// A position of this age may be shown while its write is still under way: a second less than [`SETTLES_AFTER`], for clocks.
const LATE_AFTER: Millis = SETTLES_AFTER - 1_000;
/// Partitions of an app's list. One takes 1,000 WRU a second, and an entry costs 2 in its transaction: an app's devices may
/// send 4,000 messages of up to 1 KiB a second. A reader pays for a look at each.
pub(super) const SHARDS: u8 = 8;

/// Bits within a millisecond.
const SLOT_BITS: u32 = 11;
/// A millisecond begins in the lower half of its slots, so that what follows in it has room.
const FIRST_SLOTS: u64 = 1 << (SLOT_BITS - 1);

/// Draws the positions of one process.
#[derive(Debug, Default)]
pub(super) struct Positions {
    last: AtomicU64,
}

impl Positions {
    /// The next position: larger than all before it.
    pub(super) fn draw(&self, now: UnixMillis) -> u64 {
        let of_now = first_of(now) + rand::random_range(0..FIRST_SLOTS);
        let next = |last: u64| of_now.max(last + 1);
        // The closure always answers, so this is never the error.
        let (Ok(last) | Err(last)) =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        next(last)
    }
}

/// The last position that is shown at `now`.
pub(super) const fn last_settled(now: UnixMillis) -> u64 {
    first_of(now.minus(SETTLES_AFTER)).saturating_sub(1)
}

/// Whether a reader's cursor may have passed a position before it was written, now that it is.
pub(super) const fn is_late(position: u64, now: UnixMillis) -> bool {
    position < first_of(now.minus(LATE_AFTER))
}

/// The partition that a position belongs to.
pub(super) fn shard_of(position: u64) -> u8 {
    u8::try_from(position % u64::from(SHARDS)).unwrap_or_default()
}

const fn first_of(at: UnixMillis) -> u64 {
    at.0 << SLOT_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_763_888_400_000);

    #[test]
    fn positions_rise_whatever_the_clock_does() {
        let positions = Positions::default();
        let drawn: Vec<u64> = [NOW, NOW, NOW.minus(9_000), NOW.plus(1), NOW].map(|now| positions.draw(now)).to_vec();
        assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]), "{drawn:?}");
    }

    #[test]
    fn a_position_is_shown_after_it_settled_and_not_before() {
        let drawn = Positions::default().draw(NOW);
        assert!(last_settled(NOW.plus(SETTLES_AFTER)) < drawn);
        assert!(last_settled(NOW.plus(SETTLES_AFTER + 1)) >= drawn);
        assert_eq!(last_settled(UnixMillis(3)), 0, "and nothing at the beginning of time");
    }

    #[test]
    fn a_position_is_late_before_it_is_shown() {
        let drawn = Positions::default().draw(NOW);
        assert!(!is_late(drawn, NOW.plus(LATE_AFTER)));
        assert!(is_late(drawn, NOW.plus(SETTLES_AFTER)) && last_settled(NOW.plus(SETTLES_AFTER)) < drawn);
    }

    #[test]
    fn a_position_is_a_number_in_every_language_until_2109() {
        const FIRST_OF_2109: u64 = 4_386_441_600_000;
        assert!(last_settled(UnixMillis(FIRST_OF_2109)) < 1 << 53);
    }
}
