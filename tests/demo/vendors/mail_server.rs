//! A mail server that is not ours: aiosmtpd as a process of its own, which keeps every letter in a folder (Maildir).

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::letter::Letter;
use crate::audience::look_again;

/// Where `tests/demo/vendors/install` puts it, from the folder of the repository.
const PYTHON: &str = "target/mail-server/venv/bin/python";
/// A Python program is up within this.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// The running mail server. It is killed when this is dropped.
pub(super) struct MailServer {
    pub(super) address: SocketAddr,
    /// Letters that nobody took out yet: a Maildir's folder, where a letter appears as a whole.
    new: PathBuf,
    _child: Child,
}

impl MailServer {
    pub(super) async fn open(directory: &Path) -> Result<Self> {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PYTHON);
        let letters = directory.join("letters");
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let errors = std::fs::File::create(directory.join("mail-server.log"))?;
        let mut child = Command::new(&python)
            .args(["-m", "aiosmtpd", "-n", "-l", &address.to_string(), "-c", "aiosmtpd.handlers.Mailbox"])
            .arg(&letters)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{}: tests/demo/vendors/install installs it", python.display()))?;
        let waited = tokio::time::timeout(UP_WITHIN, async {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = child.try_wait()? {
                    bail!("the mail server ended with {status}: see mail-server.log");
                }
                look_again().await;
            }
            Ok(())
        });
        waited.await.context("the mail server did not come up")??;
        Ok(Self { address, new: letters.join("new"), _child: child })
    }

    /// The letters so far.
    pub(super) fn letters(&self) -> Result<Vec<Letter>> {
        let mut letters = Vec::new();
        for entry in std::fs::read_dir(&self.new).with_context(|| self.new.display().to_string())? {
            letters.push(Letter::read(&String::from_utf8_lossy(&std::fs::read(entry?.path())?)));
        }
        Ok(letters)
    }
}
