//! Files that appear complete or not at all.
//!
//! A file is written under a temporary name in its folder and then renamed. Its mode is kept, a link stays a link, a
//! read-only file is refused. A temporary file that a killed run has left is removed by the next run that writes the same
//! file: its name holds a hash of the file's, and a run that is alive holds a lock on it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::temporary::{self, Watched};

/// Links that lead to links: more are a circle.
const MOST_LINKS: usize = 40;

/// A file that can be written: checked, and with its temporary file open.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    /// Nothing for a device or a pipe, which is written directly: a rename would put a file in its place.
    temporary: Option<(NamedTempFile, Watched)>,
    existing: Option<Metadata>,
}

impl Target {
    /// Finds out whether a file can be written, before the work that fills it.
    ///
    /// # Errors
    /// The file system's, and words for a folder, a missing folder and a read-only file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = followed(path)?;
        let existing = fs::metadata(&path).ok();
        if let Some(existing) = &existing {
            if existing.is_dir() {
                return Err(refused(
                    io::ErrorKind::IsADirectory,
                    "it is a directory, not a file",
                ));
            }
            if !existing.is_file() {
                return Ok(Self {
                    path,
                    temporary: None,
                    existing: None,
                });
            }
            if existing.permissions().readonly() {
                return Err(refused(
                    io::ErrorKind::PermissionDenied,
                    "the file is read-only: make it writable or choose another name",
                ));
            }
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            let words = format!("the folder {} does not exist", folder.display());
            return Err(refused(io::ErrorKind::NotFound, &words));
        }
        let prefix = prefix(&path);
        remove_left_over(folder, &prefix);
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(SUFFIX);
        // Temporary files are private by default; a result should follow the user's umask.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        // Only says that this run is alive; a file system without locks loses no more than that.
        let _ = file.as_file().try_lock();
        let watched = temporary::watch(file.path());
        Ok(Self {
            path,
            temporary: Some((file, watched)),
            existing,
        })
    }

    /// Takes so much space on the disk, which is then there when the file is written.
    ///
    /// # Errors
    /// The file system's, such as a full disk.
    pub fn reserve(&mut self, bytes: usize) -> io::Result<()> {
        let Some((file, _)) = &mut self.temporary else {
            return Ok(());
        };
        let zeros = vec![0; bytes.min(1 << 16)];
        let mut left = bytes;
        while left > 0 {
            let part = left.min(zeros.len());
            file.write_all(&zeros[..part])?;
            left -= part;
        }
        file.flush()?;
        file.rewind()
    }

    /// Writes the contents and gives the file its name.
    ///
    /// # Errors
    /// The error of the file system or of `fill`; an existing file is left unchanged.
    pub fn write(self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let Some((file, _watched)) = self.temporary else {
            let mut file = BufWriter::new(OpenOptions::new().write(true).open(&self.path)?);
            fill(&mut file)?;
            return file.flush();
        };
        let mut file = BufWriter::new(file);
        fill(&mut file)?;
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        // What was reserved may be more.
        let length = file.stream_position()?;
        file.as_file().set_len(length)?;
        if let Some(existing) = &self.existing {
            keep_owner(file.as_file(), existing);
            file.as_file().set_permissions(existing.permissions())?;
        }
        // Without this a crash of the machine could leave the new name on an empty file.
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Writes `bytes` to `path`: see [`Target`].
///
/// # Errors
/// The file system's error; an existing file is left unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomic`], for contents written piece by piece.
///
/// # Errors
/// The error of the file system or of `fill`; an existing file is left unchanged.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    Target::open(path)?.write(fill)
}

fn refused(kind: io::ErrorKind, words: &str) -> io::Error {
    io::Error::new(kind, words)
}

/// Where links lead, to a file that need not be there yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let is_link = fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink());
        // Devices such as /dev/stdout are links whose end has no name.
        if !is_link || fs::metadata(&path).is_ok_and(|data| !data.is_file()) {
            return Ok(path);
        }
        let next = fs::read_link(&path)?;
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(refused(
        io::ErrorKind::InvalidInput,
        "it is a link that leads to itself",
    ))
}

const SUFFIX: &str = ".tmp";

/// How the names of the temporary files of a file begin.
fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    let hash = Sha256::digest(name.as_encoded_bytes());
    format!(
        ".nvpico-{:02x}{:02x}{:02x}{:02x}-",
        hash[0], hash[1], hash[2], hash[3]
    )
}

/// Removes temporary files of runs that are no more.
fn remove_left_over(folder: &Path, prefix: &str) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(prefix) || !name.ends_with(SUFFIX) {
            continue;
        }
        let unused = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if unused {
            // If it cannot be removed, it stays: the new file has another name.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The owner of a file stays its owner where this user may decide that; otherwise it is a file of this user.
fn keep_owner(file: &File, existing: &Metadata) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        let _ = fchown(file, Some(existing.uid()), Some(existing.gid()));
    }
    #[cfg(not(unix))]
    let _ = (file, existing);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_atomic(&path, b"old").unwrap();
        let failed = write_atomic_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("stopped"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut target = Target::open(&path).unwrap();
        target.reserve(100_000).unwrap();
        target.write(|file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // No temporary file stays behind, after success or failure.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_a_directory_and_a_missing_folder() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomic(folder.path(), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        let error = write_atomic(&folder.path().join("no/file"), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("does not exist"), "{error}");
    }

    #[test]
    fn what_a_killed_run_left_goes_and_what_lives_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let left = folder.path().join(format!("{}abc{SUFFIX}", prefix(&path)));
        let other = folder.path().join(format!(".nvpico-00000000-abc{SUFFIX}"));
        fs::write(&left, "half").unwrap();
        fs::write(&other, "half").unwrap();
        let alive = Target::open(&path).unwrap();
        assert!(!left.exists() && other.exists());
        write_atomic(&path, b"second").unwrap();
        alive.write(|file| file.write_all(b"first")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[cfg(unix)]
    #[test]
    fn keeps_links_and_modes_and_refuses_what_is_read_only() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        // The link first, the file later.
        symlink("real", &link).unwrap();
        write_atomic(&link, b"old").unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        assert_eq!(mode(&real), mode(&plain));
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(mode(&real), 0o640);
        fs::set_permissions(&real, fs::Permissions::from_mode(0o440)).unwrap();
        let error = write_atomic(&link, b"newer").unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        let circle = folder.path().join("circle");
        symlink("circle", &circle).unwrap();
        assert!(write_atomic(&circle, b"x").is_err());
    }
}
