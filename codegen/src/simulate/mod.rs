//! Simulated machines: data to try everything with before there are recordings.
//!
//! Every recording is a function of its seed alone, to the bit and on every platform: random
//! numbers come from Xoshiro256++, elementary functions from the `libm` crate.
//!
//! ```
//! use nvpico_codegen::simulate::Pump;
//!
//! let mut pump = Pump::new(7);
//! let normal = pump.record_normal(100);
//! let faults = pump.record_faults(2000);
//! assert_eq!(normal.columns[0].name, "shaft_speed_rpm");
//! assert!(normal.label.iter().all(|anomalous| !anomalous));
//! assert!(faults.label.iter().any(|anomalous| *anomalous));
//! ```

pub mod bearing;
mod fault;
pub mod field;
pub mod pump;
pub mod thermal;

use std::io::{self, Write};
use std::path::Path;

use crate::output;

pub use bearing::{Bearing, BearingFault, BearingRecording};
pub use fault::FaultKind;
pub use pump::Pump;
pub use thermal::{ThermalArray, ThermalFault, ThermalRecording};

/// One sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// Column name, the unit included, as in `flow_l_min`.
    pub name: &'static str,
    /// Unit as people write it, as in `l/min`.
    pub unit: &'static str,
    /// What it measures.
    pub what: &'static str,
}

/// What a machine's sensors gave, one row a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The sensors, in the order of the values.
    pub columns: Vec<Sensor>,
    /// Row-major.
    pub values: Vec<f32>,
    /// True while a fault is present.
    pub label: Vec<bool>,
    /// Which one.
    pub fault: Vec<Option<FaultKind>>,
    /// The sensor that is broken, where the fault is one of a sensor.
    pub broken: Vec<Option<usize>>,
    /// Whether faults were looked for at all: then the file has the columns `fault` and `anomaly`.
    pub labelled: bool,
}

impl Recording {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.label.len()
    }

    /// Column names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|sensor| sensor.name.to_string())
            .collect()
    }

    /// Rows from the first to the last of each fault, with its kind: `start..end`.
    #[must_use]
    pub fn events(&self) -> Vec<(std::ops::Range<usize>, FaultKind)> {
        let mut events: Vec<(std::ops::Range<usize>, FaultKind)> = Vec::new();
        for (row, fault) in self.fault.iter().enumerate() {
            let Some(kind) = *fault else { continue };
            match events.last_mut() {
                Some((range, last)) if range.end == row && *last == kind => range.end += 1,
                _ => events.push((row..row + 1, kind)),
            }
        }
        events
    }

    /// The sensors that the fault of a row moves, by their index: the broken one, or those of the [kind](FaultKind::sensors).
    /// None without a fault.
    #[must_use]
    pub fn moved(&self, row: usize) -> Vec<usize> {
        match (self.fault[row], self.broken[row]) {
            (Some(_), Some(broken)) => vec![broken],
            (Some(kind), None) => kind.sensors().to_vec(),
            (None, _) => Vec::new(),
        }
    }

    /// Writes a CSV file: the sensors and, for a labelled recording, `fault` (empty or its name)
    /// and `anomaly` (0 or 1). A recording of the healthy machine has the sensors only, so that it
    /// can be trained on as it is. The file appears complete or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_csv(&self, path: &Path) -> io::Result<()> {
        output::write_atomic_with(path, |file| self.write(file))
    }

    fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        let extra: &[&str] = if self.labelled {
            &["fault", "anomaly"]
        } else {
            &[]
        };
        let names: Vec<&str> = self.columns.iter().map(|sensor| sensor.name).collect();
        writeln!(file, "{}", [&names, extra].concat().join(","))?;
        for (row, values) in self.values.chunks_exact(self.columns.len()).enumerate() {
            let mut cells: Vec<String> = values.iter().map(f32::to_string).collect();
            if self.labelled {
                cells.push(self.fault[row].map_or_else(String::new, |kind| kind.name().into()));
                cells.push(u8::from(self.label[row]).to_string());
            }
            writeln!(file, "{}", cells.join(","))?;
        }
        Ok(())
    }
}
