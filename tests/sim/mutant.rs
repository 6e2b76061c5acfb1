//! Faults that are built in on purpose. The simulation is worth something only if it finds each of them.

use std::fmt;
use std::str::FromStr;

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One wrong turn of an adapter, a gateway, a device or a stage.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Mutant {
            $($(#[$doc])* $name,)*
        }

        impl Mutant {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name on the command line and in reports.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

mutants! {
    /// Hand-offs are not kept for a session whose takeover is under way.
    SessionRegisteredAfterTakeover = "session-registered-after-takeover",
    /// A gateway believes receipts to be durable before they are.
    TrimBeforeReceipts = "trim-before-receipts",
    /// A gateway sends Skip and tells the ledger before the tombstone is written.
    SkipBeforeTombstone = "skip-before-tombstone",
    /// A repeated enqueue is not handed off again.
    DuplicateWithoutHandOff = "duplicate-without-hand-off",
    /// A request is answered before its job is queued.
    AnswerBeforeJob = "answer-before-job",
    /// A hand-off leaves although the mailbox entry is lost.
    HandOffBeforeCommit = "hand-off-before-commit",
    /// A trim is not checked against the connection number.
    TrimWithoutFence = "trim-without-fence",
    /// An overflow drops entries that the device may have acknowledged.
    OverflowOfAcknowledged = "overflow-of-acknowledged",
    /// A cursor below the mailbox is resumed over the hole.
    ResumedBelowLo = "resumed-below-lo",
    /// A device remembers one message id.
    OneDeepMemory = "one-deep-memory",
    /// Counters are added to without remembering the batch.
    BareCounterAdd = "bare-counter-add",
    /// A gateway never gives a device up.
    NoDetach = "no-detach",
    /// A device acknowledges before its write is durable.
    AckBeforeCommit = "ack-before-commit",
    /// A takeover with an old connection number succeeds.
    TakeoverWithoutFence = "takeover-without-fence",
    /// A recall tombstones what the device may have.
    RecallOfSeen = "recall-of-seen",
    /// A detach forgets how far the link had sent.
    DetachForgetsSent = "detach-forgets-sent",
    /// A queue answers a send that it loses.
    SendForgets = "send-forgets",
    /// A gateway whose lease lapsed does not read its mailboxes again.
    NoRereadAfterLapse = "no-reread-after-lapse",
    /// A tick releases its message although it is early, and nobody after it looks at the time.
    TickReleasesEarly = "tick-releases-early",
    /// A message is completed when its closing begins.
    CompleteBeforeClosed = "complete-before-closed",
    /// What is given up leaves no dead letter.
    GiveUpForgets = "give-up-forgets",
    /// Nobody finds a scheduled message whose timer is lost.
    OverdueWithoutScheduled = "overdue-without-scheduled",
    /// Nobody finds a message that is to be closed.
    OverdueWithoutReleased = "overdue-without-released",
    /// A trim takes one entry more than the device acknowledged.
    TrimBeyondAck = "trim-beyond-ack",
    /// Nobody finds what was held when its timer is lost.
    OverdueWithoutHolds = "overdue-without-holds",
    /// A stage does not see that a message was paused, aborted or recalled.
    HaltUnnoticed = "halt-unnoticed",
    /// Whoever is excluded gets it all the same.
    ExclusionIgnored = "exclusion-ignored",
    /// A message to users goes to whoever has the device by then.
    UserSinceIgnored = "user-since-ignored",
    /// Whoever does not want it gets it all the same.
    RefusalIgnored = "refusal-ignored",
    /// What is held goes on at once.
    HoldIgnored = "hold-ignored",
    /// A moment at which something is to go on is forgotten.
    HoldForgotten = "hold-forgotten",
    /// A recall leaves what is pending in the mailboxes.
    WithdrawForgotten = "withdraw-forgotten",
    /// A gateway brings a device only what enters the feed while it is there.
    FeedFromHead = "feed-from-head",
    /// A gateway reads the feed only when it is told to.
    FeedByHintOnly = "feed-by-hint-only",
    /// An entry of the feed takes the place of another.
    FeedOverwrites = "feed-overwrites",
    /// A gateway brings broadcasts to devices that get them by pages.
    LaneIgnored = "lane-ignored",
    /// A device forgets which lane it had when a broadcast was released.
    LaneHistoryForgotten = "lane-history-forgotten",
    /// A broadcast that was stopped is brought to whoever has not got it.
    StopUnnoticed = "stop-unnoticed",
    /// A vendor is asked by two at the same time.
    ClaimForgets = "claim-forgets",
    /// A vendor is asked for what the device has.
    ClaimOfEnded = "claim-of-ended",
    /// Whoever asks a vendor does not learn that somebody before may have asked.
    ClaimWithoutPast = "claim-without-past",
    /// A vendor whose answer was lost is asked again.
    LostAnswerIsLater = "lost-answer-is-later",
    /// An occurrence of a recurring message is made under another id each time its tick comes.
    OccurrenceMadeTwice = "occurrence-made-twice",
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mutant {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == text).ok_or_else(|| format!("no mutant {text:?}"))
    }
}
