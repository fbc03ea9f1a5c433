//! Guards, evidence, alarm and record, with every kind of guard and chart.

use core::hint::black_box;

use nvpico::Density;
use nvpico::detector::{
    AlarmSpec, Chart, GuardSpec, Health, Monitor, Quantile, QuantileTable, Recorder,
};

use crate::ZERO;
use crate::model::{DIM, FLOW, Value};

const ALARM: AlarmSpec<'static> = AlarmSpec::new(
    QuantileTable::new(&[Quantile::new(-9, 7), Quantile::new(5, 7)], 1, 1 << 20),
    &[
        Chart::new(0, 9 << 8, 1 << 16),
        Chart::new(5, 9 << 8, 1 << 16).with_lower(-1 << 16),
    ],
    9,
);
static GUARDS: [GuardSpec<Value>; DIM] = [GuardSpec::none()
    .with_repeats(3)
    .with_limits([ZERO; 2], 3)
    .with_quiet(ZERO)
    .with_jump(ZERO); DIM];
const MONITOR: Monitor<Value, DIM, DIM, 9> =
    match Monitor::new(FLOW.anomalous_below(ZERO), ALARM, &GUARDS, &[1; 9]) {
        Ok(monitor) => monitor,
        Err(error) => panic!("{}", error.message()),
    };

/// Everything that an alarm does on a chip.
pub fn watch<D: Density<Value = Value>>(flow: &D, row: &[Value; DIM], workspace: &mut [Value]) {
    let mut monitor = black_box(MONITOR);
    let mut recorder = black_box(Recorder::<Value, DIM, 8>::new(1));
    let mut health = black_box(Health::new());
    for _ in 0..black_box(9) {
        let report = black_box(monitor.observe(flow, black_box(row), workspace));
        recorder.note::<D>(Some(row), &report, monitor.alarm().memory());
        health.note(&report);
        black_box(monitor.observe_invalid::<D>());
        let scored = flow.score(row, workspace);
        black_box(monitor.decide::<D>(row, &scored));
        black_box(monitor.judge_moved::<D>(row, black_box(row), scored));
        recorder.skip();
        health.skip();
        if black_box(recorder.is_complete()) {
            recorder.words().for_each(|word| {
                black_box(word);
            });
            recorder.go_on();
        }
    }
    monitor.gap();
    black_box(health.to_bytes());
    monitor.reset();
}
