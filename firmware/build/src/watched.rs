
/// All that decides on readings, of which a row comes every so many.
#[allow(unused_macros, reason = "not every program reads sensors")]
macro_rules! watched {
    ($workspace:expr, $monitor:expr, $hop:expr) => {
        nvpico_app::Watch {
            model: nvpico_app::Model { density: &model::FLOW, blame: &model::BLAME, workspace: $workspace },
            adapt: adapt!($hop),
            monitor: $monitor,
            recorder: &mut nvpico::detector::Recorder::new(model::MODEL),
            units: &UNITS,
        }
    };
}
