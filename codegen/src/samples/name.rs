//! Features by their names, as options, model files and messages have them.
//!
//! | name | feature |
//! | --- | --- |
//! | `samples`, `last`, `mean`, `deviation`, `log-deviation`, `rms`, `log-rms`, `minimum`, `maximum`, `peak-to-peak`, `crest`, `skewness`, `kurtosis`, `slope`, `zero-crossings`, `centroid`, `spread`, `spectral-skewness`, `spectral-kurtosis` | the [`Feature`] of that name |
//! | `autocorrelation:LAG` | at a lag in samples |
//! | `bands:N` | power in N equal bands |
//! | `bands:A-B-C` | power from A to B and from B to C, in Hz |

use std::fmt;
use std::str::FromStr;

use nvpico::spec::features::{Bands, Feature};
use serde::{Deserialize, Serialize};

/// A feature of one channel; see [`Feature`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FeatureName {
    /// One that holds no list.
    Plain(Feature<'static>),
    /// Bands between these edges, in Hz.
    Edges(Vec<f32>),
}

/// The features without numbers.
const NAMES: [(&str, Feature<'static>); 19] = [
    ("samples", Feature::Samples),
    ("last", Feature::Last),
    ("mean", Feature::Mean),
    ("deviation", Feature::Deviation),
    ("log-deviation", Feature::LogDeviation),
    ("rms", Feature::Rms),
    ("log-rms", Feature::LogRms),
    ("minimum", Feature::Minimum),
    ("maximum", Feature::Maximum),
    ("peak-to-peak", Feature::PeakToPeak),
    ("crest", Feature::Crest),
    ("skewness", Feature::Skewness),
    ("kurtosis", Feature::Kurtosis),
    ("slope", Feature::Slope),
    ("zero-crossings", Feature::ZeroCrossings),
    ("centroid", Feature::Centroid),
    ("spread", Feature::Spread),
    ("spectral-skewness", Feature::SpectralSkewness),
    ("spectral-kurtosis", Feature::SpectralKurtosis),
];

impl FeatureName {
    /// The engine's view.
    #[must_use]
    pub fn feature(&self) -> Feature<'_> {
        match self {
            Self::Plain(feature) => *feature,
            Self::Edges(edges) => Feature::Bands(Bands::Edges(edges)),
        }
    }

    /// Whether its value depends on the rate, not on the samples alone.
    #[must_use]
    pub fn needs_rate(&self) -> bool {
        match self {
            Self::Plain(feature) => {
                matches!(
                    feature,
                    Feature::Slope | Feature::Centroid | Feature::Spread
                )
            }
            Self::Edges(_) => true,
        }
    }

    /// The feature as Rust text.
    #[must_use]
    pub fn in_rust(&self) -> String {
        const ROOM: &str = "nvpico::spec::features";
        match self.feature() {
            Feature::Bands(Bands::Equal(count)) => {
                format!("{ROOM}::Feature::Bands({ROOM}::Bands::Equal({count}))")
            }
            Feature::Bands(Bands::Edges(edges)) => {
                format!("{ROOM}::Feature::Bands({ROOM}::Bands::Edges(&{edges:?}))")
            }
            plain => format!("{ROOM}::Feature::{plain:?}"),
        }
    }

    /// All names, for messages.
    #[must_use]
    pub fn all() -> String {
        let names = NAMES.iter().map(|(name, _)| *name);
        let more = ["autocorrelation:LAG", "bands:N", "bands:HZ-HZ-HZ"];
        names.chain(more).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for FeatureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.feature() {
            Feature::Autocorrelation { lag } => write!(f, "autocorrelation:{lag}"),
            Feature::Bands(Bands::Equal(count)) => write!(f, "bands:{count}"),
            Feature::Bands(Bands::Edges(edges)) => {
                let edges: Vec<String> = edges.iter().map(ToString::to_string).collect();
                write!(f, "bands:{}", edges.join("-"))
            }
            plain => {
                let own = NAMES.iter().find(|(_, feature)| *feature == plain);
                f.write_str(own.map_or("?", |(name, _)| *name))
            }
        }
    }
}

impl FromStr for FeatureName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = |digits: &str| {
            let number = digits.parse::<usize>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{text}: a whole number above 0 belongs behind the colon"))
        };
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        if let (None, Some((_, feature))) = (number, NAMES.iter().find(|(known, _)| *known == name))
        {
            return Ok(Self::Plain(*feature));
        }
        match (name, number) {
            ("autocorrelation", Some(lag)) => {
                let lag = whole(lag)?;
                Ok(Self::Plain(Feature::Autocorrelation { lag }))
            }
            ("bands", Some(edges)) if edges.contains('-') => {
                let edges: Result<Vec<f32>, _> = edges.split('-').map(str::parse).collect();
                let edges = edges
                    .ok()
                    .filter(|edges| edges.iter().all(|e| e.is_finite()));
                let edges = edges.ok_or_else(|| {
                    format!("{text}: edges in Hz belong behind the colon, such as bands:0-10-50")
                })?;
                Ok(Self::Edges(edges))
            }
            ("bands", Some(count)) => Ok(Self::Plain(Feature::Bands(Bands::Equal(whole(count)?)))),
            _ => Err(format!("{text:?} is no feature; there are {}", Self::all())),
        }
    }
}

impl TryFrom<String> for FeatureName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FeatureName> for String {
    fn from(name: FeatureName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let more = ["autocorrelation:5", "bands:8", "bands:0-10.5-50"];
        for name in NAMES.iter().map(|(name, _)| *name).chain(more) {
            let feature: FeatureName = name.parse().unwrap();
            assert_eq!(feature.to_string(), name);
        }
    }

    #[test]
    fn what_is_no_feature_is_refused() {
        for text in [
            "",
            "rms:2",
            "bands",
            "bands:0",
            "bands:x",
            "bands:1-x",
            "bands:1-inf",
            "autocorrelation",
            "autocorrelation:-1",
            "loudness",
        ] {
            assert!(text.parse::<FeatureName>().is_err(), "{text}");
        }
    }
}
