use axum::body::{Body, to_bytes};
use axum::routing::get;
use homing_contract::http::v1::ProblemView;
use homing_domain::UnixMillis;
use http::Request;
use tower::ServiceExt as _;

use super::*;

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMillis {
        UnixMillis(0)
    }
}

impl Entropy for Still {
    fn random_16(&self) -> [u8; 16] {
        [0xab; 16]
    }
}

async fn panics() -> &'static str {
    panic!("a test's panic")
}

fn api() -> Router {
    let router = OpenApiRouter::default().route("/panics", get(panics)).route("/fine", get(async || "fine"));
    assemble([router], Arc::new(Still), Arc::new(Still))
}

async fn answer(request: Request<Body>) -> (Response, Option<ProblemView>) {
    let (parts, body) = api().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let problem = serde_json::from_slice(&bytes).ok();
    (Response::from_parts(parts, Body::empty()), problem)
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_with_a_request_id() {
    for (method, path, status, code) in [
        ("GET", "/panics", 500, "internal"),
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/fine", 405, "method_not_allowed"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let (response, problem) = answer(request).await;
        let problem = problem.unwrap();
        assert_eq!((response.status().as_u16(), problem.status, &*problem.code), (status, status, code));
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["x-request-id"], "ab".repeat(16));
        assert!(!problem.detail.contains("a test's panic"));
    }
}

#[tokio::test]
async fn a_callers_request_id_is_kept_if_it_is_harmless() {
    for (sent, kept) in [("order-7.a_b", true), ("a b", false), ("\"><", false), (&*"x".repeat(65), false)] {
        let request = Request::get("/fine").header("x-request-id", sent).body(Body::empty()).unwrap();
        let (response, _) = answer(request).await;
        assert_eq!(response.headers()["x-request-id"] == sent, kept, "{sent}");
    }
}

#[test]
fn a_body_of_lines_may_take_its_time() {
    let time_for = |media_type: &str| {
        time_for(&Request::post("/").header("content-type", media_type).body(Body::empty()).unwrap())
    };
    assert_eq!(time_for("application/json"), ANSWER_WITHIN);
    assert_eq!(time_for("text/plain; charset=utf-8"), LINES_ANSWER_WITHIN);
}

#[tokio::test]
async fn lateness_and_overload_say_when_to_come_back() {
    let overload = refused(BoxError::from(tower::load_shed::error::Overloaded::new())).await;
    for (problem, code) in [(late(ANSWER_WITHIN), "timed_out"), (overload, "overloaded")] {
        assert_eq!((problem.status().as_u16(), problem.code()), (503, code));
        assert_eq!(problem.into_response().headers()["retry-after"], "1");
    }
}
