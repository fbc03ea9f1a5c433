//! Sequential reading of words.

/// The words that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program<'a>(&'a [i32]);

impl<'a> Program<'a> {
    #[inline(always)]
    pub(crate) const fn new(words: &'a [i32]) -> Self {
        Self(words)
    }

    /// The next `N` words.
    #[inline(always)]
    pub(crate) const fn header<const N: usize>(&mut self) -> Option<&'a [i32; N]> {
        let Some((header, rest)) = self.0.split_first_chunk::<N>() else {
            return None;
        };
        self.0 = rest;
        Some(header)
    }

    /// The next `count` words.
    #[inline(always)]
    pub(crate) const fn take(&mut self, count: usize) -> Option<&'a [i32]> {
        let Some((own, rest)) = self.0.split_at_checked(count) else {
            return None;
        };
        self.0 = rest;
        Some(own)
    }

    /// Number of words left.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}
