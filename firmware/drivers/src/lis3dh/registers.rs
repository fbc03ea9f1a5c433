//! The device's registers: what is written to set it up, and what the bytes mean that come back. No bus in it.

use super::{Counts, Error, Settings};

pub(super) const IDENTITY: u8 = 0x0F;
pub(super) const CONTROL: u8 = 0x20;
pub(super) const DATA: u8 = 0x28;
pub(super) const FIFO_CONTROL: u8 = 0x2E;
pub(super) const FIFO_STATUS: u8 = 0x2F;

/// What the register of the identity holds.
pub(super) const IDENTITY_VALUE: u8 = 0x33;

/// Places of the FIFO.
pub(super) const PLACES: usize = 32;
/// Bytes of a sample.
pub(super) const SAMPLE: usize = 6;

/// The FIFO forgets what it holds and takes no more.
pub(super) const FIFO_BYPASS: u8 = 0x00;
const FIFO_STREAM: u8 = 0x80;
/// Settings of the FIFO that count: the lowest five bits are the watermark.
const WATERMARK_MASK: u8 = 0x1F;

const THREE_AXES: u8 = 0x07;
/// Interrupt 1 rises when the FIFO holds as many samples as the watermark says.
const WATERMARK_TO_INTERRUPT_1: u8 = 0x04;
/// A sample's two bytes are of one measurement.
const BLOCK_DATA_UPDATE: u8 = 0x80;
const HIGH_RESOLUTION: u8 = 0x08;
const FIFO_ENABLE: u8 = 0x40;

/// Samples are at the left of 16 bits.
const UNUSED_BITS: u32 = 4;

/// The six registers from [`CONTROL`] on.
pub(super) const fn controls(settings: Settings) -> [u8; 6] {
    [
        settings.rate.bits() | THREE_AXES,
        0, // no filter
        WATERMARK_TO_INTERRUPT_1,
        BLOCK_DATA_UPDATE | HIGH_RESOLUTION | settings.range.bits(),
        FIFO_ENABLE,
        0,
    ]
}

/// The register [`FIFO_CONTROL`] while the device measures.
pub(super) const fn fifo(settings: Settings) -> u8 {
    FIFO_STREAM | (settings.batch() & WATERMARK_MASK)
}

/// What the register [`FIFO_STATUS`] says.
#[derive(Clone, Copy)]
pub(super) struct Status(pub(super) u8);

impl Status {
    /// Whether it has been full: samples may have been lost.
    pub(super) const fn overrun(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Samples that can be read.
    pub(super) const fn waiting(self) -> usize {
        if self.0 & 0x20 != 0 {
            0
        } else {
            (self.0 & 0x1F) as usize
        }
    }
}

/// A sample of its bytes; the device sends the low byte first.
pub(super) fn sample(bytes: [u8; SAMPLE]) -> Result<Counts, Error> {
    let [xl, xh, yl, yh, zl, zh] = bytes;
    Ok(Counts {
        x: count([xl, xh])?,
        y: count([yl, yh])?,
        z: count([zl, zh])?,
    })
}

fn count(bytes: [u8; 2]) -> Result<i16, Error> {
    let word = i16::from_le_bytes(bytes);
    if word.trailing_zeros() < UNUSED_BITS {
        return Err(Error::Malformed);
    }
    Ok(word >> UNUSED_BITS)
}
