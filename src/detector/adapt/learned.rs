//! What a reading taught.

/// What a reading taught.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Learned {
    /// Nothing: it was no reading, or none has come yet.
    #[default]
    Nothing,
    /// It went into the block that tracks slowly.
    Tracked,
    /// A move was seen, or asked about: it is waited until readings settle.
    Settling,
    /// It is part of a commissioning.
    Commissioning,
    /// The last reading of a commissioning: from the next one on, values are where it found them.
    Commissioned,
    /// The last reading of a commissioning whose readings changed on the way: all is as before.
    Refused,
}

impl Learned {
    /// Whether the reading belongs to a commissioning: what is normal is not known then, and decisions are those of before.
    #[must_use]
    pub const fn is_commissioning(self) -> bool {
        match self {
            Learned::Nothing | Learned::Tracked => false,
            Learned::Settling
            | Learned::Commissioning
            | Learned::Commissioned
            | Learned::Refused => true,
        }
    }

    /// In lower-case words, as tables have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Learned::Nothing => "nothing",
            Learned::Tracked => "tracked",
            Learned::Settling => "settling",
            Learned::Commissioning => "commissioning",
            Learned::Commissioned => "commissioned",
            Learned::Refused => "refused",
        }
    }
}
