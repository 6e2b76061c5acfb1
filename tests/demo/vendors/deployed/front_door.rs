//! What a name of one's own is on AWS: an address that is known before the API is deployed, and leads to it.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Way {
    /// The API's URL, once it is known.
    api: Arc<OnceLock<String>>,
    client: Client<HttpConnector, Body>,
}

/// Listens on loopback until the program ends.
pub(super) struct FrontDoor {
    address: SocketAddr,
    way: Way,
}

impl FrontDoor {
    pub(super) async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let way = Way { api: Arc::default(), client: Client::builder(TokioExecutor::new()).build_http() };
        let router = Router::new().fallback(hand_on).with_state(way.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, way })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on requests go there.
    pub(super) fn lead_to(&self, api: &str) -> Result<()> {
        match self.way.api.set(api.to_owned()) {
            Ok(()) => Ok(()),
            Err(_) => bail!("the front door leads somewhere already"),
        }
    }
}

async fn hand_on(State(way): State<Way>, mut request: Request) -> Response {
    let Some(api) = way.api.get() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("{api}{path}").parse::<Uri>() else { return StatusCode::BAD_REQUEST.into_response() };
    *request.uri_mut() = uri;
    request.headers_mut().remove(header::HOST);
    match way.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
