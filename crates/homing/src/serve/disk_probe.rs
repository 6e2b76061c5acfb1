//! Whether the disk still takes writes: asked by readiness, so that a full disk takes the server out of rotation.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::{Millis, UnixMillis};

/// An answer is good for so long: several load balancers ask every second, and each question costs a sync.
const GOOD_FOR: Millis = 5_000;

/// Writes a small file and syncs it.
#[derive(Clone, Debug)]
pub(super) struct DiskProbe {
    path: Arc<Path>,
    last: Arc<Mutex<Option<UnixMillis>>>,
}

impl DiskProbe {
    /// For the disk under a directory.
    pub(super) fn new(directory: &Path) -> Self {
        let path: PathBuf = directory.join("disk-probe");
        Self { path: path.into(), last: Arc::default() }
    }

    /// Succeeds when a write did, now or a moment ago.
    pub(super) async fn check(&self, now: UnixMillis) -> io::Result<()> {
        if self.last().is_some_and(|last| now.since(last) < GOOD_FOR) {
            return Ok(());
        }
        let path = Arc::clone(&self.path);
        tokio::task::spawn_blocking(move || write(&path)).await.map_err(io::Error::other)??;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    fn last(&self) -> Option<UnixMillis> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A block, because an empty file may still fit where nothing else does.
fn write(path: &Path) -> io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(&[0; 4_096])?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_is_seen_once_the_last_success_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let probe = DiskProbe::new(directory.path());
        probe.check(UnixMillis(10_000)).await.unwrap();
        directory.close().unwrap();
        probe.check(UnixMillis(10_000 + GOOD_FOR - 1)).await.unwrap();
        assert!(probe.check(UnixMillis(10_000 + GOOD_FOR)).await.is_err());
    }
}
