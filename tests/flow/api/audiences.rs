//! Uploaded lists over HTTP.

use http::Request;
use serde_json::{Value, json};

use super::world::{Answer, World};

async fn lines(world: &World, path: &str, key: &str, text: &str) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "text/plain; charset=utf-8")
        .header("idempotency-key", "list-7")
        .body(text.to_owned().into())
        .unwrap();
    world.send(request).await
}

fn path(list: &Value, rest: &str) -> String {
    format!("/v1/audiences/{}{rest}", list["audience_id"].as_str().unwrap())
}

#[tokio::test]
async fn a_list_comes_whole_or_in_parts_and_is_sent_to_when_it_is_finished() {
    let world = World::new().await;
    let key = &*world.server_key;
    let begun = lines(&world, "/v1/audiences?kind=users&finish=false", key, "a\nb\n").await.expect(201);
    assert_eq!((&begun["finished"], &begun["lines"], &begun["members"]), (&json!(false), &json!(2), &Value::Null));
    let push = json!({"audience": {"audience_id": begun["audience_id"]}, "data": {}});
    let early = world.post("/v1/messages", key, push.clone()).await.problem();
    assert_eq!(early, (422, "audience_unfinished".to_owned(), Some("/audience/audience_id".to_owned())));
    let more = lines(&world, &path(&begun, "/members"), key, "b\r\n\r\nc\n\u{7}").await.expect(200);
    assert_eq!(
        more["invalid"],
        json!([{"line": 4, "code": "invalid_user",
        "message": more["invalid"][0]["message"]}])
    );
    let finished = world.post(&path(&begun, "/finish"), key, json!({})).await.expect(200);
    assert_eq!((&finished["finished"], &finished["members"]), (&json!(true), &json!(3)));
    assert_eq!(world.post(&path(&begun, "/finish"), key, json!({})).await.expect(200), finished);
    let late = lines(&world, &path(&begun, "/members"), key, "d").await.problem();
    assert_eq!((late.0, &*late.1), (409, "audience_finished"));
    world.post("/v1/messages", key, push.clone()).await.expect(202);

    // The same key is the same list, to which nothing is added any more.
    let again = lines(&world, "/v1/audiences?kind=users&finish=false", key, "e\n").await.expect(201);
    assert_eq!((&again["audience_id"], &again["members"]), (&begun["audience_id"], &json!(3)));
    let reused = lines(&world, "/v1/audiences?kind=devices", key, "").await.problem();
    assert_eq!((reused.0, &*reused.1), (409, "idempotency_key_reused"));

    let all = world.get("/v1/audiences?limit=1", key).await.expect(200);
    assert_eq!(all["audiences"], json!([finished]));
    assert_eq!(world.get(&path(&begun, ""), key).await.expect(200), finished);
    world.call("DELETE", &path(&begun, ""), key, None).await.expect(204);
    assert_eq!(world.get(&path(&begun, ""), key).await.problem().0, 404);
    let gone = world.post("/v1/messages", key, push).await.problem();
    assert_eq!(gone, (422, "unknown_audience".to_owned(), Some("/audience/audience_id".to_owned())));
}

#[tokio::test]
async fn another_apps_list_is_not_there() {
    let world = World::new().await;
    let list = lines(&world, "/v1/audiences?kind=users", &world.server_key, "a\n").await.expect(201);
    let other = world.post("/v1/apps", &world.admin, json!({"id": "other"})).await.expect(201);
    let key = other["server_key"].as_str().unwrap();
    assert_eq!(world.get(&path(&list, ""), key).await.problem().0, 404);
    assert_eq!(world.call("DELETE", &path(&list, ""), key, None).await.problem().0, 404);
    assert_eq!(lines(&world, &path(&list, "/members"), key, "b").await.problem().0, 404);
    assert_eq!(world.get("/v1/audiences", key).await.expect(200)["audiences"], json!([]));
    let mut push = json!({"audience": {"audience_id": list["audience_id"]}, "data": {}});
    assert_eq!(world.post("/v1/messages", key, push.clone()).await.problem().1, "unknown_audience");
    push["audience"] = json!({"all": true, "exclude": {"audience_id": list["audience_id"]}});
    let excluded = world.post("/v1/messages", key, push).await.problem();
    let pointer = "/audience/exclude/audience_id".to_owned();
    assert_eq!(excluded, (422, "unknown_audience".to_owned(), Some(pointer)));
}

#[tokio::test]
async fn what_is_no_list_is_refused() {
    let world = World::new().await;
    let key = &*world.server_key;
    for path in
        ["/v1/audiences", "/v1/audiences?kind=cats", "/v1/audiences?kind=users&name=", "/v1/audiences?kind=users&x=1"]
    {
        assert_eq!(lines(&world, path, key, "a").await.problem().1, "invalid_query", "{path}");
    }
    let answer = world.post("/v1/audiences?kind=users", key, json!(["a"])).await.problem();
    assert_eq!((answer.0, &*answer.1), (415, "unsupported_media_type"));
    let empty = lines(&world, "/v1/audiences?kind=devices", key, "\n\n").await.expect(201);
    assert_eq!((&empty["lines"], &empty["members"]), (&json!(0), &json!(0)));
}
