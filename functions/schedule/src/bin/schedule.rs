//! The Lambda functions of schedule: wiring only. The template's `Handler` chooses the entry.

use homing_domain::UnixMillis;
use homing_function_host::{Host, SqsEvent};
use homing_ports::{QueueName, Received};
use homing_schedule::{Schedule, sweep};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    match host.handler() {
        "due" => due(&host).await,
        "sweep" => every_minute(&host).await,
        _ => Err(host.unknown_handler().into()),
    }
}

/// Timers that went off.
async fn due(host: &Host) -> Result<(), Error> {
    let stage = &Schedule::new(host.ports());
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let (deadline, trace) = (UnixMillis(context.deadline), context.xray_trace_id.as_deref());
        let consume = |item: Received| async move { stage.consume(&item.body).await };
        Ok::<_, Error>(host.batch(QueueName::Due, payload, deadline, trace, consume).await)
    }))
    .await
}

/// What is overdue. A failed sweep is tried again by the next one.
async fn every_minute(host: &Host) -> Result<(), Error> {
    run(service_fn(|_: LambdaEvent<Value>| async move {
        let swept = sweep(&*host.ports(), host.now()).await;
        host.flush();
        swept.map(|_| ()).map_err(Error::from)
    }))
    .await
}
