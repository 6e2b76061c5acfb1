//! The registry of metrics: every name with its kind, its unit and its meaning.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What a metric does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// The present value.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, with its unit as Prometheus writes it.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// What it means.
    pub help: &'static str,
}

macro_rules! registry {
    ($($const:ident = $kind:ident $unit:ident $name:literal $help:literal;)*) => {
        $(#[doc = $help] pub const $const: &str = $name;)*

        /// Every metric.
        pub const ALL: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, unit: Unit::$unit, help: $help },)*
        ];
    };
}

registry! {
    MESSAGES_ACCEPTED = Counter Count "homing_messages_accepted_total" "Messages answered with 202, by app.";
    MESSAGES_CONTROLLED = Counter Count "homing_messages_controlled_total" "Changes of accepted messages by their senders, repeats included, by change: pause, resume, abort, set_rate, recall.";
    MESSAGES_RELEASED = Counter Count "homing_messages_released_total" "Messages whose audience is fully enumerated.";
    MESSAGES_CLOSED = Counter Count "homing_messages_closed_total" "Messages that were closed.";
    RELEASE_LATENESS = Histogram Seconds "homing_release_lateness_seconds" "From a scheduled message's time to its release.";
    OVERDUE_SWEPT = Counter Count "homing_overdue_swept_total" "Messages that a sweep found overdue, by what it did: released, held (parts sent on again), closed, hanging (left alone).";
    DEVICES_TARGETED = Counter Count "homing_devices_targeted_total" "Devices in enumerated pages, repeats included.";
    DEVICES_DISPATCHED = Counter Count "homing_devices_dispatched_total" "Devices of dispatched shards, by outcome: handed_off, waiting, ended, again; repeats included.";
    DISPATCH_DELAY = Histogram Seconds "homing_dispatch_delay_seconds" "From a message's acceptance, or its time, to the dispatch of a shard of it.";
    HAND_OFFS = Counter Count "homing_hand_offs_total" "Notices with a hand-off, by result: sent, refused.";
    UNDELIVERED = Counter Count "homing_undelivered_total" "Hand-offs that found no link, by what followed: ended, handed_off, waiting.";
    MAILBOXES_OVERFLOWED = Counter Count "homing_mailboxes_overflowed_total" "Full mailboxes met, by what followed: dropped, trim_asked, refused.";
    DELIVERIES_ENDED = Counter Count "homing_deliveries_ended_total" "Deliveries that ended, by channel, stage and reason.";
    DELIVERY_TIME = Histogram Seconds "homing_delivery_seconds" "From the mailbox entry to the device's acknowledgement.";
    VENDOR_DEVICES = Counter Count "homing_vendor_devices_total" "Devices that vendors were to be asked for, by channel and outcome: what the vendor's answer means (accepted, retry_later, retry, invalid_token, auth_error, bad_request, quota, dropped), or busy, unsent, unknown.";
    VENDOR_TIME = Histogram Seconds "homing_vendor_push_seconds" "How long it took to ask a vendor for a job's devices, by channel.";
    VENDOR_BATCHES = Histogram Count "homing_vendor_job_devices" "Devices in one job for a vendor, by channel.";
    TOKENS_DIED = Counter Count "homing_vendor_tokens_died_total" "Tokens that vendors said are dead, by channel and by what followed: forgotten, kept, spared, failed.";
    CLEANINGS_STOPPED = Counter Count "homing_vendor_cleanings_stopped_total" "Times that so many tokens of an app died at once that none was forgotten, by channel.";
    CREDENTIALS_REFUSED = Counter Count "homing_vendor_credentials_refused_total" "Alerts that a vendor refuses an app's credential, by channel.";
    CIRCUITS_OPENED = Counter Count "homing_vendor_circuits_opened_total" "Times that a vendor was left alone because its servers failed, by channel.";
    QUOTA_PAUSES = Histogram Seconds "homing_vendor_quota_pause_seconds" "How long a vendor was left alone because an app's quota was spent, by channel.";
    CALLBACK_EVENTS = Counter Count "homing_vendor_callback_events_total" "What vendors told later, by channel, kind (delivered, displayed, opened, invalid_token, dropped) and outcome (taken, noted, unnamed, unknown).";
    CERTIFICATES_EXPIRING = Counter Count "homing_certificates_expiring_total" "Alerts of certificates that are about to expire or have, by channel and outcome: told, untold (nobody to tell, or no way took it).";
    LINKS_OPENED = Counter Count "homing_links_opened_total" "Device links that were welcomed, by transport.";
    LINKS_CLOSED = Counter Count "homing_links_closed_total" "Device links that ended, by reason.";
    LINK_LIFE = Histogram Seconds "homing_link_life_seconds" "How long a link was open.";
    LINKS_LIVE = Gauge Count "homing_links_live" "Device links that are open.";
    HANDSHAKES_REFUSED = Counter Count "homing_handshakes_refused_total" "Links refused before or at Hello, by reason.";
    PRESENCE_DROPPED = Counter Count "homing_presence_events_dropped_total" "Events of devices that came or went and were not told, by reason: full, refused.";
    FEED_ENTRIES_READ = Counter Count "homing_feed_entries_read_total" "Entries of feeds that gateways read.";
    FEED_PUSHES = Counter Count "homing_feed_pushes_total" "Messages that were sent by a feed to devices that keep their place in it, repeats included.";
    FEED_COUNTED = Counter Count "homing_feed_deliveries_counted_total" "Deliveries by a feed whose count is in the receipts queue.";
    HTTP_REQUESTS = Counter Count "homing_http_requests_total" "HTTP requests answered, by route, method and status.";
    HTTP_TIME = Histogram Seconds "homing_http_request_seconds" "From an HTTP request to its answer, by route.";
    STORE_COMMITS = Counter Count "homing_store_commits_total" "Group commits of the embedded store.";
    STORE_COMMIT_WRITES = Histogram Count "homing_store_commit_writes" "Writes that shared one commit.";
    STORE_COMMIT_TIME = Histogram Seconds "homing_store_commit_seconds" "How long one commit took.";
    ITEMS_DONE = Counter Count "homing_queue_items_done_total" "Queue items whose work is done, by queue.";
    ITEM_TIME = Histogram Seconds "homing_queue_item_seconds" "How long the work of one queue item took, by queue.";
    ITEMS_FAILED = Counter Count "homing_queue_items_failed_total" "Tries of queue items that failed, by queue.";
    DEAD_LETTERS = Counter Count "homing_dead_letters_total" "Queue items that were given up, by queue.";
    EVENTS_TOLD = Counter Count "homing_events_told_total" "Events for business systems, by event and app.";
    QUEUE_DEPTH = Gauge Count "homing_queue_depth" "Queue items that wait, by queue.";
}

/// Tells the installed recorder the unit and meaning of every metric.
pub fn describe() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.unit, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.unit, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_say_their_unit() {
        let mut seen = HashSet::new();
        for metric in ALL {
            assert!(seen.insert(metric.name), "{} stands twice", metric.name);
            assert!(metric.name.starts_with("homing_"), "{}", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert_eq!(metric.unit == Unit::Seconds, metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }
}
