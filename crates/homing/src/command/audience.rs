//! `homing audience`.

mod parts;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use homing_contract::http::v1::{
    INVALID_LINES_SHOWN, InvalidLine, MemberKindName, Uploaded, UploadedAudienceList, UploadedAudienceView,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;

use super::context::Surroundings;
use super::table;
use crate::arguments::{AudienceCommand, ListKind};
use crate::client::ClientError;
use parts::{Part, Parts};

/// Tries of one part before the upload is given up.
const TRIES: u32 = 5;
/// Between two of them.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Lists on one page of the listing.
const PAGE: usize = 200;

pub(super) async fn run(command: AudienceCommand) -> Result<()> {
    match command {
        AudienceCommand::Upload { file, kind, name, key, server } => {
            let here = Surroundings::new(&server)?;
            let token = here.server_key(&key)?;
            upload(&here, &token, &file, kind, name.as_deref()).await
        }
        AudienceCommand::List { key, server } => {
            let here = Surroundings::new(&server)?;
            let token = here.server_key(&key)?;
            list(&here, &token).await
        }
        AudienceCommand::Show(list) => {
            let here = Surroundings::new(&list.server)?;
            let path = format!("/v1/audiences/{}", list.audience);
            let view: UploadedAudienceView = here.api.get(&path, &here.server_key(&list.key)?).await?;
            if here.json { table::json(&view) } else { show(&view) }
        }
        AudienceCommand::Delete(list) => {
            let here = Surroundings::new(&list.server)?;
            here.api.delete(&format!("/v1/audiences/{}", list.audience), &here.server_key(&list.key)?).await?;
            if here.json { Ok(()) } else { table::line("deleted") }
        }
    }
}

/// Uploads a list part by part, so that one of any size passes any gateway, and a part that got no answer is sent again.
async fn upload(here: &Surroundings, token: &str, file: &Path, kind: ListKind, name: Option<&str>) -> Result<()> {
    let unreadable = || format!("{} cannot be read", file.display());
    let (input, bytes): (Box<dyn Read + Send>, Option<u64>) = if file == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(file).with_context(unreadable)?;
        let bytes = file.metadata().ok().map(|about| about.len());
        (Box::new(file), bytes)
    };
    let bar = bar(here, bytes);
    let key = uuid::Uuid::new_v4().to_string();
    let mut parts = Parts::new(input);
    let first = parts.next_part().with_context(unreadable)?.unwrap_or_default();
    let mut path = first_path(kind, name);
    let mut all = send(here, token, &path, Some(&key), first, &bar).await?;
    path = format!("/v1/audiences/{}/members", all.audience.audience_id);
    while let Some(part) = parts.next_part().with_context(unreadable)? {
        let more = send(here, token, &path, None, part, &bar).await?;
        all.lines += more.lines;
        all.invalid_lines += more.invalid_lines;
        all.invalid.extend(more.invalid);
    }
    all.invalid.truncate(INVALID_LINES_SHOWN);
    path = format!("/v1/audiences/{}/finish", all.audience.audience_id);
    all.audience = repeated(async || here.api.post(&path, token, &()).await).await?;
    bar.finish_and_clear();
    if here.json { table::json(&all) } else { report(&all) }
}

fn first_path(kind: ListKind, name: Option<&str>) -> String {
    let kind = match kind {
        ListKind::Users => "users",
        ListKind::Devices => "devices",
    };
    let name = name.map(|name| format!("&name={}", percent_encoded(name))).unwrap_or_default();
    format!("/v1/audiences?kind={kind}&finish=false{name}")
}

/// As RFC 3986 says: everything but letters, digits and `-._~`.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

async fn send(
    here: &Surroundings,
    token: &str,
    path: &str,
    key: Option<&str>,
    part: Part,
    bar: &ProgressBar,
) -> Result<Uploaded> {
    let size = part.text.len() as u64;
    let mut sent: Uploaded = repeated(async || here.api.post_lines(path, token, key, part.text.clone()).await).await?;
    for line in &mut sent.invalid {
        line.line += part.lines_before;
    }
    bar.inc(size);
    Ok(sent)
}

/// Sends a request again while that may help; each of them may be repeated.
async fn repeated<T: DeserializeOwned>(request: impl AsyncFn() -> Result<T, ClientError>) -> Result<T> {
    let mut tries = 1;
    loop {
        match request().await {
            Err(error) if error.is_worth_a_retry() && tries < TRIES => tries += 1,
            answer => return Ok(answer?),
        }
        tokio::time::sleep(RETRY_AFTER).await; // sleep: a server that did not answer has no event to wait for
    }
}

/// On standard error, where a person looks.
fn bar(here: &Surroundings, bytes: Option<u64>) -> ProgressBar {
    if here.json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    if bytes.is_some() { style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)) } else { bar }
}

fn report(all: &Uploaded) -> Result<()> {
    show(&all.audience)?;
    table::line(format!("{} lines, {} of them not valid", all.lines, all.invalid_lines))?;
    for InvalidLine { line, message, .. } in &all.invalid {
        table::line(format!("  line {line}: {message}"))?;
    }
    table::line(format!("Push to it: homing push --audience {} --title …", all.audience.audience_id))
}

fn show(view: &UploadedAudienceView) -> Result<()> {
    let mut pairs = vec![("audience", view.audience_id.clone())];
    pairs.extend(view.name.clone().map(|name| ("name", name)));
    pairs.push(("kind", kind(view.kind).to_owned()));
    pairs.push(("members", members(view)));
    pairs.push(("uploaded", view.created_at.to_string()));
    pairs.push(("kept until", view.expires_at.to_string()));
    table::line(table::of_pairs(pairs))
}

async fn list(here: &Surroundings, token: &str) -> Result<()> {
    let mut all: Vec<UploadedAudienceView> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: UploadedAudienceList = here.api.get(&format!("/v1/audiences?limit={PAGE}{cursor}"), token).await?;
        all.extend(page.audiences);
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    if here.json {
        return table::json(&all);
    }
    let mut lists = table::with_heads(["audience", "name", "kind", "members", "kept until"]);
    for view in &all {
        lists.add_row([
            view.audience_id.clone(),
            view.name.clone().unwrap_or_default(),
            kind(view.kind).to_owned(),
            members(view),
            view.expires_at.to_string(),
        ]);
    }
    table::line(lists)
}

fn members(view: &UploadedAudienceView) -> String {
    view.members.map_or_else(|| "not finished".to_owned(), |members| members.to_string())
}

const fn kind(kind: MemberKindName) -> &'static str {
    match kind {
        MemberKindName::Users => "users",
        MemberKindName::Devices => "devices",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_a_query() {
        assert_eq!(first_path(ListKind::Devices, None), "/v1/audiences?kind=devices&finish=false");
        assert!(first_path(ListKind::Users, Some("a&b ü")).ends_with("&name=a%26b%20%C3%BC"));
    }
}
