//! The Lambda functions of intake: wiring only. The template's `Handler` chooses the entry.

use homing_domain::UnixMillis;
use homing_function_host::{Host, SqsEvent};
use homing_ports::{QueueName, Received};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    match host.handler() {
        "http" => lambda_http::run(host.http(homing_intake::router(host.edge()?))).await,
        "queue" => from_queue(&host).await,
        _ => Err(host.unknown_handler().into()),
    }
}

/// Pushes that business systems put into a queue.
async fn from_queue(host: &Host) -> Result<(), Error> {
    let edge = &host.edge()?;
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let (deadline, trace) = (UnixMillis(context.deadline), context.xray_trace_id.as_deref());
        let consume = |item: Received| async move { homing_intake::consume(edge, &item).await };
        Ok::<_, Error>(host.batch(QueueName::Intake, payload, deadline, trace, consume).await)
    }))
    .await
}
