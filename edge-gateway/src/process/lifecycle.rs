//! From the start to the end: serve, drain at the first signal, stop when the devices have moved.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use homing_ports::Clock;
use homing_store_aws::AwsStore;
use homing_system::SystemClock;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::config::Config;
use super::error::ProcessError;
use super::{files, observe};
use crate::admin::{self, Admin, RenderMetrics};
use crate::control::Control;
use crate::gateway::{Gateway, RunningGateway};
use crate::ports::GatewayPorts;

/// How often certificate files are looked at.
const CERTIFICATE_LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often the links are counted while they move away.
const LINKS_LOOK_EVERY: Duration = Duration::from_millis(250);
/// Exit code after a second signal, as a shell has it for SIGINT.
const STOPPED_AT_ONCE: u8 = 130;

/// Runs a gateway over AWS until it is told to stop.
///
/// # Errors
/// [`ProcessError`] when it cannot start.
pub fn run(config: Config) -> Result<ExitCode, ProcessError> {
    observe::write_logs(config.log_format, &config.log_filter)?;
    let metrics = observe::record_metrics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ProcessError::System)?;
    let ended = runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = AwsStore::connect(config.aws.clone(), clock).await;
        serve(Arc::new(store), config, metrics).await
    });
    // What still runs is not waited for.
    runtime.shutdown_background();
    ended
}

async fn serve<P: GatewayPorts>(
    ports: Arc<P>,
    config: Config,
    metrics: RenderMetrics,
) -> Result<ExitCode, ProcessError> {
    // First, so that a signal during the start is not lost.
    let mut signals = Signals::listen().map_err(ProcessError::System)?;
    let certificate = files::certificate(&config.certificate, &config.key)?;
    let admin_socket = match config.admin_listen {
        Some(address) => Some(TcpListener::bind(address).await.map_err(ProcessError::AdminListen)?),
        None => None,
    };
    let gateway = Gateway::start(ports, config.gateway.clone(), certificate).await?;
    let control = gateway.control();
    let _admin = admin_socket.map(|socket| {
        let token = config.admin_token.as_deref().map(Arc::from);
        tokio::spawn(serve_admin(socket, Admin { control: control.clone(), metrics, token }))
    });
    let files = CertificateFiles { chain: config.certificate.clone(), key: config.key.clone() };
    tokio::spawn(files.watch(control.clone(), signals.take_hangup()));
    let name = signals.stop().await;
    info!(signal = name, "draining; a second signal ends it at once");
    let ended = tokio::select! {
        all = leave(gateway, &control, &config) => Some(all),
        _ = signals.stop() => None,
    };
    info!(?ended, "stopped");
    Ok(if ended.is_some() { ExitCode::SUCCESS } else { ExitCode::from(STOPPED_AT_ONCE) })
}

/// Asks all devices to move, waits for that, and stops. Returns whether all that remained ended in time.
async fn leave<P: GatewayPorts>(gateway: RunningGateway<P>, control: &Control<P>, config: &Config) -> bool {
    if !config.drain_within.is_zero() {
        let spread = config.drain_spread.map(|spread| u64::try_from(spread.as_millis()).unwrap_or(u64::MAX));
        control.drain(spread).await;
        let gone = async {
            while control.stats().is_some_and(|stats| stats.links > 0) {
                // sleep: devices leave one by one, and nothing says that the last has.
                tokio::time::sleep(LINKS_LOOK_EVERY).await;
            }
        };
        let all_moved = tokio::time::timeout(config.drain_within, gone).await.is_ok();
        let links = control.stats().map_or(0, |stats| stats.links);
        info!(all_moved, links, "devices had their time to move");
    }
    gateway.stop(u64::try_from(config.stop_within.as_millis()).unwrap_or(u64::MAX)).await
}

async fn serve_admin<P: GatewayPorts>(socket: TcpListener, admin: Admin<P>) {
    let service = admin::router(admin).into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(socket, service).await {
        error!(%error, "admin requests are not answered any more");
    }
}

/// Where the certificate is.
struct CertificateFiles {
    chain: PathBuf,
    key: PathBuf,
}

impl CertificateFiles {
    /// Shows what the files hold whenever that changes, looked at from time to time and at SIGHUP.
    async fn watch<P: GatewayPorts>(self, control: Control<P>, mut hangup: Option<Signal>) {
        let mut shown = self.content().await;
        loop {
            let asked = async {
                match &mut hangup {
                    Some(hangup) => drop(hangup.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = asked => {}
                // sleep: a file tells nobody that it changed.
                () = tokio::time::sleep(CERTIFICATE_LOOK_EVERY) => {}
            }
            let content = self.content().await;
            if content.is_none() || content == shown {
                continue;
            }
            let loaded = files::certificate(&self.chain, &self.key);
            let replaced = loaded
                .map_err(|error| error.to_string())
                .and_then(|certificate| control.replace_certificate(certificate).map_err(|error| error.to_string()));
            match replaced {
                Ok(()) => {
                    info!("new links are shown the certificate that has just been put there");
                    shown = content;
                }
                // Perhaps only one of the two is there yet.
                Err(error) => warn!(%error, "the certificate was not replaced"),
            }
        }
    }

    async fn content(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((tokio::fs::read(&self.chain).await.ok()?, tokio::fs::read(&self.key).await.ok()?))
    }
}

/// What the process is told from outside.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: Some(signal(SignalKind::hangup())?),
        })
    }

    fn take_hangup(&mut self) -> Option<Signal> {
        self.hangup.take()
    }

    async fn stop(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
