//! What operators ask over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use homing_edge_gateway::admin::{Admin, router};
use homing_link::Transport;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::raw::Raw;
use crate::world::{Ports, World};

const LOOPBACK: &str = "127.0.0.1:9";
const ELSEWHERE: &str = "10.0.0.9:9";

struct Caller {
    admin: Admin<Ports>,
}

impl Caller {
    fn new(world: &World) -> Self {
        let metrics = Arc::new(|| "homing_links_live 1\n".to_owned());
        Self { admin: Admin { control: world.gateway.control(), metrics, token: Some("secret".into()) } }
    }

    async fn ask(&self, from: &str, method: &str, path: &str, token: &str, body: &str) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(ConnectInfo(from.parse::<SocketAddr>().unwrap()));
        let answer = router(self.admin.clone()).oneshot(request).await.unwrap();
        let status = answer.status();
        let text = to_bytes(answer.into_body(), 64 * 1_024).await.unwrap();
        (status, String::from_utf8(text.to_vec()).unwrap())
    }

    async fn get(&self, from: &str, path: &str) -> (StatusCode, String) {
        self.ask(from, "GET", path, "", "").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_for_everybody_and_the_rest_for_loopback_and_the_token() {
    let world = World::new().await;
    let caller = Caller::new(&world);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(caller.get(ELSEWHERE, path).await.0, StatusCode::OK, "{path}");
    }
    for (method, path) in [("GET", "/metrics"), ("GET", "/stats"), ("POST", "/drain")] {
        for token in ["", "wrong"] {
            let (status, _) = caller.ask(ELSEWHERE, method, path, token, "").await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path} {token}");
        }
    }
    assert!(!world.gateway.stats().draining);
    assert_eq!(caller.ask(ELSEWHERE, "GET", "/metrics", "secret", "").await.1, "homing_links_live 1\n");
    assert_eq!(caller.get("[::1]:9", "/metrics").await.0, StatusCode::OK);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_ordered_once_and_shows_in_all_answers() {
    let world = World::new().await;
    let caller = Caller::new(&world);
    let device = world.register(1);
    let _link = Raw::join(&world, Transport::Tcp, device, 1).await;
    let stats = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let before = stats(caller.get(LOOPBACK, "/stats").await.1);
    assert_eq!((&before["links"], &before["draining"], &before["ready"]), (&1.into(), &false.into(), &true.into()));
    for wrong in ["{\"spread_seconds\":-1}", "{\"spread_seconds\":3601}", "{\"spread\":1}", "x"] {
        assert_eq!(caller.ask(LOOPBACK, "POST", "/drain", "", wrong).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let order = |body| caller.ask(LOOPBACK, "POST", "/drain", "", body);
    let answer = stats(order("{\"spread_seconds\":60}").await.1);
    assert_eq!(answer["spread_seconds"], 60.0);
    assert_eq!(stats(order("").await.1)["spread_seconds"], 60.0, "a second order changes nothing");
    let after = stats(caller.get(LOOPBACK, "/stats").await.1);
    assert_eq!((&after["draining"], &after["ready"]), (&true.into(), &false.into()));
    assert_eq!(
        caller.get(ELSEWHERE, "/readyz").await,
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n".into())
    );
    assert_eq!(caller.get(ELSEWHERE, "/healthz").await.0, StatusCode::OK);
    world.stop().await;
    assert_eq!(caller.get(LOOPBACK, "/stats").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_spread_it_follows_from_the_number_of_links() {
    let world = World::new().await;
    assert_eq!(world.gateway.control().drain(None).await, Some(10_000), "never all at one moment");
    world.stop().await;
}
