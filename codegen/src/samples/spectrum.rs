//! How a spectrum is taken, as options and model files have it.

use nvpico::spec::features::{Frames, SpectrumSpec, Taper};
use serde::{Deserialize, Serialize};

/// How a spectrum is taken; see [`SpectrumSpec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectrumName {
    /// Length of a frame.
    pub frame: usize,
    /// Weights of the samples of a frame.
    #[serde(default, skip_serializing_if = "TaperName::is_none")]
    pub taper: TaperName,
    /// One frame, or several and what is taken of them.
    #[serde(default, skip_serializing_if = "FramesName::is_one")]
    pub frames: FramesName,
}

/// See [`Taper`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TaperName {
    /// All samples count the same.
    #[default]
    None,
    /// Hann: a tone does not leak into all bands
    Hann,
}

/// See [`Frames`]; the number is the step from frame to frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FramesName {
    /// One frame.
    #[default]
    One,
    /// The mean of frames.
    Mean(usize),
    /// The largest power of frames.
    Maximum(usize),
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
impl TaperName {
    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl FramesName {
    fn is_one(&self) -> bool {
        matches!(self, Self::One)
    }
}

impl SpectrumName {
    /// One frame of the shortest length that a window of so many samples fits into.
    #[must_use]
    pub fn of_window(window: usize, taper: TaperName) -> Self {
        Self {
            frame: SpectrumSpec::of_window(window, Taper::None).frame,
            taper,
            frames: FramesName::One,
        }
    }

    /// The engine's view.
    #[must_use]
    pub fn spec(self) -> SpectrumSpec {
        let taper = match self.taper {
            TaperName::None => Taper::None,
            TaperName::Hann => Taper::Hann,
        };
        match self.frames {
            FramesName::One => SpectrumSpec::one(self.frame, taper),
            FramesName::Mean(step) => SpectrumSpec::mean(self.frame, step, taper),
            FramesName::Maximum(step) => SpectrumSpec::maximum(self.frame, step, taper),
        }
    }

    /// The spectrum as Rust text.
    #[must_use]
    pub fn in_rust(self) -> String {
        const ROOM: &str = "nvpico::spec::features";
        let SpectrumSpec {
            frame,
            taper,
            frames,
            ..
        } = self.spec();
        let taper = format!("{ROOM}::Taper::{taper:?}");
        match frames {
            Frames::One => format!("{ROOM}::SpectrumSpec::one({frame}, {taper})"),
            Frames::Mean { step } => {
                format!("{ROOM}::SpectrumSpec::mean({frame}, {step}, {taper})")
            }
            Frames::Maximum { step } => {
                format!("{ROOM}::SpectrumSpec::maximum({frame}, {step}, {taper})")
            }
        }
    }
}
