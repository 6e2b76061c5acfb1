//! `homing app`.

use anyhow::Result;
use homing_contract::http::v1::{AppCreated, AppList, CreateApp, KeyRotated, RotateKeys};

use super::context::{Surroundings, admin_token};
use super::table;
use crate::arguments::{AdminArguments, AppCommand};
use crate::client::AppKeys;

pub(super) async fn run(command: AppCommand) -> Result<()> {
    match command {
        AppCommand::Create { app, name, admin, server } => create(Surroundings::new(&server)?, app, name, &admin).await,
        AppCommand::List { admin, server } => list(&Surroundings::new(&server)?, &admin).await,
        AppCommand::RotateKey { app, grace_seconds, admin, server } => {
            rotate(Surroundings::new(&server)?, app, grace_seconds, &admin).await
        }
    }
}

async fn create(mut here: Surroundings, app: String, name: Option<String>, admin: &AdminArguments) -> Result<()> {
    let request = CreateApp { id: app.clone(), name, ..CreateApp::default() };
    let created: AppCreated = here.api.post("/v1/apps", admin_token(admin)?, &request).await?;
    let keys = AppKeys { server_key: created.server_key.clone(), client_key: created.client_key.clone() };
    here.profile.apps.insert(app.clone(), keys);
    here.profile.app = Some(app.clone());
    here.save()?;
    if here.json {
        return table::json(&created);
    }
    let rows = [("app", app), ("server key", created.server_key), ("client key", created.client_key)];
    table::line(table::of_pairs(rows))?;
    table::line("The keys are shown only now; this command keeps them in its profile file.")
}

async fn list(here: &Surroundings, admin: &AdminArguments) -> Result<()> {
    let mut apps = Vec::new();
    let mut path = "/v1/apps".to_owned();
    loop {
        let page: AppList = here.api.get(&path, admin_token(admin)?).await?;
        apps.extend(page.apps);
        let Some(cursor) = page.next_cursor else { break };
        path = format!("/v1/apps?cursor={cursor}");
    }
    if here.json {
        return table::json(&apps);
    }
    let mut rows = table::with_heads(["app", "name", "server keys", "created"]);
    for app in apps {
        let keys: Vec<_> = app.server_keys.iter().filter(|key| key.valid).map(|key| format!("{}…", key.hint)).collect();
        rows.add_row([app.id, app.name, keys.join("\n"), app.created_at.to_string()]);
    }
    table::line(rows)
}

async fn rotate(mut here: Surroundings, app: String, grace: Option<u64>, admin: &AdminArguments) -> Result<()> {
    let path = format!("/v1/apps/{app}/keys/rotate");
    let rotated: KeyRotated = here.api.post(&path, admin_token(admin)?, &RotateKeys { grace_seconds: grace }).await?;
    here.profile.apps.entry(app.clone()).or_default().server_key.clone_from(&rotated.server_key);
    here.save()?;
    if here.json {
        return table::json(&rotated);
    }
    table::line(table::of_pairs([("app", app), ("new server key", rotated.server_key)]))?;
    for key in rotated.app.server_keys.iter().filter(|key| key.valid) {
        let until = key.expires_at.map_or_else(|| "until it is replaced".to_owned(), |at| format!("until {at}"));
        table::line(format!("{}… is valid {until}", key.hint))?;
    }
    Ok(())
}
