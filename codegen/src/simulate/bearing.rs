//! A rotor on a rolling bearing: raw acceleration of two axes at 2 kHz, and the shaft's speed.
//!
//! The shaft turns at one of four speeds for some seconds each. Acceleration is the rotor's remaining imbalance (once a
//! turn, growing with the square of the speed), its harmonics, and a structure with a resonance on each axis that noise of
//! the flow keeps ringing. A damaged outer ring hits that resonance 3.58 times a turn.
//!
//! ```
//! use nvpico_codegen::simulate::{Bearing, BearingFault};
//!
//! let recording = Bearing::new(1).record_faults(60_000);
//! assert_eq!(recording.values.len(), 60_000 * 3);
//! assert!(recording.fault.contains(&Some(BearingFault::OuterRing)));
//! ```

use std::f64::consts::TAU;
use std::io;
use std::path::Path;

use crate::output;
use crate::random::Source;

/// Samples a second.
pub const RATE: f64 = 2_000.0;
/// Columns of a recording: acceleration in thousandths of g, and the speed.
pub const COLUMNS: [&str; 3] = ["radial_mg", "axial_mg", "speed_rpm"];

const SPEEDS: [f64; 4] = [900.0, 1_450.0, 2_100.0, 2_850.0];
/// Seconds at one speed.
const SPELL: (f64, f64) = (3.0, 8.0);
/// Change of the speed, rpm a second.
const RAMP: f64 = 600.0;
/// Impacts a turn of a damaged outer ring: eight balls.
const IMPACTS: f64 = 3.58;
/// Resonance of each axis, in Hz, and how its ringing decays from sample to sample.
const RESONANCES: [(f64, f64); 2] = [(620.0, 0.96), (410.0, 0.94)];

/// What can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearingFault {
    /// A deposit on the rotor.
    Imbalance,
    /// A pit in the outer ring of the bearing.
    OuterRing,
    /// A loose foot: the rotor lifts off and falls back.
    Looseness,
}

impl BearingFault {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Imbalance, Self::OuterRing, Self::Looseness];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Imbalance => "imbalance",
            Self::OuterRing => "outer_ring",
            Self::Looseness => "looseness",
        }
    }
}

/// What the sensors gave, a row a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct BearingRecording {
    /// Row-major, [`COLUMNS`].
    pub values: Vec<f32>,
    /// The fault at each sample.
    pub fault: Vec<Option<BearingFault>>,
    /// Whether faults were looked for at all: then the file has a column `anomaly`.
    pub labelled: bool,
}

impl BearingRecording {
    /// Writes a CSV file, whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_csv(&self, path: &Path) -> io::Result<()> {
        output::write_atomic_with(path, |file| {
            let label = if self.labelled { ",anomaly" } else { "" };
            writeln!(file, "{}{label}", COLUMNS.join(","))?;
            let rows = self.values.chunks_exact(COLUMNS.len());
            for (row, fault) in rows.zip(&self.fault) {
                write!(file, "{},{},{}", row[0], row[1], row[2])?;
                if self.labelled {
                    write!(file, ",{}", u8::from(fault.is_some()))?;
                }
                writeln!(file)?;
            }
            Ok(())
        })
    }
}

/// The machine, in the middle of its work.
#[derive(Clone, Debug)]
pub struct Bearing {
    random: Source,
    speed: f64,
    target: f64,
    seconds_left: f64,
    /// Turns of the shaft, and of the impacts.
    turn: f64,
    impact: f64,
    /// The last two values of the ringing of each axis.
    ringing: [[f64; 2]; 2],
    fault: Option<BearingFault>,
    severity: f64,
    fault_left: f64,
}

impl Bearing {
    /// A healthy machine; the seed decides its duty and its noise, not its construction.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Source::new(seed),
            speed: SPEEDS[1],
            target: SPEEDS[1],
            seconds_left: 0.0,
            turn: 0.0,
            impact: 0.0,
            ringing: [[0.0; 2]; 2],
            fault: None,
            severity: 0.0,
            fault_left: 0.0,
        }
    }

    /// So many samples of the healthy machine.
    #[must_use]
    pub fn record_normal(&mut self, samples: usize) -> BearingRecording {
        self.fault = None;
        self.record(samples, false)
    }

    /// So many samples with faults now and then, of some seconds each, the kinds in turn.
    #[must_use]
    pub fn record_faults(&mut self, samples: usize) -> BearingRecording {
        (self.fault, self.fault_left) = (None, self.random.uniform(2.0, 5.0));
        self.record(samples, true)
    }

    fn record(&mut self, samples: usize, labelled: bool) -> BearingRecording {
        let mut values = Vec::with_capacity(samples * COLUMNS.len());
        let mut fault = Vec::with_capacity(samples);
        let mut kinds = BearingFault::ALL.into_iter().cycle();
        for _ in 0..samples {
            if labelled {
                self.fault_left -= 1.0 / RATE;
                if self.fault_left <= 0.0 {
                    self.fault = match self.fault {
                        None => kinds.next(),
                        Some(_) => None,
                    };
                    self.severity = self.random.uniform(0.5, 1.0);
                    self.fault_left = self.random.uniform(4.0, 8.0);
                }
            }
            let [radial, axial] = self.sample();
            // A sensor counts in whole thousandths of g, and a tachometer in revolutions a minute.
            let speed = self.speed + self.random.normal(2.0);
            values.extend([radial, axial, speed].map(|value| libm::round(value) as f32));
            fault.push(self.fault);
        }
        BearingRecording {
            values,
            fault,
            labelled,
        }
    }

    /// The next sample of both axes, in thousandths of g.
    fn sample(&mut self) -> [f64; 2] {
        self.seconds_left -= 1.0 / RATE;
        if self.seconds_left <= 0.0 {
            self.target = SPEEDS[self.random.index(SPEEDS.len())];
            self.seconds_left = self.random.uniform(SPELL.0, SPELL.1);
        }
        let most = RAMP / RATE;
        self.speed += (self.target - self.speed).clamp(-most, most);
        let turns = self.speed / 60.0 / RATE;
        self.turn = (self.turn + turns).fract();
        let relative = self.speed / SPEEDS[1];
        let severity = |kind| {
            if self.fault == Some(kind) {
                self.severity
            } else {
                0.0
            }
        };
        let imbalance = severity(BearingFault::Imbalance);
        let pit = severity(BearingFault::OuterRing);
        let loose = severity(BearingFault::Looseness);

        let mut hit = 0.0;
        self.impact += IMPACTS * turns * (1.0 + self.random.normal(0.002));
        if self.impact >= 1.0 {
            self.impact = self.impact.fract();
            hit = pit * 90.0 * relative * self.random.lognormal(0.3);
        }
        let wave = |times: f64, phase: f64| libm::sin(TAU * (times * self.turn + phase));
        let once = 60.0 * relative * relative * (1.0 + 0.9 * imbalance);
        let mut radial = once * wave(1.0, 0.0) + 18.0 * relative * wave(2.0, 0.2);
        let axial = 0.35 * once * wave(1.0, 0.3) + 12.0 * relative * wave(2.0, 0.1);
        radial += loose * 50.0 * relative * (wave(3.0, 0.4) + 0.7 * wave(4.0, 0.1));
        // It lifts off in one direction and is stopped in the other.
        if loose > 0.0 && radial > 0.0 {
            radial *= 1.0 - 0.2 * loose;
        }
        let mut values = [radial, axial];
        let flow = 6.0 + 10.0 * relative;
        for ((value, ringing), ((frequency, decay), share)) in (values.iter_mut())
            .zip(&mut self.ringing)
            .zip(RESONANCES.into_iter().zip([1.0, 0.5]))
        {
            let pushed = self.random.normal(flow) + share * hit;
            let turn = 2.0 * decay * libm::cos(TAU * frequency / RATE);
            let next = turn * ringing[0] - decay * decay * ringing[1] + 0.4 * pushed;
            *ringing = [next, ringing[0]];
            *value += next + self.random.normal(4.0);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_a_function_of_its_seed() {
        let record = |seed| Bearing::new(seed).record_faults(20_000);
        assert_eq!(record(3), record(3));
        assert_ne!(record(3).values, record(4).values);
        assert!(record(3).values.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn every_fault_comes_and_normal_recordings_have_none() {
        let mut bearing = Bearing::new(1);
        let faults = bearing.record_faults(100_000);
        for kind in BearingFault::ALL {
            let count = faults
                .fault
                .iter()
                .filter(|own| **own == Some(kind))
                .count();
            assert!(count > 8_000, "{kind:?}: {count}");
        }
        assert!(faults.fault.iter().any(Option::is_none));
        let normal = bearing.record_normal(4_000);
        assert!(normal.fault.iter().all(Option::is_none) && !normal.labelled);
    }

    #[test]
    fn a_pit_rings_and_an_imbalance_swings() {
        let power = |kind| {
            let mut bearing = Bearing::new(5);
            (bearing.fault, bearing.severity) = (kind, 1.0);
            let recording = bearing.record(20_000, false);
            let radial = recording.values.iter().step_by(COLUMNS.len());
            radial.map(|x| f64::from(x * x)).sum::<f64>() / 20_000.0
        };
        let normal = power(None);
        for kind in BearingFault::ALL {
            assert!(power(Some(kind)) > 1.05 * normal, "{kind:?}");
        }
    }
}
