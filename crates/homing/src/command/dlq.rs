//! `homing dlq`.

use anyhow::Result;
use homing_contract::http::v1::{DeadLetterList, DeadLetterView, RedriveRequest, Redriven};

use super::context::{Surroundings, admin_token};
use super::table;
use crate::arguments::DlqCommand;

/// Requests of one `redrive --all`: ends it when what was redriven fails again as fast as it is sent.
const ROUNDS_MAX: usize = 10;
/// Of a body in the table: one line. `--json` prints what the server shows.
const BODY_MAX_CHARACTERS: usize = 200;

pub(super) async fn run(command: DlqCommand) -> Result<()> {
    match command {
        DlqCommand::List { queue, limit, admin, server } => {
            let here = Surroundings::new(&server)?;
            let queue = queue.map_or_else(String::new, |queue| format!("&queue={queue}"));
            let path = format!("/v1/dead-letters?limit={limit}{queue}");
            let list: DeadLetterList = here.api.get(&path, admin_token(&admin)?).await?;
            if here.json { table::json(&list.dead_letters) } else { show(&list.dead_letters) }
        }
        DlqCommand::Redrive { queue, ids, all, admin, server } => {
            let here = Surroundings::new(&server)?;
            let ids = if all { None } else { Some(ids) };
            let request = RedriveRequest { queue, ids, all: all.then_some(true) };
            let done = redrive(&here, admin_token(&admin)?, &request).await?;
            if here.json { table::json(&done) } else { told(done) }
        }
    }
}

async fn redrive(here: &Surroundings, token: &str, request: &RedriveRequest) -> Result<Redriven> {
    let mut done = Redriven { redriven: 0, more: true };
    for _ in 0..ROUNDS_MAX {
        let round: Redriven = here.api.post("/v1/dead-letters/redrive", token, request).await?;
        done = Redriven { redriven: done.redriven + round.redriven, more: round.more };
        if !done.more {
            break;
        }
    }
    Ok(done)
}

fn show(letters: &[DeadLetterView]) -> Result<()> {
    if letters.is_empty() {
        return table::line("There are no dead letters.");
    }
    let mut rows = table::with_heads(["queue", "id", "reason", "tries", "sent", "body"]);
    for letter in letters {
        rows.add_row([
            letter.queue.clone(),
            letter.id.clone(),
            letter.reason.clone().unwrap_or_default(),
            letter.receives.to_string(),
            letter.sent_at.to_string(),
            in_short(letter),
        ]);
    }
    table::line(rows)
}

fn in_short(letter: &DeadLetterView) -> String {
    let body = letter.body.as_str().map_or_else(|| letter.body.to_string(), str::to_owned);
    let mut short: String = body.chars().take(BODY_MAX_CHARACTERS).collect();
    if letter.truncated || short.len() < body.len() {
        short.push('…');
    }
    short
}

fn told(done: Redriven) -> Result<()> {
    table::line(format!("{} sent to their queue again", done.redriven))?;
    if done.more { table::line("There may be more: run this again once these are worked off.") } else { Ok(()) }
}
