//! Models of raw samples: features and scores on the chip, bit for bit.

use nvpico_codegen::commands::verify::{Input, verify_input};
use nvpico_codegen::data::Table;
use nvpico_codegen::deploy::quantize;
use nvpico_codegen::export::{self, ExportOptions};
use nvpico_codegen::fit::recipe::Recipe;
use nvpico_codegen::fit::training;
use nvpico_codegen::harness::{Core, VerifyRequest, verify};
use nvpico_codegen::model::Model;
use nvpico_codegen::precision::Precision;
use nvpico_codegen::samples::{Request, sample_units};

use super::target_dir;

/// Two axes: a tone, its harmonic in bursts, and noise; quiet, loud, and still for a while.
fn samples(count: usize) -> Table {
    let mut state: u32 = 7;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut values = Vec::new();
    for at in 0..count {
        let time = at as f32 * 0.3;
        let level = 1.0 + 0.5 * (time * 0.01).sin();
        let burst = if at % 100 < 10 {
            (2.0 * time).sin()
        } else {
            0.0
        };
        let is_still = (2_000..2_200).contains(&at);
        let x = level * time.sin() + burst + 0.2 * noise();
        let y = 0.7 * time.cos() + 0.3 * noise();
        values.extend(if is_still { [0.25, 0.25] } else { [x, y] });
    }
    Table {
        columns: vec!["x".into(), "y".into()],
        rows: count,
        values,
        row_numbers: (1..=count as u64).collect(),
        stretches: vec![0],
        ..Table::default()
    }
}

/// A model of all kinds of features, in integers where `counted`, and rows of the table that it was trained on.
fn model(precision: Precision, counted: bool) -> (Model, Table) {
    let request = Request {
        features: vec![
            "vibration,spread,centroid,slope,zero-crossings,autocorrelation:3,correlation".into(),
            "y=mean,rms,peak-to-peak,bands:4,spectral-kurtosis".into(),
        ],
        window: Some(100),
        hop: Some(50),
        rate: Some(200.0),
        ..Request::default()
    };
    let samples = samples(5_000);
    let mut spec = request.resolve(&samples.columns, None).expect("a spec");
    let mut table = spec.windows(samples.clone(), None).expect("windows");
    if counted {
        let units = quantize::units_of_columns(&table);
        spec.units = Some(sample_units(&samples));
        table = spec
            .windows(samples.clone(), Some(&units))
            .expect("windows");
    }
    let recipe: Recipe = toml::from_str(
        "couplings = 2\nhidden = [8]\nbase = \"normal\"\nkernels = 0\nepochs = 3\nfolds = 0",
    )
    .expect("a recipe");
    let recipe = Recipe {
        precision: Some(precision),
        ..recipe
    };
    let outcome = training::fit(&table, None, recipe, |_, _| true).expect("trained");
    let mut model = outcome.model;
    model.set_samples(spec.clone(), table.windows.as_ref().expect("of samples"));
    let model = Model::from_bytes(&model.to_bytes()).expect("it reads back");
    let units = model.integer.as_ref().map(|own| &own.units[..]);
    let table = spec.windows(samples, units.filter(|_| counted));
    (model, table.expect("windows"))
}

#[test]
fn features_and_scores_have_the_desktops_bits() {
    for (precision, counted, cores) in [
        (Precision::F32, false, &[Core::M4f, Core::M0][..]),
        (Precision::I8, false, &[Core::M0]),
        (Precision::I8, true, &[Core::M0, Core::M4f]),
        (Precision::I16, true, &[Core::M0]),
    ] {
        let (model, table) = model(precision, counted);
        let ready = model.ready(Some(precision)).expect("ready");
        let reports = verify_input(&ready, &Input::of(&table), cores, false, None)
            .unwrap_or_else(|error| panic!("{error}"));
        for report in reports {
            assert_eq!((report.rows, report.differing_bits), (99, 0), "{report:?}");
        }
    }
}

#[test]
fn a_feature_with_a_wrong_bit_is_seen() {
    let (model, table) = model(Precision::F32, false);
    let ready = model.ready(None).expect("ready");
    let folder = tempfile::tempdir().expect("temporary folder");
    let module = folder.path().join("model.rs");
    let text = export::module(&ready, &ExportOptions::default());
    std::fs::write(&module, text).expect("written");
    let windows = table.windows.as_ref().expect("of samples");
    let (_, expected) = ready.bits(&table.values[..4 * table.dim()]);
    let digest = |row: usize| verify::digest(table.row(row).iter().map(|x| x.to_bits()));
    let mut digests: Vec<u32> = (0..4).map(digest).collect();
    digests[2] ^= 0x11;
    let words: Vec<u32> = (0..4)
        .flat_map(|at| windows.get(at))
        .map(|x| x.to_bits())
        .collect();
    let request = VerifyRequest {
        model: &module,
        dim: 200,
        words: &words,
        digests: Some(&digests),
        expected: &expected,
        alarm: None,
        cores: &[Core::M4f],
        features: &[],
        target_dir: &target_dir(),
        keep: None,
    };
    let reports = verify::compare(&request, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reports[0].differing_bits, 2);
    let first = reports[0].first_difference.as_ref().map(|first| first.row);
    assert_eq!(first, Some(2));
}
