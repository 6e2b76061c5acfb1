//! The Lambda functions of the console: wiring only. The template's `Handler` chooses the entry.

use homing_function_host::Host;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    match host.handler() {
        "http" => lambda_http::run(host.http(homing_console::router(host.edge()?))).await,
        "first_token" => first_token(&host).await,
        _ => Err(host.unknown_handler().into()),
    }
}

/// Makes the operator's token of a new installation. Who may invoke this function is who may have it; once there is a
/// token, the answer is null.
async fn first_token(host: &Host) -> Result<(), Error> {
    run(service_fn(|_: LambdaEvent<Value>| async move {
        let token = homing_console::first_token(&*host.ports(), &host.entropy()).await?;
        Ok::<_, Error>(json!({ "admin_token": token.as_ref().map(|token| token.expose()) }))
    }))
    .await
}
