//! Features in integers, of samples of 16 bits.

use nvpico::features::{IntegerExtractor, IntegerFeatures, Pushed};
use nvpico::integer::UNITS;
use nvpico::spec::features::{Across, Feature, FeatureError, FeatureSpec, SpectrumSpec, Taper};
use nvpico_reference::features as reference;

use super::{EVERY, PAIRS, spec, spectra};
use crate::common::models::Random;

pub type Row = [i16; 2];

/// Values of a count of the two channels.
const SCALES: &[f32] = &[0.013, 1.0 / 1024.0];

fn windows(length: usize) -> Vec<(&'static str, Vec<Row>)> {
    let mut random = Random::new(5);
    let mut kinds = Vec::new();
    let mut add = |name: &'static str, of: &dyn Fn(f32, f32) -> f32| {
        let noise = random.normals(2 * length);
        let rows = (0..length).map(|at| {
            let value = |channel: usize| {
                of(at as f32 + 0.25 * channel as f32, noise[2 * at + channel]).round() as i16
            };
            [value(0), value(1)]
        });
        kinds.push((name, rows.collect()));
    };
    let sine = |at: f32, turns: f32| (at / 100.0 * turns * std::f32::consts::TAU).sin();
    add("noise", &|_, noise| 3000.0 * noise);
    add("quiet on an offset", &|_, noise| 16_384.0 + 2.0 * noise);
    add("a count or none", &|_, noise| {
        1000.0 + f32::from(u8::from(noise > 0.5))
    });
    add("loud", &|at, noise| {
        30_000.0 * sine(at, 13.0) + 300.0 * noise
    });
    add("beyond its range", &|at, noise| {
        90_000.0 * sine(at, 3.0) + 900.0 * noise
    });
    add("extremes", &|_, noise| 1e6 * noise);
    add("sine", &|at, _| 200.0 * sine(at, 10.0));
    add("constant", &|_, _| -77.0);
    add("zero", &|_, _| 0.0);
    add("lowest", &|_, _| -32_768.0);
    add("spike", &|at, _| {
        20_000.0 * f32::from(u8::from((17.0..18.0).contains(&at)))
    });
    add("spike from end to end", &|at, _| {
        65_535.0 * f32::from(u8::from((17.0..18.0).contains(&at))) - 32_768.0
    });
    add("ramp", &|at, noise| 100.0 * at - 9000.0 + noise);
    kinds
}

fn tables(spec: &FeatureSpec<'_>) -> Vec<i32> {
    let mut tables = vec![0; spec.integer_table_len()];
    spec.fill_integer_tables(&mut tables);
    tables
}

/// Runs `act` with an extractor, its state full of what must not matter.
pub fn with_extractor<R>(
    spec: FeatureSpec<'_>,
    units: &[i32],
    act: impl FnOnce(IntegerExtractor<'_, '_>) -> R,
) -> R {
    let tables = tables(&spec);
    let features = IntegerFeatures::new(spec, SCALES, units, &tables);
    let features = features.unwrap_or_else(|error| panic!("{error}"));
    let mut samples = vec![-1; spec.integer_ring_len()];
    let mut state = vec![-1; spec.integer_state_len()];
    act(features.extractor(&mut samples, &mut state).expect("room"))
}

pub fn of_window(spec: FeatureSpec<'_>, units: &[i32], rows: &[Row]) -> Vec<i32> {
    with_extractor(spec, units, |mut extractor| {
        let (last, before) = rows.split_last().expect("samples");
        for row in before {
            assert_eq!(extractor.push(row), Pushed::Stored);
        }
        assert_eq!(extractor.push(last), Pushed::Due);
        extractor.finish().expect("due").to_vec()
    })
}

/// The powers of a channel, and by how much a value of its transform may be off.
struct Expected {
    powers: Vec<f64>,
    error: f64,
}

impl Expected {
    fn of(spectrum: SpectrumSpec, x: &[f64]) -> Self {
        // A value of the transform is off by a share of the largest one that a frame of that power can have.
        const SHARE: f64 = 1e-4;
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let y: Vec<f64> = x.iter().map(|x| x - mean).collect();
        // Before the taper, which takes five eighths of the power.
        let mut bare = spectrum;
        bare.taper = Taper::None;
        let whole: f64 = reference::powers_of(bare, &y).iter().sum();
        let weight = match spectrum.taper {
            Taper::None => 1.0,
            Taper::Hann => 0.375,
        };
        Self {
            powers: reference::powers_of(spectrum, &y),
            // Bins above half of the rate have the same power again.
            error: SHARE * (2.0 * whole / weight).sqrt(),
        }
    }

    /// Error of a mean of powers.
    fn of_power(&self, power: f64) -> f64 {
        2.0 * power.sqrt() * self.error + self.error.powi(2)
    }

    /// Error of the largest power and its distance from the mean, both in deviations of the powers.
    fn contrast(&self) -> (f64, f64) {
        let count = self.powers.len() as f64;
        let mean = self.powers.iter().sum::<f64>() / count;
        let off = self.powers.iter().map(|power| (power - mean).abs());
        let variance = off.clone().map(|off| off.powi(2)).sum::<f64>() / count;
        let deviation = variance.sqrt().max(f64::MIN_POSITIVE);
        let largest = self.powers.iter().copied().fold(0.0, f64::max);
        let far = off.fold(0.0, f64::max);
        (self.of_power(largest) / deviation, far / deviation)
    }

    /// The largest error beside half of a unit, as the documentation states it.
    fn allowed(&self, feature: Feature<'_>, spec: &FeatureSpec<'_>, expected: f64) -> [f64; 2] {
        let (off, far) = self.contrast();
        let both = match feature {
            Feature::Bands(_) => {
                let power = 10_f64.powf(expected);
                let error = self.of_power(power);
                let least = (power - error).max(f64::from(spec.floor)).log10();
                let most = (power + error).log10();
                return [expected - least + 2e-7, most - expected + 2e-7];
            }
            Feature::Centroid | Feature::Spread => 5e-4 * f64::from(spec.rate),
            Feature::SpectralSkewness => off * far.powi(2),
            Feature::SpectralKurtosis => off * far.powi(3),
            Feature::LogDeviation | Feature::LogRms => 2e-7,
            Feature::Skewness | Feature::Kurtosis => 1e-8 * expected.abs().max(3.0),
            _ => 1e-8 * expected.abs().max(1e-3),
        };
        [both; 2]
    }
}

/// The finest unit that a value is far from the end of.
fn unit(value: f64) -> i32 {
    let exponent = value.abs().max(1e-9).log2().ceil() as i32;
    (exponent - 29).clamp(*UNITS.start(), *UNITS.end())
}

#[test]
fn features_are_those_of_the_definitions() {
    let mut worst: Vec<(String, f64)> = Vec::new();
    for length in [60, 200, 256] {
        for spectrum in spectra(length) {
            let spec = spec(length, length, spectrum).with_floor(1e-9);
            for (name, rows) in windows(length) {
                check(&spec, name, &rows, &mut worst);
            }
        }
    }
    worst.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("{worst:#?}");
}

fn check(spec: &FeatureSpec<'_>, name: &str, rows: &[Row], worst: &mut Vec<(String, f64)>) {
    let columns: Vec<Vec<f64>> = (0..2)
        .map(|channel| {
            let scale = f64::from(SCALES[channel]);
            rows.iter()
                .map(|row| f64::from(row[channel]) * scale)
                .collect()
        })
        .collect();
    let expected = reference::features(spec, &columns);
    let units: Vec<i32> = expected.iter().map(|&value| unit(value)).collect();
    let found = of_window(*spec, &units, rows);
    assert_eq!(found.len(), expected.len());
    let mut values = found.iter().zip(&units).zip(&expected);
    let mut compare = |what: String, allowed: &dyn Fn(f64) -> [f64; 2]| {
        let ((&count, &unit), &expected) = values.next().expect("as many");
        let unit = 2_f64.powi(unit);
        let found = f64::from(count) * unit;
        let [below, above] = allowed(expected);
        let allowed = unit + if found < expected { below } else { above };
        let error = (found - expected).abs();
        let share = error / allowed;
        match worst.iter_mut().find(|(known, _)| *known == what) {
            Some((_, most)) => *most = share.max(*most),
            None => worst.push((what.clone(), share)),
        }
        assert!(
            error <= allowed,
            "{name}, {length} samples, {spectrum:?}: {what} is {found}, not {expected} ({error:e} > {allowed:e})",
            length = spec.window,
            spectrum = spec.spectrum,
        );
    };
    for x in &columns {
        let own = Expected::of(spec.spectrum.expect("one"), x);
        for &feature in EVERY {
            for _ in 0..feature.len(spec.window) {
                compare(format!("{feature:?}"), &|expected| {
                    own.allowed(feature, spec, expected)
                });
            }
        }
    }
    for across in PAIRS {
        compare(format!("{across:?}"), &|expected| {
            [1e-8 * expected.abs().max(1.0); 2]
        });
    }
}

fn refusal(spec: FeatureSpec<'_>, scales: &[f32], units: &[i32]) -> Result<(), FeatureError> {
    let tables = tables(&spec);
    IntegerFeatures::new(spec, scales, units, &tables).map(|_| ())
}

#[test]
fn what_cannot_be_is_refused() {
    let good = FeatureSpec::new(2, 64, 64, 100.0, &[Feature::Mean]);
    assert_eq!(refusal(good, SCALES, &[0; 2]), Ok(()));
    let long = good.with_spectrum(SpectrumSpec::one(4096, Taper::None));
    let frame = FeatureError::IntegerFrame { frame: 4096 };
    assert_eq!(refusal(long, SCALES, &[0; 2]), Err(frame));
    let counts = |expected, found| Err(FeatureError::Counts { expected, found });
    assert_eq!(refusal(good, &[1.0], &[0; 2]), counts(2, 1));
    assert_eq!(refusal(good, SCALES, &[0; 3]), counts(2, 3));
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40] {
        let found = refusal(good, &[1.0, scale], &[0; 2]);
        assert_eq!(found, Err(FeatureError::Scale { channel: 1 }));
    }
    for unit in [UNITS.start() - 1, UNITS.end() + 1] {
        let found = refusal(good, SCALES, &[0, unit]);
        assert_eq!(found, Err(FeatureError::Unit { output: 1 }));
    }
    for unit in [*UNITS.start(), *UNITS.end()] {
        assert_eq!(refusal(good, SCALES, &[0, unit]), Ok(()));
    }
    let across = good.with_across(&[Across::Ratio(0, 0)]);
    let same = FeatureError::Across { a: 0, b: 0 };
    assert_eq!(refusal(across, SCALES, &[0; 3]), Err(same));
    let features = IntegerFeatures::new(good, SCALES, &[0; 2], &[1]).map(|_| ());
    let length = |expected, found| FeatureError::Length { expected, found };
    assert_eq!(features, Err(length(0, 1)));
    let features = IntegerFeatures::new(good, SCALES, &[0; 2], &[]).expect("valid");
    let extractor = features.extractor(&mut [0; 127], &mut [0; 12]).map(|_| ());
    assert_eq!(extractor, Err(length(128, 127)));
    let extractor = features.extractor(&mut [0; 128], &mut [0; 11]).map(|_| ());
    assert_eq!(extractor, Err(length(12, 11)));
}

/// Beyond 32 bits a count says so, and a model scores it as impossible.
#[test]
fn values_beyond_their_unit_saturate() {
    let spec = FeatureSpec::new(2, 2, 2, 1.0, &[Feature::Minimum, Feature::Maximum]);
    let found = of_window(spec, &[-40, -40, 0, -126], &[[-3, -3], [5, 5]]);
    assert_eq!(found[..3], [i32::MIN, i32::MAX, 0]);
    assert_eq!(found[3], i32::MAX);
}

/// A change here is a change of format: models in the field would see other features than those that they were trained with.
#[test]
fn features_keep_the_counts_that_they_have_always_had() {
    let rows: Vec<Row> = (0..200_usize)
        .map(|at| {
            let value =
                |by: usize| i16::try_from((at * at * by + at * 37) % 2001).expect("small") - 1000;
            [value(5), value(11)]
        })
        .collect();
    let found: Vec<u64> = spectra(200)
        .into_iter()
        .map(|spectrum| {
            let spec = spec(200, 200, spectrum);
            let found = of_window(spec, &vec![-16; spec.output_len()], &rows);
            let bytes = found.iter().flat_map(|count| count.to_le_bytes());
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
        })
        .collect();
    let expected = [
        0x2c4a_3119_7b8e_8746,
        0x4a4a_d109_4bfb_4282,
        0x8d1e_ff84_31f9_ab88,
        0xd4e9_55f2_72c0_bc86,
        0x3778_4503_18ae_069b,
        0x2e69_fa00_97b8_e617,
        0x5341_1616_4d03_2cf5,
        0x999c_355d_7e78_bc60,
        0x4ff8_142d_b424_e607,
        0x023e_1f2e_5214_f812,
        0x848f_0187_3928_fcb9,
        0x4cf6_771b_34a2_3b13,
        0x612f_417f_a4e8_8116,
        0x2b32_3c33_1b04_f6bc,
        0x0c57_e085_270d_44e1,
        0x055b_66e3_b9b1_667c,
    ];
    assert_eq!(found, expected, "{found:#018x?}");
}
