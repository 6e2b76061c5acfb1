//! `homing push`.

use anyhow::{Context as _, Result, bail};
use homing_contract::http::v1::{
    AudienceRequest, Notification, OptionsRequest, PriorityName, PushAccepted, PushRequest, ScheduleRequest, StageName,
};

use super::context::Surroundings;
use super::table;
use crate::arguments::PushArguments;

pub(super) async fn run(arguments: PushArguments) -> Result<()> {
    let here = Surroundings::new(&arguments.server)?;
    let token = here.server_key(&arguments.key)?;
    let key = arguments.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let accepted: PushAccepted = here.api.push(&token, &key, &request(arguments)?).await?;
    if here.json {
        return table::json(&accepted);
    }
    let stage = if accepted.stage == StageName::Scheduled { "scheduled" } else { "accepted" };
    table::line(format!("{stage}: {}", accepted.message_id))?;
    table::line(format!("what becomes of it: homing message show {}", accepted.message_id))
}

fn request(arguments: PushArguments) -> Result<PushRequest> {
    let audience = match (arguments.all, arguments.device.is_empty(), arguments.user.is_empty()) {
        (true, ..) => AudienceRequest::all(),
        (false, false, _) => AudienceRequest::devices(arguments.device),
        (false, true, false) => AudienceRequest::users(arguments.user),
        (false, true, true) => bail!("to whom? Give --device, --user or --all"),
    };
    let has_text = arguments.title.is_some() || arguments.body.is_some();
    let notification =
        has_text.then(|| Notification { title: arguments.title, body: arguments.body, ..Notification::default() });
    let data = arguments.data.map(|text| serde_json::from_str(&text)).transpose();
    let data = data.context("--data must be a JSON object, as '{\"order\": 7}'")?;
    if notification.is_none() && data.is_none() {
        bail!("what? Give --title, --body or --data");
    }
    let priority = arguments.priority.map(|name| serde_json::from_value::<PriorityName>(name.into())).transpose();
    let priority = priority.context("--priority is high, normal or low")?;
    let options = OptionsRequest {
        ttl_seconds: arguments.ttl.map(i64::from),
        priority,
        collapse_key: arguments.collapse_key,
        ..OptionsRequest::default()
    };
    let at = |time: String| serde_json::from_value::<ScheduleRequest>(serde_json::json!({"at": time}));
    let schedule = arguments.at.map(at).transpose();
    let schedule = schedule.context("--at is a time with its offset from UTC, as 2026-12-24T18:00:00+08:00")?;
    Ok(PushRequest { audience, notification, data, options: Some(options), schedule, ..PushRequest::default() })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn parse(flags: &[&str]) -> Result<PushRequest> {
        let line = ["homing", "push"].iter().chain(flags);
        let Command::Push(arguments) = Arguments::try_parse_from(line)?.command else { panic!("not push") };
        request(*arguments)
    }

    #[test]
    fn flags_become_the_request() {
        let flags = ["--user", "u1", "--user", "用户", "--title", "hi", "--ttl", "5", "--priority", "high"];
        let push = parse(&flags).unwrap();
        assert_eq!(push.audience.users.unwrap(), ["u1", "用户"]);
        let options = push.options.unwrap();
        assert_eq!((options.ttl_seconds, options.priority), (Some(5), Some(PriorityName::High)));
        assert_eq!(push.schedule, None);
        let push = parse(&["--all", "--title", "hi", "--at", "2026-12-24T18:00:00+08:00"]).unwrap();
        assert_eq!(push.schedule.unwrap().at.unwrap().to_string(), "2026-12-24T10:00:00Z");
    }

    #[test]
    fn nobody_nothing_and_nonsense_are_refused() {
        for flags in [
            &["--title", "x"][..],
            &["--all"],
            &["--all", "--data", "[1]"],
            &["--all", "--title", "x", "--priority", "urgent"],
            &["--all", "--title", "x", "--at", "tomorrow"],
            &["--all", "--device", "d", "--title", "x"],
        ] {
            assert!(parse(flags).is_err(), "{flags:?}");
        }
    }
}
