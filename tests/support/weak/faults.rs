//! How weak the adapter is, in chances per thousand.

use homing_domain::Millis;

/// Chances of each weakness, per thousand cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// A call fails and did nothing.
    pub fail_before: u32,
    /// A call fails and took effect all the same.
    pub fail_after: u32,
    /// A worker is dropped at a pause.
    pub crash: u32,
    /// An item is sent twice.
    pub queue_repeat: u32,
    /// A received item stays visible to others.
    pub queue_visible: u32,
    /// A timer never goes off.
    pub timer_lost: u32,
    /// A timer goes off twice.
    pub timer_repeat: u32,
    /// A timer goes off early, up to [`Faults::timer_early_by`].
    pub timer_early: u32,
    /// How early: a scheduler that is precise to the minute is asked for the minute before.
    pub timer_early_by: Millis,
    /// A notice is lost.
    pub notice_lost: u32,
    /// A notice arrives twice.
    pub notice_repeat: u32,
    /// A listing answers what was true some time ago.
    pub stale: u32,
    /// A call is slow, up to [`Faults::slow_for`].
    pub slow: u32,
    /// How slow.
    pub slow_for: Millis,
}

impl Faults {
    /// None at all: what the world is like when it comes to rest.
    pub const NONE: Self = Self {
        fail_before: 0,
        fail_after: 0,
        crash: 0,
        queue_repeat: 0,
        queue_visible: 0,
        timer_lost: 0,
        timer_repeat: 0,
        timer_early: 0,
        timer_early_by: 0,
        notice_lost: 0,
        notice_repeat: 0,
        stale: 0,
        slow: 0,
        slow_for: 0,
    };

    /// Enough of each that most runs meet most of them, and little enough that work gets done.
    pub const ROUGH: Self = Self {
        fail_before: 15,
        fail_after: 20,
        crash: 4,
        queue_repeat: 60,
        queue_visible: 40,
        timer_lost: 60,
        timer_repeat: 100,
        timer_early: 300,
        timer_early_by: 60_000,
        notice_lost: 60,
        notice_repeat: 60,
        stale: 200,
        slow: 60,
        slow_for: 3_000,
    };
}

/// A lasting weakness of the adapter itself, for mutants: an adapter that breaks its promise must be found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weakness {
    /// It keeps its promises.
    #[default]
    None,
    /// `count` adds without the memory of the batch.
    BareCounterAdd,
    /// `trim` does not look at the connection number.
    TrimWithoutFence,
    /// `overflow` takes entries that the device may have acknowledged.
    OverflowOfSeen,
    /// `take_over` lets an old connection number in.
    TakeoverWithoutFence,
    /// A repeated `enqueue` does not say where the device is.
    DuplicateWithoutRoute,
    /// `withdraw` buries entries that the device may have acknowledged.
    WithdrawOfSeen,
    /// A hand-off is seen by the gateway before the enqueue is durable.
    EnqueueForgets,
    /// A lost send is answered as durable.
    SendForgets,
    /// An item that is given up is gone, and no dead letter tells of it.
    GiveUpForgets,
    /// `overdue` names no scheduled message.
    OverdueWithoutScheduled,
    /// `overdue` names no released message.
    OverdueWithoutReleased,
    /// `overdue` names no message for a hold whose timer is lost.
    OverdueWithoutHolds,
    /// A message is read as if it had never been paused, aborted or recalled.
    FlowHidden,
    /// A message is read as if it had no time, and its release begins whenever somebody asks for it.
    TimeHidden,
    /// A message is read as if nobody were excluded.
    ExclusionHidden,
    /// Devices are read as if they had always had their user.
    UserSinceHidden,
    /// Pages are read as if nobody were refused.
    RefusalHidden,
    /// Pages are read as if nobody were held.
    HoldHidden,
    /// A hold is answered and not kept.
    HoldForgets,
    /// `withdraw` answers that there was nothing, and does nothing.
    WithdrawForgets,
    /// `put_feed_entry` takes the place of an entry that is there.
    FeedOverwrites,
    /// `claim_delivery` grants what somebody else claimed.
    ClaimForgets,
    /// `claim_delivery` grants what has ended.
    ClaimOfEnded,
    /// `claim_delivery` does not tell of whoever claimed before and was never heard of again.
    ClaimWithoutPast,
    /// A vendor that may have taken a message is said to want it later.
    LostAnswerIsLater,
}
