//! Requests to others' servers.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use homing_ports::{Call, CallError, CallIdentity, Outbound};
use http::header::{self, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls_platform_verifier::Verifier;

use crate::failure;
use crate::identities::Identities;
use crate::resolve::Resolver;
use crate::settings::{HttpSettings, SetupError};
use crate::tls;

/// A TCP connection is waited for this long: three retransmissions of a lost SYN (1 + 2 + 4 s) need more than a caller has.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A connection without requests is kept this long: vendors ask for few and long ones, their load balancers end idle ones after
/// a few minutes by themselves.
const IDLE_FOR: Duration = Duration::from_secs(5 * 60);
/// Idle HTTP/1.1 connections kept for one host, of those that many requests at a time opened.
const IDLE_MAX_PER_HOST: usize = 32;
/// An HTTP/2 connection is asked for a sign of life this often, also while nothing is asked on it: a dead one is found before a
/// message waits on it.
const PING_EVERY: Duration = Duration::from_secs(30);
/// And is given up after this long without one.
const PING_WITHIN: Duration = Duration::from_secs(10);
/// Who we are, where a server's log says so.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("homing/", env!("CARGO_PKG_VERSION")));

type Lane = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Clients that requests of one kind are spread over, each with a connection of its own to a host.
#[derive(Debug)]
struct Lanes {
    all: Vec<Lane>,
    next: AtomicUsize,
}

/// An HTTP client. Speaks HTTP/2 where the server offers it (ALPN), HTTP/1.1 elsewhere; keeps connections.
#[derive(Debug)]
pub struct HttpOutbound {
    settings: HttpSettings,
    provider: Arc<CryptoProvider>,
    verifier: Arc<Verifier>,
    /// To servers that the installation names.
    known: Arc<Lanes>,
    /// To servers that somebody outside names; they share no connection with the others.
    foreign: Arc<Lanes>,
    /// As [`Self::known`], with a certificate.
    identified: Identities<Lanes>,
}

impl HttpOutbound {
    /// A client that makes TLS connections with this provider.
    ///
    /// # Errors
    /// [`SetupError`]: the extra certificates cannot be read, an origin is none.
    pub fn new(settings: HttpSettings, provider: Arc<CryptoProvider>) -> Result<Self, SetupError> {
        let redirected: Result<BTreeSet<String>, SetupError> =
            settings.redirected.iter().map(|text| named_origin(text)).collect();
        let settings = HttpSettings { redirected: redirected?, ..settings };
        let verifier = tls::verifier(tls::extra_ca(settings.extra_ca.as_deref())?, provider.clone())?;
        let config =
            tls::config(provider.clone(), verifier.clone(), None).map_err(|error| SetupError::new("tls", error))?;
        let known = Arc::new(lanes(&settings, &config, false));
        let foreign = Arc::new(lanes(&settings, &config, true));
        Ok(Self { settings, provider, verifier, known, foreign, identified: Identities::default() })
    }

    /// The connections that a request may go over.
    fn admit(&self, uri: &Uri, identity: Option<&CallIdentity>, is_foreign: bool) -> Result<Arc<Lanes>, CallError> {
        let refused = |why: &str| Err(CallError::Unsent(why.to_owned()));
        let Some(origin) = origin(uri) else { return refused("the URL has no scheme or no host") };
        let is_redirected = self.settings.redirected.contains(&origin);
        if !is_redirected && uri.scheme_str() != Some("https") {
            return refused("only https is spoken there");
        }
        if is_foreign && !is_redirected {
            return match identity {
                Some(_) => refused("a certificate is shown to no server that somebody outside names"),
                None if is_address(uri) => refused("a name is asked for, not an address"),
                None => Ok(self.foreign.clone()),
            };
        }
        match identity {
            None => Ok(self.known.clone()),
            Some(identity) => {
                let make = || {
                    tls::config(self.provider.clone(), self.verifier.clone(), Some(identity))
                        .map(|config| lanes(&self.settings, &config, false))
                };
                self.identified.of(identity, make).map_err(|error| CallError::Unsent(error.to_string()))
            }
        }
    }
}

impl Outbound for HttpOutbound {
    async fn call(&self, call: Call) -> Result<Response<Bytes>, CallError> {
        let lanes = self.admit(call.request.uri(), call.identity.as_ref(), call.is_foreign)?;
        let (mut parts, body) = call.request.into_parts();
        // The version is the connection's; a request that names one could not go over the other.
        parts.version = http::Version::default();
        parts.headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        let mut request = Request::from_parts(parts, Full::new(body));
        let connection = capture_connection(&mut request);
        let answered = read(lanes.request(request), call.answer_max);
        let within = Duration::from_millis(call.timeout).min(self.settings.answer_within_max);
        let Ok(answer) = tokio::time::timeout(within, answered).await else {
            let why = format!("nothing within {} ms", within.as_millis());
            // Without a connection there was nothing to write a request to.
            let connected = connection.connection_metadata().is_some();
            return Err(if connected { CallError::Unknown(why) } else { CallError::Unsent(why) });
        };
        answer
    }
}

async fn read(answered: ResponseFuture, answer_max: usize) -> Result<Response<Bytes>, CallError> {
    let (parts, body) = answered.await.map_err(|error| failure::of(&error))?.into_parts();
    let body = Limited::new(body, answer_max).collect().await;
    let body = body.map_err(|error| CallError::Unknown(failure::innermost(error.as_ref())))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

impl Lanes {
    fn request(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
        self.all[number].request(request)
    }
}

fn lanes(settings: &HttpSettings, config: &ClientConfig, public_only: bool) -> Lanes {
    let all = (0..settings.connections_per_host.max(1)).map(|_| lane(config.clone(), public_only)).collect();
    Lanes { all, next: AtomicUsize::new(0) }
}

fn lane(config: ClientConfig, public_only: bool) -> Lane {
    let mut connector = HttpConnector::new_with_resolver(Resolver::new(public_only));
    connector.set_nodelay(true);
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_WITHIN));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_MAX_PER_HOST)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_WITHIN)
        .http2_keep_alive_while_idle(true)
        .build(connector)
}

/// Scheme, host and port of a URL, in one spelling.
fn origin(uri: &Uri) -> Option<String> {
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let port = uri.port_u16().or(match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    })?;
    Some(format!("{scheme}://{}:{port}", host.to_ascii_lowercase()))
}

fn named_origin(text: &str) -> Result<String, SetupError> {
    let uri: Uri = text.parse().map_err(|_| SetupError::new("redirected", format!("{text:?} is no URL")))?;
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(SetupError::new("redirected", format!("{text:?} is more than scheme, host and port")));
    }
    origin(&uri).ok_or_else(|| SetupError::new("redirected", format!("{text:?} must start with http:// or https://")))
}

/// Whether the host is an address instead of a name. The connector does not ask the resolver then.
fn is_address(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests;
