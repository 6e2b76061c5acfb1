//! The processes of a function in the emulator: children of it, told apart by their environment.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

/// The function that asks a vendor, in this deployment.
pub(super) struct Victim {
    /// What its processes, and no others on this machine, have in their environment.
    marks: [String; 2],
}

impl Victim {
    pub(super) fn of(channel: &str, endpoint: &str) -> Self {
        let function = format!("AWS_LAMBDA_FUNCTION_NAME=homing-local-dispatch-{channel}");
        Self { marks: [function, format!("AWS_ENDPOINT_URL={endpoint}")] }
    }

    /// Kills (SIGKILL) every instance; how many there were.
    pub(super) fn kill(&self) -> Result<usize> {
        let mut killed = 0;
        for process in std::fs::read_dir("/proc")?.flatten() {
            let name = process.file_name();
            let Some(id) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else {
                continue;
            };
            if self.is_in(&process.path()) {
                let told = Command::new("kill").args(["-KILL", id]).stderr(Stdio::null()).status()?;
                killed += usize::from(told.success());
            }
        }
        ensure!(killed > 0, "no process runs the function");
        Ok(killed)
    }

    /// A process may have ended meanwhile, or belong to somebody else: then it is none.
    fn is_in(&self, process: &Path) -> bool {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        self.marks.iter().all(|mark| variables.contains(&mark.as_bytes()))
    }
}
