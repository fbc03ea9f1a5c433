/// What a program that replays a recording takes: windows of samples, from which the features are computed.
#[allow(dead_code, unused_macros, clippy::unused_self, reason = "not every program needs all of it, nor every model")]
mod input {
    use super::model::{CHANNELS, DIM, FEATURE_STATE, FEATURES, Value, WINDOW_VALUES, row};

    pub const OF_SAMPLES: bool = true;
    pub const ROW: usize = WINDOW_VALUES;
    pub type RowValue = f32;

    /// Memory of the extractor, and the features of the last window.
    pub struct Input {
        state: [f32; FEATURE_STATE],
        features: Option<[Value; DIM]>,
    }

    impl Input {
        pub const NEW: Self = Self {
            state: [0.0; FEATURE_STATE],
            features: None,
        };

        /// The features of a window as the model takes them; none of a window with an invalid sample.
        #[inline(always)]
        pub fn of<'a>(&'a mut self, samples: &'a [f32]) -> &'a [Value] {
            self.features = None;
            if let Ok(mut extractor) = FEATURES.extractor(&mut self.state) {
                for sample in samples.chunks_exact(CHANNELS.len()) {
                    let _ = extractor.push(sample);
                }
                self.features = extractor.finish().and_then(row);
            }
            self.features.as_ref().map_or(&[], |features| features)
        }

        pub fn digest(&self) -> u32 {
            let features = self.features.iter().flatten();
            nvpico_app::digest(features.map(|value| u32::from_ne_bytes(value.to_ne_bytes())))
        }
    }

    /// The names of the values that sensors give.
    macro_rules! readings {
        () => {
            model::CHANNELS
        };
    }
    pub(crate) use readings;

    /// Scores the features of every window.
    macro_rules! watch {
        ($acquire:expr, $workspace:expr, $monitor:expr) => {{
            const {
                assert!(
                    nvpico_app::has_rate(model::SAMPLES.rate),
                    "the model takes samples at another rate than this program reads"
                );
            }
            static mut STATE: [f32; model::FEATURE_STATE] = [0.0; model::FEATURE_STATE];
            let state = &raw mut STATE;
            // SAFETY: the only reference ever taken, and main runs once.
            let state = unsafe { &mut *state };
            let Ok(extractor) = model::FEATURES.extractor(state) else {
                board::fail()
            };
            let mut windows = nvpico_app::FloatWindows {
                extractor,
                hop: model::SAMPLES.hop,
                row: model::row,
            };
            nvpico_app::detect_windows($acquire, &mut windows, &mut watched!($workspace, $monitor, model::SAMPLES.hop));
        }};
    }
    pub(crate) use watch;
}
#[allow(unused_imports, reason = "not every program replays rows")]
use input::{Input, OF_SAMPLES, ROW, RowValue, readings, watch};
