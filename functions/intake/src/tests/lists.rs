//! Pushes to uploaded lists.

use bytes::Bytes;
use futures_util::FutureExt as _;
use homing_contract::http::v1::ValidPush;
use homing_domain::{Audience, AudienceId, Exclusion, MemberKind, Options, Schedule, UnixMillis, UploadedAudience};

use super::world::{NOW, World, app};
use crate::lists::check_lists;

const GOOD: AudienceId = AudienceId::from_bytes([1; 16]);
const UNFINISHED: AudienceId = AudienceId::from_bytes([2; 16]);
const FOREIGN: AudienceId = AudienceId::from_bytes([3; 16]);
const UNKNOWN: AudienceId = AudienceId::from_bytes([4; 16]);

fn world() -> std::sync::Arc<World> {
    let world = World::new();
    let list = |id, app: &str, members| UploadedAudience {
        id,
        app: app.parse().unwrap(),
        name: None,
        kind: MemberKind::Users,
        created_at: NOW,
        expires_at: NOW.plus(1_000),
        members,
    };
    world.with(|state| {
        for list in [list(GOOD, "demo", Some(0)), list(UNFINISHED, "demo", None), list(FOREIGN, "other", Some(1))] {
            state.lists.insert(list.id, list);
        }
    });
    world
}

fn wrong(audience: Audience, excluded: Option<AudienceId>, release_at: Option<UnixMillis>) -> Vec<(String, String)> {
    let exclude = Exclusion { uploaded: excluded, ..Exclusion::default() };
    let push = ValidPush {
        audience,
        exclude,
        payload: Bytes::new(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        options: Options::default(),
        schedule: Schedule::Now,
        release_at,
        validate_only: false,
    };
    let checked = check_lists(&*world(), &app(), (&push.audience, &push.exclude), push.release_at.unwrap_or(NOW))
        .now_or_never()
        .expect("it waits for its ports only");
    checked.unwrap().into_vec().into_iter().map(|wrong| (wrong.code, wrong.pointer)).collect()
}

#[test]
fn only_finished_lists_of_the_app_can_be_sent_to() {
    assert_eq!(wrong(Audience::All, None, None), []);
    assert_eq!(wrong(Audience::Uploaded(GOOD), Some(GOOD), Some(NOW.plus(999))), []);
    for (id, code) in
        [(UNFINISHED, "audience_unfinished"), (FOREIGN, "unknown_audience"), (UNKNOWN, "unknown_audience")]
    {
        let expected = |pointer: &str| (code.to_owned(), pointer.to_owned());
        assert_eq!(wrong(Audience::Uploaded(id), None, None), [expected("/audience/audience_id")]);
        assert_eq!(wrong(Audience::All, Some(id), None), [expected("/audience/exclude/audience_id")]);
        assert_eq!(wrong(Audience::Uploaded(id), Some(id), None).len(), 2);
    }
    let late = wrong(Audience::Uploaded(GOOD), None, Some(NOW.plus(1_000)));
    assert_eq!(late, [("audience_expires".to_owned(), "/audience/audience_id".to_owned())]);
}
