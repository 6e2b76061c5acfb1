//! How far a conversation has come.

use std::collections::BTreeMap;
use std::fmt;

use homing_domain::UnixMillis;
use http::Uri;

use super::decode::{self, Targets};
use super::sign;
use crate::{Exchange, Next, Request, Response, Secret};

/// Where a conversation stands.
pub(super) struct Conversation {
    /// What is to be sent.
    pub(super) request: Request,
    /// What its answer is about.
    pub(super) awaiting: Awaiting,
}

/// What an answer is about.
pub(super) enum Awaiting {
    /// Devices or aliases; with a task, the content was saved before.
    Pushed {
        /// Whom.
        targets: Targets,
        /// What the vendor calls the content.
        task_id: Option<String>,
    },
    /// The content was saved; the devices come next.
    Saved {
        /// Where they are named.
        uri: Uri,
        /// The app.
        app_id: String,
        /// What signs for it.
        app_secret: Secret,
        /// Whom.
        targets: Targets,
    },
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("path", &self.request.http.uri().path()).finish_non_exhaustive()
    }
}

impl Exchange for Conversation {
    fn request(&self) -> Request {
        self.request.clone()
    }

    fn take(self: Box<Self>, response: &Response, now: UnixMillis) -> Next {
        match self.awaiting {
            Awaiting::Pushed { targets, task_id } => Next::Done(decode::pushed(response, now, &targets, task_id)),
            Awaiting::Saved { uri, app_id, app_secret, targets } => match decode::saved(response, now, &targets) {
                Err(answers) => Next::Done(*answers),
                Ok(task_id) => {
                    let listed = targets.listed();
                    let fields = BTreeMap::from([("appId", &*app_id), ("pushIds", &*listed), ("taskId", &*task_id)]);
                    let request = sign::request(uri, &fields, &app_secret);
                    let awaiting = Awaiting::Pushed { targets, task_id: Some(task_id) };
                    Next::Ask(Box::new(Self { request, awaiting }))
                }
            },
        }
    }
}
