//! The Lambda functions of dispatch: wiring only. The template's `Handler` chooses the entry: `dispatch` for its own queue,
//! `vendors` for the vendors' queues, of which each has a function of its own.

use std::sync::Arc;

use homing_channels::Origins;
use homing_dispatch::Dispatch;
use homing_dispatch::ask::{AppVendors, AskedElsewhere, Places};
use homing_domain::UnixMillis;
use homing_function_host::{Host, SqsEvent};
use homing_outbound::{HttpOutbound, HttpSettings};
use homing_ports::{QueueName, Received};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use rustls::crypto::aws_lc_rs::default_provider;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    match host.handler() {
        "dispatch" => dispatch(&host).await,
        "vendors" => vendors(&host).await,
        _ => Err(host.unknown_handler().into()),
    }
}

/// Pages, and what comes back from gateways.
async fn dispatch(host: &Host) -> Result<(), Error> {
    let stage = &Dispatch::new(host.ports(), Arc::new(AskedElsewhere::new(host.ports())));
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let (deadline, trace) = (UnixMillis(context.deadline), context.xray_trace_id.as_deref());
        let consume = |item: Received| async move { stage.consume(&item.body).await };
        Ok::<_, Error>(host.batch(QueueName::Dispatch, payload, deadline, trace, consume).await)
    }))
    .await
}

/// What one vendor is to be asked.
async fn vendors(host: &Host) -> Result<(), Error> {
    let origins = Origins::read(host.vendors_origins())
        .map_err(|part| format!("HOMING_VENDORS_ORIGINS: {part:?} is not NAME=URL or a URL"))?;
    let settings = HttpSettings { redirected: origins.redirected(), ..HttpSettings::default() };
    let outbound = HttpOutbound::new(settings, Arc::new(default_provider()))?;
    let places = Places { origins, public_url: host.public_url().map(str::to_owned) };
    let entropy = Arc::new(host.entropy());
    let vendors = AppVendors::new(host.ports(), Arc::new(outbound), entropy, host.fleet_secret()?, places);
    let stage = &Dispatch::new(host.ports(), Arc::new(vendors));
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let (deadline, trace) = (UnixMillis(context.deadline), context.xray_trace_id.as_deref());
        let queue =
            payload.queue().filter(|queue| queue.is_of_vendor()).ok_or("the event source is no vendor's queue")?;
        let consume = |item: Received| async move { stage.consume_channel(&item.body).await };
        Ok::<_, Error>(host.batch(queue, payload, deadline, trace, consume).await)
    }))
    .await
}
