//! The firmware on the emulated chips: the desktop's bits on every core, no reachable panic, an engine that compiles
//! for every target. Needs what `scripts/setup.sh` gets.

#[allow(dead_code)]
#[path = "../fixtures/imported_flow.rs"]
mod imported_flow;
#[allow(dead_code)]
#[path = "../fixtures/map_flow.rs"]
mod map_flow;
#[allow(dead_code)]
#[path = "../fixtures/mixture_flow.rs"]
mod mixture_flow;
#[allow(dead_code)]
#[path = "../fixtures/pair_flow.rs"]
mod pair_flow;
#[allow(dead_code)]
#[path = "../fixtures/small_flow.rs"]
mod small_flow;

mod alarm;
mod builds;
mod integers;
mod samples;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use nvpico_codegen::harness::firmware::{self, BuildRequest};
use nvpico_codegen::harness::qemu::{self, Ended, PATIENCE, Run};
use nvpico_codegen::harness::verify::{ScoreBits, compare};
use nvpico_codegen::harness::{Core, VerifyRequest, verify};

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small_flow.rs")
}

/// What the model with a matrix and with parts of other libraries needs.
const IMPORTED: [&str; 1] = ["extra-layers"];

fn imported_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/imported_flow.rs")
}

fn mixture_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mixture_flow.rs")
}

/// What the model of maps needs: it has a matrix.
const MAP_FEATURES: [&str; 2] = ["feature-maps", "extra-layers"];

fn map_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/map_flow.rs")
}

fn pair_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pair_flow.rs")
}

/// Kept between runs, so that only the first one compiles everything. The builds in one folder wait for each other.
fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware")
}

/// Another one, for half of the builds.
fn second_target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware-2")
}

/// The desktop's bits.
fn score_by(flow: &nvpico::Flow<'_>, row: &[f32]) -> Option<ScoreBits> {
    let mut workspace = vec![0.0; flow.workspace_len()];
    Some(flow.score(row, &mut workspace).ok()?.bits())
}

fn score(row: &[f32]) -> Option<ScoreBits> {
    score_by(&small_flow::FLOW, row)
}

fn words(rows: &[f32]) -> Vec<u32> {
    rows.iter().map(|x| x.to_bits()).collect()
}

/// Ordinary rows, then far ones, then ones at the edges of what a float holds.
fn rows() -> Vec<f32> {
    let mut state: u32 = 7;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut rows: Vec<f32> = (0..300 * small_flow::DIM)
        .map(|_| 3.0 * uniform())
        .collect();
    rows.extend((0..50 * small_flow::DIM).map(|_| 1e4 * uniform()));
    let edges = [
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        1e-45,
        -0.0,
        f32::NAN,
        f32::INFINITY,
    ];
    for edge in edges {
        rows.extend([0.5, edge, 0.25, -0.5, 0.0]);
    }
    rows
}

#[test]
fn every_core_gives_the_desktops_bits() {
    let rows = rows();
    let expected: Vec<_> = rows.chunks(small_flow::DIM).map(score).collect();
    assert!(
        expected.iter().any(Option::is_none),
        "some rows are refused"
    );
    let keep = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept");
    let request = VerifyRequest {
        model: &model(),
        dim: small_flow::DIM,
        words: &words(&rows),
        digests: None,
        expected: &expected,
        alarm: None,
        cores: &Core::ALL,
        features: &[],
        target_dir: &target_dir(),
        keep: Some(&keep),
    };
    let reports = verify(&request, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    for (report, core) in reports.iter().zip(Core::ALL) {
        assert_eq!(report.core, core);
        assert_eq!(report.rows, expected.len());
        assert_eq!(report.differing_bits, 0, "{report:?}");
        assert!(report.instructions_per_score > 1000, "{report:?}");
        assert!(report.flash_bytes > 2000, "{report:?}");
        assert_eq!(
            report.static_ram_bytes,
            4 * small_flow::WORKSPACE as u64,
            "{report:?}"
        );
        assert!(keep.join(format!("score-{core}.elf")).is_file());
    }
    for report in &reports {
        if let Some(twin) = report.core.same_code_as() {
            let of_twin = (reports.iter())
                .find(|report| report.core == twin)
                .map(|report| (report.instructions_per_score, report.flash_bytes));
            assert_eq!(
                Some((report.instructions_per_score, report.flash_bytes)),
                of_twin
            );
        }
    }
}

/// Compares scores of a model of five features with the desktop's, for features of the engine and cores.
fn compare_bits(
    model: &Path,
    cases: &[(&[&str], &[Core])],
    score: impl Fn(&[f32]) -> Option<ScoreBits>,
) {
    let rows = rows();
    let expected: Vec<_> = rows.chunks(small_flow::DIM).map(score).collect();
    for &(features, cores) in cases {
        let request = VerifyRequest {
            model,
            dim: small_flow::DIM,
            words: &words(&rows),
            digests: None,
            expected: &expected,
            alarm: None,
            cores,
            features,
            target_dir: &target_dir(),
            keep: None,
        };
        let reports = compare(&request, |_| {}).unwrap_or_else(|error| panic!("{error}"));
        for report in reports {
            assert_eq!(report.differing_bits, 0, "{report:?}");
        }
    }
}

#[test]
fn what_other_libraries_have_gives_the_desktops_bits() {
    let cases = [(&IMPORTED[..], &[Core::M0, Core::M4f][..])];
    compare_bits(&imported_model(), &cases, |row| {
        score_by(&imported_flow::FLOW, row)
    });
}

#[test]
fn a_mixture_gives_the_desktops_bits() {
    let cases = [
        (&IMPORTED[..], &[Core::M0, Core::M4f][..]),
        (&["extra-layers", "assembly"], &[Core::M4f]),
    ];
    compare_bits(&mixture_model(), &cases, |row| {
        score_by(&mixture_flow::FLOW, row)
    });
}

#[test]
fn feature_maps_give_the_desktops_bits() {
    let mut state: u32 = 3;
    let mut count = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as f32
    };
    let mut rows: Vec<f32> = (0..40 * map_flow::DIM).map(|_| count()).collect();
    // Beyond the levels there is no logit.
    let mut beyond: Vec<f32> = (0..map_flow::DIM).map(|_| count()).collect();
    beyond[5] = 300.0;
    rows.extend(beyond);
    // The desktop scores rows in lanes, the chip one after the other.
    let expected: Vec<_> = nvpico::batch::score(&map_flow::FLOW, &rows)
        .into_iter()
        .map(|score| score.ok().map(nvpico::Score::bits))
        .collect();
    assert_eq!(
        expected[40].map(|bits| f32::from_bits(bits[0])),
        Some(f32::NEG_INFINITY)
    );
    for features in [
        &MAP_FEATURES[..],
        &["feature-maps", "extra-layers", "assembly"],
    ] {
        let request = VerifyRequest {
            model: &map_model(),
            dim: map_flow::DIM,
            words: &words(&rows),
            digests: None,
            expected: &expected,
            alarm: None,
            cores: if features.len() == MAP_FEATURES.len() {
                &[Core::M0, Core::M3, Core::M4f]
            } else {
                &[Core::M4f]
            },
            features,
            target_dir: &target_dir(),
            keep: None,
        };
        let reports = compare(&request, |_| {}).unwrap_or_else(|error| panic!("{error}"));
        for report in reports {
            assert_eq!(report.differing_bits, 0, "{report:?}");
        }
    }
}

#[test]
fn the_kernel_in_assembly_gives_the_same_bits() {
    let cases = [(&["assembly"][..], &[Core::M4f, Core::M7, Core::M33][..])];
    compare_bits(&model(), &cases, score);
}

#[test]
fn two_layers_in_turns_give_the_same_bits() {
    let rows = &rows()[..20 * pair_flow::DIM];
    let expected: Vec<_> = rows
        .chunks(pair_flow::DIM)
        .map(|row| score_by(&pair_flow::FLOW, row))
        .collect();
    for features in [&[][..], &["assembly"]] {
        let request = VerifyRequest {
            model: &pair_model(),
            dim: pair_flow::DIM,
            words: &words(rows),
            digests: None,
            expected: &expected,
            alarm: None,
            cores: &[Core::M4f],
            features,
            target_dir: &target_dir(),
            keep: None,
        };
        let reports = compare(&request, |_| {}).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(reports[0].differing_bits, 0, "{:?}", reports[0]);
    }
}

#[test]
fn the_firmware_checks_its_own_test_vectors() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let elf = folder.path().join("score.elf");
    firmware::build(&BuildRequest {
        programs: &["score"],
        core: Core::M4f,
        model: &model(),
        features: &[],
        target_dir: &target_dir(),
        output: folder.path(),
    })
    .unwrap_or_else(|error| panic!("{error}"));
    let run = Run {
        elf: &elf,
        folder: folder.path(),
        growing: None,
        patience: Some(PATIENCE),
        arguments: &[],
        colour: false,
    };
    let mut log = Vec::new();
    let ended = qemu::run(&run, |line| {
        log.push(line.to_owned());
        ControlFlow::Continue(())
    });
    assert_eq!(
        ended.unwrap_or_else(|error| panic!("{error}")),
        Ended::Success,
        "{log:?}"
    );
}

#[test]
fn a_wrong_bit_is_seen() {
    let rows = &rows()[..4 * small_flow::DIM];
    let mut expected: Vec<_> = rows.chunks(small_flow::DIM).map(score).collect();
    expected[2].as_mut().expect("an ordinary row has a score")[0] ^= 1;
    let request = VerifyRequest {
        model: &model(),
        dim: small_flow::DIM,
        words: &words(rows),
        digests: None,
        expected: &expected,
        alarm: None,
        cores: &[Core::M4f],
        features: &[],
        target_dir: &target_dir(),
        keep: None,
    };
    let reports = compare(&request, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reports[0].differing_bits, 1);
    assert_eq!(
        reports[0].first_difference.as_ref().map(|first| first.row),
        Some(2)
    );
}
