//! The Lambda functions of receipts: wiring only. The template's `Handler` chooses the entry.

use std::future::Future;

use homing_domain::UnixMillis;
use homing_function_host::{Host, SqsEvent};
use homing_ports::{QueueName, Received, StageError};
use homing_receipts::{CloseMessages, RecordReceipts};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    match host.handler() {
        "http" => lambda_http::run(host.http(homing_receipts::router(host.edge()?))).await,
        "record" => {
            let stage = &RecordReceipts::new(host.ports());
            let consume = |item: Received| async move { stage.consume(&item.body).await };
            from_queue(&host, QueueName::Receipts, &consume).await
        }
        "close" => {
            let stage = &CloseMessages::new(host.ports());
            let consume = |item: Received| async move { stage.consume(&item.body).await };
            from_queue(&host, QueueName::Close, &consume).await
        }
        _ => Err(host.unknown_handler().into()),
    }
}

async fn from_queue<C, W>(host: &Host, queue: QueueName, consume: &C) -> Result<(), Error>
where
    C: Fn(Received) -> W,
    W: Future<Output = Result<(), StageError>>,
{
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let (deadline, trace) = (UnixMillis(context.deadline), context.xray_trace_id.as_deref());
        Ok::<_, Error>(host.batch(queue, payload, deadline, trace, consume).await)
    }))
    .await
}
