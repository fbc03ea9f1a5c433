//! Fans with and without a weight on a blade: windows of raw acceleration, one row of the features `vibration` each.
//!
//! `ceiling-fan.npz`: a fan at three speeds; each speed alone, and the three in one model. `accelerometer.csv`: a fan in
//! three configurations at 17 speeds; one configuration is normal, with and without the speed, which is given.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::data::{self, NumberArray, ReadOptions, Table, read_arrays};
use crate::detection::{Set, Source};
use crate::samples::{Request, SampleSpec};

const AXES: usize = 3;
const SPEEDS: [&str; 3] = ["low", "med", "high"];
/// Training windows of each speed in the model of all speeds.
const OF_ALL: usize = 350;
/// Rows of a window of the other fan, windows of a speed, and those that train.
const ROWS: usize = 60;
const WINDOWS: usize = 50;
const TRAINING: usize = 30;

/// The sets of a folder that holds one of the two files, or the folders `ceiling-fan` and `fan-speeds` with them.
///
/// # Errors
/// Neither file, or one that is not as the protocol has it.
pub fn folder(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let find = |own: &str, file: &str| {
        let mut places = [folder.join(file), folder.join(own).join(file)].into_iter();
        places.find(|place| place.is_file())
    };
    let mut sets = Vec::new();
    if let Some(path) = find("ceiling-fan", "ceiling-fan.npz") {
        let own = ceiling_fan(&read_arrays(&path)?);
        sets.extend(own.with_context(|| path.display().to_string())?);
    }
    if let Some(path) = find("fan-speeds", "accelerometer.csv") {
        let own = fan_speeds(&path);
        sets.extend(own.with_context(|| path.display().to_string())?);
    }
    if sets.is_empty() {
        bail!(
            "{}: there is neither ceiling-fan.npz nor accelerometer.csv in this folder, nor in its folders ceiling-fan and \
             fan-speeds",
            folder.display()
        );
    }
    let source = |set: Set| {
        let set = Arc::new(set);
        Source::new(set.name.clone(), move |_| Ok((*set).clone()))
    };
    Ok(sets.into_iter().map(source).collect())
}

/// Rows of features with the part that each has.
#[derive(Default)]
struct Parts {
    rows: Vec<Vec<f32>>,
    labels: Vec<bool>,
    training: Vec<usize>,
    tests: Vec<usize>,
}

impl Parts {
    /// Normal windows, the first `training` of which train; the rest from `tests` on tests.
    fn normal(&mut self, rows: &[Vec<f32>], training: usize, tests: usize) {
        for (at, row) in rows.iter().enumerate() {
            let index = self.add(row, false);
            if at < training {
                self.training.push(index);
            } else if at >= tests {
                self.tests.push(index);
            }
        }
    }

    fn anomalous(&mut self, rows: &[Vec<f32>]) {
        for row in rows {
            let index = self.add(row, true);
            self.tests.push(index);
        }
    }

    fn add(&mut self, row: &[f32], label: bool) -> usize {
        self.rows.push(row.to_vec());
        self.labels.push(label);
        self.rows.len() - 1
    }

    fn set(self, name: &str, columns: &[String], given: usize) -> anyhow::Result<Set> {
        let table = Table {
            columns: columns.to_vec(),
            given,
            rows: self.rows.len(),
            values: self.rows.concat(),
            ..Table::default()
        };
        Set::of(name, &table, &self.labels, &self.training, &self.tests)
    }
}

/// Samples of a window of the ceiling fan.
const CEILING_WINDOW: usize = 200;

/// The features of a ceiling fan whose sensor is moved: the preset `vibration`, and the mean of each axis, by which a move is seen.
///
/// # Errors
/// None.
pub fn drifting() -> anyhow::Result<SampleSpec> {
    features(CEILING_WINDOW, &["vibration,mean"])
}

/// Whether a feature of [`drifting`] tells where the sensor is.
#[must_use]
pub fn is_position(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, feature)| feature == "mean")
}

/// The features of windows of so many rows of three axes: the preset `vibration`.
fn vibration(window: usize) -> anyhow::Result<SampleSpec> {
    features(window, &["vibration"])
}

fn features(window: usize, lists: &[&str]) -> anyhow::Result<SampleSpec> {
    let request = Request {
        features: lists.iter().map(ToString::to_string).collect(),
        window: Some(window),
        ..Request::default()
    };
    let axes = ["x", "y", "z"].map(str::to_owned);
    request.resolve(&axes, None).map_err(anyhow::Error::msg)
}

/// The features of a window of rows of three axes.
#[must_use]
pub fn row(spec: &SampleSpec, window: &[f64]) -> Vec<f32> {
    let samples: Vec<f32> = window.iter().map(|value| *value as f32).collect();
    spec.features_of(&samples)
}

fn ceiling_fan(arrays: &[NumberArray]) -> anyhow::Result<Vec<Set>> {
    let windows = |name: String| -> anyhow::Result<(Vec<String>, Vec<Vec<f32>>)> {
        let array = arrays.iter().find(|array| array.name == name);
        let array = array.with_context(|| format!("there is no array {name:?}"))?;
        let &[_, length, AXES] = &array.shape[..] else {
            bail!(
                "array {name:?} has the shape {:?}; windows x rows x 3 axes are expected",
                array.shape
            );
        };
        array.finite()?;
        let spec = vibration(length).with_context(|| format!("array {name:?}"))?;
        let windows = array.values.chunks_exact(length * AXES);
        Ok((
            spec.names(),
            windows.map(|window| row(&spec, window)).collect(),
        ))
    };
    let mut sets = Vec::new();
    let (mut all, mut columns) = (Parts::default(), Vec::new());
    for speed in SPEEDS {
        let (names, normal) = windows(format!("fan_0_{speed}_0_weight"))?;
        let (_, anomalous) = windows(format!("fan_0_{speed}_1_weight"))?;
        columns = names;
        let first = normal.len() * 6 / 10;
        let mut own = Parts::default();
        own.normal(&normal, first, first);
        own.anomalous(&anomalous);
        sets.push(own.set(&format!("ceiling-fan {speed}"), &columns, 0)?);
        all.normal(&normal, OF_ALL.min(first), first);
        all.anomalous(&anomalous);
    }
    sets.push(all.set("ceiling-fan all", &columns, 0)?);
    Ok(sets)
}

/// Windows of one configuration at one speed.
struct Recording {
    configuration: u32,
    speed: f32,
    windows: Vec<Vec<f32>>,
}

fn recordings(path: &Path, spec: &SampleSpec) -> anyhow::Result<Vec<Recording>> {
    let wanted = ["wconfid", "pctid", "x", "y", "z"].map(str::to_owned);
    let options = ReadOptions {
        columns: Some(wanted.to_vec()),
        take_all: true,
        ..ReadOptions::default()
    };
    let table = data::read(&[path.to_owned()], &options)?;
    let mut found: Vec<(u32, f32, Vec<f64>)> = Vec::new();
    for row in table.iter() {
        let (configuration, speed) = (row[0] as u32, row[1]);
        let own =
            (found.iter()).position(|(c, s, _)| *c == configuration && s.total_cmp(&speed).is_eq());
        let own = own.unwrap_or_else(|| {
            found.push((configuration, speed, Vec::new()));
            found.len() - 1
        });
        found[own].2.extend(row[2..].iter().copied().map(f64::from));
    }
    let recording = |(configuration, speed, values): (u32, f32, Vec<f64>)| {
        let windows = values.chunks_exact(ROWS * AXES).take(WINDOWS);
        Recording {
            configuration,
            speed,
            windows: windows.map(|window| row(spec, window)).collect(),
        }
    };
    Ok(found.into_iter().map(recording).collect())
}

fn fan_speeds(path: &Path) -> anyhow::Result<Vec<Set>> {
    let spec = vibration(ROWS)?;
    let all = recordings(path, &spec)?;
    let mut configurations: Vec<u32> = all.iter().map(|own| own.configuration).collect();
    configurations.sort_unstable();
    configurations.dedup();
    let mut sets = Vec::new();
    for with_speed in [false, true] {
        let mut columns = spec.names();
        if with_speed {
            columns.insert(0, "speed".into());
        }
        for &normal in &configurations {
            let mut parts = Parts::default();
            for own in &all {
                let mut rows = own.windows.clone();
                if with_speed {
                    for row in &mut rows {
                        row.insert(0, own.speed);
                    }
                }
                if own.configuration == normal {
                    parts.normal(&rows, TRAINING, TRAINING);
                } else {
                    parts.anomalous(&rows);
                }
            }
            let more = if with_speed { " with speed" } else { "" };
            let given = usize::from(with_speed);
            sets.push(parts.set(&format!("fan-speeds {normal}{more}"), &columns, given)?);
        }
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Windows of 40 rows of three axes that never repeat.
    fn windows(name: &str, count: usize) -> NumberArray {
        let seed = name.bytes().map(u64::from).sum::<u64>();
        let value = |at: u64| f64::from(((at + seed) * 7_919 % 1_009) as u32) / 1_009.0;
        NumberArray {
            name: name.into(),
            shape: vec![count, 40, AXES],
            values: (0..count as u64 * 40 * 3).map(value).collect(),
        }
    }

    #[test]
    fn the_ceiling_fan_has_three_speeds_and_all_of_them() {
        let mut arrays = Vec::new();
        for speed in SPEEDS {
            arrays.push(windows(&format!("fan_0_{speed}_0_weight"), 10));
            arrays.push(windows(&format!("fan_0_{speed}_1_weight"), 7));
        }
        let sets = ceiling_fan(&arrays).unwrap();
        let rows = |set: &Set| (set.training.rows, set.labels.len(), set.dim());
        assert_eq!(rows(&sets[0]), (6, 4 + 7, 63));
        assert_eq!(sets[0].labels.iter().filter(|label| **label).count(), 7);
        assert_eq!((sets.len(), rows(&sets[3])), (4, (18, 33, 63)));
        assert_eq!(sets[3].training.row(0), sets[0].training.row(0));
        assert_eq!(sets[0].training.columns[20], "y.log-deviation");
        arrays.pop();
        let error = ceiling_fan(&arrays).unwrap_err().to_string();
        assert!(error.contains("fan_0_high_1_weight"), "{error}");
    }

    #[test]
    fn a_configuration_is_normal_in_turn() {
        let root = tempfile::tempdir().unwrap();
        let mut text = String::from("wconfid,pctid,x,y,z\n");
        for configuration in 1..=2_u32 {
            for row in 0..32 * 60 {
                let value = |prime: u32| f64::from((row + configuration) * prime % 1_013) / 1_013.0;
                let _ = writeln!(
                    text,
                    "{configuration},20,{},{},{}",
                    value(7_919),
                    value(104_729),
                    value(1_299_709)
                );
            }
        }
        std::fs::create_dir(root.path().join("fan-speeds")).unwrap();
        std::fs::write(root.path().join("fan-speeds/accelerometer.csv"), text).unwrap();
        let sources = folder(root.path()).unwrap();
        let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
        assert_eq!(
            names[..3],
            ["fan-speeds 1", "fan-speeds 2", "fan-speeds 1 with speed"]
        );
        let set = sources[2].load(0).unwrap();
        assert_eq!(
            (set.training.rows, set.labels.len(), set.dim()),
            (30, 2 + 32, 64)
        );
        assert_eq!(set.training.given, 1);
        assert_eq!(sources[0].load(0).unwrap().training.given, 0);
        assert_eq!(set.training.row(0)[0].to_bits(), 20_f32.to_bits());
    }
}
