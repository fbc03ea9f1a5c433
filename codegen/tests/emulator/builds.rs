//! What is built and not run: the proof by linking that no panic is reachable, the engine for every target, the programs of a
//! real board.

use std::path::Path;

use nvpico_codegen::harness::Core;
use nvpico_codegen::harness::boards::{self, Board};
use nvpico_codegen::harness::firmware::build_engine;
use nvpico_codegen::harness::no_panic::{self, Verdict};
use nvpico_codegen::harness::toolchain::Toolchain;

use super::{
    IMPORTED, MAP_FEATURES, imported_model, map_model, mixture_model, model, pair_model, target_dir,
};

#[test]
fn no_panic_is_reachable_from_a_score() {
    let check = |model: &Path, features: &[&str], parts: &[&str]| {
        no_panic::check(model, Core::M4f, features, parts, &target_dir())
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let parts = ["gradient", "samples", "integer-samples"];
    for features in [&[][..], &["assembly"]] {
        let verdict = check(&model(), features, &parts);
        assert_eq!(verdict, Verdict::NoPanic);
    }
    assert_eq!(check(&pair_model(), &["assembly"], &[]), Verdict::NoPanic);
    assert_eq!(
        check(&imported_model(), &IMPORTED, &["gradient"]),
        Verdict::NoPanic
    );
    for features in [&IMPORTED[..], &["extra-layers", "assembly"]] {
        assert_eq!(
            check(&mixture_model(), features, &["gradient"]),
            Verdict::NoPanic
        );
    }
    for features in [
        &MAP_FEATURES[..],
        &["feature-maps", "extra-layers", "assembly"],
    ] {
        assert_eq!(
            check(&map_model(), features, &["gradient"]),
            Verdict::NoPanic
        );
    }
    assert!(
        matches!(
            check(&model(), &[], &["control"]),
            Verdict::PanicReachable(_)
        ),
        "the check sees a panic that is there"
    );
}

#[test]
fn the_engine_compiles_for_every_target() {
    for target in Board::targets().unwrap_or_else(|error| panic!("{error}")) {
        for features in [
            &[][..],
            &["micromath"],
            &["extra-layers", "micromath", "defmt"],
        ] {
            build_engine(&target, features, &target_dir())
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn the_programs_for_sensors_build_for_a_real_board() {
    let boards = boards::locate().unwrap_or_else(|error| panic!("{error}"));
    let folder = boards.join("boards/nrf52840-dk");
    let toolchain = Toolchain::find("thumbv7em-none-eabihf", &folder);
    let mut command = toolchain
        .unwrap_or_else(|error| panic!("{error}"))
        .build_command(&folder, &target_dir());
    let built = command
        .args(["--quiet", "--release", "--bin", "detect", "--bin", "record"])
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
}
