//! Tables of sines and cosines in fixed point, computed by the compiler.

use super::super::waves::wave_f64;
use super::fourier::{Q14, packed};
use super::spectrum::Q15;
use crate::spec::features::{FeatureSpec, Taper};

impl FeatureSpec<'_> {
    /// The tables that [`IntegerFeatures::new`](super::super::IntegerFeatures::new) needs, for a `static` of flash. `N` is
    /// [`integer_table_len`](Self::integer_table_len); another length leaves the rest 0, and is refused there.
    #[must_use]
    pub const fn integer_tables<const N: usize>(&self) -> [i32; N] {
        let mut tables = [0; N];
        self.fill_integer_tables(&mut tables);
        tables
    }

    /// Writes the tables into a slice of [`integer_table_len`](Self::integer_table_len) words.
    pub const fn fill_integer_tables(&self, tables: &mut [i32]) {
        let Some(spectrum) = self.spectrum else {
            return;
        };
        let half = spectrum.frame / 2;
        let mut rest = tables;
        let mut quarter = spectrum.first_pass();
        while quarter < half {
            let mut at = 0;
            while at < quarter {
                let mut times = 1;
                while times <= 3 {
                    rest = put(rest, wave(at * times, quarter * 4));
                    times += 1;
                }
                at += 1;
            }
            quarter *= 4;
        }
        let mut at = 1;
        while at < half / 2 {
            rest = put(rest, wave(at, spectrum.frame));
            at += 1;
        }
        if let Taper::Hann = spectrum.taper {
            let covered = spectrum.taper_len(self.window);
            let mut at = 0;
            while at <= covered / 2 {
                let (cos, _) = wave_f64(at, covered);
                rest = put(rest, fixed(0.5 - 0.5 * cos, Q15));
                at += 1;
            }
        }
    }
}

/// Writes the first word; nothing where there is no room.
const fn put(words: &mut [i32], word: i32) -> &mut [i32] {
    match words {
        [first, rest @ ..] => {
            *first = word;
            rest
        }
        empty @ [] => empty,
    }
}

/// A twiddle factor.
const fn wave(at: usize, count: usize) -> i32 {
    let (cos, sin) = wave_f64(at, count);
    packed(fixed(cos, Q14), fixed(sin, Q14))
}

/// Rounded to nearest.
const fn fixed(value: f64, fraction: u32) -> i32 {
    let scaled = value * (1 << fraction) as f64;
    // A cast rounds towards zero.
    (if scaled < 0.0 {
        scaled - 0.5
    } else {
        scaled + 0.5
    }) as i32
}
