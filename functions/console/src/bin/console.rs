//! The Lambda functions of the console: wiring only. The template's `Handler` chooses the entry.

use std::sync::Arc;

use homing_channels::Origins;
use homing_console::VendorDesk;
use homing_function_host::Host;
use homing_outbound::{HttpOutbound, HttpSettings};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use rustls::crypto::aws_lc_rs::default_provider;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    match host.handler() {
        "http" => {
            let origins = Origins::read(host.vendors_origins())
                .map_err(|part| format!("HOMING_VENDORS_ORIGINS: {part:?} is not NAME=URL or a URL"))?;
            let settings = HttpSettings { redirected: origins.redirected(), ..HttpSettings::default() };
            let outbound = HttpOutbound::new(settings, Arc::new(default_provider()))?;
            let vendors = Arc::new(VendorDesk::new(Arc::new(outbound), origins));
            lambda_http::run(host.http(homing_console::router_with_vendors(host.edge()?, vendors))).await
        }
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
