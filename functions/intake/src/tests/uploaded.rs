//! Lines on their way into a list.

use axum::body::Body;
use futures_util::FutureExt as _;
use homing_credentials::member_key;
use homing_domain::limits::UPLOAD_MAX_MEMBERS;
use homing_domain::{AudienceId, DeviceId, MemberKey, MemberKind, UploadedAudience};
use homing_endpoint::ApiLines;

use super::world::{NOW, When, World, app};
use crate::upload::{Report, Upload, UploadError};

const LIST: AudienceId = AudienceId::from_bytes([7; 16]);
const DEVICE: DeviceId = DeviceId::from_bytes([9; 16]);

fn list(kind: MemberKind) -> UploadedAudience {
    UploadedAudience {
        id: LIST,
        app: app(),
        name: None,
        kind,
        created_at: NOW,
        expires_at: NOW.plus(1_000),
        members: None,
    }
}

fn upload(world: &World, list: &UploadedAudience, body: impl Into<Body>) -> Result<Report, UploadError> {
    let device_of_token = |token: &str| (token == "hmp_good").then_some(DEVICE);
    let upload = Upload::new(world, list, &device_of_token);
    upload.take(ApiLines::new(body.into())).now_or_never().expect("it waits for its ports only")
}

#[test]
fn users_are_deduplicated_and_what_is_wrong_stops_nobody() {
    let world = World::new();
    let list = list(MemberKind::Users);
    let text = format!("alice\r\n\r\n用户\nalice\n{}\nbo\tb\n carol\n", "x".repeat(129));
    let view = upload(&world, &list, text).unwrap().into_view(&list);
    assert_eq!((view.lines, view.invalid_lines), (6, 2));
    let wrong: Vec<_> = view.invalid.iter().map(|line| (line.line, &*line.code)).collect();
    assert_eq!(wrong, [(5, "invalid_user"), (6, "invalid_user")]);
    let expected = ["alice", "用户", " carol"].map(|user| (LIST, member_key(&user.parse().unwrap())));
    assert_eq!(world.with(|state| state.members.clone()), expected.into());
}

#[test]
fn devices_go_by_id_or_push_token() {
    let world = World::new();
    let list = list(MemberKind::Devices);
    let other = DeviceId::from_bytes([8; 16]);
    let view = upload(&world, &list, format!("{other}\nhmp_good\n{DEVICE} \nhmp_bad\nalice")).unwrap().into_view(&list);
    assert_eq!((view.lines, view.invalid_lines), (5, 2));
    let expected = [other, DEVICE].map(|device| (LIST, MemberKey::of_device(&device)));
    assert_eq!(world.with(|state| state.members.clone()), expected.into());
}

#[test]
fn a_finished_list_is_read_only_and_a_repeat_is_answered_as_before() {
    let world = World::new();
    let finished = UploadedAudience { members: Some(1), ..list(MemberKind::Users) };
    let view = upload(&world, &finished, "alice\n\u{7}\n").unwrap().into_view(&finished);
    assert_eq!((view.lines, view.invalid_lines, view.audience.members), (2, 1, Some(1)));
    assert!(world.with(|state| state.members.is_empty()));
}

/// One line again and again, in frames of 1,000 of them.
fn endless(lines: u64) -> Body {
    let frames = (0..lines.div_ceil(1_000)).map(move |frame| {
        let left = (lines - frame * 1_000).min(1_000);
        Ok::<_, std::convert::Infallible>("u\n".repeat(usize::try_from(left).unwrap()))
    });
    Body::from_stream(futures_util::stream::iter(frames))
}

#[test]
fn a_million_lines_pass_in_chunks_and_one_more_is_counted_and_refused() {
    let world = World::new();
    let list = list(MemberKind::Users);
    let report = upload(&world, &list, endless(UPLOAD_MAX_MEMBERS)).unwrap();
    assert_eq!(report.into_view(&list).lines, UPLOAD_MAX_MEMBERS);
    assert_eq!(world.with(|state| (state.largest_chunk, state.members.len())), (1_000, 1));
    let too_many = upload(&world, &list, endless(UPLOAD_MAX_MEMBERS + 4_321)).unwrap_err();
    assert!(matches!(too_many, UploadError::TooManyLines(lines) if lines == UPLOAD_MAX_MEMBERS + 4_321));
}

#[test]
fn a_broken_store_stops_the_upload_and_the_same_may_be_sent_again() {
    let world = World::new();
    let list = list(MemberKind::Users);
    let text = (0..2_500).map(|user| format!("u{user}\n")).collect::<String>();
    for (call, when) in [(1, When::Before), (2, When::After), (3, When::Before)] {
        world.with(|state| (state.calls, state.fail_at) = (0, Some((call, when))));
        assert!(matches!(upload(&world, &list, text.clone()), Err(UploadError::Port(_))));
    }
    world.with(|state| state.fail_at = None);
    upload(&world, &list, text).unwrap();
    assert_eq!(world.with(|state| state.members.len()), 2_500);
}
