//! What a sensor can fail with.

use core::fmt;

use embedded_hal::i2c::{self, ErrorKind, NoAcknowledgeSource};

use crate::lsm303dlhc::Axis;

/// Why there is no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The bus failed. [`ErrorKind::NoAcknowledge`] with [`NoAcknowledgeSource::Address`] says that no device is
    /// there.
    Bus(ErrorKind),
    /// Another device answers at this address.
    WrongIdentity {
        /// What its identity registers hold.
        found: [u8; 3],
    },
    /// The device does not hold the settings that were written to it.
    NotConfigured,
    /// No new measurement is there yet.
    NotReady,
    /// The field along an axis is beyond the range of the chosen gain.
    Overflow(Axis),
    /// Bits that the device never sets were set.
    Malformed,
}

impl Error {
    /// Whether nothing answers at the device's address.
    #[must_use]
    pub fn is_absent(self) -> bool {
        matches!(
            self,
            Self::Bus(ErrorKind::NoAcknowledge(
                NoAcknowledgeSource::Address | NoAcknowledgeSource::Unknown
            ))
        )
    }
}

/// Reduces a bus error to what all buses have in common.
impl<E: i2c::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Bus(error.kind())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bus(kind) => write!(f, "bus: {kind}"),
            Self::WrongIdentity { found } => {
                write!(f, "another device answers, its identity is {found:02x?}")
            }
            Self::NotConfigured => f.write_str("the device does not keep its settings"),
            Self::NotReady => f.write_str("no new measurement yet"),
            Self::Overflow(axis) => {
                write!(f, "the field along {axis:?} is beyond the range")
            }
            Self::Malformed => f.write_str("the reading has bits set that the device never sets"),
        }
    }
}

impl core::error::Error for Error {}
