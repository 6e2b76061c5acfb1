//! Each vendor over its own envelope, as a client would speak to it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use crate::signature::{md5_hex, sha256_hex};
use crate::world::now_ms;
use crate::{Counts, Options, Simulator};

/// A simulator without a network.
struct World {
    simulator: Simulator,
}

/// An answer: its status, and its body if it is JSON.
type Answered = (u16, Value);

impl World {
    fn new() -> Self {
        Self { simulator: Simulator::new(&Options::default()).unwrap() }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.simulator.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answered {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        self.ask("POST", path, &headers, body.to_string()).await
    }

    async fn form(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answered {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.ask("POST", path, headers, body).await
    }

    async fn put(&self, path: &str, body: &Value) {
        let (status, why) = self.ask("PUT", path, &[("content-type", "application/json")], body.to_string()).await;
        assert_eq!(status, 200, "{why}");
    }

    async fn counts(&self, vendor: &str) -> Counts {
        let (_, counts) = self.ask("GET", "/control/counts", &[], String::new()).await;
        serde_json::from_value(counts[vendor].clone()).unwrap()
    }

    /// (token, message) pairs of the log.
    async fn log(&self, vendor: &str) -> Vec<(String, String)> {
        let (_, log) = self.ask("GET", &format!("/control/log?vendor={vendor}"), &[], String::new()).await;
        let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        log["lines"].as_array().unwrap().iter().map(|line| (text(line, "token"), text(line, "message"))).collect()
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(token, message)| ((*token).to_owned(), (*message).to_owned())).collect()
}

/// A JWT with ES256, and the public key as PEM.
fn jwt(header: &Value, claims: &Value) -> (String, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(pair.public_key()));
    (format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)), pem)
}

#[tokio::test]
async fn apns_takes_one_token_and_checks_the_signature_of_a_registered_key() {
    let world = World::new();
    let header = json!({"alg": "ES256", "kid": "KEY1234567"});
    let claims = json!({"iss": "TEAM123456", "iat": now_ms() / 1_000});
    let (token, public_key) = jwt(&header, &claims);
    world.put("/control/apns/credentials", &json!({"id": "KEY1234567", "public_key": public_key})).await;
    let bearer = format!("bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("apns-topic", "com.example"), ("apns-push-type", "alert")];
    let payload = json!({"aps": {"alert": {"body": "b"}}, "homing_id": "m1"});
    assert_eq!(world.post("/apns/3/device/a9d0", &headers, &payload).await.0, 200);
    let (status, body) = world.post("/apns/3/device/dead01", &headers, &payload).await;
    assert_eq!((status, &body["reason"]), (410, &json!("Unregistered")));
    assert!(body["timestamp"].as_u64().unwrap() > 0);
    let long = json!({"aps": {}, "x": "y".repeat(4_096)});
    assert_eq!(world.post("/apns/3/device/a9d0", &headers, &long).await.1, json!({"reason": "PayloadTooLarge"}));
    let forged = format!("bearer {}", jwt(&header, &claims).0);
    let forged = [("authorization", forged.as_str()), ("apns-topic", "com.example")];
    assert_eq!(world.post("/apns/3/device/a9d0", &forged, &payload).await.1, json!({"reason": "InvalidProviderToken"}));
    world.put("/control/apns/faults", &json!({"expire_access": true})).await;
    let (status, body) = world.post("/apns/3/device/a9d0", &headers, &payload).await;
    assert_eq!((status, body), (403, json!({"reason": "ExpiredProviderToken"})));
    assert_eq!(world.log("apns").await, pairs(&[("a9d0", "m1")]));
}

#[tokio::test]
async fn fcm_gives_access_for_an_assertion_and_says_unregistered() {
    let world = World::new();
    let now = now_ms() / 1_000;
    let scope = "https://www.googleapis.com/auth/firebase.messaging";
    let claims = json!({"iss": "a@b", "aud": "https://x/token", "scope": scope, "iat": now, "exp": now + 3_600});
    let signed = |algorithm: &str| jwt(&json!({"alg": algorithm}), &claims).0;
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (status, refused) = world.form("/fcm/token", &[], &[grant, ("assertion", &signed("ES256"))]).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    let (_, access) = world.form("/fcm/token", &[], &[grant, ("assertion", &signed("RS256"))]).await;
    let bearer = format!("Bearer {}", access["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let path = "/fcm/v1/projects/p/messages:send";
    let message = |token: &str| json!({"message": {"token": token, "data": {"homing_id": "m1"}}});
    let (status, body) = world.post(path, &headers, &message("t")).await;
    assert!(status == 200 && body["name"].as_str().unwrap().starts_with("projects/p/messages/"));
    let (status, body) = world.post(path, &headers, &message("invalid-1")).await;
    assert_eq!((status, &body["error"]["details"][0]["errorCode"]), (404, &json!("UNREGISTERED")));
    let (_, body) = world.post(path, &headers, &json!({"message": {"token": "t", "data": {"n": 1}}})).await;
    assert_eq!(body["error"]["details"][1]["fieldViolations"][0]["field"], "message.data");
    assert_eq!(world.post(path, &[], &message("t")).await.0, 401);
    assert_eq!(world.log("fcm").await, pairs(&[("t", "m1")]));
}

#[tokio::test]
async fn huawei_lists_dead_tokens_in_a_text_of_json() {
    let world = World::new();
    let fields = |secret| [("grant_type", "client_credentials"), ("client_id", "1"), ("client_secret", secret)];
    let (_, access) = world.form("/huawei/oauth2/v3/token", &[], &fields("s")).await;
    assert_eq!(world.form("/huawei/oauth2/v3/token", &[], &fields("other")).await.0, 401, "the first is learned");
    let bearer = format!("Bearer {}", access["access_token"].as_str().unwrap());
    let message = |tokens: &[&str]| json!({"message": {"token": tokens, "android": {"bi_tag": "m1"}}});
    let send = async |tokens: &[&str]| {
        world.post("/huawei/v1/1/messages:send", &[("authorization", &bearer)], &message(tokens)).await.1
    };
    assert_eq!(send(&["a", "b"]).await["code"], "80000000");
    let partial = send(&["c", "invalid-d"]).await;
    assert_eq!(partial["code"], "80100000");
    let told: Value = serde_json::from_str(partial["msg"].as_str().unwrap()).unwrap();
    assert_eq!(told, json!({"success": 1, "failure": 1, "illegal_tokens": ["invalid-d"]}));
    assert_eq!(send(&["invalid-d"]).await["code"], "80300007");
    assert_eq!(send(&vec!["t"; 1_001]).await["code"], "80300010");
    world.put("/control/huawei/faults", &json!({"expire_access": true})).await;
    assert_eq!(send(&["a"]).await["code"], "80200003");
    assert_eq!(world.log("huawei").await, pairs(&[("a", "m1"), ("b", "m1"), ("c", "m1")]));
    assert_eq!(world.counts("huawei").await.dead, 2);
}

#[tokio::test]
async fn honor_wants_a_timestamp_and_no_token_twice() {
    let world = World::new();
    let fields = [("grant_type", "client_credentials"), ("client_id", "1"), ("client_secret", "s")];
    let (_, access) = world.form("/honor/auth/token", &[], &fields).await;
    let bearer = format!("Bearer {}", access["access_token"].as_str().unwrap());
    let now = now_ms().to_string();
    let send = async |tokens: &[&str], at: &str| {
        let headers = [("authorization", bearer.as_str()), ("timestamp", at)];
        let body = json!({"token": tokens, "android": {"biTag": "m1"}});
        world.post("/honor/api/v1/9/sendMessage", &headers, &body).await.1
    };
    assert_eq!(send(&["a"], &now).await["code"], 200);
    assert_eq!(send(&["a"], "1000").await["code"], 10_207);
    assert_eq!(send(&["a", "a"], &now).await["code"], 80_300_006);
    let partial = send(&["b", "invalid-1", "invalid-12"], &now).await;
    assert_eq!(partial["code"], 80_100_000);
    let lists = ["failTokens", "expireTokens"].map(|name| partial["data"][name].as_array().unwrap().len());
    assert_eq!(lists, [1, 1], "some in each");
    assert_eq!(send(&["invalid-1"], &now).await["code"], 80_300_007);
    assert_eq!(world.log("honor").await, pairs(&[("a", "m1"), ("b", "m1")]));
}

#[tokio::test]
async fn xiaomi_takes_forms_and_answers_200_to_everything() {
    let world = World::new();
    world.put("/control/xiaomi/credentials", &json!({"id": "demo", "secret": "xm"})).await;
    let send = async |key: &str, tokens: &str, title: &str| {
        let fields = [
            ("registration_id", tokens),
            ("restricted_package_name", "com.example"),
            ("title", title),
            ("description", "d"),
            ("extra.callback.param", "m1"),
        ];
        let (status, body) = world.form("/xiaomi/v3/message/regid", &[("authorization", key)], &fields).await;
        assert_eq!(status, 200);
        body
    };
    assert_eq!(send("key=xm", "a,b+/=", "标题").await["result"], "ok");
    assert_eq!(send("key=xm", "c,invalid-d", "t").await["data"]["bad_regids"], "invalid-d");
    let none = send("key=xm", "invalid-d", "t").await;
    assert_eq!((&none["code"], &none["reason"]), (&json!(20_301), &json!("No valid targets!")));
    assert_eq!(send("key=other", "a", "t").await["code"], 21_301);
    assert_eq!(send("key=xm", "a", &"长".repeat(50)).await["code"], 65_010);
    assert_eq!(world.log("xiaomi").await, pairs(&[("a", "m1"), ("b+/=", "m1"), ("c", "m1")]));
}

#[tokio::test]
async fn oppo_batches_broadcasts_and_knows_repeats() {
    let world = World::new();
    world.put("/control/oppo/credentials", &json!({"id": "k", "secret": "master"})).await;
    let now = now_ms().to_string();
    let sign = sha256_hex(&format!("k{now}master"));
    let auth = async |sign: &str| {
        world.form("/oppo/server/v1/auth", &[], &[("app_key", "k"), ("timestamp", &now), ("sign", sign)]).await.1
    };
    assert_eq!(auth(&sha256_hex("forged")).await["code"], 17);
    let access = auth(&sign).await["data"]["auth_token"].as_str().unwrap().to_owned();
    let base = "/oppo/server/v1/message/notification";
    let message = |token: &str| {
        let notification = json!({"title": "t", "content": "c", "app_message_id": "r1", "call_back_parameter": "m1"});
        json!({"target_type": 2, "target_value": token, "notification": notification})
    };
    let batch = json!([message("a"), message("invalid-b"), message("c")]).to_string();
    let fields = [("auth_token", access.as_str()), ("messages", &batch)];
    let (_, body) = world.form(&format!("{base}/unicast_batch"), &[], &fields).await;
    assert_eq!((&body["data"][0]["errorCode"], &body["data"][1]["errorCode"]), (&Value::Null, &json!(10_000)));
    let (_, again) = world.form(&format!("{base}/unicast_batch"), &[], &fields).await;
    assert_eq!(again["data"][0]["messageId"], body["data"][0]["messageId"]);
    let content = [("auth_token", access.as_str()), ("title", "t"), ("content", "c"), ("call_back_parameter", "m2")];
    let (_, saved) = world.form(&format!("{base}/save_message_content"), &[], &content).await;
    let id = saved["data"]["message_id"].as_str().unwrap();
    let to =
        [("auth_token", access.as_str()), ("message_id", id), ("target_type", "2"), ("target_value", "x;invalid-y")];
    let (_, sent) = world.form(&format!("{base}/broadcast"), &[], &to).await;
    assert_eq!(sent["data"]["10000"], json!(["invalid-y"]));
    assert_eq!(world.log("oppo").await, pairs(&[("a", "m1"), ("c", "m1"), ("x", "m2")]));
    assert_eq!(world.counts("oppo").await.repeats_dropped, 2);
    world.put("/control/oppo/faults", &json!({"expire_access": true})).await;
    assert_eq!(world.form(&format!("{base}/broadcast"), &[], &to).await.1["code"], 11);
}

#[tokio::test]
async fn vivo_sends_to_one_or_to_a_list_of_two_at_least() {
    let world = World::new();
    world.put("/control/vivo/credentials", &json!({"id": "10004", "secret": "s"})).await;
    let now = now_ms();
    let sign = md5_hex(&format!("10004k{now}s"));
    let auth = |sign: &str| json!({"appId": 10_004, "appKey": "k", "timestamp": now, "sign": sign});
    assert_eq!(world.post("/vivo/message/auth", &[], &auth(&md5_hex("forged"))).await.1["result"], 10_206);
    let (_, access) = world.post("/vivo/message/auth", &[], &auth(&sign)).await;
    let access = access["authToken"].as_str().unwrap();
    let headers = [("authToken", access)];
    let message = |token: Option<&str>, request: &str| {
        let mut body = json!({
            "notifyType": 1, "title": "t", "content": "c", "timeToLive": 60, "skipType": 1, "requestId": request,
            "extra": {"callback": "http://here", "callback.param": "m1"},
        });
        if let Some(token) = token {
            body["regId"] = token.into();
        }
        body
    };
    assert_eq!(world.post("/vivo/message/send", &headers, &message(Some("a"), "r1")).await.1["result"], 0);
    assert_eq!(world.post("/vivo/message/send", &headers, &message(Some("a"), "r1")).await.1["result"], 0);
    assert_eq!(
        world.post("/vivo/message/send", &headers, &message(Some("invalid-10"), "r1")).await.1["result"],
        10_302
    );
    let (_, user) = world.post("/vivo/message/send", &headers, &message(Some("invalid-1"), "r1")).await;
    assert_eq!(user["invalidUser"], json!({"status": 2, "userid": "invalid-1"}));
    let (_, saved) = world.post("/vivo/message/saveListPayload", &headers, &message(None, "r2")).await;
    let list = |tokens: &[&str]| json!({"taskId": saved["taskId"], "regIds": tokens, "requestId": "r3"});
    assert_eq!(world.post("/vivo/message/pushToList", &headers, &list(&["b"])).await.1["result"], 10_151);
    let (_, sent) = world.post("/vivo/message/pushToList", &headers, &list(&["b", "invalid-c"])).await;
    assert_eq!(sent["invalidUsers"], json!([{"status": 2, "userid": "invalid-c"}]));
    assert_eq!(world.log("vivo").await, pairs(&[("a", "m1"), ("b", "m1")]));
    assert_eq!(world.counts("vivo").await.repeats_dropped, 1);
}

#[tokio::test]
async fn meizu_checks_the_signature_of_every_request() {
    let world = World::new();
    world.put("/control/meizu/credentials", &json!({"id": "1", "secret": "s"})).await;
    let send = async |ids: &str, secret: &str| {
        let message = json!({
            "noticeBarInfo": {"title": "t", "content": "c"}, "extra": {"callback.param": "m1"},
        })
        .to_string();
        let sign = md5_hex(&format!("appId=1messageJson={message}pushIds={ids}{secret}"));
        let fields = [("appId", "1"), ("messageJson", &message), ("pushIds", ids), ("sign", &sign)];
        world.form("/meizu/garcia/api/server/push/varnished/pushByPushId", &[], &fields).await.1
    };
    let sent = send("a,invalid-1,invalid-12", "s").await;
    assert_eq!(sent["code"], "200");
    assert_eq!(sent["value"], json!({"110003": ["invalid-1"], "110002": ["invalid-12"]}));
    assert_eq!(send("a", "other").await["code"], "1006");
    assert_eq!(send(&vec!["a"; 101].join(","), "s").await["code"], "1005");
    assert_eq!(world.log("meizu").await, pairs(&[("a", "m1")]));
}

#[tokio::test]
async fn web_push_decrypts_what_a_sender_encrypts() {
    let world = World::new();
    let wanted = json!({"count": 2, "dead": 1, "origin": "https://push.example"});
    let (_, made) = world.post("/control/webpush/subscriptions", &[], &wanted).await;
    let made: Vec<_> = made["subscriptions"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let send = async |subscription: &str, salt: u8| {
        let subscription = homing_web_push::Subscription::parse(subscription).unwrap();
        let own = [7; homing_web_push::PRIVATE_KEY_BYTES];
        let salt = [salt; homing_web_push::SALT_BYTES];
        let plain = br#"{"title":"t","data":{"homing_id":"m1"}}"#;
        let body = homing_web_push::encrypt(plain, &subscription.keys, &own, salt).unwrap();
        let until = now_ms() / 1_000 + 3_600;
        let vapid = homing_web_push::vapid::sign(&own, "https://push.example", "mailto:a@b.example", until).unwrap();
        let path = subscription.endpoint.strip_prefix("https://push.example").unwrap().to_owned();
        assert!(path.starts_with("/sub/"));
        let request = Request::builder().method("POST").uri(format!("/webpush{path}"));
        let request =
            request.header("ttl", "60").header("content-encoding", "aes128gcm").header("authorization", vapid);
        let request = request.body(Body::from(body)).unwrap();
        world.simulator.router().oneshot(request).await.unwrap().status()
    };
    assert_eq!(send(&made[0], 1).await, StatusCode::GONE);
    assert_eq!(send(&made[1], 2).await, StatusCode::CREATED);
    let endpoint = serde_json::from_str::<Value>(&made[1]).unwrap()["endpoint"].as_str().unwrap().to_owned();
    assert_eq!(world.log("webpush").await, pairs(&[(&endpoint, "m1")]));
    assert_eq!(world.ask("POST", "/webpush/sub/nobody", &[], String::new()).await.0, 404);
}

#[tokio::test]
async fn what_is_to_go_wrong_goes_wrong_in_the_vendors_words() {
    let world = World::new();
    let send = async || world.form("/xiaomi/v3/message/all", &[("authorization", "key=x")], &XIAOMI).await;
    world.put("/control/xiaomi/faults", &json!({"throttle_share": 1.0})).await;
    assert_eq!(send().await.1["code"], 200_002);
    world.put("/control/xiaomi/faults", &json!({"outage": true})).await;
    assert_eq!(send().await.0, 503);
    world.put("/control/xiaomi/faults", &json!({"answer_lost_share": 1.0})).await;
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(XIAOMI).finish();
    let request = Request::builder().method("POST").uri("/xiaomi/v3/message/all").header("authorization", "key=x");
    let response = world.simulator.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert!(to_bytes(response.into_body(), 1 << 20).await.is_err(), "it breaks off");
    let counts = world.counts("xiaomi").await;
    assert_eq!((counts.throttled, counts.during_outage, counts.answers_lost, counts.accepted), (1, 1, 1, 1));
    let wrong = json!({"throttle_share": 2}).to_string();
    let (status, _) = world.ask("PUT", "/control/fcm/faults", &[("content-type", "application/json")], wrong).await;
    assert_eq!(status, 400);
    assert_eq!(world.ask("GET", "/nobody/at/all", &[], String::new()).await.0, 404);
    let faults = BTreeMap::from([("nobody".to_owned(), crate::Faults::default())]);
    assert!(Simulator::new(&Options { faults, ..Options::default() }).is_err());
}

const XIAOMI: [(&str, &str); 3] = [("restricted_package_name", "p"), ("title", "t"), ("description", "d")];

/// Over sockets: the push, and its receipts, each twice.
#[tokio::test]
async fn receipts_come_to_the_url_that_came_with_the_message() {
    let (heard, mut receipts) = mpsc::channel::<String>(64);
    let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/there", endpoint.local_addr().unwrap());
    let hear = async |State(heard): State<mpsc::Sender<String>>, body: String| heard.send(body).await.unwrap();
    let router = Router::new().route("/there", post(hear)).with_state(heard);
    tokio::spawn(async move { axum::serve(endpoint, router).await });
    let world = World::new();
    world.put("/control/xiaomi/faults", &json!({"duplicate_receipts_share": 1.0, "opened_share": 1.0})).await;
    let simulator = world.simulator.clone();
    tokio::spawn(async move { simulator.post_receipts().await });
    let mut fields = XIAOMI.to_vec();
    fields.extend([("registration_id", "a,invalid-later-b"), ("extra.callback", &url), ("extra.callback.param", "m1")]);
    let (_, sent) = world.form("/xiaomi/v3/message/regid", &[("authorization", "key=x")], &fields).await;
    let id = sent["data"]["id"].as_str().unwrap();
    let mut kinds = BTreeMap::<(u64, String), usize>::new();
    while kinds.values().sum::<usize>() < 6 {
        let body = tokio::time::timeout(Duration::from_secs(10), receipts.recv()).await.unwrap().unwrap();
        let (_, data) = form_urlencoded::parse(body.as_bytes()).next().unwrap();
        let entry = serde_json::from_str::<Value>(&data).unwrap()[id].clone();
        assert_eq!(entry["param"], "m1");
        for token in entry["targets"].as_str().unwrap().split(',') {
            *kinds.entry((entry["type"].as_u64().unwrap(), token.to_owned())).or_default() += 1;
        }
    }
    let expected = [(1, "a"), (2, "a"), (16, "invalid-later-b")].map(|(kind, token)| ((kind, token.to_owned()), 2));
    assert_eq!(kinds, BTreeMap::from(expected));
}
