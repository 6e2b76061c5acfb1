//! The state in one file: an append-only log of changes, written anew when most of it is history.
//!
//! A kill or a power cut leaves a whole log, perhaps with half a record at its end, which is cut off at the next start.
//! Writing anew goes to a second file that then takes the first one's name, so that one of them is always whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::record;
use super::{Change, Durability, State, StateError, StateStore};

/// What the file begins with; the digit is the version of the form.
const MAGIC: &[u8; 8] = b"homing1\n";
/// The log is written anew when it is this many times the size of what it says...
const REWRITE_FACTOR: u64 = 4;
/// ...and at least this long: below it the gain is not worth a second file.
const REWRITE_MIN_BYTES: u64 = 256 * 1_024;

/// A state file, locked for this process.
#[derive(Clone, Debug)]
pub struct FileState(Arc<Mutex<Log>>);

impl FileState {
    /// Opens the file, or makes it. Beside it stands `<name>.lock`.
    ///
    /// # Errors
    /// [`StateError`]: in use, not a state file, not readable or writable.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StateError> {
        Log::open(path.as_ref()).map(|log| Self(Arc::new(Mutex::new(log))))
    }
}

impl StateStore for FileState {
    async fn load(&mut self) -> Result<State, StateError> {
        let log = Arc::clone(&self.0);
        blocking(move || {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.is_broken {
                log.reopen()?;
            }
            Ok(log.state.clone())
        })
        .await
    }

    async fn commit(&mut self, changes: Vec<Change>, durability: Durability) -> Result<(), StateError> {
        let log = Arc::clone(&self.0);
        blocking(move || log.lock().unwrap_or_else(PoisonError::into_inner).commit(changes, durability)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Result<T, StateError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// How long it was when it was last written anew.
    compact_length: u64,
    state: State,
    /// A write failed: what stands in the file is not known.
    is_broken: bool,
    /// Held as long as the log is open.
    _lock: File,
}

impl Log {
    fn open(path: &Path) -> Result<Self, StateError> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(with_suffix(path, "lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StateError::InUse { path: path.display().to_string() },
            TryLockError::Error(error) => error.into(),
        })?;
        let (file, state, length) = read_log(path)?;
        let mut log =
            Self { path: path.to_owned(), file, length, compact_length: 0, state, is_broken: false, _lock: lock };
        log.compact_length = log.snapshot().len() as u64;
        Ok(log)
    }

    fn reopen(&mut self) -> Result<(), StateError> {
        (self.file, self.state, self.length) = read_log(&self.path)?;
        self.is_broken = false;
        Ok(())
    }

    fn commit(&mut self, changes: Vec<Change>, durability: Durability) -> Result<(), StateError> {
        if self.is_broken {
            return Err(io::Error::other("an earlier write failed").into());
        }
        let mut buffer = Vec::new();
        changes.iter().for_each(|change| record::write(change, &mut buffer));
        self.is_broken = true;
        self.file.write_all(&buffer)?;
        if durability == Durability::Synced {
            self.file.sync_data()?;
        }
        self.is_broken = false;
        self.length += buffer.len() as u64;
        changes.into_iter().for_each(|change| self.state.apply(change));
        if self.length > REWRITE_MIN_BYTES.max(self.compact_length * REWRITE_FACTOR) {
            self.rewrite()?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut buffer = MAGIC.to_vec();
        self.state.to_changes().iter().for_each(|change| record::write(change, &mut buffer));
        buffer
    }

    fn rewrite(&mut self) -> Result<(), StateError> {
        let buffer = self.snapshot();
        let fresh_path = with_suffix(&self.path, "new");
        let fresh = match write_whole(&fresh_path, &buffer) {
            Ok(fresh) => fresh,
            Err(error) => {
                // The log itself is whole: go on with it, and try again when it has grown as much once more.
                tracing::warn!(path = %fresh_path.display(), %error, "the state file could not be written anew");
                self.compact_length = self.length;
                return Ok(());
            }
        };
        // Between the renaming and its becoming durable, the name may mean either file.
        self.is_broken = true;
        std::fs::rename(&fresh_path, &self.path)?;
        sync_directory(&self.path)?;
        self.is_broken = false;
        self.file = fresh;
        self.length = buffer.len() as u64;
        self.compact_length = self.length;
        Ok(())
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Reads the log and cuts off what is not whole. The file is positioned at its end.
fn read_log(path: &Path) -> Result<(File, State, u64), StateError> {
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut state = State::default();
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        if !MAGIC.starts_with(&bytes) {
            return Err(StateError::Foreign { path: path.display().to_string() });
        }
        file.set_len(0)?;
        io::Seek::rewind(&mut file)?;
        file.write_all(MAGIC)?;
        file.sync_all()?;
        sync_directory(path)?;
        return Ok((file, state, MAGIC.len() as u64));
    };
    while let Some(change) = record::read(&mut rest) {
        state.apply(change);
    }
    let length = (bytes.len() - rest.len()) as u64;
    if !rest.is_empty() {
        tracing::warn!(path = %path.display(), bytes = rest.len(), "cut an unfinished record off the state file");
        file.set_len(length)?;
        file.sync_all()?;
    }
    io::Seek::seek(&mut file, io::SeekFrom::Start(length))?;
    Ok((file, state, length))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Makes a new name durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
