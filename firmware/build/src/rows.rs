/// What a program that replays a recording takes: rows of features, as the model does.
#[allow(dead_code, unused_macros, clippy::unused_self, reason = "not every program needs all of it, nor every model")]
mod input {
    pub const OF_SAMPLES: bool = false;
    pub const ROW: usize = super::model::DIM;
    pub type RowValue = super::model::Value;

    /// Nothing is computed from a row.
    pub struct Input;

    impl Input {
        pub const NEW: Self = Self;

        #[inline(always)]
        pub fn of<'a>(&'a mut self, row: &'a [RowValue]) -> &'a [super::model::Value] {
            row
        }

        pub fn digest(&self) -> u32 {
            0
        }
    }

    /// The names of the values that sensors give.
    macro_rules! readings {
        () => {
            model::COLUMNS
        };
    }
    pub(crate) use readings;

    /// Scores every reading.
    macro_rules! watch {
        ($acquire:expr, $workspace:expr, $monitor:expr) => {
            nvpico_app::detect($acquire, &mut watched!($workspace, $monitor, 1))
        };
    }
    pub(crate) use watch;
}
#[allow(unused_imports, reason = "not every program replays rows")]
use input::{Input, OF_SAMPLES, ROW, RowValue, readings, watch};
