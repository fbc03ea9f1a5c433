//! The newest samples, channel by channel.

/// A ring of samples: each is stored once, however windows overlap.
#[derive(Debug)]
pub(super) struct Ring<'w, T> {
    /// `room` places for each channel.
    samples: &'w mut [T],
    room: usize,
    /// Where the next sample goes.
    at: usize,
}

impl<'w, T: Copy> Ring<'w, T> {
    pub(super) fn new(samples: &'w mut [T], room: usize) -> Self {
        Self {
            samples,
            room,
            at: 0,
        }
    }

    /// Stores a sample of all channels in place of the oldest.
    pub(super) fn push(&mut self, sample: &[T]) {
        let mut rest = &mut *self.samples;
        for &value in sample {
            let Some((own, behind)) = rest.split_at_mut_checked(self.room) else {
                return;
            };
            if let Some(place) = own.get_mut(self.at) {
                *place = value;
            }
            rest = behind;
        }
        self.at = match self.at.saturating_add(1) {
            end if end >= self.room => 0,
            next => next,
        };
    }

    /// Where a window that ends with the newest sample starts.
    pub(super) fn start(&self, window: usize) -> usize {
        match self.at.checked_sub(window) {
            Some(start) => start,
            None => self.at.saturating_add(self.room).saturating_sub(window),
        }
    }

    /// A window of a channel, oldest sample first, in two parts.
    pub(super) fn window(&self, channel: usize, start: usize, window: usize) -> [&[T]; 2] {
        let from = channel.saturating_mul(self.room);
        let own = self
            .samples
            .get(from..from.saturating_add(self.room))
            .unwrap_or(&[]);
        let (before, older) = own.split_at_checked(start).unwrap_or((&[], &[]));
        let older = older.get(..window).unwrap_or(older);
        let newer = window.saturating_sub(older.len());
        [older, before.get(..newer).unwrap_or(&[])]
    }
}
