//! The Lambda function of dispatch: wiring only.

use std::sync::Arc;

use homing_dispatch::Dispatch;
use homing_domain::UnixMillis;
use homing_function_host::{Host, SqsEvent};
use homing_ports::{NoVendors, QueueName};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    let stage = Dispatch::new(host.ports(), Arc::new(NoVendors));
    let (host, stage) = (&host, &stage);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let LambdaEvent { payload, context } = event;
        let (deadline, trace) = (UnixMillis(context.deadline), context.xray_trace_id.as_deref());
        let consume = |item: homing_ports::Received| async move { stage.consume(&item.body).await };
        Ok::<_, Error>(host.batch(QueueName::Dispatch, payload, deadline, trace, consume).await)
    }))
    .await
}
