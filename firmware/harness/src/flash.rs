//! Flash of an emulated board, with the host's file behind it.

use core::sync::atomic::{AtomicBool, Ordering};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use nvpico_app::Keep;
use nvpico_flash::Flash;

use crate::host::{File, Mode};

const WORD: usize = size_of::<u32>();
/// Small, as the smallest board has little RAM.
const PAGE: usize = 512;
const PAGES: usize = 4;
const WORDS: usize = PAGES * PAGE / WORD;

static mut MEMORY: [u32; WORDS] = [u32::MAX; WORDS];
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Four pages in RAM. Where the host's folder has a file `flash.bin`, they hold at the start what is in it, and it holds what was
/// written: so they outlast the emulator.
pub struct HostFlash {
    words: &'static mut [u32; WORDS],
    has_file: bool,
}

/// Memory for what recalibration learned; `None` at a second call.
pub fn keep<const BYTES: usize>() -> Option<impl Keep> {
    // The smallest cores cannot do both at once, and nothing interrupts the program.
    if TAKEN.load(Ordering::Relaxed) {
        return None;
    }
    TAKEN.store(true, Ordering::Relaxed);
    let memory = &raw mut MEMORY;
    // SAFETY: the only reference ever taken, as TAKEN says.
    let words = unsafe { &mut *memory };
    let file = File::open(c"flash.bin", Mode::Read);
    let has_file = file.is_some();
    if let Some(file) = file {
        // An empty file is erased flash.
        file.read(words);
        file.close();
    }
    let flash = HostFlash { words, has_file };
    Flash::<_, BYTES>::new(flash, 0..(PAGES * PAGE) as u32).ok()
}

impl HostFlash {
    fn write_file(&self) -> Result<(), NorFlashErrorKind> {
        if !self.has_file {
            return Ok(());
        }
        let file = File::open(c"flash.bin", Mode::Write).ok_or(NorFlashErrorKind::Other)?;
        let is_written = file.write(self.words);
        file.close();
        is_written.then_some(()).ok_or(NorFlashErrorKind::Other)
    }
}

impl ErrorType for HostFlash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for HostFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        for (byte, at) in bytes.iter_mut().zip(offset as usize..) {
            let word = self.words.get(at / WORD).copied().unwrap_or_default();
            *byte = word.to_le_bytes()[at % WORD];
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        PAGES * PAGE
    }
}

impl NorFlash for HostFlash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        if let Some(words) = self.words.get_mut(from as usize / WORD..to as usize / WORD) {
            words.fill(u32::MAX);
        }
        self.write_file()
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let places = self.words.iter_mut().skip(offset as usize / WORD);
        for (word, bytes) in places.zip(bytes.as_chunks().0) {
            // As flash does: bits are cleared, and set by erasing alone.
            *word &= u32::from_le_bytes(*bytes);
        }
        self.write_file()
    }
}
