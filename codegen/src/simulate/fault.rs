//! What can break on the simulated pump.
//!
//! ```
//! use nvpico_codegen::simulate::FaultKind;
//!
//! let names: Vec<&str> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
//! assert!(names.contains(&"cavitation"));
//! ```

use crate::random::Source;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Vibration grows, one axis more than the other; a little more friction and heat.
    BearingWear,
    /// Vapour in the pump: flow and pressure pulsate and sag together.
    Cavitation,
    /// A filter clogs: the pipe resists more than the valve's position explains.
    Clogged,
    /// A valve stands between its proper positions: flow and pressure move along the pump's curve.
    ValveStuck,
    /// The impeller lifts less at the same speed: flow, pressure and current fall together.
    ImpellerWear,
    /// Water leaves before the flow meter: the motor works for more than arrives.
    Leak,
    /// The motor's cooling fails: its winding runs hotter than its current explains.
    MotorOverheat,
    /// One channel keeps the value it had.
    StuckSensor,
    /// One channel reads too high or too low.
    SensorOffset,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::BearingWear,
        Self::Cavitation,
        Self::Clogged,
        Self::ValveStuck,
        Self::ImpellerWear,
        Self::Leak,
        Self::MotorOverheat,
        Self::StuckSensor,
        Self::SensorOffset,
    ];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BearingWear => "bearing_wear",
            Self::Cavitation => "cavitation",
            Self::Clogged => "clogged",
            Self::ValveStuck => "valve_stuck",
            Self::ImpellerWear => "impeller_wear",
            Self::Leak => "leak",
            Self::MotorOverheat => "motor_overheat",
            Self::StuckSensor => "stuck_sensor",
            Self::SensorOffset => "sensor_offset",
        }
    }

    /// The pump's sensors that the fault moves against the others, by their index in [`SENSORS`](super::pump::SENSORS). None for a
    /// broken sensor, which may be any of them.
    #[must_use]
    pub fn sensors(self) -> &'static [usize] {
        match self {
            // Vibration, and what friction does to current and heat.
            Self::BearingWear => &[1, 2, 3, 6],
            // Pulsating flow and pressure; it rattles.
            Self::Cavitation => &[1, 2, 4, 7],
            // Both move along the pump's curve.
            Self::Clogged | Self::ValveStuck => &[4, 7],
            // The current follows the power.
            Self::ImpellerWear | Self::Leak => &[3, 4, 7],
            Self::MotorOverheat => &[5],
            Self::StuckSensor | Self::SensorOffset => &[],
        }
    }

    /// Seconds from the first sign to the full severity.
    fn onset(self) -> f64 {
        match self {
            Self::BearingWear | Self::ImpellerWear | Self::MotorOverheat => 40.0,
            Self::Cavitation | Self::Clogged | Self::Leak => 15.0,
            Self::ValveStuck | Self::StuckSensor | Self::SensorOffset => 0.0,
        }
    }
}

/// A fault that is present.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub kind: FaultKind,
    /// From slight (0.5) to severe (1).
    severity: f64,
    seconds: f64,
    /// Which channel a broken sensor is, and which way its offset goes.
    pub channel: usize,
    pub sign: f64,
    /// The value a stuck channel keeps.
    pub kept: Option<f64>,
    /// Where a stuck valve stands, from 0 to 1 between two proper positions.
    pub between: f64,
}

impl Fault {
    pub fn new(kind: FaultKind, channels: usize, random: &mut Source) -> Self {
        Self {
            kind,
            severity: random.uniform(0.5, 1.0),
            seconds: 0.0,
            channel: random.index(channels),
            sign: if random.uniform(0.0, 1.0) < 0.5 {
                -1.0
            } else {
                1.0
            },
            kept: None,
            between: random.uniform(0.3, 0.7),
        }
    }

    /// The sensor that it breaks, if it breaks one.
    pub fn broken(&self) -> Option<usize> {
        let is_broken = matches!(self.kind, FaultKind::StuckSensor | FaultKind::SensorOffset);
        is_broken.then_some(self.channel)
    }

    /// One second passes.
    pub fn step(&mut self) {
        self.seconds += 1.0;
    }

    /// How strongly a fault of this kind acts now: 0 for another kind.
    pub fn strength(&self, kind: FaultKind) -> f64 {
        if self.kind != kind {
            return 0.0;
        }
        let onset = kind.onset();
        let share = if onset > 0.0 {
            (self.seconds / onset).min(1.0)
        } else {
            1.0
        };
        self.severity * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_grows_to_its_severity_and_acts_as_its_own_kind() {
        let mut fault = Fault::new(FaultKind::BearingWear, 8, &mut Source::new(1));
        let mut last = 0.0;
        for _ in 0..40 {
            fault.step();
            let now = fault.strength(FaultKind::BearingWear);
            assert!(now > last);
            last = now;
        }
        fault.step();
        assert!((fault.strength(FaultKind::BearingWear) - last).abs() < 1e-12);
        assert!((0.5..=1.0).contains(&last));
        assert!(fault.strength(FaultKind::Leak) < 1e-12);
    }

    #[test]
    fn names_differ() {
        let names: std::collections::HashSet<_> =
            FaultKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), FaultKind::ALL.len());
    }
}
