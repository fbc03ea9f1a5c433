//! The whole decision on the chip: rarity, guards of values and of states, evidence and alarm have the desktop's bits.

use nvpico_codegen::commands::verify::{Input, verify_input};
use nvpico_codegen::data::Table;
use nvpico_codegen::evaluation::alarms;
use nvpico_codegen::fit::recipe::{BaseChoice, Recipe};
use nvpico_codegen::fit::training;
use nvpico_codegen::harness::Core;
use nvpico_codegen::precision::Precision;
use nvpico_codegen::simulate::{Pump, Recording};

fn table(recording: &Recording) -> Table {
    let columns: Vec<String> = recording
        .columns
        .iter()
        .map(|own| own.name.to_owned())
        .collect();
    let rows = recording.values.len() / columns.len();
    Table {
        columns,
        rows,
        values: recording.values.clone(),
        stretches: vec![0],
        row_numbers: (1..=rows as u64).collect(),
        rate: Some(1.0),
        ..Table::default()
    }
}

#[test]
fn alarms_have_the_desktops_bits() {
    let mut pump = Pump::new(4);
    let normal = table(&pump.record_normal(9_000));
    let recipe = Recipe {
        couplings: Some(2),
        hidden: Some(vec![8]),
        epochs: Some(2),
        base: Some(BaseChoice::Auto),
        kernels: Some(0),
        folds: Some(0),
        ..Recipe::default()
    };
    let model = training::fit(&normal, None, recipe, |_, _| true)
        .expect("it can be trained")
        .model;
    let limits = model.header.alarm.as_ref().map(|alarm| &alarm.dwell);
    assert!(limits.is_some_and(|limits| !limits.is_empty()));
    let faults = table(&pump.record_faults(700));
    for (precision, cores) in [
        (Precision::F32, &[Core::M4f, Core::Rv32imc][..]),
        (Precision::I8, &[Core::M0, Core::M3][..]),
    ] {
        let ready = model.ready(Some(precision)).expect("it has this precision");
        let found = alarms(&ready, &faults, &ready.scored(&faults), &[]).expect("it has an alarm");
        assert!(found.raised > 0 && found.changes.len() > 2, "{found:?}");
        let causes = || {
            found
                .changes
                .iter()
                .filter_map(|change| change.cause.as_deref())
        };
        assert!(
            causes().any(|cause| cause.starts_with("stays in state")),
            "{found:?}"
        );
        let reports = verify_input(&ready, &Input::of(&faults), cores, false, None)
            .unwrap_or_else(|error| panic!("{error}"));
        for report in reports {
            assert_eq!((report.rows, report.differing_bits), (700, 0), "{report:?}");
            let cost = report.alarm.expect("it has an alarm");
            assert!(
                cost.flash_bytes > 500 && cost.static_ram_bytes > 100,
                "{report:?}"
            );
        }
    }
}
