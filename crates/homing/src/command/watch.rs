//! Follows a message: a progress bar for a person, lines for a script.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::{Result, bail};
use homing_contract::http::v1::{FlowName, MessageView, StageName};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::context::Surroundings;
use super::message::{show, stage};
use super::{EndedWith, table};
use crate::arguments::{WatchArguments, WatchUntil};

/// Between two looks. A person sees it move, and a server that is busy is not kept from its work.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Steps of the bar.
const STEPS: u64 = 1_000;
/// Exit code: it was aborted, recalled or cancelled.
const STOPPED: u8 = 3;
/// Exit code: the time was over.
const TIMED_OUT: u8 = 4;

/// Follows a message to its end.
#[expect(clippy::disallowed_methods, reason = "a person's patience is measured in real time")]
pub(super) async fn follow(here: &Surroundings, token: &str, id: &str, how: WatchArguments) -> Result<()> {
    let path = format!("/v1/messages/{id}");
    let deadline = how.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let bar = bar(here);
    let mut told = String::new();
    // The first look must succeed: a wrong id or server is told at once. Later a server may be away for a while.
    let mut view: MessageView = here.api.get(&path, token).await?;
    loop {
        let words = in_words(&view);
        bar.set_position((view.progress.enumerated * STEPS as f64) as u64);
        bar.set_message(words.clone());
        if words != told {
            tell(here, &bar, &view, &words)?;
            told = words;
        }
        if let Some(end) = end(&view, how.until) {
            bar.finish_and_clear();
            return finish(here, &view, end);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            bar.finish_and_clear();
            let words = format!("the time is over, and the message is {}", stage(view.summary.stage));
            bail!(EndedWith { code: TIMED_OUT, words });
        }
        tokio::time::sleep(LOOK_EVERY).await; // sleep: a message tells nobody that it changed
        match here.api.get(&path, token).await {
            Ok(newer) => view = newer,
            Err(error) if error.is_worth_a_retry() => bar.set_message(format!("{told} ({error})")),
            Err(error) => return Err(error.into()),
        }
    }
}

/// How a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Reached,
    Stopped(&'static str),
}

fn end(view: &MessageView, until: WatchUntil) -> Option<End> {
    let summary = &view.summary;
    let is_released = matches!(summary.stage, StageName::Released | StageName::Completed);
    let is_there = match until {
        WatchUntil::Released => is_released,
        // What goes by the feed stays open until it expires, for devices that come back: nobody watches so long.
        WatchUntil::Completed if view.approximate => is_released && view.balance.pending == 0,
        WatchUntil::Completed => summary.stage == StageName::Completed,
    };
    match (summary.stage, summary.control.state) {
        (StageName::Cancelled, _) => Some(End::Stopped("cancelled")),
        // What was on its way when it was stopped is waited for: only then the balance is final.
        (_, FlowName::Aborted) if is_there => Some(End::Stopped("aborted")),
        (_, FlowName::Recalled) if is_there => Some(End::Stopped("recalled")),
        _ => is_there.then_some(End::Reached),
    }
}

fn finish(here: &Surroundings, view: &MessageView, end: End) -> Result<()> {
    if !here.json {
        show(view)?;
    }
    match end {
        End::Reached => Ok(()),
        End::Stopped(how) => bail!(EndedWith { code: STOPPED, words: format!("the message was {how}") }),
    }
}

/// On a terminal the bar says it; a script gets a line for each change.
fn tell(here: &Surroundings, bar: &ProgressBar, view: &MessageView, words: &str) -> Result<()> {
    if here.json {
        table::json_line(view)
    } else if bar.is_hidden() {
        table::line(words)
    } else {
        Ok(())
    }
}

fn bar(here: &Surroundings) -> ProgressBar {
    if here.json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(STEPS);
    match ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn in_words(view: &MessageView) -> String {
    let (summary, balance, progress) = (&view.summary, &view.balance, &view.progress);
    let mut words = stage(summary.stage);
    match summary.control.state {
        FlowName::Running => {}
        FlowName::Paused => words += " (paused)",
        FlowName::Aborted => words += " (aborted)",
        FlowName::Recalled => words += " (recalled)",
    }
    words += &format!("  {:.0} % enumerated", progress.enumerated * 100.0);
    words += &format!("  targeted {}  delivered {}  pending {}", balance.targeted, balance.delivered, balance.pending);
    if let Some(seconds) = progress.eta_seconds {
        words += &format!("  {} left", span(seconds));
    }
    if let Some(until) = progress.held_until {
        words += &format!("  some wait until {until}");
    }
    words
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(stage: &str, state: &str) -> MessageView {
        let numbers = json!({
            "targeted": 10, "delivered": 4, "handed_off": 0, "expired": 0, "failed": 0, "recalled": 0, "suppressed": 0,
            "cancelled": 0, "pending": 6, "displayed": 0, "opened": 0, "dismissed": 0,
        });
        let view = json!({
            "message_id": "m", "stage": stage, "audience": {"kind": "all"},
            "options": {"ttl_seconds": 1, "priority": "normal"},
            "accepted_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z", "control": {"state": state},
            "progress": {"enumerated": 0.25, "eta_seconds": 150}, "balance": numbers, "channels": {},
        });
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn what_goes_by_the_feed_is_not_watched_until_it_expires() {
        let mut by_feed = MessageView { approximate: true, ..view("released", "running") };
        assert_eq!(end(&by_feed, WatchUntil::Completed), None, "some are on their way otherwise");
        by_feed.balance.pending = 0;
        assert_eq!(end(&by_feed, WatchUntil::Completed), Some(End::Reached));
    }

    #[test]
    fn a_watch_ends_when_it_is_there_and_says_what_stopped_it() {
        for (stage, state, until, expected) in [
            ("releasing", "running", WatchUntil::Released, None),
            ("released", "running", WatchUntil::Released, Some(End::Reached)),
            ("released", "running", WatchUntil::Completed, None),
            ("completed", "running", WatchUntil::Completed, Some(End::Reached)),
            ("releasing", "aborted", WatchUntil::Completed, None),
            ("completed", "aborted", WatchUntil::Completed, Some(End::Stopped("aborted"))),
            ("completed", "recalled", WatchUntil::Released, Some(End::Stopped("recalled"))),
            ("cancelled", "running", WatchUntil::Completed, Some(End::Stopped("cancelled"))),
        ] {
            assert_eq!(end(&view(stage, state), until), expected, "{stage} {state}");
        }
    }

    #[test]
    fn progress_is_one_line() {
        let expected = "releasing (paused)  25 % enumerated  targeted 10  delivered 4  pending 6  3 min left";
        assert_eq!(in_words(&view("releasing", "paused")), expected);
        assert_eq!([span(0), span(119), span(7_201)], ["0 s", "119 s", "3 h"]);
    }
}
