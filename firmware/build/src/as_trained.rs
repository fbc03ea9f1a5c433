
/// The model has no limits of recalibration.
#[allow(unused_macros, reason = "not every program reads sensors")]
macro_rules! adapt {
    ($hop:expr) => {
        nvpico_app::AsTrained
    };
}
