//! Flash whose power is cut at a word that is written or a page that is erased. It refuses to write a word twice, as real
//! flash with check bits does, but for zeros.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// With small pages, so that few states fill them.
pub type Chip = Nor<256, 4>;

/// What a power cut leaves of the word or the page at which it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As it was.
    Before,
    /// Of a word some bits; of a page the first half is erased.
    Torn,
    /// Of a word some other bits; of a page the second half is erased.
    TornAtTheEnd,
    /// Of a page some bits of every word, of a word all bits.
    Scattered,
    /// As it was to be, but nobody was told.
    After,
}

impl Cut {
    pub const ALL: [Self; 5] = [
        Self::Before,
        Self::Torn,
        Self::TornAtTheEnd,
        Self::Scattered,
        Self::After,
    ];
}

#[derive(Clone, Debug)]
pub struct Nor<const PAGE: usize, const WORD: usize> {
    bytes: Vec<u8>,
    /// Words that were written since their page was erased.
    written: Vec<bool>,
    erases: Vec<u32>,
    /// Words and pages until the power is cut, and how.
    left: Option<(u32, Cut)>,
    is_off: bool,
}

/// No power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl NorFlashError for Failed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// Numbers with no pattern.
fn mixed(seed: u64) -> u64 {
    let x = (seed ^ seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

impl<const PAGE: usize, const WORD: usize> Nor<PAGE, WORD> {
    pub fn new(pages: u32) -> Self {
        let bytes = PAGE * pages as usize;
        Self {
            bytes: vec![0xFF; bytes],
            written: vec![false; bytes / WORD],
            erases: vec![0; pages as usize],
            left: None,
            is_off: false,
        }
    }

    /// With any bits in it.
    pub fn random(pages: u32, seed: u64) -> Self {
        let mut chip = Self::new(pages);
        for (byte, at) in chip.bytes.iter_mut().zip(0..) {
            *byte = mixed(seed << 32 | at) as u8;
        }
        // Some with markers of pages that look whole.
        for page in chip.bytes.chunks_mut(PAGE) {
            if !seed.is_multiple_of(3) {
                page[..WORD].fill(0);
            }
            if seed % 5 > 2 {
                page[PAGE - WORD..].fill(0xFF);
            }
        }
        chip.written.fill(true);
        chip
    }

    pub fn len(&self) -> u32 {
        self.bytes.len() as u32
    }

    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    pub fn cut_at(mut self, at: u32, how: Cut) -> Self {
        self.left = Some((at, how));
        self
    }

    pub fn repower(mut self) -> Self {
        self.left = None;
        self.is_off = false;
        self
    }

    pub fn damaged(mut self, word: u32, flipped: u32) -> Self {
        let at = word as usize * 4;
        for (byte, own) in self.bytes[at..].iter_mut().zip(flipped.to_le_bytes()) {
            *byte ^= own;
        }
        self
    }

    /// How the power is cut at this word or page, if it is.
    fn step(&mut self) -> Option<Cut> {
        let (left, how) = self.left.as_mut()?;
        if *left == 0 {
            self.is_off = true;
            return Some(*how);
        }
        *left -= 1;
        None
    }
}

impl<const PAGE: usize, const WORD: usize> ErrorType for Nor<PAGE, WORD> {
    type Error = Failed;
}

impl<const PAGE: usize, const WORD: usize> ReadNorFlash for Nor<PAGE, WORD> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failed> {
        let from = offset as usize;
        let found = self.bytes.get(from..from + bytes.len()).ok_or(Failed)?;
        bytes.copy_from_slice(found);
        if self.is_off { Err(Failed) } else { Ok(()) }
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const PAGE: usize, const WORD: usize> NorFlash for Nor<PAGE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Failed> {
        for page in from as usize / PAGE..to as usize / PAGE {
            if self.is_off {
                return Err(Failed);
            }
            let cut = self.step();
            let own = page * PAGE..(page + 1) * PAGE;
            let half = own.start + PAGE / 2;
            let erased = match cut {
                Some(Cut::Before) => own.start..own.start,
                Some(Cut::Torn) => own.start..half,
                Some(Cut::TornAtTheEnd) => half..own.end,
                Some(Cut::Scattered) => {
                    for at in own.clone() {
                        self.bytes[at] |= mixed(at as u64) as u8;
                    }
                    own.start..own.start
                }
                Some(Cut::After) | None => own.clone(),
            };
            self.bytes[erased.clone()].fill(0xFF);
            self.written[erased.start / WORD..erased.end / WORD].fill(false);
            if cut.is_some() {
                return Err(Failed);
            }
            self.erases[page] += 1;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        assert!(bytes.len().is_multiple_of(WORD) && (offset as usize).is_multiple_of(WORD));
        for (word, at) in bytes.chunks(WORD).zip(offset as usize / WORD..) {
            if self.is_off {
                return Err(Failed);
            }
            let cut = self.step();
            let kept = match cut {
                Some(Cut::Before) => [0xFF; 4],
                Some(Cut::Torn) => [0x00, 0xFF, 0x0F, 0xFF],
                Some(Cut::TornAtTheEnd) => [0xFF, 0xF0, 0xFF, 0x00],
                Some(Cut::Scattered | Cut::After) | None => [0; 4],
            };
            // A marker that was cut is written again: zeros alone may be.
            let is_free = !self.written[at] || word.iter().all(|byte| *byte == 0);
            assert!(is_free, "a word is written twice");
            self.written[at] = cut != Some(Cut::Before);
            let own = &mut self.bytes[at * WORD..(at + 1) * WORD];
            for ((place, byte), kept) in own.iter_mut().zip(word).zip(kept.iter().cycle()) {
                *place &= byte | kept;
            }
            if cut.is_some() {
                return Err(Failed);
            }
        }
        Ok(())
    }
}
