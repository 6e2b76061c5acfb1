//! What a full run must have met at least once: a fault that is never injected and a transition that is never taken prove
//! nothing.

use homing_tests::weak::Coverage;

const WANTED: &[(&str, &[&str])] = &[
    (
        "fault",
        &[
            "batch half done",
            "call fails after its effect",
            "call fails before its effect",
            "index lags",
            "item is given up and stays",
            "listing is stale",
            "notice is lost",
            "notice is repeated",
            "queue gives an item to two",
            "queue repeats",
            "slow call",
            "timer goes off early",
            "timer goes off twice",
            "timer is lost",
            "worker crashes",
        ],
    ),
    (
        "crash",
        &["device", "device, before a write", "device, between a write and its answer", "gateway", "link breaks"],
    ),
    ("accept", &["existing", "new", "scheduled"]),
    ("message", &["releasing", "released", "completed"]),
    ("event", &["message completed"]),
    ("shard", &["existing", "new"]),
    (
        "delivery",
        &[
            "delivered",
            "expired",
            "expired -> delivered",
            "fact",
            "failed",
            "recalled",
            "repeat or loser changes nothing",
            "suppressed",
        ],
    ),
    ("count", &["a repeat changes nothing", "a shard is counted once"]),
    (
        "entry",
        &[
            "live -> marked",
            "live -> tombstone",
            "live -> trimmed",
            "marked -> tombstone",
            "marked -> trimmed",
            "new -> live",
            "tombstone -> trimmed or merged",
        ],
    ),
    (
        "enqueue",
        &[
            "a repeat that is pending",
            "full, with a route",
            "full, without a route",
            "refused, unbound",
            "revoked",
            "settled",
            "stored, with a route",
            "stored, without a route",
            "unknown",
        ],
    ),
    ("takeover", &["stale", "taken over", "taken over from another"]),
    ("owner", &["detach", "tombstone", "trim"]),
    ("fenced", &["detach", "trim"]),
    ("withdraw", &["absent", "marked, with a route", "tombstoned"]),
    ("bind", &["nothing unseen", "unseen withdrawn"]),
    ("overflow", &["merged", "not full", "nothing unseen, with a route", "tombstoned"]),
    ("welcome", &["reset", "resumed"]),
    ("close", &["device left", "drain", "idle", "superseded"]),
    ("refusal", &["stale connection"]),
    ("link", &["fetches a body", "reads the mailbox again", "superseded in the same gateway"]),
    ("hand-off", &["finds no link", "joining", "live"]),
    ("undelivered", &["in the mailbox", "now or never"]),
    ("notice", &["drain", "feed", "gateway is gone", "heartbeat changed", "reread", "superseded", "trim"]),
    ("gateway", &["stops cleanly"]),
    ("lease", &["is not renewed for a while", "lapsed or nearly so"]),
    ("skip", &["sent"]),
    ("recall", &["frame sent", "reaches the app"]),
    ("change", &["abort", "advance", "amend", "cancel", "end_hold", "hold", "pause", "recall", "resume", "set_rate"]),
    ("change refused", &["abort", "amend", "cancel", "pause", "recall"]),
    ("hold", &["outlives the plan"]),
    (
        "arrival",
        &["by the feed", "duplicate", "message", "now or never", "passed over", "recalled", "reset", "skipped"],
    ),
    ("app", &["called", "called again after a crash"]),
    ("ended", &["drain", "lost", "stale connection", "superseded"]),
    (
        "device",
        &[
            "comes back after the close",
            "heartbeat changed",
            "is asked to go away",
            "is lost for ever",
            "is restored from a backup",
            "learns that it is deregistered",
            "meets a gateway that is down",
            "moves to a new link, then leaves the old one",
            "roams",
            "stays away",
            "waits for its writes before a hello",
        ],
    ),
    ("release", &["goes by pages", "goes by the feed"]),
    (
        "feed",
        &[
            "a link reads",
            "bring",
            "pushed",
            "read again, and there was more",
            "somebody else was first",
            "stop",
            "trimmed",
        ],
    ),
    ("claim", &["ended", "granted", "taken"]),
    (
        "vendor",
        &[
            "brings a message",
            "brings what the device has",
            "does not know the token",
            "not now",
            "takes a message",
            "too busy to be asked",
        ],
    ),
    ("token", &["forgotten"]),
    ("upstream", &["new", "repeat", "settled"]),
    ("queue", &["dead letter", "received again"]),
    ("settled", &["given up", "later", "tried again"]),
    ("sweep", &["a job or a timer that was lost", "a message to close"]),
    ("publisher", &["is answered 202", "is refused for now", "misses its answer", "repeats"]),
    ("errand", &["bind", "change", "deregister", "poison", "recall", "report", "resume", "unbind"]),
    ("check", &["a device has its broadcasts", "a device that left is given up", "a live device has everything"]),
];

/// What needs more worlds to be met for certain.
const RARE: &[(&str, &[&str])] = &[
    ("delivery", &["another end -> delivered"]),
    ("feed", &["counts end with their gateway"]),
    ("fenced", &["tombstone"]),
    ("refusal", &["no hello"]),
    ("link", &["superseded while it joined", "takeover without an answer", "transport ended while it joined"]),
    ("withdraw", &["marked, without a route"]),
    ("claim", &["granted to the next, who does not know what the last did"]),
    ("fault", &["a vendor's answer is lost"]),
];

/// Below this many worlds nothing is demanded.
const WORLDS: u64 = 1_000;
/// From this many on, everything is.
const WORLDS_FOR_RARE: u64 = 10_000;

/// What was never met although there were so many worlds.
pub(crate) fn missing(coverage: &Coverage, worlds: u64) -> Vec<(&'static str, &'static str)> {
    let wanted = if worlds >= WORLDS { WANTED } else { &[] };
    let rare = if worlds >= WORLDS_FOR_RARE { RARE } else { &[] };
    let all = wanted.iter().chain(rare).flat_map(|(kind, names)| names.iter().map(|name| (*kind, *name)));
    all.filter(|(kind, name)| coverage.count(kind, name) == 0).collect()
}
