//! Archives of arrays, `.npz`: a zip file with a `.npy` file for each array.
//!
//! ```
//! use std::io::{Cursor, Read};
//! use nvpico_codegen::data::npz;
//!
//! let bytes = npz::archive(&[("X", b"\x93NUMPY".to_vec())])?;
//! let mut archive = npz::Archive::open(Cursor::new(bytes))?;
//! assert_eq!(archive.names(), ["X"]);
//! let mut contents = Vec::new();
//! archive.array("X")?.read_to_end(&mut contents)?;
//! assert_eq!(contents, b"\x93NUMPY");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, Cursor, Read, Seek, Write};

use zip::read::ZipFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// How the files in an archive end.
const ENDING: &str = ".npy";

/// An archive that is read, stored or deflated.
#[derive(Debug)]
pub struct Archive<R>(ZipArchive<R>);

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of contents.
    ///
    /// # Errors
    /// What is wrong with the archive.
    pub fn open(reader: R) -> Result<Self, String> {
        ZipArchive::new(reader)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Names of the arrays, sorted.
    pub fn names(&self) -> Vec<String> {
        let files = self.0.file_names();
        let mut names: Vec<String> = files
            .filter_map(|file| Some(file.ok()?.strip_suffix(ENDING)?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// The `.npy` file of an array; its `size` is what the archive states.
    ///
    /// # Errors
    /// What is wrong with it, also that there is none.
    pub fn array(&mut self, name: &str) -> Result<ZipFile<'_, R>, String> {
        self.0
            .by_name(&format!("{name}{ENDING}"))
            .map_err(|error| error.to_string())
    }
}

/// The bytes of an archive of `.npy` files. A fixed time keeps them a function of the arrays.
///
/// # Errors
/// None but a name that comes twice or more than a zip file can hold.
pub fn archive(arrays: &[(&str, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    for (name, bytes) in arrays {
        writer.start_file(format!("{name}{ENDING}"), options)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}
