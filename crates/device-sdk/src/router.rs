//! Asking where to connect.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use homing_link::Transport;
use tokio::time::timeout;

use crate::identity::Route;
use crate::transports::{Connection, DialError, Preference, Transports, dial};

/// How long an answer is waited for; then the gateways of the last one are tried.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Gateways of one answer that are tried before asking again.
const ROUTES_MAX: usize = 4;

/// Knows which gateways live and how loaded they are: the platform's `GET /v1/route`, asked by the app with the device's
/// secret. It is asked before every try, so that a device leaves a gateway that is dead or drains.
pub trait Router: Send + Sync {
    /// Gateways, best first. `None` or an empty list = nobody answered: the device tries those that it knows.
    fn routes(&self) -> Pin<Box<dyn Future<Output = Option<Vec<Route>>> + Send + '_>>;
}

/// Where the next try goes.
pub(crate) struct Guide {
    router: Option<Box<dyn Router>>,
    /// What was answered last, and before any answer what the device was started with.
    known: Mutex<Vec<Route>>,
}

impl Guide {
    pub(crate) fn new(router: Option<Box<dyn Router>>, first: Route) -> Self {
        Self { router, known: Mutex::new(vec![first]) }
    }

    /// The best gateway that is known.
    pub(crate) fn best_known(&self) -> Option<Route> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }

    async fn routes(&self) -> Vec<Route> {
        let answered = match &self.router {
            Some(router) => timeout(ANSWER_WITHIN, router.routes()).await.ok().flatten(),
            None => None,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut routes) = answered.filter(|routes| !routes.is_empty()) {
            routes.truncate(ROUTES_MAX);
            *known = routes;
        }
        known.clone()
    }

    /// Connects to the best gateway that can be reached.
    pub(crate) async fn dial(
        self: Arc<Self>,
        transports: Arc<Transports>,
        preference: Preference,
        first: Transport,
    ) -> Result<Connection, DialError> {
        let mut failed = DialError::NoRoute;
        for route in self.routes().await {
            match dial(Arc::clone(&transports), route, preference, first).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guide").field("known", &self.known).field("asks", &self.router.is_some()).finish()
    }
}
