//! Control over a running message, as its sender meets it.

use super::*;
use crate::id::MessageId;
use crate::message::Control;

const NOW: UnixMillis = UnixMillis(1_000);

fn message(stage: Stage) -> Message {
    Message {
        id: MessageId::from_bytes([1; 16]),
        app: "demo".parse().unwrap(),
        audience: Audience::All,
        exclude: Exclusion::default(),
        payload: Bytes::new(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        options: Options::default(),
        body_sha256: [0; 32],
        accepted_at: UnixMillis(0),
        schedule: Schedule::Now,
        release_at: None,
        series: None,
        expires_at: UnixMillis(60_000),
        stage,
        releasing_at: None,
        released_at: None,
        segments_done: 0,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
    }
}

fn after(stage: Stage, changes: &[MessageChange]) -> (Message, Result<(), ChangeRefused>) {
    let mut message = message(stage);
    let mut last = Ok(());
    for change in changes {
        last = message.apply(change.clone());
    }
    (message, last)
}

#[test]
fn a_pause_is_measured_and_ends_once() {
    let later = UnixMillis(1_500);
    let changes = [MessageChange::Pause(NOW), MessageChange::Pause(later), MessageChange::Resume(UnixMillis(4_000))];
    let (mut message, last) = after(Stage::Releasing, &changes);
    assert_eq!(last, Ok(()));
    assert_eq!(message.control, Control { flow: Flow::Running, paused_at: None, paused_for: 3_000 });
    assert_eq!(message.apply(MessageChange::Resume(UnixMillis(9_000))), Ok(()), "it goes on already");
    assert_eq!(message.control.paused_for, 3_000);
}

#[test]
fn what_was_released_while_it_was_paused_can_be_resumed() {
    let (mut message, _) = after(Stage::Releasing, &[MessageChange::Pause(NOW)]);
    message.stage = Stage::Released;
    assert_eq!(message.apply(MessageChange::Pause(NOW)), Ok(()), "a repeat");
    assert_eq!(message.apply(MessageChange::Resume(UnixMillis(2_000))), Ok(()));
    assert_eq!(message.control.flow, Flow::Running);
    assert_eq!(message.apply(MessageChange::Pause(NOW)), Err(ChangeRefused::NotRunning(Stage::Released)));
    message.holds = vec![UnixMillis(5_000)];
    assert_eq!(message.apply(MessageChange::Pause(NOW)), Ok(()), "parts of it are still to come");
}

#[test]
fn what_has_not_begun_is_neither_paused_nor_stopped() {
    for stage in [Stage::Accepted, Stage::Scheduled, Stage::Cancelled] {
        for change in
            [MessageChange::Pause(NOW), MessageChange::Resume(NOW), MessageChange::Abort, MessageChange::Recall]
        {
            let (message, last) = after(stage, std::slice::from_ref(&change));
            assert_eq!(last, Err(ChangeRefused::NotRunning(stage)), "{change:?}");
            assert_eq!(message.control, Control::default());
        }
    }
}

#[test]
fn stopping_is_for_ever_and_a_recall_goes_further() {
    let (message, last) = after(Stage::Releasing, &[MessageChange::Abort, MessageChange::Abort]);
    assert_eq!((message.control.flow, last), (Flow::Aborted, Ok(())));
    for change in [MessageChange::Pause(NOW), MessageChange::Resume(NOW), MessageChange::SetRate(Some(1))] {
        let (_, last) = after(Stage::Releasing, &[MessageChange::Abort, change]);
        assert_eq!(last, Err(ChangeRefused::Stopped(Flow::Aborted)));
    }
    let (message, last) = after(Stage::Releasing, &[MessageChange::Abort, MessageChange::Recall]);
    assert_eq!((message.control.flow, last), (Flow::Recalled, Ok(())));
    let (_, last) = after(Stage::Releasing, &[MessageChange::Recall, MessageChange::Abort]);
    assert_eq!(last, Err(ChangeRefused::Stopped(Flow::Recalled)));
    let (_, last) = after(Stage::Completed, &[MessageChange::Recall]);
    assert_eq!(last, Ok(()), "long after the release");
}

#[test]
fn a_rate_changes_as_long_as_somebody_is_to_be_reached() {
    for stage in [Stage::Accepted, Stage::Scheduled, Stage::Releasing] {
        let (message, last) = after(stage, &[MessageChange::SetRate(Some(7))]);
        assert_eq!((message.options.rate_per_second, last), (Some(7), Ok(())));
    }
    for stage in [Stage::Released, Stage::Completed, Stage::Cancelled] {
        let (message, last) = after(stage, &[MessageChange::SetRate(Some(7))]);
        assert_eq!((message.options.rate_per_second, last), (None, Err(ChangeRefused::NotRunning(stage))));
    }
}

fn amend(release: Option<AmendedRelease>, options: Option<Options>, content: Option<AmendedContent>) -> MessageChange {
    MessageChange::Amend(Box::new(Amendment { audience: None, content, options, release }))
}

#[test]
fn an_amendment_leaves_what_it_does_not_name() {
    let scheduled = || {
        let mut message = message(Stage::Scheduled);
        message.release_at = Some(UnixMillis(50_000));
        message.options = Options { ttl_seconds: 10, silent: true, topic: Some("news".into()), ..Options::default() };
        message
    };
    let mut later = scheduled();
    let release = AmendedRelease {
        schedule: Schedule::At(UnixMillis(90_000)),
        at: Some(UnixMillis(90_000)),
        lives_from: UnixMillis(90_000),
    };
    later.apply(amend(Some(release), None, None)).unwrap();
    assert_eq!(
        (later.stage, later.release_at, later.expires_at),
        (Stage::Scheduled, Some(UnixMillis(90_000)), UnixMillis(100_000))
    );
    assert_eq!(later.options, scheduled().options);
    let mut longer = scheduled();
    longer.apply(amend(None, Some(Options { ttl_seconds: 40, ..Options::default() }), None)).unwrap();
    assert_eq!((longer.release_at, longer.expires_at), (Some(UnixMillis(50_000)), UnixMillis(90_000)));
    assert!(longer.options.silent && longer.options.topic.is_none(), "options are one, and silence is none of them");
    let mut louder = scheduled();
    louder
        .apply(amend(
            None,
            None,
            Some(AmendedContent { payload: Bytes::from_static(b"new"), ..AmendedContent::default() }),
        ))
        .unwrap();
    assert_eq!((&*louder.payload, louder.options.silent, louder.expires_at), (&b"new"[..], false, UnixMillis(60_000)));
}

#[test]
fn an_amendment_to_at_once_may_be_repeated_and_is_then_too_late() {
    let at_once =
        |now| amend(Some(AmendedRelease { lives_from: UnixMillis(now), ..AmendedRelease::default() }), None, None);
    let (mut message, last) = after(Stage::Scheduled, &[at_once(5), at_once(9)]);
    assert_eq!((last, message.stage, message.expires_at), (Ok(()), Stage::Accepted, UnixMillis(5)));
    let other = amend(None, None, Some(AmendedContent::default()));
    assert_eq!(message.apply(other), Err(ChangeRefused::TooLate(Stage::Accepted)));
    message.stage = Stage::Releasing;
    assert_eq!(message.apply(at_once(5)), Err(ChangeRefused::TooLate(Stage::Releasing)));
}
