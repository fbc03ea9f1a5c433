//! A centrifugal water pump with eight sensors, one reading a second.
//!
//! The duty changes in steps and ramps among three speeds and three valve positions, so the
//! readings gather in clusters joined by thin paths. Flow and pressure lie where the pump's curve
//! (`pressure = lift * speed^2 - droop * flow^2`) meets the pipe's (`static + resistance *
//! flow^2`); the current follows the hydraulic power, vibration has a resonance in speed and a
//! lognormal spread, and the temperatures lag behind. A Gaussian fits none of that well, and most
//! faults break a relation while every single sensor stays in its range.
//!
//! ```
//! use nvpico_codegen::simulate::{FaultKind, Pump};
//!
//! let recording = Pump::new(1).record_faults(4000);
//! assert_eq!(recording.values.len(), 4000 * 8);
//! let kinds = recording.events().into_iter().map(|(_, kind)| kind);
//! assert!(kinds.collect::<Vec<_>>().contains(&FaultKind::Leak));
//! ```

use super::fault::{Fault, FaultKind};
use super::{Recording, Sensor};
use crate::random::Source;

/// The sensors, in the order of the values.
pub const SENSORS: [Sensor; 8] = [
    sensor("shaft_speed_rpm", "rpm", "shaft speed"),
    sensor(
        "vibration_x_mm_s",
        "mm/s",
        "vibration across the shaft, RMS velocity",
    ),
    sensor(
        "vibration_y_mm_s",
        "mm/s",
        "vibration along the shaft, RMS velocity",
    ),
    sensor("motor_current_a", "A", "motor current"),
    sensor("pressure_bar", "bar", "pressure behind the pump"),
    sensor(
        "motor_temperature_c",
        "°C",
        "temperature of the motor's winding",
    ),
    sensor("bearing_temperature_c", "°C", "temperature of the bearing"),
    sensor("flow_l_min", "l/min", "flow in the pipe"),
];

/// Typical noise of each sensor, in its unit; offsets of broken sensors are multiples of it.
const NOISE: [f64; 8] = [4.0, 0.05, 0.04, 0.05, 0.02, 0.25, 0.2, 1.0];
/// Offset of a broken sensor at full severity, in its unit.
const OFFSET: [f64; 8] = [120.0, 1.0, 0.8, 1.0, 0.5, 8.0, 6.0, 22.0];

const SPEEDS: [f64; 3] = [1450.0, 2100.0, 2850.0];
/// Resistance of the pipe in the valve's proper positions, bar / (l/min)^2.
const RESISTANCES: [f64; 3] = [6.0e-5, 1.6e-4, 4.5e-4];

const fn sensor(name: &'static str, unit: &'static str, what: &'static str) -> Sensor {
    Sensor { name, unit, what }
}

/// The machine, in the middle of its work.
#[derive(Clone, Debug)]
pub struct Pump {
    random: Source,
    speed: f64,
    /// Logarithm of the pipe's resistance: valves act on it evenly.
    log_resistance: f64,
    target_speed: f64,
    target_valve: usize,
    seconds_left: f64,
    ambient: f64,
    motor: f64,
    bearing: f64,
    pulse: f64,
}

impl Pump {
    /// A healthy pump; the seed decides its duty and its noise, not its construction.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut pump = Self {
            random: Source::new(seed),
            speed: SPEEDS[1],
            log_resistance: libm::log(RESISTANCES[1]),
            target_speed: SPEEDS[1],
            target_valve: 1,
            seconds_left: 0.0,
            ambient: 22.0,
            motor: 50.0,
            bearing: 40.0,
            pulse: 0.0,
        };
        // Warm up, so that a recording does not begin with a cold machine.
        for _ in 0..3000 {
            pump.step(None);
        }
        pump
    }

    /// Records the healthy machine for `rows` seconds.
    pub fn record_normal(&mut self, rows: usize) -> Recording {
        let mut recording = empty(false);
        for _ in 0..rows {
            let reading = self.step(None);
            push(&mut recording, reading, None);
        }
        recording
    }

    /// Records `rows` seconds in which every kind of fault comes in turn, each for two minutes or
    /// more, with healthy spells between. A row is labelled from the fault's first second, when a
    /// slow one cannot be seen yet.
    pub fn record_faults(&mut self, rows: usize) -> Recording {
        let mut recording = empty(true);
        let mut kinds: Vec<FaultKind> = Vec::new();
        while recording.rows() < rows {
            let healthy = 120 + self.random.index(240);
            for _ in 0..healthy.min(rows - recording.rows()) {
                let reading = self.step(None);
                push(&mut recording, reading, None);
            }
            if kinds.is_empty() {
                kinds = FaultKind::ALL.to_vec();
            }
            let next = self.random.index(kinds.len());
            let mut fault = Fault::new(kinds.swap_remove(next), SENSORS.len(), &mut self.random);
            let broken = 120 + self.random.index(120);
            // Repair takes as long as the temperatures need, with the machine out of sight.
            let healthy_twin = self.clone();
            for _ in 0..broken.min(rows - recording.rows()) {
                fault.step();
                let kind = fault.kind;
                let reading = self.step(Some(&mut fault));
                push(&mut recording, reading, Some((kind, fault.broken())));
            }
            (self.motor, self.bearing) = (healthy_twin.motor, healthy_twin.bearing);
            for _ in 0..600 {
                self.step(None);
            }
        }
        recording
    }

    /// One second of the machine and what its sensors say.
    fn step(&mut self, mut fault: Option<&mut Fault>) -> [f64; 8] {
        let strength = |kind| fault.as_ref().map_or(0.0, |fault| fault.strength(kind));
        let wear = strength(FaultKind::BearingWear);
        let vapour = strength(FaultKind::Cavitation);
        let clogged = strength(FaultKind::Clogged);
        let worn = strength(FaultKind::ImpellerWear);
        let leak = strength(FaultKind::Leak);
        let heat = strength(FaultKind::MotorOverheat);
        let stuck_valve = fault
            .as_ref()
            .filter(|fault| fault.kind == FaultKind::ValveStuck);
        let stuck_valve = stuck_valve.map(|fault| fault.between);
        self.duty(stuck_valve);

        let random = &mut self.random;
        let n = self.speed / SPEEDS[2];
        // Turbulence: a slow wander of the pipe's resistance, stronger with vapour in the pump.
        self.pulse = 0.8 * self.pulse + random.normal(0.012 + 0.08 * vapour);
        let resistance = libm::exp(self.log_resistance + self.pulse + 1.6 * clogged);
        let lift = 6.0 * n * n * (1.0 - 0.3 * worn) * (1.0 - 0.15 * vapour);
        let droop = 1.1e-4;
        let static_pressure = 0.35;
        // A leak is a second way out: the pump sees less resistance, the meter less flow.
        let ways = 1.0 + 0.40 * leak;
        let seen = resistance / (ways * ways);
        let pumped = libm::sqrt((lift - static_pressure).max(0.0) / (droop + seen));
        let flow = pumped / ways;
        let pressure = static_pressure + seen * pumped * pumped;

        // Hydraulic power over an efficiency that is best in the middle of the curve, plus friction.
        let load = pumped / (165.0 * n.max(0.1)) - 0.75;
        let efficiency = 0.62 - 0.55 * load * load;
        let power = pressure * pumped / 600.0 / efficiency.max(0.2);
        let current = 0.9 + 1.6 * n + 0.8 * wear * n + 2.4 * power / n.max(0.3);

        // A resonance near 1900 rpm, another excitation away from the best point.
        let off = (self.speed - 1900.0) / 130.0;
        let resonance = 1.9 / (1.0 + off * off);
        let shake = 0.35 + 1.5 * n * n + resonance + 1.8 * load * load + 1.1 * vapour;
        let common = random.lognormal(0.10);
        let across = shake * common * random.lognormal(0.05) * (1.0 + 0.7 * wear);
        let along = (0.6 * shake + 0.15)
            * common
            * random.lognormal(0.05)
            * (1.0 + 0.25 * wear + 0.3 * vapour);

        self.ambient += 0.002 * (22.0 - self.ambient) + random.normal(0.02);
        let losses = 0.55 * current * current * (1.0 + 1.3 * heat) + 4.0 * n;
        self.motor +=
            (self.ambient + 6.0 + losses - self.motor) / if heat > 0.0 { 35.0 } else { 90.0 };
        let friction = (9.0 * n + 14.0 * n * n) * (1.0 + 0.5 * wear);
        self.bearing +=
            (self.ambient + friction + 0.15 * (self.motor - self.ambient) - self.bearing) / 120.0;

        let mut reading = [
            self.speed,
            across,
            along,
            current,
            pressure,
            self.motor,
            self.bearing,
            flow,
        ];
        for (value, noise) in reading.iter_mut().zip(NOISE) {
            *value += random.normal(noise);
        }
        if let Some(fault) = &mut fault {
            break_sensor(&mut reading, fault);
        }
        reading
    }

    /// Moves the machine towards its set points and now and then chooses new ones.
    fn duty(&mut self, stuck_valve: Option<f64>) {
        let random = &mut self.random;
        self.seconds_left -= 1.0;
        if self.seconds_left <= 0.0 {
            self.seconds_left = random.uniform(60.0, 240.0);
            self.target_speed = SPEEDS[random.index(3)] + random.normal(12.0);
            self.target_valve = random.index(3);
        }
        let ramp = (self.target_speed - self.speed).clamp(-45.0, 45.0);
        self.speed += 0.5 * ramp + random.normal(3.0);
        let proper = libm::log(RESISTANCES[self.target_valve]);
        match stuck_valve {
            // Half-way to the neighbouring position.
            Some(between) => {
                let lower = self.target_valve.min(RESISTANCES.len() - 2);
                let (from, to) = (
                    libm::log(RESISTANCES[lower]),
                    libm::log(RESISTANCES[lower + 1]),
                );
                self.log_resistance = from + between * (to - from);
            }
            None => self.log_resistance += (proper - self.log_resistance).clamp(-0.25, 0.25),
        }
    }
}

/// Changes what the sensors say, not what the machine does.
fn break_sensor(reading: &mut [f64; 8], fault: &mut Fault) {
    let channel = fault.channel;
    match fault.kind {
        FaultKind::StuckSensor => {
            reading[channel] = *fault.kept.get_or_insert(reading[channel]);
        }
        FaultKind::SensorOffset => {
            // Not below zero, where none of these sensors can be.
            reading[channel] = (reading[channel]
                + fault.sign * fault.strength(fault.kind) * OFFSET[channel])
                .max(0.0);
        }
        _ => {}
    }
}

fn empty(labelled: bool) -> Recording {
    Recording {
        columns: SENSORS.to_vec(),
        values: Vec::new(),
        label: Vec::new(),
        fault: Vec::new(),
        broken: Vec::new(),
        labelled,
    }
}

fn push(recording: &mut Recording, reading: [f64; 8], fault: Option<(FaultKind, Option<usize>)>) {
    recording.values.extend(reading.map(|value| value as f32));
    recording.label.push(fault.is_some());
    recording.fault.push(fault.map(|(kind, _)| kind));
    recording.broken.push(fault.and_then(|(_, broken)| broken));
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
