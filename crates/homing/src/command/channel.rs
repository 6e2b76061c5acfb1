//! `homing channel`.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use homing_contract::http::v1::{
    ChannelList, ChannelPolicyRequest, ChannelPolicyView, ChannelSet, ChannelView, CheckedView, CredentialUpload,
};

use super::context::{Surroundings, admin_token};
use super::table;
use crate::arguments::{ChannelCommand, OneChannel, PolicyArguments};

/// Largest upload that is read: what a server takes.
const UPLOAD_MAX_BYTES: u64 = 64 * 1_024;

pub(super) async fn run(command: ChannelCommand) -> Result<()> {
    match command {
        ChannelCommand::Set { one, file, subject, validate_only, check, admin, server } => {
            let here = Surroundings::new(&server)?;
            let upload = match (subject, file) {
                (Some(subject), _) => CredentialUpload([("subject".to_owned(), subject.into())].into_iter().collect()),
                (None, Some(file)) => read_upload(&file)?,
                (None, None) => bail!("which credential? Name its file with --file"),
            };
            let path = format!("{}?validate_only={validate_only}&check={check}", path(&one));
            let set: ChannelSet = here.api.put(&path, admin_token(&admin)?, &upload).await?;
            if here.json { table::json(&set) } else { told(&set, check) }
        }
        ChannelCommand::List { app, admin, server } => {
            let here = Surroundings::new(&server)?;
            let list: ChannelList = here.api.get(&format!("/v1/apps/{app}/channels"), admin_token(&admin)?).await?;
            if here.json { table::json(&list.channels) } else { listed(&list.channels) }
        }
        ChannelCommand::Show { one, admin, server } => {
            let here = Surroundings::new(&server)?;
            let view: ChannelView = here.api.get(&path(&one), admin_token(&admin)?).await?;
            if here.json { table::json(&view) } else { shown(&view) }
        }
        ChannelCommand::Remove { one, admin, server } => {
            let here = Surroundings::new(&server)?;
            here.api.delete(&path(&one), admin_token(&admin)?).await?;
            if here.json {
                return Ok(());
            }
            table::line(format!("Nothing goes by {} for {} any more.", one.channel, one.app))
        }
        ChannelCommand::Policy { one, policy, admin, server } => {
            let here = Surroundings::new(&server)?;
            let view = change_policy(&here, &one, policy, admin_token(&admin)?).await?;
            if here.json { table::json(&view) } else { table::line(table::of_pairs(in_words(&view))) }
        }
    }
}

fn path(one: &OneChannel) -> String {
    format!("/v1/apps/{}/channels/{}", one.app, one.channel)
}

fn read_upload(file: &Path) -> Result<CredentialUpload> {
    let mut text = String::new();
    let name = if file == Path::new("-") {
        std::io::stdin().lock().take(UPLOAD_MAX_BYTES).read_to_string(&mut text)?;
        "standard input".to_owned()
    } else {
        let opened = std::fs::File::open(file);
        let read = opened.and_then(|opened| opened.take(UPLOAD_MAX_BYTES).read_to_string(&mut text));
        read.with_context(|| format!("{} cannot be read", file.display()))?;
        file.display().to_string()
    };
    // What the parser says may quote what it met.
    serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!("{name} is not a JSON object (line {}, column {})", error.line(), error.column())
    })
}

/// What is not named stays as it is.
async fn change_policy(
    here: &Surroundings,
    one: &OneChannel,
    wanted: PolicyArguments,
    token: &str,
) -> Result<ChannelPolicyView> {
    let now = if wanted.reset {
        ChannelPolicyRequest::default()
    } else {
        let view: ChannelView = here.api.get(&path(one), token).await?;
        view.policy.into()
    };
    let request = ChannelPolicyRequest {
        max_attempts: wanted.max_attempts.or(now.max_attempts),
        base_ms: wanted.base_ms.or(now.base_ms),
        max_ms: wanted.max_ms.or(now.max_ms),
        per_second: wanted.per_second.or(now.per_second),
        burst: wanted.burst.or(now.burst),
        batch_size: wanted.batch_size.or(now.batch_size),
        repeat_unanswered: wanted.repeat_unanswered.or(now.repeat_unanswered),
    };
    Ok(here.api.put(&format!("{}/policy", path(one)), token, &request).await?)
}

fn told(set: &ChannelSet, asked: bool) -> Result<()> {
    shown(&set.channel)?;
    match set.checked {
        CheckedView::Parsed if asked => table::line("Its fields were read; there is nobody to ask about it.")?,
        CheckedView::Parsed => {}
        CheckedView::Access => table::line("The vendor gave access for it.")?,
        CheckedView::Answer => table::line("The vendor knows the app by it.")?,
    }
    if set.validate_only {
        return table::line("It can be used. Nothing was stored.");
    }
    match &set.receipt_url {
        Some(url) if url.starts_with('/') => table::line(format!(
            "Receipts go to {url} at your server's public address (the setting public_url names it)."
        )),
        Some(url) => table::line(format!("Receipts go to {url}")),
        None => Ok(()),
    }
}

fn listed(channels: &[ChannelView]) -> Result<()> {
    if channels.is_empty() {
        return table::line("This app has nothing from any vendor yet.");
    }
    let mut rows = table::with_heads(["channel", "kind", "expires", "days left", "per second"]);
    for view in channels {
        let credential = view.credential.as_ref();
        rows.add_row([
            view.channel.clone(),
            credential.map_or_else(|| "none".to_owned(), |credential| credential.kind.clone()),
            or_dash(credential.and_then(|credential| credential.expires_at)),
            or_dash(credential.and_then(|credential| credential.days_left)),
            view.policy.per_second.map_or_else(|| "vendor's".to_owned(), |rate| rate.to_string()),
        ]);
    }
    table::line(rows)
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn shown(view: &ChannelView) -> Result<()> {
    let mut rows = table::with_heads(["", ""]);
    rows.add_row(["app", &view.app]).add_row(["channel", &view.channel]);
    if let Some(credential) = &view.credential {
        rows.add_row(["kind", &credential.kind]);
        for (name, value) in &credential.public {
            rows.add_row([name, value]);
        }
        rows.add_row(["uploaded", &credential.uploaded_at.to_string()]);
        rows.add_row(["expires", &or_dash(credential.expires_at)]);
        rows.add_row(["days left", &or_dash(credential.days_left)]);
    }
    for (name, value) in in_words(&view.policy) {
        rows.add_row([name, &value]);
    }
    table::line(rows)
}

fn in_words(policy: &ChannelPolicyView) -> [(&'static str, String); 7] {
    let or_vendors = |value: Option<u32>| value.map_or_else(|| "vendor's".to_owned(), |value| value.to_string());
    [
        ("tries", policy.max_attempts.to_string()),
        ("first wait (ms)", policy.base_ms.to_string()),
        ("longest wait (ms)", policy.max_ms.to_string()),
        ("requests per second", or_vendors(policy.per_second)),
        ("requests at once", policy.burst.map_or_else(|| "one second's".to_owned(), |value| value.to_string())),
        ("devices per request", or_vendors(policy.batch_size.map(u32::from))),
        ("repeat unanswered", policy.repeat_unanswered.to_string()),
    ]
}
