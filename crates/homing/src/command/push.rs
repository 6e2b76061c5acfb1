//! `homing push`.

use anyhow::{Context as _, Result, bail};
use homing_contract::http::v1::{
    AudienceRequest, DeliveryName, ExcludeRequest, Notification, OptionsRequest, PriorityName, PushAccepted,
    PushRequest, StageName,
};

use super::context::Surroundings;
use super::schedule::schedule;
use super::{table, watch};
use crate::arguments::{DeliveryChoice, PushArguments, WatchArguments};

pub(super) async fn run(arguments: PushArguments) -> Result<()> {
    let here = Surroundings::new(&arguments.server)?;
    let token = here.server_key(&arguments.key)?;
    let key = arguments.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let (is_watched, watch) = (arguments.watch, WatchArguments::default());
    let accepted: PushAccepted = here.api.push(&token, &key, &request(arguments)?).await?;
    if here.json {
        table::json_of(&accepted, is_watched)?;
    }
    if is_watched {
        return watch::follow(&here, &token, &accepted.message_id, watch).await;
    }
    if here.json {
        return Ok(());
    }
    let stage = if accepted.stage == StageName::Scheduled { "scheduled" } else { "accepted" };
    table::line(format!("{stage}: {}", accepted.message_id))?;
    table::line(format!("what becomes of it: homing message show {}", accepted.message_id))
}

fn request(arguments: PushArguments) -> Result<PushRequest> {
    let audience = audience(&arguments)?;
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
    let quiet_hours = arguments.quiet_hours.map(|name| serde_json::from_value(name.into())).transpose();
    let options = OptionsRequest {
        ttl_seconds: arguments.ttl.map(i64::from),
        priority,
        collapse_key: arguments.collapse_key,
        rate_per_second: arguments.rate.map(i64::from),
        topic: arguments.topic,
        quiet_hours: quiet_hours.context("--quiet-hours is hold, drop or ignore")?,
        delivery: arguments.delivery.map(delivery),
        fallback_after_seconds: arguments.fallback_after.map(i64::from),
        sync_read: arguments.sync_read.then_some(true),
    };
    let schedule = schedule(arguments.schedule)?;
    Ok(PushRequest { audience, notification, data, options: Some(options), schedule, ..PushRequest::default() })
}

const fn delivery(choice: DeliveryChoice) -> DeliveryName {
    match choice {
        DeliveryChoice::OnlineFirst => DeliveryName::OnlineFirst,
        DeliveryChoice::OwnOnly => DeliveryName::OwnOnly,
        DeliveryChoice::VendorOnly => DeliveryName::VendorOnly,
        DeliveryChoice::Fallback => DeliveryName::Fallback,
    }
}

fn audience(arguments: &PushArguments) -> Result<AudienceRequest> {
    let mut audience = if arguments.all {
        AudienceRequest::all()
    } else if let Some(expression) = &arguments.expression {
        AudienceRequest::expression(expression)
    } else if let Some(id) = &arguments.audience {
        AudienceRequest::uploaded(id)
    } else if !arguments.device.is_empty() {
        AudienceRequest::devices(arguments.device.iter().cloned())
    } else if !arguments.user.is_empty() {
        AudienceRequest::users(arguments.user.iter().cloned())
    } else {
        bail!("to whom? Give --device, --user, --expression, --audience or --all")
    };
    let names = |names: &Vec<String>| (!names.is_empty()).then(|| names.clone());
    let exclude = ExcludeRequest {
        devices: names(&arguments.exclude_device),
        users: names(&arguments.exclude_user),
        expression: arguments.exclude_expression.clone(),
        audience_id: arguments.exclude_audience.clone(),
    };
    audience.exclude = (exclude != ExcludeRequest::default()).then_some(exclude);
    Ok(audience)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use homing_contract::http::v1::QuietHoursName;

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
        let cron = ["--all", "--title", "hi", "--cron", "0 9 * * *", "--timezone", "Europe/Berlin", "--count", "3"];
        let schedule = parse(&cron).unwrap().schedule.unwrap();
        assert_eq!(
            (schedule.cron.as_deref(), schedule.timezone.as_deref()),
            (Some("0 9 * * *"), Some("Europe/Berlin"))
        );
        assert_eq!((schedule.count, schedule.until), (Some(3), None));
        let push = parse(&["--all", "--title", "hi", "--at-local", "2026-12-24T18:00:00"]).unwrap();
        assert_eq!(push.schedule.unwrap().at_local.unwrap(), "2026-12-24T18:00:00");
    }

    #[test]
    fn who_and_how_become_the_request() {
        let flags = ["--expression", "vip", "--exclude-user", "u1", "--exclude-audience", "a1", "--data", "{}"];
        let more = ["--rate", "50", "--topic", "news", "--quiet-hours", "drop", "--sync-read"];
        let push = parse(&[&flags[..], &more].concat()).unwrap();
        assert_eq!(push.audience.expression.as_deref(), Some("vip"));
        let exclude = push.audience.exclude.unwrap();
        assert_eq!((exclude.users, exclude.audience_id), (Some(vec!["u1".to_owned()]), Some("a1".to_owned())));
        let options = push.options.unwrap();
        assert_eq!((options.rate_per_second, options.topic.as_deref()), (Some(50), Some("news")));
        assert_eq!((options.quiet_hours, options.sync_read), (Some(QuietHoursName::Drop), Some(true)));
        for (name, expected) in [
            ("online-first", DeliveryName::OnlineFirst),
            ("own-only", DeliveryName::OwnOnly),
            ("vendor-only", DeliveryName::VendorOnly),
            ("fallback", DeliveryName::Fallback),
        ] {
            let push = parse(&["--all", "--title", "x", "--delivery", name, "--fallback-after", "3"]).unwrap();
            let options = push.options.unwrap();
            assert_eq!((options.delivery, options.fallback_after_seconds), (Some(expected), Some(3)));
        }
        let push = parse(&["--audience", "a1", "--title", "x"]).unwrap();
        assert_eq!((push.audience.audience_id.as_deref(), push.audience.exclude), (Some("a1"), None));
    }

    #[test]
    fn nobody_nothing_and_nonsense_are_refused() {
        for flags in [
            &["--title", "x"][..],
            &["--all"],
            &["--all", "--data", "[1]"],
            &["--all", "--title", "x", "--priority", "urgent"],
            &["--all", "--title", "x", "--at", "tomorrow"],
            &["--all", "--title", "x", "--quiet-hours", "sometimes"],
            &["--all", "--title", "x", "--delivery", "own_only"],
            &["--all", "--title", "x", "--fallback-after", "soon"],
            &["--expression", "vip", "--audience", "a1", "--title", "x"],
            &["--all", "--title", "x", "--timezone", "UTC"],
            &["--all", "--title", "x", "--cron", "0 9 * * *", "--at-local", "2026-12-24T18:00:00"],
            &["--all", "--device", "d", "--title", "x"],
        ] {
            assert!(parse(flags).is_err(), "{flags:?}");
        }
    }
}
