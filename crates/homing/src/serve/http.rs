//! The whole HTTP API: the routers of the functions in one frame, and the operators' endpoints beside it.

use std::sync::Arc;

use axum::Router;
use homing_console::VendorDesk;
use homing_credentials::{DeviceKeys, FleetSecret};
use homing_domain::ServerId;
use homing_endpoint::{Edge, EdgeLimits, EdgeParts, assemble};
use homing_outbound::HttpOutbound;
use metrics_exporter_prometheus::PrometheusHandle;

use super::disk_probe::DiskProbe;
use super::operations::{self, Operations, Readiness};
use super::start::Ports;
use crate::adapters::{Caller, SystemClock, SystemEntropy};
use crate::config::Config;

/// What the API is made of.
pub(super) struct Api<'a> {
    pub(super) ports: Ports,
    pub(super) keys: Arc<DeviceKeys>,
    pub(super) fleet_secret: FleetSecret,
    pub(super) readiness: Readiness,
    pub(super) gateway: ServerId,
    pub(super) metrics: PrometheusHandle,
    pub(super) outbound: Arc<HttpOutbound>,
    pub(super) config: &'a Config,
}

pub(super) fn router(api: Api<'_>) -> Router {
    let limits = EdgeLimits {
        business_per_second: api.config.app_quota_per_second,
        callbacks_per_second: api.config.callbacks.per_second,
        callback_within: api.config.callbacks.within,
        ..EdgeLimits::default()
    };
    let edge = Edge::new(EdgeParts {
        ports: Arc::new(api.ports.called_by(Caller::Http)),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        keys: api.keys,
        fleet_secret: api.fleet_secret,
        public_url: api.config.public_url.clone(),
        limits,
    });
    let vendors = Arc::new(VendorDesk::new(api.outbound, api.config.vendor_origins.clone()));
    let routers = [
        homing_intake::router(edge.clone()),
        homing_binding::router(edge.clone()),
        homing_query::router(edge.clone()),
        homing_receipts::router(edge.clone()),
        homing_console::router_with_vendors(edge, vendors),
    ];
    let operations = Operations {
        ports: api.ports,
        readiness: api.readiness,
        gateway: api.gateway,
        disk: DiskProbe::new(&api.config.data_dir),
        metrics: api.metrics,
        metrics_token: api.config.metrics_token.as_deref().map(Arc::from),
    };
    operations::router(operations).merge(assemble(routers, Arc::new(SystemClock), Arc::new(SystemEntropy)))
}
