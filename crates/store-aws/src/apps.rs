//! Apps: one item each, in a partition of its own, so that requests of different apps never share a partition's limit.
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | create_app, replace_app, delete_app | 1 | 1 + 1 (`by_segment`) | |
//! | app | 1 | | 1 |
//! | apps | 1 per MiB | | 0.5 per 4 KiB |
//!
//! `app` stands behind every request of a business; its callers keep the answer for seconds. A partition answers 3,000 of
//! them a second, so one app may be served by some 30,000 processes.

mod row;
#[cfg(test)]
mod tests;

use homing_domain::{App, AppId};
use homing_ports::{Apps, Created, Replaced, Result};

use crate::AwsStore;
use crate::directory::{all_apps, app_key, call};
use crate::expression::Expression;
use crate::item::binary;
use crate::one_item::{Query, Written};
use crate::schema::DEVICES_BY_SEGMENT;

/// The condition that the stored revision is the one before this.
pub(crate) fn replaces(revision: u64) -> Option<Expression> {
    let before = revision.checked_sub(1)?;
    Some(Expression::condition("#rv = :before").value("before", before))
}

/// What lists all apps after one.
fn after(app: Option<&AppId>) -> Expression {
    let expression = match app {
        Some(app) => Expression::key("#sp = :apps AND #ss > :after").value("after", binary(app.as_str())),
        None => Expression::key("#sp = :apps"),
    };
    expression.value("apps", binary(all_apps()))
}

impl Apps for AwsStore {
    async fn create_app(&self, app: App) -> Result<Created> {
        match self.put(call("create the app"), row::write(&app), Expression::absent()).await? {
            Written::Done(_) => Ok(Created::New),
            Written::Refused(_) => Ok(Created::Exists),
        }
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        let call = call("read the app");
        self.get(call, app_key(id)).await?.map(|item| call.read(row::read(item))).transpose()
    }

    async fn apps(&self, app: Option<&AppId>, limit: usize) -> Result<Vec<App>> {
        let call = call("list the apps");
        let query = Query { index: Some(DEVICES_BY_SEGMENT.name), is_consistent: false, ..Query::of(after(app)) };
        call.read_all(self.list(call, query, limit).await?, row::read)
    }

    async fn replace_app(&self, app: App) -> Result<Replaced> {
        let Some(condition) = replaces(app.revision) else { return Ok(Replaced::Changed) };
        match self.put(call("replace the app"), row::write(&app), condition).await? {
            Written::Done(_) => Ok(Replaced::Done),
            Written::Refused(_) => Ok(Replaced::Changed),
        }
    }

    async fn delete_app(&self, id: &AppId) -> Result<()> {
        self.delete_item(call("delete the app"), app_key(id), Expression::none()).await.map(|_| ())
    }
}
