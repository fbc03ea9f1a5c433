//! Tables of sines and cosines, computed by the compiler.

use crate::spec::features::{FeatureSpec, Taper};

impl FeatureSpec<'_> {
    /// The tables that [`Features::new`](super::Features::new) needs, for a `static` of flash. `N` is
    /// [`table_len`](Self::table_len); another length leaves the rest 0, and is refused there.
    ///
    /// Each value is the correctly rounded one.
    #[must_use]
    pub const fn tables<const N: usize>(&self) -> [f32; N] {
        let mut tables = [0.0; N];
        self.fill_tables(&mut tables);
        tables
    }

    /// Writes the tables into a slice of [`table_len`](Self::table_len) values.
    pub const fn fill_tables(&self, tables: &mut [f32]) {
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
                    let (cos, sin) = wave(at * times, quarter * 4);
                    rest = put(put(rest, cos), sin);
                    times += 1;
                }
                at += 1;
            }
            quarter *= 4;
        }
        let mut at = 1;
        while at < half / 2 {
            let (cos, sin) = wave(at, spectrum.frame);
            rest = put(put(rest, cos), sin);
            at += 1;
        }
        if let Taper::Hann = spectrum.taper {
            let covered = spectrum.taper_len(self.window);
            let mut at = 0;
            while at <= covered / 2 {
                let (cos, _) = wave_f64(at, covered);
                rest = put(rest, (0.5 - 0.5 * cos) as f32);
                at += 1;
            }
        }
    }
}

/// Writes the first value; nothing where there is no room.
const fn put(values: &mut [f32], value: f32) -> &mut [f32] {
    match values {
        [first, rest @ ..] => {
            *first = value;
            rest
        }
        empty @ [] => empty,
    }
}

/// Cosine and sine of `at` `count`ths of a turn.
pub(super) const fn wave(at: usize, count: usize) -> (f32, f32) {
    let (cos, sin) = wave_f64(at, count);
    (cos as f32, sin as f32)
}

/// In double precision, by Taylor's series within an eighth of a turn. Error at most 2e-16.
pub(super) const fn wave_f64(at: usize, count: usize) -> (f64, f64) {
    // At most 65,536 times 8.
    let (at, count) = (at as u64 % count as u64, count as u64);
    let (octant, rest) = (8 * at / count, 8 * at % count);
    // Every other octant backwards.
    let is_odd = octant % 2 == 1;
    let rest = if is_odd { count - rest } else { rest };
    let angle = rest as f64 / count as f64 * core::f64::consts::FRAC_PI_4;
    let square = angle * angle;
    let (mut cos, mut sin) = (1.0, 1.0);
    // From the innermost term, angle^20, out.
    let mut term = 10;
    while term > 0 {
        let even = (2 * term) as f64;
        cos = 1.0 - square / (even * (even - 1.0)) * cos;
        sin = 1.0 - square / (even * (even + 1.0)) * sin;
        term -= 1;
    }
    sin *= angle;
    match octant {
        0 => (cos, sin),
        1 => (sin, cos),
        2 => (-sin, cos),
        3 => (-cos, sin),
        4 => (-cos, -sin),
        5 => (-sin, -cos),
        6 => (sin, -cos),
        _ => (cos, -sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_the_correctly_rounded_one() {
        for count in [16, 60, 200, 4096, 65_536] {
            for at in 0..count {
                let angle = at as f64 / count as f64 * core::f64::consts::TAU;
                let (cos, sin) = wave_f64(at, count);
                for (found, expected) in [(cos, angle.cos()), (sin, angle.sin())] {
                    // The angle itself is off by up to 4.4e-16, so zeros are not exact here.
                    assert!((found - expected).abs() < 1e-15, "{at} of {count}");
                    let is_zero = expected.abs() < 1e-15;
                    assert!(
                        is_zero || found as f32 == expected as f32,
                        "{at} of {count}"
                    );
                }
            }
        }
        // Those exactly representable are exact.
        assert_eq!(wave(0, 8), (1.0, 0.0));
        assert_eq!(wave(2, 8), (0.0, 1.0));
        assert_eq!(wave(4, 8), (-1.0, 0.0));
        assert_eq!(wave(6, 8), (0.0, -1.0));
        assert_eq!(wave(1, 12).1, 0.5);
    }
}
