//! `homing-gateway`: one gateway of a fleet on AWS. Reads its settings and hands over.

use std::io::Write as _;
use std::process::ExitCode;

use homing_edge_gateway::process::{self, Config, Environment, ProcessError};

fn main() -> ExitCode {
    let ended = Config::of_process(&Environment::of_process()).and_then(process::run);
    match ended {
        Ok(code) => code,
        // A request for help among them.
        Err(ProcessError::Arguments(error)) => error.exit(),
        Err(error) => {
            // Nobody reads it when standard error is closed, and there is nowhere else to say so.
            let _closed = writeln!(std::io::stderr().lock(), "homing-gateway: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
