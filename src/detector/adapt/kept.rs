//! What recalibration keeps over a reset or a power cut.

use super::number::Number;

/// What a value keeps over a reset or a power cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept<V> {
    /// How far the value lies from its centre.
    pub shift: V,
    /// The shift at the last commissioning.
    pub anchor: V,
    /// Mean step between two readings.
    pub spread: V,
}

impl<V: Number> Kept<V> {
    /// As words, to be stored.
    #[must_use]
    pub fn to_words(self) -> [u32; 3] {
        [self.shift, self.anchor, self.spread].map(V::to_word)
    }

    /// Of stored words. Whatever they are, [`Adapter::restore`](super::Adapter::restore) takes them within the limits or refuses them.
    #[must_use]
    pub fn from_words(words: [u32; 3]) -> Self {
        let [shift, anchor, spread] = words.map(V::from_word);
        Self {
            shift,
            anchor,
            spread,
        }
    }
}
