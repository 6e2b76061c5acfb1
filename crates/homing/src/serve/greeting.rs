//! What the server says when it is up: where it listens and, the first time, what to do next.

use std::fmt::Write as _;

use super::lifecycle::Running;

/// The text, to be printed once.
#[must_use]
pub fn greet(running: &Running) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        let _infallible = writeln!(text, "{line}");
    };
    line(format!("Homing is up, its data is in {}", running.data_dir.display()));
    if let Some(http) = running.http {
        line(format!("  API and docs   http://{http}/docs"));
    }
    if let Some(https) = running.https {
        line(format!("  API over TLS   https://{https}"));
    }
    line(format!("  device links   {} (QUIC and TCP+TLS)", running.gateway));
    if let Some(certificate) = &running.development_certificate {
        line(format!("  certificate    {} (for development: clients must be told to trust it)", certificate.display()));
    }
    let Some(token) = &running.first_admin_token else { return text };
    line(String::new());
    line("This is its first start. The operator's token is shown only now, keep it:".to_owned());
    line(String::new());
    line(format!("  export HOMING_ADMIN_TOKEN={}", token.expose()));
    if let Some(http) = running.http.filter(|http| http.port() != 8080) {
        line(format!("  export HOMING_SERVER=http://{http}"));
    }
    line(String::new());
    line("What to do next, in another terminal in this directory:".to_owned());
    line(String::new());
    line("  homing app create demo".to_owned());
    line("  homing device register --user alice".to_owned());
    line("  homing device listen &".to_owned());
    line("  homing push --user alice --title Hello --body \"It works 👋\"".to_owned());
    line(String::new());
    text
}
