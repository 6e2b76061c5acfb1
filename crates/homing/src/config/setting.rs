//! The settings one by one: name, default, what it is for; and how a text becomes a value.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::source::Source;
use super::{CertificateFiles, Drill, LogFormat};

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its place in the file: `gateway.listen` stands in the table `[gateway]`. The environment has it as
    /// `HOMING_GATEWAY_LISTEN`, the command line as `--gateway-listen`.
    pub name: &'static str,
    /// Its value when nobody sets it.
    pub default: &'static str,
    /// What it is for.
    pub purpose: &'static str,
}

/// Every setting, in the order of the documents.
pub const SETTINGS: &[Setting] = &[
    Setting { name: "data_dir", default: "data", purpose: "Where all data is kept" },
    Setting { name: "hosts", default: "", purpose: "Further names of the development certificate, comma-separated" },
    Setting { name: "http.listen", default: "127.0.0.1:8080", purpose: "Plain HTTP, loopback only; off = none" },
    Setting { name: "https.listen", default: "0.0.0.0:8443", purpose: "HTTPS; off = none" },
    Setting { name: "tls.certificate", default: "", purpose: "Own certificate chain, a PEM file" },
    Setting { name: "tls.key", default: "", purpose: "Its private key, a PEM file" },
    Setting { name: "gateway.listen", default: "0.0.0.0:7443", purpose: "Device links, UDP (QUIC) and TCP (TLS)" },
    Setting { name: "gateway.advertise_host", default: "localhost", purpose: "The host name that devices are told" },
    Setting { name: "gateway.region", default: "", purpose: "Devices of this region prefer this gateway" },
    Setting { name: "gateway.max_links", default: "200000", purpose: "Device links it takes at most" },
    Setting { name: "gateway.handshakes_per_second", default: "2000", purpose: "New links per second, all together" },
    Setting {
        name: "gateway.handshakes_per_address_per_second",
        default: "100",
        purpose: "New links per second from one address",
    },
    Setting { name: "workers", default: "32", purpose: "Items of one queue in work at the same time" },
    Setting {
        name: "app_quota_per_second",
        default: "10000",
        purpose: "Requests per second of an app without a quota",
    },
    Setting {
        name: "callbacks.per_second",
        default: "5000",
        purpose: "Callbacks per second of one app's vendor, of each process",
    },
    Setting {
        name: "callbacks.within_seconds",
        default: "10",
        purpose: "How long a callback's body may take to arrive",
    },
    Setting { name: "stop_within_seconds", default: "20", purpose: "How long a graceful stop may take" },
    Setting { name: "metrics.token", default: "", purpose: "Bearer token of /metrics for callers not on loopback" },
    Setting { name: "public_url", default: "", purpose: "Where vendors reach the API, as https://push.example.com" },
    Setting {
        name: "vendors.origins",
        default: "",
        purpose: "For trying out: vendors elsewhere than in production, NAME=URL or one URL that each name is behind",
    },
    Setting { name: "outbound.ca", default: "", purpose: "Certificates trusted beside the system's, a PEM file" },
    Setting {
        name: "outbound.origins",
        default: "",
        purpose: "Origins of one's own that webhooks may lead to, comma-separated; http is spoken only there",
    },
    Setting { name: "mail.smtp_url", default: "", purpose: "Where alerts are mailed: smtp://user:password@host:587" },
    Setting { name: "mail.from", default: "", purpose: "Their sender, as Homing <homing@example.com>" },
    Setting {
        name: "stand_in_vendor",
        default: "",
        purpose: "For trying out: take what is for vendors, and append it to this file",
    },
    Setting { name: "log.format", default: "human", purpose: "human or json" },
    Setting { name: "log.filter", default: "info", purpose: "Which logs, for example info,homing_link=debug" },
    Setting { name: "fail_point", default: "", purpose: "Drill: NAME[:N] kills the process at the N-th passing" },
];

/// A value and where it came from.
struct Found {
    value: String,
    origin: String,
}

/// Reads settings from sources and collects what is wrong.
pub(super) struct Reader<'a> {
    sources: &'a [&'a dyn Source],
    errors: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a [&'a dyn Source]) -> Self {
        let errors = sources.iter().flat_map(|source| source.unknown()).collect();
        Self { sources, errors }
    }

    pub(super) fn finish(self) -> Vec<String> {
        self.errors
    }

    pub(super) fn wrong(&mut self, name: &str, what: &str) {
        let origin = self.find(name).origin;
        self.errors.push(format!("{name} ({origin}): {what}"));
    }

    fn find(&self, name: &str) -> Found {
        for source in self.sources {
            if let Some(value) = source.value(name) {
                return Found { value, origin: source.origin(name) };
            }
        }
        let default = SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default);
        Found { value: default.to_owned(), origin: "default".to_owned() }
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.find(name).value.trim().to_owned()
    }

    pub(super) fn path(&mut self, name: &str) -> PathBuf {
        let text = self.text(name);
        if text.is_empty() {
            self.wrong(name, "must not be empty");
        }
        PathBuf::from(text)
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name);
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn address(&mut self, name: &str) -> SocketAddr {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| {
            self.wrong(name, &format!("{text:?} is not an address with a port, as 127.0.0.1:8080 or [::]:8443"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    pub(super) fn optional_address(&mut self, name: &str) -> Option<SocketAddr> {
        if self.text(name) == "off" { None } else { Some(self.address(name)) }
    }

    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<u32>) -> u32 {
        let text = self.text(name);
        match text.replace('_', "").parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.wrong(name, &format!("{text:?} is not a number from {} to {}", range.start(), range.end()));
                *range.start()
            }
        }
    }

    pub(super) fn certificate(&mut self) -> Option<CertificateFiles> {
        let (certificate, key) = (self.text("tls.certificate"), self.text("tls.key"));
        match (certificate.is_empty(), key.is_empty()) {
            (true, true) => None,
            (false, false) => Some(CertificateFiles { certificate: certificate.into(), key: key.into() }),
            (true, false) => {
                self.wrong("tls.key", "needs tls.certificate too");
                None
            }
            (false, true) => {
                self.wrong("tls.certificate", "needs tls.key too");
                None
            }
        }
    }

    pub(super) fn log_format(&mut self) -> LogFormat {
        match self.text("log.format").as_str() {
            "json" => LogFormat::Json,
            "human" => LogFormat::Human,
            other => {
                self.wrong("log.format", &format!("{other:?} is neither human nor json"));
                LogFormat::Human
            }
        }
    }

    pub(super) fn drill(&mut self) -> Option<Drill> {
        let text = self.text("fail_point");
        if text.is_empty() {
            return None;
        }
        let (point, hit) = text.split_once(':').unwrap_or((&text, "1"));
        let known = crate::adapters::FailPoint::named(point).is_some();
        match hit.parse() {
            Ok(hit) if known && hit > 0 => Some(Drill { point: point.to_owned(), hit }),
            _ => {
                let names = crate::adapters::FailPoint::ALL.map(crate::adapters::FailPoint::name).join(", ");
                self.wrong("fail_point", &format!("{text:?} is not NAME[:N] with NAME one of {names}"));
                None
            }
        }
    }
}
