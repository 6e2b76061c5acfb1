//! A try to get a link: waiting for its time, getting a connection, waiting for the Welcome.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use homing_domain::UnixMillis;
use homing_link::client::Opening;

use crate::identity::Route;
use crate::transports::{Broken, Connection, DialError};

type Dialing = Pin<Box<dyn Future<Output = Result<Connection, DialError>> + Send>>;

/// Where the next link stands.
pub(super) enum Attempt {
    /// None is wanted.
    None,
    /// It begins then.
    Waiting { at: UnixMillis, route: Option<Route> },
    /// A connection is being made.
    Dialing(Dialing),
    /// Hello is sent. `None` only while bytes are being looked at.
    Opening(Box<(Connection, Option<Opening>)>),
}

/// What a try came to.
pub(super) enum Step {
    /// There is a connection, or there is none.
    Dialed(Result<Connection, DialError>),
    /// The gateway said something.
    Read(Result<Bytes, Broken>),
}

impl Attempt {
    /// A try on the usual route.
    pub(super) const fn at(at: UnixMillis) -> Self {
        Self::Waiting { at, route: None }
    }

    pub(super) const fn is_under_way(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// When it wants to be looked at without a step.
    pub(super) fn deadline(&self) -> UnixMillis {
        match self {
            Self::None | Self::Dialing(_) => UnixMillis::NEVER,
            Self::Waiting { at, .. } => *at,
            Self::Opening(opening) => opening.1.as_ref().map_or(UnixMillis::NEVER, Opening::deadline),
        }
    }

    /// The next step; can be cancelled without loss.
    pub(super) async fn step(&mut self) -> Step {
        match self {
            Self::None | Self::Waiting { .. } => std::future::pending().await,
            Self::Dialing(dialing) => Step::Dialed(dialing.await),
            Self::Opening(opening) => Step::Read(opening.0.read().await),
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Waiting { .. } => "Waiting",
            Self::Dialing(_) => "Dialing",
            Self::Opening(_) => "Opening",
        })
    }
}
