//! Temporary files and folders: gone when they are dropped, and also when a signal ends the program.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

/// Those that exist now.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// As long as it lives, a signal that ends the program removes the path.
#[derive(Debug)]
pub(super) struct Watched(PathBuf);

pub(super) fn watch(path: &Path) -> Watched {
    live().insert(path.to_owned());
    Watched(path.to_owned())
}

impl Drop for Watched {
    fn drop(&mut self) {
        live().remove(&self.0);
    }
}

/// A folder of its own, removed with all that is in it.
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
    _watched: Watched,
}

impl Folder {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes a folder for files that nobody keeps.
///
/// # Errors
/// The file system's error.
pub fn temporary_folder() -> io::Result<Folder> {
    let folder = tempfile::Builder::new().prefix("nvpico-").tempdir()?;
    let watched = watch(folder.path());
    Ok(Folder {
        folder,
        _watched: watched,
    })
}

/// Removes whatever is there, before the program ends without dropping it.
pub(crate) fn remove_all() {
    let all = std::mem::take(&mut *live());
    for path in all {
        // Gone already, or not ours to remove any more: nothing is left to do about it.
        let _ = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
    }
}

fn live() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
