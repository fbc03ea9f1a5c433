//! Filters in front of the features: what a user asks for, and its sections.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use nvpico::spec::features::{FeatureSpec, Section};
use serde::{Deserialize, Serialize};

use super::name::FeatureName;
use super::rate::parse_rate;

/// A Butterworth filter, as options have it: `low:20` or `high:5Hz:2`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilterName {
    /// What it lets pass.
    pub pass: Pass,
    /// Where half of the power is left, in Hz.
    pub cutoff: f32,
    /// 2, 4, 6 or 8: twice the sections.
    pub order: usize,
}

/// What a filter lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// What is below the cutoff.
    Low,
    /// What is above it.
    High,
}

/// A filter and its sections. The model file keeps them, so that no other machine's sines can make other bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleFilter {
    /// What was asked for.
    pub name: FilterName,
    /// Of each section `b[0]`, `b[1]`, `b[2]`, `a[0]`, `a[1]`; see [`Section`].
    pub sections: Vec<[f32; 5]>,
}

impl FilterName {
    /// Order where none is given.
    const ORDER: usize = 4;
    /// The cutoff is at least the rate divided by this from 0 Hz, and from half of the rate.
    const WIDEST: f32 = 1000.0;

    /// The sections at so many samples a second, by the bilinear transform with the cutoff at its place.
    ///
    /// Those near resonance come last. Each has a gain of 1 at 0 Hz (low) or half of the rate (high), with its weights as they are
    /// rounded.
    #[must_use]
    pub fn sections(&self, rate: f32) -> Vec<Section> {
        let tangent = libm::tan(PI * f64::from(self.cutoff) / f64::from(rate));
        let square = tangent * tangent;
        let pairs = (0..self.order / 2).rev();
        let section = |pair: usize| {
            let angle = PI * (2 * pair + 1) as f64 / (2 * self.order) as f64;
            let damping = 2.0 * tangent * libm::sin(angle);
            let whole = 1.0 + damping + square;
            let a = [
                2.0 * (square - 1.0) / whole,
                (1.0 - damping + square) / whole,
            ];
            let a = a.map(|weight| weight as f32);
            let [first, second] = a.map(f64::from);
            let sign = match self.pass {
                Pass::Low => 1.0,
                Pass::High => -1.0,
            };
            let gain = (1.0 + sign * first + second) / 4.0;
            let b = [gain, sign * 2.0 * gain, gain].map(|weight| weight as f32);
            Section { b, a }
        };
        pairs.map(section).collect()
    }

    /// The filter for samples of this rate.
    ///
    /// # Errors
    /// A cutoff that the rate does not allow.
    pub fn at(&self, rate: f32) -> Result<SampleFilter, String> {
        let least = rate / Self::WIDEST;
        let most = rate / 2.0 - least;
        if !(self.cutoff >= least && self.cutoff <= most) {
            return Err(format!(
                "--filter {self}: at {rate} samples a second the cutoff must be from {least} Hz to {most} Hz, a thousandth of the rate off \
                 0 Hz and off half of the rate: change it or --rate"
            ));
        }
        let flat = |section: &Section| {
            let ([b0, b1, b2], [a1, a2]) = (section.b, section.a);
            [b0, b1, b2, a1, a2]
        };
        let sections = self.sections(rate).iter().map(flat).collect();
        Ok(SampleFilter {
            name: *self,
            sections,
        })
    }

    /// A band for every bin that Edge Impulse's block takes.
    ///
    /// # Errors
    /// No bin passes.
    pub(super) fn bins(&self, rate: f32, frame: usize) -> Result<FeatureName, String> {
        let spacing = rate / frame as f32;
        let passes = |bin: &usize| {
            let frequency = *bin as f32 * spacing;
            match self.pass {
                Pass::Low => frequency - spacing / 2.0 <= self.cutoff,
                Pass::High => frequency + spacing / 2.0 >= self.cutoff,
            }
        };
        let bins: Vec<usize> = (1..=frame / 2).filter(passes).collect();
        let (Some(&first), Some(&last)) = (bins.first(), bins.last()) else {
            return Err(format!(
                "--filter {self} leaves none of the bins of a spectrum of {frame} values at {rate} samples a second: take longer \
                 frames, such as --frame maximum:{}, or another cutoff",
                frame * 2
            ));
        };
        let edges = (first..=last + 1).map(|edge| (edge as f32 - 0.5) * spacing);
        let edges = edges.map(|edge| edge.min(rate / 2.0)).collect();
        Ok(FeatureName::Edges(edges))
    }
}

impl SampleFilter {
    /// The engine's view.
    #[must_use]
    pub fn spec(&self) -> Vec<Section> {
        let section = |&[b0, b1, b2, a1, a2]: &[f32; 5]| Section {
            b: [b0, b1, b2],
            a: [a1, a2],
        };
        self.sections.iter().map(section).collect()
    }

    /// The sections as Rust text.
    #[must_use]
    pub fn in_rust(&self) -> String {
        let section = |own: Section| {
            format!(
                "nvpico::spec::features::Section {{ b: {:?}, a: {:?} }}",
                own.b, own.a
            )
        };
        let sections: Vec<String> = self.spec().into_iter().map(section).collect();
        format!("&[{}]", sections.join(", "))
    }
}

impl fmt::Display for FilterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pass = match self.pass {
            Pass::Low => "low",
            Pass::High => "high",
        };
        write!(f, "{pass}:{}:{}", self.cutoff, self.order)
    }
}

impl FromStr for FilterName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no filter: low:HZ or high:HZ is expected, such as low:20, and the order 2, 4, 6 or 8 behind it, such as \
                 high:5:2 (default {})",
                Self::ORDER
            )
        };
        let (pass, rest) = text.split_once(':').ok_or_else(wrong)?;
        let pass = match pass {
            "low" => Pass::Low,
            "high" => Pass::High,
            _ => return Err(wrong()),
        };
        let (cutoff, order) = match rest.split_once(':') {
            None => (rest, Self::ORDER),
            Some((cutoff, order)) => (cutoff, order.parse().map_err(|_| wrong())?),
        };
        let cutoff = parse_rate(cutoff).map_err(|_| wrong())?;
        if ![2, 4, 6, 8].contains(&order) {
            return Err(wrong());
        }
        Ok(Self {
            pass,
            cutoff,
            order,
        })
    }
}

impl TryFrom<String> for FilterName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FilterName> for String {
    fn from(name: FilterName) -> Self {
        name.to_string()
    }
}

const _: () = assert!(Section::MOST == 4 && FeatureSpec::SLOWEST > 0.0);

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> FilterName {
        text.parse().unwrap()
    }

    #[test]
    fn filters_read_back() {
        for (text, whole) in [
            ("low:20", "low:20:4"),
            ("high:5Hz:2", "high:5:2"),
            ("low:1.5kHz:8", "low:1500:8"),
        ] {
            assert_eq!(filter(text).to_string(), whole);
            assert_eq!(filter(whole), filter(text));
        }
        for text in [
            "",
            "low",
            "low:",
            "low:x",
            "band:5",
            "low:5:3",
            "low:5:10",
            "low:5:2:1",
            "low:-5",
        ] {
            assert!(
                text.parse::<FilterName>().unwrap_err().contains("low:20"),
                "{text}"
            );
        }
    }

    /// Share of the power at a frequency.
    fn gain(filter: FilterName, rate: f32, frequency: f64) -> f64 {
        let turn = std::f64::consts::TAU * frequency / f64::from(rate);
        let magnitude = |weights: [f64; 3]| {
            let part = |of: fn(f64) -> f64| {
                let terms = weights.iter().enumerate();
                terms.map(|(lag, w)| w * of(turn * lag as f64)).sum::<f64>()
            };
            part(f64::cos).powi(2) + part(f64::sin).powi(2)
        };
        let sections = filter.sections(rate);
        let shares = sections.iter().map(|own| {
            let a = [1.0, own.a[0].into(), own.a[1].into()];
            magnitude(own.b.map(f64::from)) / magnitude(a)
        });
        shares.product()
    }

    #[test]
    fn gains_are_those_of_butterworth() {
        let rate = 200.0;
        for order in [2, 4, 6, 8] {
            for (pass, cutoff) in [("low", 20.0), ("high", 5.0), ("low", 99.0), ("high", 60.0)] {
                let own = filter(&format!("{pass}:{cutoff}:{order}"));
                let warped = |hertz: f64| (PI * hertz / 200.0).tan();
                for frequency in [1.0, 4.0, cutoff, 45.0, 90.0] {
                    let ratio = match own.pass {
                        Pass::Low => warped(frequency) / warped(cutoff),
                        Pass::High => warped(cutoff) / warped(frequency),
                    };
                    let expected = 1.0 / (1.0 + ratio.powi(2 * order));
                    let found = gain(own, rate, frequency);
                    let error = (found - expected).abs();
                    assert!(
                        error < 1e-4 * expected,
                        "{own} {frequency}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_cutoff_that_is_taken_makes_a_valid_spec() {
        let features = [nvpico::spec::features::Feature::Mean];
        for rate in [0.1_f32, 200.0, 44_100.0] {
            for share in [0.001, 0.002, 0.1, 0.25, 0.4, 0.49, 0.498_9] {
                for order in [2, 4, 6, 8] {
                    for pass in [Pass::Low, Pass::High] {
                        let cutoff = rate * share;
                        let name = FilterName {
                            pass,
                            cutoff,
                            order,
                        };
                        let sections = name.at(rate).unwrap().spec();
                        let spec = FeatureSpec::new(1, 16, 16, rate, &features);
                        assert_eq!(
                            spec.with_filter(&sections).validate(),
                            Ok(()),
                            "{name} {rate}"
                        );
                    }
                }
            }
        }
        assert!(
            filter("low:20")
                .at(40.0)
                .unwrap_err()
                .contains("half of the rate")
        );
        assert!(
            filter("low:20")
                .at(50_000.0)
                .unwrap_err()
                .contains("from 50 Hz")
        );
    }
}
