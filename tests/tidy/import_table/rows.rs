//! The rows, lower layers first.

/// What one package may import where it ships.
pub(super) struct Row {
    /// Its name.
    pub(super) package: &'static str,
    /// Packages of this workspace.
    pub(super) may: &'static [&'static str],
    /// Crates of others.
    pub(super) externals: Externals,
    /// Why no more.
    pub(super) why: &'static str,
}

/// Crates of others.
pub(super) enum Externals {
    /// These and no more: for packages that decide and do no IO.
    Only(&'static [&'static str]),
    /// All but these: for packages that drive something.
    AnyBut(&'static [&'static str]),
}

/// The packages under functions/: none imports another.
pub(super) const STAGES: [&str; 8] = [
    "homing-intake",
    "homing-binding",
    "homing-schedule",
    "homing-fanout",
    "homing-dispatch",
    "homing-receipts",
    "homing-query",
    "homing-console",
];

const STAGE_WHY: &str = "a stage knows the ports and nothing of who hosts it, who stores for it, or who comes next";
const HTTP_STAGE_MAY: &[&str] = &[
    "homing-domain",
    "homing-channels",
    "homing-directory",
    "homing-web-push",
    "homing-calendar",
    "homing-contract",
    "homing-credentials",
    "homing-ports",
    "homing-telemetry",
    "homing-endpoint",
];
const QUEUE_STAGE_MAY: &[&str] = &[
    "homing-domain",
    "homing-calendar",
    "homing-channels",
    "homing-contract",
    "homing-credentials",
    "homing-directory",
    "homing-ports",
    "homing-telemetry",
];

const fn http_stage(package: &'static str) -> Row {
    Row { package, may: HTTP_STAGE_MAY, externals: Externals::AnyBut(&["tokio", "rand"]), why: STAGE_WHY }
}

const fn queue_stage(package: &'static str) -> Row {
    Row { package, may: QUEUE_STAGE_MAY, externals: Externals::AnyBut(&["tokio", "rand", "http"]), why: STAGE_WHY }
}

pub(super) const ROWS: [Row; 29] = [
    Row {
        package: "homing-domain",
        may: &[],
        externals: Externals::Only(&["bytes", "thiserror", "uuid"]),
        why: "the nouns are pure values: time, new ids and IO come in as arguments",
    },
    Row {
        package: "homing-calendar",
        may: &["homing-domain"],
        externals: Externals::AnyBut(&["tokio", "serde_json", "http", "rand"]),
        why: "wall clocks are pure functions of the time zone database",
    },
    Row {
        package: "homing-contract",
        may: &["homing-domain", "homing-calendar"],
        externals: Externals::Only(&[
            "base64",
            "bytes",
            "jiff",
            "serde",
            "serde_json",
            "serde_path_to_error",
            "thiserror",
            "utoipa",
            "uuid",
        ]),
        why: "JSON shapes turn into nouns and back, and do nothing",
    },
    Row {
        package: "homing-credentials",
        may: &["homing-domain"],
        externals: Externals::Only(&["aws-lc-rs", "base64", "bytes", "subtle", "thiserror", "zeroize"]),
        why: "secrets are made, derived and compared here, and go nowhere from here",
    },
    Row {
        package: "homing-wire",
        may: &["homing-domain"],
        externals: Externals::Only(&["bytes", "prost", "thiserror"]),
        why: "frames are bytes: no socket, no state",
    },
    Row {
        package: "homing-ports",
        may: &["homing-domain"],
        externals: Externals::Only(&["bytes", "http", "thiserror"]),
        why: "a port names no adapter, and no adapter's types",
    },
    Row {
        package: "homing-telemetry",
        may: &["homing-domain"],
        externals: Externals::Only(&["metrics", "thiserror", "tracing"]),
        why: "events are declared here; exporters belong to the main",
    },
    Row {
        package: "homing-link",
        may: &["homing-domain", "homing-wire"],
        externals: Externals::Only(&["bytes", "thiserror"]),
        why: "both ends of the link are machines without IO: the driver brings time, bytes and randomness",
    },
    Row {
        package: "homing-web-push",
        may: &[],
        externals: Externals::Only(&["aws-lc-rs", "base64", "serde", "serde_json", "thiserror", "zeroize"]),
        why: "ciphers and signatures of three RFCs, used by the sender, the push service and the device alike",
    },
    Row {
        package: "homing-channels",
        may: &["homing-domain", "homing-web-push"],
        externals: Externals::AnyBut(&["tokio", "hyper", "rand", "axum"]),
        why: "vendors' contracts are pure: who carries requests, tells the time and keeps tokens is given",
    },
    Row {
        package: "homing-directory",
        may: &["homing-domain", "homing-ports"],
        externals: Externals::Only(&["thiserror", "tracing"]),
        why: "how a device's row is changed is one rule for every stage that does",
    },
    Row {
        package: "homing-vendor-simulator",
        may: &["homing-domain", "homing-web-push"],
        externals: Externals::AnyBut(&["quinn"]),
        why: "it plays the vendors from their documents, and shares nothing with the code that speaks to them",
    },
    Row {
        package: "homing-outbound",
        may: &["homing-domain", "homing-ports"],
        externals: Externals::AnyBut(&["axum", "quinn"]),
        why: "it carries requests and mail, and knows neither vendors nor stages",
    },
    Row {
        package: "homing-system",
        may: &["homing-domain", "homing-ports"],
        externals: Externals::Only(&["rand"]),
        why: "the mains' clock and randomness, and nothing else",
    },
    Row {
        package: "homing-endpoint",
        may: &["homing-domain", "homing-contract", "homing-credentials", "homing-ports", "homing-telemetry"],
        externals: Externals::AnyBut(&["tokio", "hyper", "rand"]),
        why: "the HTTP edge answers requests; who listens is the main's affair",
    },
    Row {
        package: "homing-store-embedded",
        may: &["homing-domain", "homing-contract", "homing-ports", "homing-telemetry"],
        externals: Externals::AnyBut(&["axum", "http", "hyper", "quinn", "rustls", "serde_json"]),
        why: "a store serves the ports and knows no stage, no gateway and no public shape",
    },
    Row {
        package: "homing-store-aws",
        may: &["homing-domain", "homing-contract", "homing-credentials", "homing-ports", "homing-telemetry"],
        externals: Externals::AnyBut(&["axum", "http", "hyper", "quinn", "rustls"]),
        why: "a store serves the ports and knows no stage and no gateway",
    },
    Row {
        package: "homing-function-host",
        may: &[
            "homing-domain",
            "homing-contract",
            "homing-credentials",
            "homing-ports",
            "homing-telemetry",
            "homing-endpoint",
            "homing-store-aws",
            "homing-system",
        ],
        externals: Externals::AnyBut(&["hyper", "quinn"]),
        why: "what the Lambda mains share knows no stage, and its types are not the Lambda runtime's",
    },
    Row {
        package: "homing-device-sdk",
        may: &["homing-domain", "homing-wire", "homing-link", "homing-credentials", "homing-web-push"],
        externals: Externals::AnyBut(&["axum", "hyper", "serde_json"]),
        why: "it ships in apps: the link and nothing of the server",
    },
    http_stage("homing-intake"),
    http_stage("homing-binding"),
    Row {
        package: "homing-schedule",
        may: QUEUE_STAGE_MAY,
        // It tells an app's webhook of a certificate that expires.
        externals: Externals::AnyBut(&["tokio", "rand"]),
        why: STAGE_WHY,
    },
    queue_stage("homing-fanout"),
    queue_stage("homing-dispatch"),
    http_stage("homing-receipts"),
    http_stage("homing-query"),
    http_stage("homing-console"),
    Row {
        package: "homing-edge-gateway",
        may: &[
            "homing-domain",
            "homing-contract",
            "homing-credentials",
            "homing-wire",
            "homing-link",
            "homing-ports",
            "homing-telemetry",
        ],
        externals: Externals::AnyBut(&["hyper-rustls", "rand"]),
        why: "the gateway reaches the rest through ports alone: it is a process of its own on a fleet",
    },
    Row {
        package: "homing",
        may: &[
            "homing-domain",
            "homing-channels",
            "homing-outbound",
            "homing-vendor-simulator",
            "homing-calendar",
            "homing-contract",
            "homing-credentials",
            "homing-wire",
            "homing-link",
            "homing-ports",
            "homing-telemetry",
            "homing-endpoint",
            "homing-store-embedded",
            "homing-device-sdk",
            "homing-intake",
            "homing-binding",
            "homing-schedule",
            "homing-fanout",
            "homing-dispatch",
            "homing-receipts",
            "homing-query",
            "homing-console",
            "homing-edge-gateway",
            "homing-system",
        ],
        externals: Externals::AnyBut(&[]),
        why: "the single binary is the embedded deployment: it never compiles the AWS one",
    },
];

/// The one package above all rows: tests may import everything.
pub(super) const TESTS: &str = "homing-tests";

/// Crates with a home: (crate, who may import it, why).
pub(super) const HOMES: [(&str, &[&str], &str); 16] = [
    ("aws-sdk-*", &["homing-store-aws"], "AWS has one adapter; everything else names ports"),
    ("aws-config", &["homing-store-aws"], "AWS has one adapter; everything else names ports"),
    ("aws-smithy-*", &["homing-store-aws"], "AWS has one adapter; everything else names ports"),
    ("lambda_*", &[], "only the Lambda main of a stage, behind its feature"),
    (
        "aws-lc-rs",
        &["homing-credentials", "homing-edge-gateway", "homing-web-push", "homing-channels", "homing-vendor-simulator"],
        "one place calls it, but for the keys that QUIC asks of an endpoint, and what others' contracts have computed",
    ),
    ("fjall", &["homing-store-embedded"], "the engine is the embedded store's own affair"),
    (
        "axum",
        &[
            "homing-endpoint",
            "homing-intake",
            "homing-binding",
            "homing-receipts",
            "homing-query",
            "homing-console",
            "homing-edge-gateway",
            "homing-function-host",
            "homing-vendor-simulator",
            "homing",
        ],
        "HTTP is spoken at the edge only",
    ),
    ("hyper", &["homing", "homing-outbound"], "who listens is the main's affair, and one place calls out"),
    (
        "quinn",
        &["homing-edge-gateway", "homing-device-sdk", "homing"],
        "QUIC is spoken by the two ends of the link only",
    ),
    (
        "rustls",
        &["homing-edge-gateway", "homing-device-sdk", "homing", "homing-outbound"],
        "TLS ends at the gateway, the SDK, the main and where calls go out",
    ),
    (
        "tokio-rustls",
        &["homing-edge-gateway", "homing-device-sdk", "homing"],
        "TLS ends at the gateway, the SDK and the main",
    ),
    ("clap", &["homing", "homing-edge-gateway"], "only a process has a command line"),
    ("anyhow", &["homing"], "a library's errors carry the decision (thiserror); only the binary just prints them"),
    (
        "tracing-subscriber",
        &["homing", "homing-function-host", "homing-edge-gateway"],
        "only the main decides where logs go",
    ),
    ("metrics-exporter-*", &["homing", "homing-edge-gateway"], "only the main decides where metrics go"),
    ("rcgen", &["homing"], "only the main makes a development certificate"),
];
