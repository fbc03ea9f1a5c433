//! What a user asks for, resolved against the channels of a recording.

use nvpico::spec::features::{FeatureError, FeatureSpec};

use super::filter::FilterName;
use super::name::FeatureName;
#[cfg(test)]
use super::rate::parse_rate;
use super::spec::{AcrossName, SampleSpec};
use super::spectrum::{FramesName, SpectrumName, TaperName};

/// What a user asks for; nothing means the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Lists of features and presets, such as `rms,crest,bands:8`; one that begins with `CHANNEL=` is that channel's.
    pub features: Vec<String>,
    /// Samples in a window.
    pub window: Option<usize>,
    /// Samples from window to window.
    pub hop: Option<usize>,
    /// Samples a second.
    pub rate: Option<f32>,
    /// Weights of the samples of a frame.
    pub taper: Option<TaperName>,
    /// Length of a frame, and how several frames are combined.
    pub frames: Option<(usize, FramesName)>,
    /// A filter in front of all features.
    pub filter: Option<FilterName>,
}

/// A preset: features under one name.
#[derive(Debug)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// For which data.
    pub purpose: &'static str,
    features: &'static [&'static str],
    correlation: bool,
    /// Of the spectrum: the taper, a frame and its step, and the least power. `None` is one frame as long as the window.
    spectrum: Option<(usize, FramesName, f32)>,
    taper: TaperName,
}

/// The bands of the preset `spectral`, a bin each.
const SPECTRAL_BANDS: &str = "bands:8";

/// The presets.
pub const PRESETS: [Preset; 4] = [
    Preset {
        name: "vibration",
        purpose: "level, shape and spectrum of each axis of an accelerometer",
        features: &["log-deviation", "crest", "kurtosis", "skewness", "bands:16"],
        correlation: true,
        spectrum: None,
        taper: TaperName::None,
    },
    Preset {
        name: "trend",
        purpose: "level, spread and slope of slow readings, such as temperatures",
        features: &["mean", "deviation", "minimum", "maximum", "slope"],
        correlation: false,
        spectrum: None,
        taper: TaperName::None,
    },
    Preset {
        name: "raw",
        purpose: "the samples themselves",
        features: &["samples"],
        correlation: false,
        spectrum: None,
        taper: TaperName::None,
    },
    // The block of Edge Impulse with its default FFT length of 16 and no filter.
    Preset {
        name: "spectral",
        purpose: "the spectral analysis block of Edge Impulse, without a filter",
        features: &[
            "deviation",
            "skewness",
            "kurtosis",
            "spectral-skewness",
            "spectral-kurtosis",
            SPECTRAL_BANDS,
        ],
        correlation: false,
        spectrum: Some((16, FramesName::Maximum(8), 1e-10)),
        taper: TaperName::None,
    },
];

/// A list that was asked for.
#[derive(Clone, Debug, Default)]
struct List {
    features: Vec<FeatureName>,
    correlation: bool,
    ratio: bool,
    preset: Option<&'static Preset>,
}

impl List {
    fn parse(text: &str) -> Result<Self, String> {
        let mut list = Self::default();
        for word in text.split(',').map(str::trim) {
            if let Some(preset) = PRESETS.iter().find(|preset| preset.name == word) {
                let features = preset.features.iter().map(|name| name.parse());
                list.features
                    .extend(features.collect::<Result<Vec<_>, _>>()?);
                list.correlation |= preset.correlation;
                if let Some(other) = list.preset.replace(preset)
                    && other.spectrum != preset.spectrum
                {
                    return Err(format!(
                        "the presets {} and {} take different spectra: name one of them",
                        other.name, preset.name
                    ));
                }
                continue;
            }
            match word {
                "correlation" => list.correlation = true,
                "ratio" => list.ratio = true,
                _ => list.features.push(word.parse().map_err(|error: String| {
                    let presets: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
                    format!(
                        "{error}; of two channels: correlation, ratio; presets: {}",
                        presets.join(", ")
                    )
                })?),
            }
        }
        for (at, feature) in list.features.iter().enumerate() {
            if list.features[..at].contains(feature) {
                return Err(format!("{feature} is named twice"));
            }
        }
        Ok(list)
    }
}

/// Instead of a list: compare windows and lists, and take the best.
const SEARCH: &str = "search";

/// Checks a list of features, for the command line.
///
/// # Errors
/// What is no feature.
pub fn check_list(text: &str) -> Result<String, String> {
    if text == SEARCH {
        return Ok(text.to_owned());
    }
    let list = text.rsplit_once('=').map_or(text, |(_, list)| list);
    List::parse(list).map(|_| text.to_owned())
}

/// A frame: `64` for one, `mean:64` or `mean:64:32` for the mean of several and their step, `maximum:64:32` for their largest power.
///
/// # Errors
/// Not a frame.
pub fn parse_frames(text: &str) -> Result<(usize, FramesName), String> {
    let wrong = || {
        "a length is expected, such as 256, or mean:64:32 and maximum:64:32 with the length of a frame and the step between frames"
            .to_owned()
    };
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let mut number = || -> Result<Option<usize>, String> {
        parts
            .next()
            .map(|part| part.parse().map_err(|_| wrong()))
            .transpose()
    };
    let of_several = |frame: usize, step: Option<usize>| step.unwrap_or(frame / 2).max(1);
    let found = match first {
        "mean" => {
            let frame = number()?.ok_or_else(wrong)?;
            (frame, FramesName::Mean(of_several(frame, number()?)))
        }
        "maximum" => {
            let frame = number()?.ok_or_else(wrong)?;
            (frame, FramesName::Maximum(of_several(frame, number()?)))
        }
        length => (length.parse().map_err(|_| wrong())?, FramesName::One),
    };
    if parts.next().is_some() {
        return Err(wrong());
    }
    Ok(found)
}

impl Request {
    /// Whether rows are windows of samples.
    #[must_use]
    pub fn is_some(&self) -> bool {
        !self.features.is_empty()
    }

    /// Whether windows and features are to be compared instead of named.
    #[must_use]
    pub fn is_search(&self) -> bool {
        self.features.iter().any(|list| list == SEARCH)
    }

    /// The spec for these channels; `recorded` is the rate that the recording itself states.
    ///
    /// # Errors
    /// What is missing, or contradicts itself.
    pub fn resolve(
        &self,
        channels: &[String],
        recorded: Option<f64>,
    ) -> Result<SampleSpec, String> {
        let mut common = None;
        let mut own: Vec<Option<List>> = vec![None; channels.len()];
        for text in &self.features {
            // A channel's name may hold the sign itself, a list does not.
            let (place, list) = match text.rsplit_once('=') {
                None => (&mut common, &**text),
                Some((name, list)) => {
                    let at = channels.iter().position(|channel| channel == name);
                    let at = at.ok_or_else(|| {
                        format!(
                            "--features {text}: there is no channel {name:?}; the channels are {}",
                            channels.join(", ")
                        )
                    })?;
                    (&mut own[at], list)
                }
            };
            let list = List::parse(list).map_err(|error| format!("--features {text}: {error}"))?;
            if place.replace(list).is_some() {
                return Err(format!(
                    "--features {text}: there is another list for the same channels; write one list, with commas"
                ));
            }
        }
        let mut lists = lists_of(channels, common.as_ref(), &own)?;
        let mut all = common.iter().chain(own.iter().flatten());
        let preset = all.find_map(|list| list.preset);
        let of_channel = |at: usize| own[at].as_ref().or(common.as_ref());
        let window = self.window.ok_or(
            "--features needs --window: how many samples make a window, such as --window 256",
        )?;
        let needs_rate = lists.iter().flatten().find(|name| name.needs_rate());
        let needs_rate = needs_rate
            .map(ToString::to_string)
            .or_else(|| self.filter.map(|filter| format!("--filter {filter}")));
        let rate = match (self.rate, recorded, needs_rate) {
            (Some(rate), ..) => rate,
            (None, Some(rate), _) => rate as f32,
            (None, None, Some(name)) => {
                return Err(format!(
                    "{name} needs the rate of the samples, which the files do not tell: add --rate, such as --rate 1kHz"
                ));
            }
            (None, None, None) => SampleSpec::NO_RATE,
        };
        let filter = self.filter.map(|filter| filter.at(rate)).transpose()?;
        let (spectrum, floor) = self.spectrum(window, preset);
        // Under a filter Edge Impulse's block has a band for every bin that passes, and none for the others.
        if let (Some(filter), true) = (
            self.filter,
            preset.is_some_and(|own| own.name == "spectral"),
        ) {
            let (own, bins) = (SPECTRAL_BANDS.parse()?, filter.bins(rate, spectrum.frame)?);
            let bands = lists.iter_mut().flatten().filter(|name| **name == own);
            bands.for_each(|name| name.clone_from(&bins));
        }
        let mut names = lists.iter().flatten();
        let is_spectral = names.any(|name| name.feature().is_spectral());
        let spec = SampleSpec {
            channels: channels.to_vec(),
            window,
            hop: self.hop.unwrap_or(window),
            rate,
            features: lists,
            across: across(channels.len(), of_channel),
            filter,
            spectrum: is_spectral.then_some(spectrum),
            floor,
            units: None,
        };
        spec.validate().map_err(|error| hint(&error, &spec))?;
        Ok(spec)
    }

    fn spectrum(&self, window: usize, preset: Option<&Preset>) -> (SpectrumName, f32) {
        let taper = (self.taper).unwrap_or_else(|| preset.map_or(TaperName::None, |own| own.taper));
        let own = preset.and_then(|preset| preset.spectrum);
        let floor = own.map_or(FeatureSpec::FLOOR, |(.., floor)| floor);
        let frames = self
            .frames
            .or(own.map(|(frame, frames, _)| (frame, frames)));
        let spectrum = match frames {
            Some((frame, frames)) => SpectrumName {
                frame,
                taper,
                frames,
            },
            None => SpectrumName::of_window(window, taper),
        };
        (spectrum, floor)
    }
}

/// One list for all channels, or a list for each.
fn lists_of(
    channels: &[String],
    common: Option<&List>,
    own: &[Option<List>],
) -> Result<Vec<Vec<FeatureName>>, String> {
    if let (Some(common), true) = (common, own.iter().all(Option::is_none)) {
        return Ok(vec![common.features.clone()]);
    }
    let of_channel = |(channel, own): (&String, &Option<List>)| {
        let list = own.as_ref().or(common).ok_or_else(|| {
            format!(
                "channel {channel:?} has no features: add --features \"{channel}=LIST\", a list for all channels, or --exclude it"
            )
        })?;
        Ok(list.features.clone())
    };
    channels.iter().zip(own).map(of_channel).collect()
}

/// Features of the pairs of channels whose lists ask for them.
fn across<'a>(channels: usize, of_channel: impl Fn(usize) -> Option<&'a List>) -> Vec<AcrossName> {
    let pairs = |wanted: fn(&List) -> bool| {
        let asked = |at: &usize| of_channel(*at).is_some_and(wanted);
        let own: Vec<usize> = (0..channels).filter(asked).collect();
        let pairs = own.iter().enumerate();
        let pairs = pairs.flat_map(|(at, a)| own[at + 1..].iter().map(|b| (*a, *b)));
        pairs.collect::<Vec<_>>()
    };
    let correlations = pairs(|list| list.correlation).into_iter();
    let ratios = pairs(|list| list.ratio).into_iter();
    let correlations = correlations.map(|(a, b)| AcrossName::Correlation(a, b));
    let ratios = ratios.map(|(a, b)| AcrossName::Ratio(a, b));
    correlations.chain(ratios).collect()
}

/// What is wrong, in the words of the options.
fn hint(error: &FeatureError, spec: &SampleSpec) -> String {
    match error {
        FeatureError::BandCount { count, bins } => format!(
            "{count} bands of a window of {} samples: its spectrum has {bins} bins above 0 Hz, and each band needs one; take fewer \
             bands or a longer --window",
            spec.window
        ),
        FeatureError::Frame { frame, window } => format!(
            "a frame of {frame} for a window of {window} samples: it must be a power of two from 8 on; one frame at least as long as \
             the window, several (mean:, maximum:) at most as long: change --frame or --window"
        ),
        FeatureError::Edges => format!(
            "the edges of bands must rise, from at least 0 Hz to at most half of the rate, {} Hz: change them or --rate",
            spec.rate / 2.0
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_bands(list: &[FeatureName]) -> bool {
        list.iter().any(|name| name.to_string() == "bands:16")
    }

    fn channels() -> Vec<String> {
        ["x", "y", "temp"].map(str::to_owned).to_vec()
    }

    fn asked(features: &[&str], window: usize) -> Request {
        Request {
            features: features.iter().map(ToString::to_string).collect(),
            window: Some(window),
            rate: Some(1000.0),
            ..Request::default()
        }
    }

    #[test]
    fn presets_and_lists() {
        for preset in &PRESETS {
            let spec = asked(&[preset.name], 64)
                .resolve(&channels(), None)
                .unwrap();
            assert_eq!(spec.features.len(), 1, "{}", preset.name);
            assert_eq!((spec.window, spec.hop), (64, 64));
        }
        let request = asked(&["vibration,correlation", "temp=mean,slope"], 256);
        let spec = request.resolve(&channels(), None).unwrap();
        assert!(has_bands(&spec.features[0]) && has_bands(&spec.features[1]));
        assert_eq!(spec.features[2].len(), 2);
        // Of x and y; the third channel has a list of its own.
        assert_eq!(spec.across, [AcrossName::Correlation(0, 1)]);
        assert_eq!(spec.spectrum.unwrap().frame, 256);
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = |request: &Request| request.resolve(&channels(), None).unwrap_err();
        let without = |change: fn(&mut Request)| {
            let mut request = asked(&["mean,slope"], 16);
            change(&mut request);
            error(&request)
        };
        assert!(without(|own| own.window = None).contains("--window 256"));
        assert!(without(|own| own.rate = None).contains("--rate 1kHz"));
        assert!(error(&asked(&["x=mean"], 16)).contains("\"y=LIST\""));
        assert!(error(&asked(&["z=mean"], 16)).contains("x, y, temp"));
        assert!(error(&asked(&["mean", "rms"], 16)).contains("one list"));
        assert!(error(&asked(&["mean,mean"], 16)).contains("twice"));
        assert!(error(&asked(&["bands:9"], 16)).contains("8 bins"));
        assert!(error(&asked(&["bands:0-600"], 16)).contains("500 Hz"));
        assert!(error(&asked(&["loud"], 16)).contains("presets: vibration"));
        assert!(error(&asked(&["vibration,spectral"], 64)).contains("different spectra"));
        // Nothing depends on a rate here.
        let mut request = asked(&["mean,bands:4"], 16);
        request.rate = None;
        let rate = |recorded| {
            request
                .resolve(&channels(), recorded)
                .unwrap()
                .rate
                .to_bits()
        };
        assert_eq!(rate(None), SampleSpec::NO_RATE.to_bits());
        assert_eq!(rate(Some(50.0)), 50_f32.to_bits());
    }

    #[test]
    fn rates_and_frames() {
        for (text, rate) in [
            ("1kHz", 1000.0),
            ("200", 200.0),
            ("0.5 Hz", 0.5),
            ("2.5MHz", 2.5e6),
        ] {
            assert_eq!(parse_rate(text), Ok(rate));
        }
        for text in ["", "fast", "0", "-5", "inf", "NaN", "1e300"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
        assert_eq!(parse_frames("256"), Ok((256, FramesName::One)));
        assert_eq!(parse_frames("mean:64"), Ok((64, FramesName::Mean(32))));
        assert_eq!(
            parse_frames("maximum:64:16"),
            Ok((64, FramesName::Maximum(16)))
        );
        for text in ["", "mean", "mean:x", "mean:1:2:3", "64:32"] {
            assert!(parse_frames(text).is_err(), "{text}");
        }
    }
}
