//! Every change in every stage, so that a change of one cell is a change of this text.

use super::*;
use crate::id::MessageId;
use crate::message::Control;

const NOW: UnixMillis = UnixMillis(1_000);
const HOLD: UnixMillis = UnixMillis(5_000);
const TIME: UnixMillis = UnixMillis(50_000);
const LATER: UnixMillis = UnixMillis(90_000);

fn message(stage: Stage, flow: Flow, holds: Vec<UnixMillis>) -> Message {
    let recurrence =
        Recurrence { cron: "* * * * *".to_owned(), timezone: "UTC".to_owned(), until: None, remaining: Some(3) };
    Message {
        id: MessageId::from_bytes([1; 16]),
        app: "demo".parse().unwrap(),
        audience: Audience::All,
        exclude: Exclusion::default(),
        payload: Bytes::new(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        options: Options { ttl_seconds: 10, ..Options::default() },
        body_sha256: [0; 32],
        accepted_at: UnixMillis(0),
        schedule: Schedule::Recurring(recurrence),
        release_at: Some(TIME),
        series: None,
        expires_at: UnixMillis(60_000),
        stage,
        releasing_at: None,
        released_at: None,
        segments_done: 0,
        control: Control { flow, paused_at: (flow == Flow::Paused).then_some(UnixMillis(7)), paused_for: 0 },
        holds,
        feed_after: None,
    }
}

/// Every state that a message can be in, as far as changes can tell.
fn states() -> Vec<(String, Message)> {
    let before = [Stage::Accepted, Stage::Scheduled, Stage::Cancelled];
    let before = before.map(|stage| (stage.name().to_owned(), message(stage, Flow::Running, Vec::new())));
    let mut states = before.to_vec();
    for flow in [Flow::Running, Flow::Paused, Flow::Aborted, Flow::Recalled] {
        for stage in [Stage::Releasing, Stage::Released, Stage::Completed] {
            let name = format!("{stage} {}", flow.name());
            states.push((name.clone(), message(stage, flow, Vec::new())));
            if stage == Stage::Released {
                states.push((format!("{name}, held"), message(stage, flow, vec![HOLD])));
            }
        }
    }
    states
}

fn changes() -> Vec<(&'static str, MessageChange)> {
    let amend = |amendment| MessageChange::Amend(Box::new(amendment));
    let content = AmendedContent { payload: Bytes::from_static(b"new"), ..AmendedContent::default() };
    let release = |at| AmendedRelease { schedule: Schedule::Now, at, lives_from: LATER };
    vec![
        ("content", amend(Amendment { content: Some(content), ..Amendment::default() })),
        ("time", amend(Amendment { release: Some(release(Some(LATER))), ..Amendment::default() })),
        ("at once", amend(Amendment { release: Some(release(None)), ..Amendment::default() })),
        ("cancel", MessageChange::Cancel),
        ("pause", MessageChange::Pause(NOW)),
        ("resume", MessageChange::Resume(NOW)),
        ("abort", MessageChange::Abort),
        ("recall", MessageChange::Recall),
        ("rate", MessageChange::SetRate(Some(7))),
        ("hold", MessageChange::Hold(vec![LATER, HOLD])),
        ("end hold", MessageChange::EndHold(HOLD)),
        ("skip", MessageChange::Skip { missed: TIME, to: LATER }),
        ("advance", MessageChange::Advance { occurrence: TIME, next: Some(LATER) }),
        ("advance void", MessageChange::Advance { occurrence: LATER, next: None }),
        ("end series", MessageChange::Advance { occurrence: TIME, next: None }),
    ]
}

/// What became of a change, in a word.
fn outcome(before: &Message, change: &MessageChange) -> &'static str {
    let mut after = before.clone();
    match after.apply(change.clone()) {
        Ok(()) if after == *before => "same",
        Ok(()) => "done",
        Err(refused) => {
            assert_eq!(after, *before, "what is refused leaves it as it was");
            match refused {
                ChangeRefused::TooLate(_) => "late",
                ChangeRefused::NotRunning(_) => "idle",
                ChangeRefused::Stopped(_) => "stop",
                ChangeRefused::TooManyHolds => "many",
            }
        }
    }
}

#[test]
fn the_table_of_changes() {
    let mut table = Vec::new();
    for (state, before) in states() {
        let cells = changes().into_iter().map(|(name, change)| format!("{name}: {}", outcome(&before, &change)));
        table.push(format!("{state} | {}", cells.collect::<Vec<_>>().join(", ")));
    }
    let expected: Vec<&str> = include_str!("matrix.txt").lines().collect();
    assert_eq!(table, expected);
}

/// A caller who was not answered asks again, whatever others did meanwhile was theirs to do.
#[test]
fn a_repeat_changes_nothing_and_is_answered_alike() {
    for (state, before) in states() {
        for (name, change) in changes() {
            let mut once = before.clone();
            let first = once.apply(change.clone());
            let mut twice = once.clone();
            assert_eq!(twice.apply(change), first, "{name} of what is {state}");
            assert_eq!(twice, once, "{name} of what is {state}");
        }
    }
}

/// Stores and their indexes rely on it: a change leaves alone what only moves set.
#[test]
fn no_change_touches_identity_or_enumeration() {
    for (state, before) in states() {
        for (name, change) in changes() {
            let mut after = before.clone();
            _ = after.apply(change);
            let fixed = |m: &Message| {
                let times = (m.accepted_at, m.releasing_at, m.released_at);
                (m.id, m.app.clone(), m.body_sha256, m.series, m.recalls, m.segments_done, times)
            };
            assert_eq!(fixed(&after), fixed(&before), "{name} of what is {state}");
            assert!(after.stage == before.stage || before.stage.may_become(after.stage), "{name} of what is {state}");
            assert!(after.holds.is_sorted());
        }
    }
}
