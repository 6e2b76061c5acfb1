//! Whether the uploaded lists that a push names can be sent to.

use homing_contract::http::Violations;
use homing_contract::http::v1::to_timestamp;
use homing_domain::{AppId, Audience, AudienceId, Exclusion, UnixMillis};
use homing_ports::{Audiences, Error};

/// What is wrong with the lists that an audience and its exclusion name, to be sent to at a time; nothing when they name none.
pub(crate) async fn check_lists<P: Audiences>(
    ports: &P,
    app: &AppId,
    (audience, exclude): (&Audience, &Exclusion),
    wanted_at: UnixMillis,
) -> Result<Violations, Error> {
    let included = match audience {
        Audience::Uploaded(id) => Some(*id),
        _ => None,
    };
    let mut wrong = Violations::default();
    for (named, pointer) in [(included, "/audience/audience_id"), (exclude.uploaded, "/audience/exclude/audience_id")] {
        if let Some(id) = named
            && let Some((code, message)) = judge(ports, app, id, wanted_at).await?
        {
            wrong.add(code, pointer, message);
        }
    }
    Ok(wrong)
}

/// Why a list of this app cannot be sent to at a time. Another app's is not there.
async fn judge<P: Audiences>(
    ports: &P,
    app: &AppId,
    id: AudienceId,
    wanted_at: UnixMillis,
) -> Result<Option<(&'static str, String)>, Error> {
    let list = ports.audience(id).await?.filter(|list| list.app == *app);
    Ok(match list {
        None => Some(("unknown_audience", "there is no such audience: upload it with POST /v1/audiences".to_owned())),
        Some(list) if list.members.is_none() => {
            let message = format!("is not finished: POST /v1/audiences/{id}/finish when all its parts are there");
            Some(("audience_unfinished", message))
        }
        Some(list) if list.expires_at <= wanted_at => {
            let message = format!("is deleted at {}, before the message is released", to_timestamp(list.expires_at));
            Some(("audience_expires", message))
        }
        Some(_) => None,
    })
}
