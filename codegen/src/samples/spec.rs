//! What the samples of a model are, and what becomes of them: the owned, serialisable twin of [`FeatureSpec`].

use nvpico::spec::features::{Across, Bands, Feature, FeatureError, FeatureSpec};
use serde::{Deserialize, Serialize};

use super::filter::SampleFilter;
use super::name::FeatureName;
use super::spectrum::SpectrumName;

/// Recorded samples and the features of a window of them; see [`FeatureSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSpec {
    /// Columns of a recording, in order.
    pub channels: Vec<String>,
    /// Samples in a window.
    pub window: usize,
    /// Samples from window to window.
    pub hop: usize,
    /// Samples a second.
    pub rate: f32,
    /// The features of the channels: one list for all of them, or a list for each.
    pub features: Vec<Vec<FeatureName>>,
    /// Features of pairs of channels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub across: Vec<AcrossName>,
    /// The filter in front of all features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<SampleFilter>,
    /// How spectra are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<SpectrumName>,
    /// The least power that logarithms see.
    pub floor: f32,
    /// Of features in integers the unit of the samples of each channel, which have 16 bits: exponents of 2. `None` for features
    /// in floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Vec<i32>>,
}

/// A feature of two channels, by their numbers from 0; see [`Across`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcrossName {
    /// Their correlation.
    Correlation(usize, usize),
    /// Deviation of the first by that of the second.
    Ratio(usize, usize),
}

impl AcrossName {
    /// The engine's view.
    #[must_use]
    pub fn spec(self) -> Across {
        match self {
            Self::Correlation(a, b) => Across::Correlation(a, b),
            Self::Ratio(a, b) => Across::Ratio(a, b),
        }
    }
}

impl SampleSpec {
    /// The rate of samples whose rate nobody told, and on which no feature depends.
    pub const NO_RATE: f32 = 1.0;

    /// Calls `act` with the engine's view.
    pub fn with<R>(&self, act: impl FnOnce(FeatureSpec<'_>) -> R) -> R {
        let lists: Vec<Vec<Feature<'_>>> = (self.features.iter())
            .map(|list| list.iter().map(FeatureName::feature).collect())
            .collect();
        let each: Vec<&[Feature<'_>]> = lists.iter().map(Vec::as_slice).collect();
        let across: Vec<Across> = self.across.iter().map(|own| own.spec()).collect();
        let sections = (self.filter.as_ref()).map_or_else(Vec::new, SampleFilter::spec);
        let first = each.first().copied().unwrap_or(&[]);
        let mut spec =
            FeatureSpec::new(self.channels.len(), self.window, self.hop, self.rate, first)
                .with_across(&across)
                .with_filter(&sections)
                .with_floor(self.floor);
        if self.features.len() > 1 {
            spec = spec.with_each(&each);
        }
        if let Some(spectrum) = self.spectrum {
            spec = spec.with_spectrum(spectrum.spec());
        }
        act(spec)
    }

    /// Checks it.
    ///
    /// # Errors
    /// [`FeatureError`] says what is wrong.
    pub fn validate(&self) -> Result<(), FeatureError> {
        if self.features.is_empty() {
            return Err(FeatureError::Nothing);
        }
        if let Some(units) = &self.units {
            if units.len() != self.channels.len() {
                return Err(FeatureError::Counts {
                    expected: self.channels.len(),
                    found: units.len(),
                });
            }
            let outputs = self.with(|spec| spec.output_len());
            return self.with_integers(&vec![0; outputs], |_| ());
        }
        self.with(|spec| spec.validate())
    }

    /// Bytes of RAM that an extractor takes.
    #[must_use]
    pub fn ram_bytes(&self) -> usize {
        self.with(|spec| match self.units {
            None => 4 * spec.state_len(),
            Some(_) => 2 * spec.integer_ring_len() + 4 * spec.integer_state_len(),
        })
    }

    /// Whether a row is the window itself, channel by channel.
    #[must_use]
    pub fn is_window(&self) -> bool {
        let only = |list: &Vec<FeatureName>| *list == [FeatureName::Plain(Feature::Samples)];
        self.across.is_empty() && self.features.iter().all(only)
    }

    /// The features of a channel.
    fn of_channel(&self, channel: usize) -> &[FeatureName] {
        match &self.features[..] {
            [all] => all,
            each => each.get(channel).map_or(&[], Vec::as_slice),
        }
    }

    /// A name for every feature, in their order: `x.crest`, `x.band0:3.9-62.5Hz`, `x@-1` of a sample, `x/y.correlation`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (at, channel) in self.channels.iter().enumerate() {
            for feature in self.of_channel(at) {
                match feature.feature() {
                    Feature::Samples => names.extend((0..self.window).rev().map(|lag| {
                        let sign = if lag > 0 { "-" } else { "" };
                        format!("{channel}@{sign}{lag}")
                    })),
                    Feature::Bands(bands) => {
                        let band = |at| format!("{channel}.{}", self.band(bands, at));
                        names.extend((0..bands.count()).map(band));
                    }
                    Feature::Autocorrelation { lag } => {
                        names.push(format!("{channel}.autocorrelation{lag}"));
                    }
                    _ => names.push(format!("{channel}.{feature}")),
                }
            }
        }
        names.extend(self.across.iter().map(|own| {
            let (a, b) = own.spec().channels();
            let [a, b] = [a, b].map(|at| self.channels.get(at).map_or("?", String::as_str));
            match own {
                AcrossName::Correlation(..) => format!("{a}/{b}.correlation"),
                AcrossName::Ratio(..) => format!("{a}/{b}.ratio"),
            }
        }));
        names
    }

    /// The name of a band: its number and, where the rate is known, from where to where it goes.
    #[allow(clippy::float_cmp, reason = "it is one number")]
    fn band(&self, bands: Bands<'_>, at: usize) -> String {
        let Some(spectrum) = self.spectrum.filter(|_| self.rate != Self::NO_RATE) else {
            return format!("band{at}");
        };
        let (from, to) = bands.bins(at, spectrum.spec(), self.rate);
        let hertz = |bin: usize| short(bin as f32 * self.rate / spectrum.frame as f32);
        format!("band{at}:{}-{}Hz", hertz(from), hertz(to.saturating_sub(1)))
    }
}

/// At most three digits.
fn short(value: f32) -> String {
    let text = if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
fn two_channels() -> SampleSpec {
    let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    SampleSpec {
        channels: vec!["x".into(), "y".into()],
        window: 16,
        hop: 8,
        rate: 100.0,
        features: vec![list(&["mean", "log-deviation", "bands:2"])],
        across: vec![AcrossName::Correlation(0, 1)],
        filter: None,
        spectrum: Some(SpectrumName::of_window(16, crate::samples::TaperName::Hann)),
        floor: FeatureSpec::FLOOR,
        units: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_a_name() {
        let mut spec = two_channels();
        assert_eq!(
            spec.names(),
            [
                "x.mean",
                "x.log-deviation",
                "x.band0:6.25-25Hz",
                "x.band1:31.2-50Hz",
                "y.mean",
                "y.log-deviation",
                "y.band0:6.25-25Hz",
                "y.band1:31.2-50Hz",
                "x/y.correlation"
            ]
        );
        spec.features = vec![
            vec!["samples".parse().unwrap()],
            vec!["autocorrelation:3".parse().unwrap()],
        ];
        let names = spec.names();
        assert_eq!((&*names[0], &*names[15]), ("x@-15", "x@0"));
        assert_eq!(&names[16..], ["y.autocorrelation3", "x/y.correlation"]);
        assert_eq!(names.len(), spec.with(|own| own.output_len()));
        assert_eq!(spec.validate(), Ok(()));
    }

    #[test]
    fn it_reads_back() {
        let spec = two_channels();
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<SampleSpec>(&text).unwrap(), spec);
    }
}
