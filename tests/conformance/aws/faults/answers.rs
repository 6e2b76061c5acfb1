//! What AWS answers when it does not do what it was asked.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

fn answer(status: u16, body: &Value) -> HttpResponse {
    let mut answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_string()));
    answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    answer
}

fn refusal(code: &str) -> HttpResponse {
    answer(400, &json!({ "__type": format!("com.amazonaws#{code}"), "message": "struck by the test" }))
}

fn asked(request: &HttpRequest) -> Value {
    let body = request.body().bytes().unwrap_or_default();
    serde_json::from_slice(body).unwrap_or_default()
}

/// Too many requests: DynamoDB has two words for it.
pub(super) fn throttled(action: &str) -> HttpResponse {
    let is_write = ["UpdateItem", "PutItem", "DeleteItem"].contains(&action);
    refusal(if is_write { "ProvisionedThroughputExceededException" } else { "ThrottlingException" })
}

pub(super) fn server_error() -> HttpResponse {
    answer(500, &json!({ "__type": "InternalServerError", "message": "struck by the test" }))
}

/// A write that met a transaction.
pub(super) fn conflict(action: &str, request: &HttpRequest) -> Option<HttpResponse> {
    match action {
        "UpdateItem" | "PutItem" | "DeleteItem" => Some(refusal("TransactionConflictException")),
        "TransactWriteItems" => {
            let count = asked(request)["TransactItems"].as_array().map_or(0, Vec::len);
            let reason = |n| if n == 0 { json!({ "Code": "TransactionConflict" }) } else { json!({ "Code": "None" }) };
            let body = json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "message": "struck by the test",
                "CancellationReasons": (0..count).map(reason).collect::<Vec<_>>(),
            });
            Some(answer(400, &body))
        }
        _ => None,
    }
}

/// A batch of which nothing was done, and which says so of each part of it.
pub(super) fn partial(action: &str, request: &HttpRequest) -> Option<HttpResponse> {
    let asked = asked(request);
    let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
    let body = match action {
        "BatchGetItem" => json!({ "Responses": {}, "UnprocessedKeys": asked["RequestItems"] }),
        "BatchWriteItem" => json!({ "UnprocessedItems": asked["RequestItems"] }),
        "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" => {
            let failed = |entry: &Value| json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false });
            json!({ "Successful": [], "Failed": entries.iter().map(failed).collect::<Vec<_>>() })
        }
        "PutEvents" => {
            let failed = vec![json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "struck" }); entries.len()];
            json!({ "FailedEntryCount": entries.len(), "Entries": failed })
        }
        _ => return None,
    };
    Some(answer(200, &body))
}
