//! Wires the adapters, the functions, the workers and the gateway, in the order in which each needs the one before.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use homing_console::first_token;
use homing_credentials::DeviceKeys;
use homing_dispatch::Dispatch;
use homing_fanout::Fanout;
use homing_outbound::HttpOutbound;
use homing_ports::{Clock as _, QueueName};
use homing_receipts::{CloseMessages, RecordReceipts};
use homing_schedule::Schedule;
use homing_store_embedded::{EmbeddedStore, OpenError};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::certificate::Certificate;
use super::certificate_check::{self, Tellers};
use super::data_dir::DataDir;
use super::error::StartError;
use super::gateway::{Gateway, Identity};
use super::http::{Api, router};
use super::lifecycle::{Group, Parts, Running};
use super::listener::Listener;
use super::local_vendors::LocalVendors;
use super::logs::recorder;
use super::operations::Readiness;
use super::stages::AskVendors;
use super::sweeper::{DEPTH_EVERY, OVERDUE_SWEEP_EVERY, RETENTION_SWEEP_EVERY, every, report_depths};
use super::tls;
use super::workers::{Consume, Worker};
use crate::adapters::{Adapters, Drills, SystemClock, SystemEntropy};
use crate::config::Config;
use crate::tls_provider;

/// The ports of this deployment.
pub(super) type Ports = Adapters<EmbeddedStore>;

/// Which of the fleet's device keys new devices get.
const DEVICE_KEY: u32 = 1;

/// Jobs of one vendor's queue in work at the same time, each for up to 256 devices: enough to keep as many requests under way
/// as one vendor gets at most, and few enough that a vendor that hangs holds little.
const VENDOR_JOBS_MAX: usize = 16;

/// Starts a server. It is ready when this returns.
///
/// # Errors
/// [`StartError`], in words for the person who starts it.
pub async fn start(config: Config) -> Result<Running, StartError> {
    // First, or what is counted until then is lost.
    let metrics = recorder();
    let directory = DataDir::open(&config.data_dir)?;
    let store = open_store(&directory).await?;
    let fleet_secret = directory.fleet_secret(&SystemEntropy)?;
    let server_id = directory.server_id(&SystemEntropy)?;
    let keys = Arc::new(DeviceKeys::derived(&fleet_secret, DEVICE_KEY));
    let certificate = Certificate::load(config.certificate.as_ref(), &directory, &config.hosts)?;
    let acceptor = TlsAcceptor::from(tls::https(&certificate)?);
    let http = listen(config.http, "http-listen").await?;
    let https = listen(config.https, "https-listen").await?;
    let ports = Adapters::new(Arc::new(store), Arc::new(Drills::new(config.drill.as_ref())));
    let outbound = HttpOutbound::new(config.outbound.clone(), tls_provider());
    let outbound = Arc::new(outbound.map_err(|error| StartError::Outbound(error.to_string()))?);
    let vendors = LocalVendors::open(&ports, Arc::clone(&outbound), fleet_secret.clone(), &config)?;
    let tellers = Tellers::open(Arc::clone(&outbound), fleet_secret.clone(), &config)?;
    let identity = Identity { server_id, fleet_secret: &fleet_secret, keys: &keys };
    let gateway = Gateway::start(&ports, &config.gateway, &certificate, identity).await?;
    // Only now, when nothing can fail any more: the token is shown by this start or never.
    let first_admin_token = first_token(&ports, &SystemEntropy).await;
    let first_admin_token = first_admin_token.map_err(|error| StartError::Store(error.to_string()))?;
    let (listeners, workers) = (Group::default(), Group::default());
    start_workers(&ports, vendors, config.workers, &workers);
    start_sweepers(&ports, &workers);
    certificate_check::start(&ports, tellers, &workers);
    let readiness = Readiness::default();
    let router = router(Api {
        ports: ports.clone(),
        keys,
        fleet_secret,
        readiness: readiness.clone(),
        gateway: server_id,
        metrics,
        outbound,
        config: &config,
    });
    let running = Running {
        http: local_address(http.as_ref()),
        https: local_address(https.as_ref()),
        gateway: gateway.local_address(),
        data_dir: config.data_dir.clone(),
        development_certificate: certificate.is_development.then(|| directory.development_certificate()),
        first_admin_token,
        parts: Parts { readiness: readiness.clone(), gateway, listeners, workers },
    };
    serve_http(&running.parts.listeners, http, None, &router);
    serve_http(&running.parts.listeners, https, Some(acceptor), &router);
    readiness.set(true);
    Ok(running)
}

async fn open_store(directory: &DataDir) -> Result<EmbeddedStore, StartError> {
    let path = directory.store();
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&path, Arc::new(SystemClock))).await;
    let opened = opened.map_err(|error| StartError::Store(error.to_string()))?;
    opened.map_err(|error| match error {
        OpenError::Locked { path } => StartError::Locked(data_dir_of(&path)),
        OpenError::NotWritable { path, .. } => StartError::NotWritable(data_dir_of(&path)),
        OpenError::DiskFull { path } => StartError::DiskFull(data_dir_of(&path)),
        OpenError::NewerFormat { .. } | OpenError::Damaged { .. } => StartError::Store(error.to_string()),
    })
}

/// The operator chose the directory above the store's.
fn data_dir_of(store: &Path) -> std::path::PathBuf {
    store.parent().unwrap_or(store).to_owned()
}

async fn listen(address: Option<SocketAddr>, flag: &'static str) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(source) => Err(StartError::of_bind(address, "TCP", flag, source)),
    }
}

fn local_address(listener: Option<&TcpListener>) -> Option<SocketAddr> {
    listener.and_then(|listener| listener.local_addr().ok())
}

fn serve_http(listeners: &Group, socket: Option<TcpListener>, tls: Option<TlsAcceptor>, router: &Router) {
    let Some(socket) = socket else { return };
    let listener = Listener { socket, tls, router: router.clone() };
    listeners.spawn(listener.run(listeners.stop.clone(), listeners.tracker.clone()));
}

fn start_workers(ports: &Ports, vendors: LocalVendors, parallel: usize, group: &Group) {
    let shared = || Arc::new(ports.clone());
    start_worker(ports, QueueName::Due, Schedule::new(shared()), parallel, group);
    start_worker(ports, QueueName::Audience, Fanout::new(shared()), parallel, group);
    let dispatch = Dispatch::new(shared(), Arc::new(vendors));
    start_worker(ports, QueueName::Dispatch, dispatch.clone(), parallel, group);
    for queue in QueueName::ALL.into_iter().filter(|queue| queue.is_of_vendor()) {
        start_worker(ports, queue, AskVendors(dispatch.clone()), parallel.min(VENDOR_JOBS_MAX), group);
    }
    start_worker(ports, QueueName::Receipts, RecordReceipts::new(shared()), parallel, group);
    start_worker(ports, QueueName::Close, CloseMessages::new(shared()), parallel, group);
}

fn start_worker(ports: &Ports, queue: QueueName, stage: impl Consume, parallel: usize, group: &Group) {
    let worker = Worker { ports: ports.clone(), queue, stage: Arc::new(stage), parallel };
    group.spawn(worker.run(group.stop.clone(), group.tracker.clone()));
}

fn start_sweepers(ports: &Ports, group: &Group) {
    let overdue = ports.clone();
    group.spawn(every(OVERDUE_SWEEP_EVERY, group.stop.clone(), move || {
        let ports = overdue.clone();
        async move {
            if let Err(error) = homing_schedule::sweep(&ports, ports.now()).await {
                tracing::warn!(%error, "overdue messages could not be looked for");
            }
        }
    }));
    let retention = ports.clone();
    group.spawn(every(RETENTION_SWEEP_EVERY, group.stop.clone(), move || {
        let ports = retention.clone();
        async move {
            match ports.store().sweep(ports.now()).await {
                Ok(swept) => tracing::debug!(?swept, "what is past its retention is deleted"),
                Err(error) => tracing::warn!(%error, "what is past its retention could not be deleted"),
            }
        }
    }));
    let depths = ports.clone();
    group.spawn(every(DEPTH_EVERY, group.stop.clone(), move || {
        let ports = depths.clone();
        async move { report_depths(&ports).await }
    }));
}
