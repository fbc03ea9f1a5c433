//! The filter in front of the features, in floats.

use crate::spec::features::{FeatureSpec, Section};

/// Sections and their states, which start at 0 with every window.
pub(super) struct Filter<'a> {
    sections: &'a [Section],
    states: [[f32; 2]; Section::MOST],
}

impl<'a> Filter<'a> {
    pub(super) fn new(sections: &'a [Section]) -> Self {
        Self {
            sections,
            states: [[0.0; 2]; Section::MOST],
        }
    }

    /// The next value.
    #[inline(always)]
    pub(super) fn apply(&mut self, value: f32) -> f32 {
        let mut x = value;
        for (section, state) in self.sections.iter().zip(&mut self.states) {
            let ([b0, b1, b2], [a1, a2]) = (section.b, section.a);
            let [s, t] = *state;
            let y = b0 * x + s;
            *state = [b1 * x - a1 * y + t, b2 * x - a2 * y];
            x = within(y);
        }
        x
    }
}

/// What features may see.
#[allow(
    clippy::manual_clamp,
    reason = "clamp may panic, as far as the compiler knows"
)]
fn within(value: f32) -> f32 {
    const MOST: f32 = FeatureSpec::LARGEST;
    if value > MOST {
        MOST
    } else if value < -MOST {
        -MOST
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The narrowest that is valid.
    const NARROW: Section = Section {
        b: [2.0, -2.0, 2.0],
        a: [-1.998, 511.0 / 512.0],
    };

    #[test]
    fn nothing_leaves_the_range_of_floats() {
        let spec = FeatureSpec::new(1, 8, 8, 1.0, &[crate::spec::features::Feature::Mean]);
        for section in [
            NARROW,
            Section {
                a: [0.0, 511.0 / 512.0],
                ..NARROW
            },
            Section {
                a: [1.998, 511.0 / 512.0],
                ..NARROW
            },
        ] {
            let sections = [section; Section::MOST];
            assert_eq!(spec.with_filter(&sections).validate(), Ok(()));
            for period in 1..40 {
                let mut filter = Filter::new(&sections);
                for at in 0..20_000 {
                    let sign = if at / period % 2 == 0 { 1.0 } else { -1.0 };
                    let value = filter.apply(sign * FeatureSpec::LARGEST);
                    assert!(value.abs() <= FeatureSpec::LARGEST, "{value}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_die_away_is_refused() {
        use crate::spec::features::{Feature, FeatureError};
        let spec = FeatureSpec::new(1, 8, 8, 1.0, &[Feature::Mean]);
        for a in [
            [-2.0, 1.0],
            [0.0, 1.0],
            [1.9, 0.9],
            [0.0, -0.5],
            [f32::NAN, 0.5],
            [0.0, f32::NAN],
        ] {
            let sections = [
                Section {
                    b: [1.0; 3],
                    a: [0.0; 2],
                },
                Section { b: [1.0; 3], a },
            ];
            let found = spec.with_filter(&sections).validate();
            assert_eq!(found, Err(FeatureError::Section { section: 1 }), "{a:?}");
        }
        let loud = [Section {
            b: [1.0, 2.5, 1.0],
            a: [0.0; 2],
        }];
        let found = spec.with_filter(&loud).validate();
        assert_eq!(found, Err(FeatureError::Section { section: 0 }));
        let many = [Section {
            b: [1.0; 3],
            a: [0.0; 2],
        }; 5];
        let found = spec.with_filter(&many).validate();
        assert_eq!(found, Err(FeatureError::Sections { found: 5 }));
        let one = spec.with_filter(&many[..1]);
        assert_eq!(one.validate(), Ok(()));
        assert_eq!(one.validate_integer(), Err(FeatureError::IntegerFilter));
    }
}
