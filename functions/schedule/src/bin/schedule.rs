//! The Lambda functions of schedule: wiring only. The template's `Handler` chooses the entry.

use std::sync::Arc;

use homing_domain::UnixMillis;
use homing_function_host::{Host, SqsEvent};
use homing_outbound::{HttpOutbound, HttpSettings, MailSettings, SmtpMail};
use homing_ports::{QueueName, Received};
use homing_schedule::{Schedule, Ways, check_certificates, sweep};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use rustls::crypto::aws_lc_rs::default_provider;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    match host.handler() {
        "due" => due(&host).await,
        "sweep" => every_minute(&host).await,
        "certificates" => every_day(&host).await,
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

/// Certificates that are about to expire. A failed check is made up for by the next one.
async fn every_day(host: &Host) -> Result<(), Error> {
    let outbound = &HttpOutbound::new(HttpSettings::default(), Arc::new(default_provider()))?;
    let settings = host.mail().map(|(url, from)| MailSettings { url: url.to_owned(), from: from.to_owned() });
    let mail = &settings.as_ref().map(SmtpMail::new).transpose()?;
    let fleet = &host.fleet_secret()?;
    run(service_fn(|_: LambdaEvent<Value>| async move {
        let ways = Ways { mail: mail.as_ref(), outbound, fleet };
        let checked = check_certificates(&*host.ports(), &ways, host.now()).await;
        host.flush();
        checked.map(|_| ()).map_err(Error::from)
    }))
    .await
}
