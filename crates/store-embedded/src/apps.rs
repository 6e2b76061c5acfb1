//! Apps.

use homing_domain::{App, AppId};
use homing_ports::{Apps, Created, Replaced, Result};

use crate::EmbeddedStore;
use crate::table::{Key, Table};

fn key(id: &AppId) -> Key {
    Key::of(Table::Apps).app(id)
}

impl Apps for EmbeddedStore {
    async fn create_app(&self, app: App) -> Result<Created> {
        self.commit("create the app", move |view| {
            let key = key(&app.id);
            if view.contains(&key)? {
                return Ok(Created::Exists);
            }
            view.put_noun(key, &app);
            Ok(Created::New)
        })
        .await
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        self.engine().noun(&key(id)).map_err(|error| error.in_port("read the app"))
    }

    async fn apps(&self, after: Option<&AppId>, limit: usize) -> Result<Vec<App>> {
        let start = after.map(|after| key(after).next());
        self.read_pages("list the apps", move |engine| engine.nouns(&Key::of(Table::Apps), start, limit)).await
    }

    async fn replace_app(&self, app: App) -> Result<Replaced> {
        self.commit("replace the app", move |view| {
            let key = key(&app.id);
            match view.noun::<App>(&key)? {
                Some(stored) if Some(stored.revision) == app.revision.checked_sub(1) => {
                    view.put_noun(key, &app);
                    Ok(Replaced::Done)
                }
                Some(_) | None => Ok(Replaced::Changed),
            }
        })
        .await
    }

    async fn delete_app(&self, id: &AppId) -> Result<()> {
        let key = key(id);
        self.commit("delete the app", move |view| {
            view.delete(key);
            Ok(())
        })
        .await
    }
}
