//! Plays the vendors until a signal.

mod tls;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use homing_vendor_simulator::{Faults, Options, Simulator};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::VendorsArguments;
use tls::TlsListener;

pub(super) async fn run(arguments: VendorsArguments) -> Result<()> {
    let faults: BTreeMap<String, Faults> = match &arguments.faults {
        None => BTreeMap::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            serde_json::from_str(&text).with_context(|| path.display().to_string())?
        }
    };
    let receipts_delay = Duration::from_millis(arguments.receipts_delay_ms);
    let simulator = Simulator::new(&Options { log: arguments.log.clone(), receipts_delay, faults })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let listener = TcpListener::bind(arguments.listen).await.with_context(|| arguments.listen.to_string())?;
    let address = listener.local_addr()?;
    let tls = arguments.tls_certificate.as_deref().zip(arguments.tls_key.as_deref());
    let scheme = if tls.is_some() { "https" } else { "http" };
    // Whoever started it waits for this line.
    writeln!(std::io::stdout().lock(), "vendors listen on {scheme}://{address}")?;
    match tls {
        Some((certificate, key)) => simulator.serve(TlsListener::new(listener, certificate, key)?, stop).await?,
        None => simulator.serve(listener, stop).await?,
    }
    Ok(())
}
