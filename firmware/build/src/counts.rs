/// What a program that replays a recording takes: windows of samples of 16 bits, from which the features are computed in integers.
#[allow(dead_code, unused_macros, clippy::unused_self, reason = "not every program needs all of it, nor every model")]
mod input {
    use super::model::{CHANNELS, DIM, FEATURE_RING, FEATURE_STATE, FEATURES, Value, WINDOW_VALUES, row};

    pub const OF_SAMPLES: bool = true;
    pub const ROW: usize = WINDOW_VALUES;
    pub type RowValue = i32;

    /// Memory of the extractor, and the features of the last window.
    pub struct Input {
        ring: [i16; FEATURE_RING],
        state: [i32; FEATURE_STATE],
        features: Option<[Value; DIM]>,
    }

    impl Input {
        pub const NEW: Self = Self {
            ring: [0; FEATURE_RING],
            state: [0; FEATURE_STATE],
            features: None,
        };

        /// The features of a window as the model takes them.
        #[inline(always)]
        pub fn of<'a>(&'a mut self, samples: &'a [i32]) -> &'a [Value] {
            self.features = None;
            if let Ok(mut extractor) = FEATURES.extractor(&mut self.ring, &mut self.state) {
                for sample in samples.as_chunks::<{ CHANNELS.len() }>().0 {
                    // The host's file has words.
                    let _ = extractor.push(&sample.map(|count| count as i16));
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
            static mut MEMORY: ([i16; model::FEATURE_RING], [i32; model::FEATURE_STATE]) =
                ([0; model::FEATURE_RING], [0; model::FEATURE_STATE]);
            let memory = &raw mut MEMORY;
            // SAFETY: the only reference ever taken, and main runs once.
            let (ring, state) = unsafe { &mut *memory };
            let Ok(extractor) = model::FEATURES.extractor(ring, state) else {
                board::fail()
            };
            let mut windows = nvpico_app::CountWindows {
                extractor,
                hop: model::SAMPLES.hop,
                units: model::SAMPLE_UNITS,
            };
            nvpico_app::detect_windows($acquire, &mut windows, &mut watched!($workspace, $monitor, model::SAMPLES.hop));
        }};
    }
    pub(crate) use watch;
}
#[allow(unused_imports, reason = "not every program replays rows")]
use input::{Input, OF_SAMPLES, ROW, RowValue, readings, watch};
