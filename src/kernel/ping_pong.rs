//! A ping-pong buffer for a network's layers: each reads at one end and writes at the other.

/// Values at one end of a buffer. Each step computes the next values at the other end, so the buffer only has
/// to hold the two largest adjacent layers.
#[derive(Debug)]
pub(crate) struct PingPong<'w, V> {
    buffer: &'w mut [V],
    /// Number of current values, and the end they are at.
    len: usize,
    at_front: bool,
}

impl<'w, V> PingPong<'w, V> {
    /// No values yet.
    #[inline(always)]
    pub(crate) const fn new(buffer: &'w mut [V]) -> Self {
        Self {
            buffer,
            len: 0,
            at_front: true,
        }
    }

    /// Starts with `len` values, which the caller writes to the front of the buffer.
    #[inline(always)]
    pub(crate) const fn begin(&mut self, len: usize) -> &mut [V] {
        self.len = len;
        self.at_front = true;
        self.buffer
    }

    /// Computes the next `len` values by `make(current, next)`. Like the other methods, `None` if the buffer is
    /// too short, which a valid spec rules out.
    #[inline(always)]
    pub(crate) fn step<R>(
        &mut self,
        len: usize,
        make: impl FnOnce(&[V], &mut [V]) -> R,
    ) -> Option<R> {
        let at_end = if self.at_front { len } else { self.len };
        let (front, end) =
            (self.buffer).split_at_mut_checked(self.buffer.len().checked_sub(at_end)?)?;
        let (current, next) = if self.at_front {
            (front.get(..self.len)?, end)
        } else {
            (&*end, front.get_mut(..len)?)
        };
        let made = make(current, next);
        self.len = len;
        self.at_front = !self.at_front;
        Some(made)
    }

    /// The current values and the free space.
    #[cfg(feature = "extra-layers")]
    #[inline(always)]
    pub(crate) fn split(&mut self) -> Option<(&mut [V], &mut [V])> {
        if self.at_front {
            return self.buffer.split_at_mut_checked(self.len);
        }
        let end = self.buffer.len().checked_sub(self.len)?;
        let (free, current) = self.buffer.split_at_mut_checked(end)?;
        Some((current, free))
    }

    /// The current values.
    #[inline(always)]
    pub(crate) fn values(&self) -> Option<&[V]> {
        if self.at_front {
            self.buffer.get(..self.len)
        } else {
            self.buffer.get(self.buffer.len().checked_sub(self.len)?..)
        }
    }

    /// The current values, with the lifetime of the buffer.
    #[inline(always)]
    pub(crate) fn into_values(self) -> Option<&'w [V]> {
        let Self {
            buffer,
            len,
            at_front,
        } = self;
        if at_front {
            buffer.get(..len)
        } else {
            buffer.get(buffer.len().checked_sub(len)?..)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PingPong;

    #[test]
    fn steps_go_from_end_to_end_of_a_buffer_of_two_neighbours() {
        let mut buffer = [0; 5];
        let mut values = PingPong::new(&mut buffer);
        values.begin(2)[..2].copy_from_slice(&[1, 2]);
        for (len, expected) in [(3, &[3, 4, 5][..]), (1, &[12]), (4, &[12, 13, 14, 15])] {
            values
                .step(len, |current, next| {
                    let sum: i32 = if len == 4 {
                        current[0]
                    } else {
                        current.iter().sum()
                    };
                    for (at, next) in next.iter_mut().enumerate() {
                        *next = sum + i32::try_from(at).unwrap();
                    }
                })
                .unwrap();
            assert_eq!(values.values(), Some(expected));
        }
        assert_eq!(values.step(2, |_, _| ()), None);
        assert_eq!(values.into_values(), Some(&[12, 13, 14, 15][..]));
    }
}
