//! Real requests: to the server on loopback, whoever they are meant for.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use homing_channels::{Carrier, CarryError};
use homing_outbound::{HttpOutbound, HttpSettings};
use homing_ports::{Call, CallError, Outbound as _};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use tokio::sync::{Mutex, mpsc};

use crate::actual::{Actual, MEANT, origin};
use crate::server::{self, Waiting};

/// An answer takes no longer on loopback, in milliseconds.
const ANSWER_WITHIN: u64 = 20_000;
/// Vendors' answers name at most 1,000 tokens.
const ANSWER_MAX_BYTES: usize = 1_024 * 1_024;
/// A client asks one thing after another.
const WAITING_MAX: usize = 4;

/// The client and the server.
pub(crate) struct Wire {
    outbound: HttpOutbound,
    server: Authority,
    waiting: Mutex<mpsc::Receiver<Waiting>>,
}

impl Wire {
    pub(crate) async fn start() -> Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let ca = tempfile::NamedTempFile::new()?;
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let address: SocketAddr = server::start(ca.path(), provider.clone(), sender).await?;
        let settings = HttpSettings { extra_ca: Some(ca.path().to_owned()), ..HttpSettings::default() };
        let outbound = HttpOutbound::new(settings, provider)?;
        Ok(Self { outbound, server: address.to_string().parse()?, waiting: Mutex::new(waiting) })
    }

    /// Does something while somebody plays the server.
    pub(crate) async fn played<T>(
        &self,
        play: impl Fn(&Actual) -> http::Response<Bytes>,
        done: impl Future<Output = T>,
    ) -> T {
        let mut waiting = self.waiting.lock().await;
        let mut done = std::pin::pin!(done);
        loop {
            tokio::select! {
                result = &mut done => return result,
                Some(Waiting { actual, answer }) = waiting.recv() => drop(answer.send(play(&actual))),
            }
        }
    }

    /// Sends a request to the server, that learns whom it is meant for.
    pub(crate) async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, CallError> {
        let request = self.redirected(request).map_err(|error| CallError::Unsent(format!("{error:#}")))?;
        let call =
            Call { request, identity: None, is_foreign: false, timeout: ANSWER_WITHIN, answer_max: ANSWER_MAX_BYTES };
        self.outbound.call(call).await
    }

    /// A path of the server itself.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.server)
    }

    fn redirected(&self, request: http::Request<Bytes>) -> Result<http::Request<Bytes>> {
        let (mut parts, body) = request.into_parts();
        let meant = origin(&parts.uri.to_string())?;
        parts.headers.insert(MEANT, HeaderValue::try_from(meant)?);
        let mut uri = parts.uri.into_parts();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority = Some(self.server.clone());
        parts.uri = Uri::from_parts(uri).context("no URL")?;
        Ok(http::Request::from_parts(parts, body))
    }
}

impl Carrier for Wire {
    async fn carry(&self, request: homing_channels::Request) -> Result<homing_channels::Response, CarryError> {
        self.send(request.http).await.map_err(|error| match error {
            CallError::Unsent(why) => CarryError::Unsent(why),
            CallError::Unknown(why) => CarryError::Unknown(why),
        })
    }
}
