//! The bytes of a file, or of standard input, within bounds.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::error::DataError;
use super::text::encoding::refuse;
use super::wav;

/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";
/// Most bytes of a source that does not say how long it is, such as a pipe.
const LONGEST_STREAM: u64 = 1 << 30;
/// Bytes read before anything else, to see what they are.
const START: u64 = 1 << 20;

/// What a source is called in messages.
pub(super) fn name(path: &Path) -> &Path {
    if path == Path::new(STANDARD_INPUT) {
        Path::new("standard input")
    } else {
        path
    }
}

/// Reads all bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => DataError::NotFound { path: path.into() },
        _ => DataError::Io {
            path: path.into(),
            source,
        },
    };
    if path == Path::new(STANDARD_INPUT) {
        return take(name(path), io::stdin().lock(), LONGEST_STREAM);
    }
    let about = fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        return Err(DataError::Directory { path: path.into() });
    }
    if is_device(&about) {
        return Err(DataError::Format {
            path: path.into(),
            reason: "is a device, not a file".into(),
        });
    }
    let length = if about.is_file() { about.len() } else { 0 };
    let file = File::open(path).map_err(failed)?;
    take(path, file, length.max(LONGEST_STREAM))
}

#[cfg(unix)]
fn is_device(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    about.file_type().is_char_device() || about.file_type().is_block_device()
}

#[cfg(not(unix))]
fn is_device(_: &fs::Metadata) -> bool {
    false
}

/// Reads at most `most` bytes, and stops early where the first ones are those of no table.
fn take(path: &Path, mut source: impl Read, most: u64) -> Result<Vec<u8>, DataError> {
    let failed = |source| DataError::Io {
        path: path.into(),
        source,
    };
    let format = |reason| DataError::Format {
        path: path.into(),
        reason,
    };
    let mut bytes = Vec::new();
    source
        .by_ref()
        .take(START)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if !bytes.starts_with(b"\x93NUMPY")
        && !bytes.starts_with(b"PK")
        && !wav::is_wav(&bytes)
        && let Some(reason) = refuse(&bytes)
    {
        return Err(format(reason));
    }
    source
        .take(most + 1 - bytes.len() as u64)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > most {
        let reason = format!(
            "does not end within {} MB; write it to a file and give that",
            most >> 20
        );
        return Err(format(reason));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_sources_end() {
        let error =
            |source: io::Repeat, most| take(Path::new("-"), source, most).unwrap_err().to_string();
        assert!(error(io::repeat(0), LONGEST_STREAM).contains("neither text"));
        assert!(error(io::repeat(b'y'), LONGEST_STREAM).contains("no number"));
        assert!(error(io::repeat(b'1'), 3 << 20).contains("does not end within 3 MB"));
        let short = &b"a\n1\n"[..];
        assert_eq!(take(Path::new("-"), short, START).unwrap(), b"a\n1\n");
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(error, "/dev/zero: is a device, not a file");
    }
}
