
/// Recalibration within the limits of the model; the board keeps what it learned.
#[allow(unused_macros, reason = "not every program reads sensors")]
macro_rules! adapt {
    ($hop:expr) => {{
        let keep = board::keep::<{ nvpico_app::kept_buffer(model::DIM) }>();
        let period = nvpico_app::PERIOD_MS.saturating_mul($hop as u32);
        let Ok(adapt) = nvpico_app::Recalibration::new(model::ADAPT, model::MODEL, period, keep) else {
            defmt::error!("the limits of recalibration are not those of the model: export it again");
            board::fail()
        };
        adapt
    }};
}
