//! A gateway's life: start, drain, stop.

mod accept;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{fmt, io};

use homing_domain::{GatewayRef, Millis};
use homing_link::server::Closing;
use homing_ports::Clock;
use homing_wire::CloseCode;
use quinn::{Endpoint, VarInt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::admission::Admission;
use crate::app_settings::SettingsOfApps;
use crate::bodies::Bodies;
use crate::config::GatewayConfig;
use crate::context::Context;
use crate::control::{self, Control, Stats};
use crate::feed_counts::feed_counter;
use crate::feeds::AppFeeds;
use crate::keys::{RetryKeys, Tickets};
use crate::lease::Standing;
use crate::outbox::outbox;
use crate::ports::GatewayPorts;
use crate::presence::presence;
use crate::registry::Registry;
use crate::tls::{Certificate, CertificateError, PresentCertificate, server_config};
use crate::transport::{quinn as quic, tcp};
use crate::undelivered::returns;
use crate::{feeds, lease, notices};

/// With port 0, a free TCP port whose UDP twin is taken is given back so many times.
const PORT_ATTEMPTS: u32 = 16;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The certificate or its key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The address.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// `TCP` or `UDP`.
        what: &'static str,
        /// What the system says: taken, not allowed, not there.
        source: io::Error,
    },
    /// The lease could not be had.
    #[error("the gateway's lease: {0}")]
    Lease(#[from] homing_ports::Error),
    /// A gateway with this server id started later than this one.
    #[error("a later life of the gateway {0} has the lease")]
    Superseded(GatewayRef),
}

/// Starts gateways.
#[derive(Clone, Copy, Debug)]
pub struct Gateway;

impl Gateway {
    /// Listens, takes its lease, and serves. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`], in words for the person who starts the server.
    pub async fn start<P: GatewayPorts>(
        ports: Arc<P>,
        config: GatewayConfig,
        certificate: Certificate,
    ) -> Result<RunningGateway<P>, StartError> {
        let clock: Arc<dyn Clock> = Arc::<P>::clone(&ports);
        let certificate = PresentCertificate::new(certificate)?;
        let tickets = Tickets::new(config.fleet_secret.clone(), config.server_id, Arc::clone(&clock));
        let tls = server_config(Arc::clone(&certificate), tickets)?;
        let (listener, endpoint, local_addr) = listen(&config, &tls, &clock)?;
        let now = ports.now();
        let gateway = GatewayRef { server_id: config.server_id, incarnation: now.0 };
        let closing = CancellationToken::new();
        let linger = Duration::from_millis(config.receipts_linger);
        let (outbox, receipts_task) = outbox(Arc::clone(&ports), gateway, linger);
        let (returns, returns_task) = returns(Arc::clone(&ports));
        let (feed_counts, feed_counts_task) = feed_counter(Arc::clone(&ports), gateway);
        let (presence, presence_task) = presence(Arc::clone(&ports), gateway, closing.clone());
        let context = Arc::new(Context {
            admission: Admission::new(config.admission, now),
            ports,
            calls: Semaphore::new(config.store_calls),
            config,
            gateway,
            port: local_addr.port(),
            certificate,
            standing: Standing::new(now),
            registry: Registry::new(),
            bodies: Bodies::default(),
            feeds: AppFeeds::default(),
            feed_counts,
            apps: SettingsOfApps::default(),
            outbox,
            returns,
            presence,
            drain: OnceLock::new(),
            links: TaskTracker::new(),
            closing,
        });
        if !lease::renew(&context).await? {
            return Err(StartError::Superseded(gateway));
        }
        let emptying = vec![
            tokio::spawn(receipts_task),
            tokio::spawn(returns_task),
            tokio::spawn(feed_counts_task),
            tokio::spawn(presence_task),
        ];
        let mut serving = vec![
            tokio::spawn(lease::run(Arc::clone(&context))),
            tokio::spawn(feeds::run(Arc::clone(&context))),
            tokio::spawn(accept::tcp(Arc::clone(&context), listener, Arc::new(tls))),
            tokio::spawn(accept::quic(Arc::clone(&context), endpoint.clone())),
        ];
        for _ in 0..context.config.notice_receivers.max(1) {
            serving.push(tokio::spawn(notices::run(Arc::clone(&context))));
        }
        info!(%gateway, %local_addr, "gateway serves");
        Ok(RunningGateway { context, local_addr, endpoint, serving, emptying })
    }
}

/// TCP and UDP on one port number.
fn listen(
    config: &GatewayConfig,
    tls: &rustls::ServerConfig,
    clock: &Arc<dyn Clock>,
) -> Result<(TcpListener, Endpoint, SocketAddr), StartError> {
    let failed = |address, what| move |source| StartError::Listen { address, what, source };
    let mut attempts = if config.listen.port() == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let listener = tcp::listen(config.listen).map_err(failed(config.listen, "TCP"))?;
        let address = listener.local_addr().map_err(failed(config.listen, "TCP"))?;
        let retry_keys = RetryKeys::new(config.fleet_secret.clone(), Arc::clone(clock));
        match quic::listen(address, tls.clone(), config.server_id, &config.fleet_secret, retry_keys) {
            Ok(endpoint) => return Ok((listener, endpoint, address)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
            Err(source) => return Err(failed(address, "UDP")(source)),
        }
    }
}

/// A gateway that serves.
pub struct RunningGateway<P> {
    context: Arc<Context<P>>,
    local_addr: SocketAddr,
    endpoint: Endpoint,
    /// Lease, feeds, notices and both doors.
    serving: Vec<JoinHandle<()>>,
    /// Receipts, returned hand-offs, counts of feeds and presence events.
    emptying: Vec<JoinHandle<()>>,
}

impl<P> fmt::Debug for RunningGateway<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningGateway").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

impl<P: GatewayPorts> RunningGateway<P> {
    /// Where it listens, for QUIC and TCP.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Who it is, in this life.
    #[must_use]
    pub fn gateway(&self) -> GatewayRef {
        self.context.gateway
    }

    /// A handle for operators, which keeps nothing alive.
    #[must_use]
    pub fn control(&self) -> Control<P> {
        Control::new(&self.context)
    }

    /// What it holds.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&self.context)
    }

    /// Takes no new links, and asks each device in the answer to its next heartbeat to move within `spread`.
    pub async fn drain(&self, spread: Millis) {
        control::drain(&self.context, Some(spread)).await;
    }

    /// Closes all links, makes their receipts and counts durable, trims, gives the devices up and ends the lease. Returns
    /// whether all of it was done within `deadline`; what was not, the next takeovers do, except for the counts.
    pub async fn stop(self, deadline: Millis) -> bool {
        let stopping = tokio::time::timeout(Duration::from_millis(deadline), async {
            let Self { context, endpoint, mut serving, emptying, .. } = self;
            context.closing.cancel();
            context.admission.open(false);
            context.registry.tell_all(|told| {
                told.end = Some(Closing::new(CloseCode::Drain));
                told.hurry = true;
            });
            context.links.close();
            context.links.wait().await;
            for task in serving.drain(..) {
                task.abort();
                // Aborted, so there is nothing to learn from how it ended.
                drop(task.await);
            }
            endpoint.close(VarInt::from_u32(CloseCode::Drain as u32), b"");
            if let Err(error) = context.ports.end_lease(context.gateway).await {
                warn!(%error, "the lease was not ended, it runs out by itself");
            }
            drop(context);
            for task in emptying {
                drop(task.await);
            }
            endpoint.wait_idle().await;
        });
        stopping.await.is_ok()
    }
}
