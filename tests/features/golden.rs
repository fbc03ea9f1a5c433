//! The spectral block that Edge Impulse documents, by its open implementation. The file is not part of the project: it is looked for
//! in `NVPICO_SHARED` (default `../shared`), and the test says when it skips.

use nvpico::spec::features::{Bands, Feature, FeatureSpec, Section, SpectrumSpec, Taper};
use nvpico_codegen::data::read_arrays;
use nvpico_codegen::samples::FilterName;

use super::of_window;
use crate::common::shared::shared;

#[test]
fn the_spectral_block_is_that_of_its_open_implementation() {
    const FLOOR: f32 = 1e-10;
    let Some(file) = shared("golden/spectral_block.npz") else {
        return;
    };
    let arrays = read_arrays(&file).expect("arrays");
    let array = |name: &str| {
        let found = arrays.iter().find(|array| array.name == name);
        found.unwrap_or_else(|| panic!("{name} is in the archive"))
    };
    let x = array("x").values.clone();
    // Of a low pass the block has the bins up to the cutoff alone.
    let low = [3.125, 9.375, 15.625, 21.875];
    for (name, frame, step, filter, bands) in [
        ("fft16", 16, 8, None, Bands::Equal(8)),
        ("fft64", 64, 32, None, Bands::Equal(32)),
        ("fft128_no_overlap", 128, 128, None, Bands::Equal(64)),
        (
            "low_20hz_order4_fft32",
            32,
            16,
            Some("low:20:4"),
            Bands::Edges(&low),
        ),
        (
            "high_5hz_order2_fft32",
            32,
            16,
            Some("high:5:2"),
            Bands::Equal(16),
        ),
    ] {
        let filter: Option<FilterName> = filter.map(|text| text.parse().expect("a filter"));
        let sections: Vec<Section> = filter.map_or_else(Vec::new, |own| own.sections(200.0));
        let features = [
            Feature::Deviation,
            Feature::Skewness,
            Feature::Kurtosis,
            Feature::SpectralSkewness,
            Feature::SpectralKurtosis,
            Feature::Bands(bands),
        ];
        let spec = FeatureSpec::new(3, 200, 200, 200.0, &features)
            .with_floor(FLOOR)
            .with_filter(&sections)
            .with_spectrum(SpectrumSpec::maximum(frame, step, Taper::None));
        let expected = &array(name).values;
        let length = spec.output_len();
        assert_eq!(expected.len(), 28 * length);
        let mut worst = [0.0_f64; 6];
        for (window, expected) in x.chunks(600).zip(expected.chunks(length)) {
            let rows: Vec<Vec<f32>> = window
                .chunks(3)
                .map(|row| row.iter().map(|&value| value as f32).collect())
                .collect();
            let found = of_window(spec, &rows);
            let axes = found.chunks(length / 3).zip(expected.chunks(length / 3));
            for (found, expected) in axes {
                compare(found, expected, &mut worst);
            }
        }
        println!("{name}: {worst:e}", worst = Worst(worst));
        assert!(worst[0] < 1e-6, "{name}: {worst:?}");
        // The vectors themselves are up to 1.5e-4 off numpy's and scipy's in double precision, where no bin stands out.
        assert!(
            worst[1..].iter().all(|&worst| worst < 2e-4),
            "{name}: {worst:?}"
        );
    }
}

struct Worst([f64; 6]);

impl std::fmt::LowerExp for Worst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|worst| write!(f, "{worst:.1e} "))
    }
}

/// Errors of RMS, of the moments relative to 1 or the value, and of the powers as a share of the largest.
fn compare(found: &[f32], expected: &[f64], worst: &mut [f64; 6]) {
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let found = f64::from(found);
        let error = if expected.is_nan() {
            // A constant window.
            found.abs()
        } else if at < 5 {
            (found - expected).abs() / expected.abs().max(1.0)
        } else {
            // Rounding leaves something near 1e-30 where nothing is.
            (found - expected.max(-10.0)).abs()
        };
        let worst = &mut worst[at.min(5)];
        *worst = worst.max(error);
    }
}
