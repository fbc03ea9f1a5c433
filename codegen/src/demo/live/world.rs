//! What the sensors measure, reading by reading, with the fault that is in force.

use crate::simulate::field::{Surroundings, surroundings};

use super::fault::Fault;

/// An hour, then it starts over.
const COUNT: usize = 36_000;

/// Normally swaying surroundings, and a fault in them.
#[derive(Clone, Debug)]
pub struct World {
    normal: Vec<Surroundings>,
    step: usize,
    last: Surroundings,
    fault: Option<(Fault, u32)>,
}

impl World {
    /// The surroundings of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let normal = surroundings(seed, COUNT);
        Self {
            last: normal[0],
            normal,
            step: 0,
            fault: None,
        }
    }

    /// What the sensors measure next, a tenth of a second after the last.
    pub fn step(&mut self) -> Surroundings {
        // To the end and back: from the end to the beginning would be a jump.
        let last = self.normal.len().saturating_sub(1).max(1);
        let at = self.step % (2 * last);
        let normal = self.normal[at.min(2 * last - at).min(self.normal.len() - 1)];
        self.step += 1;
        let now = match &mut self.fault {
            Some((fault, readings)) => {
                *readings += 1;
                fault.on(normal, self.last, *readings)
            }
            None => normal,
        };
        self.last = now;
        now
    }

    /// The fault in force.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.fault.map(|(fault, _)| fault)
    }

    /// Whether the magnetometer is on its bus.
    #[must_use]
    pub fn has_magnetometer(&self) -> bool {
        self.fault() != Some(Fault::Silent)
    }

    /// From now on this is wrong, or nothing.
    pub fn set(&mut self, fault: Option<Fault>) {
        self.fault = fault.map(|fault| (fault, 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_sensor_holds_its_last_value_and_goes_on_after() {
        let mut world = World::new(5);
        let before = world.step();
        world.set(Some(Fault::Stuck));
        for _ in 0..5 {
            let now = world.step();
            assert_eq!(now.nanotesla, before.nanotesla);
        }
        world.set(None);
        assert_eq!(world.step(), World::new(5).normal[6]);
        assert!(world.has_magnetometer());
        world.set(Some(Fault::Silent));
        assert!(!world.has_magnetometer());
    }
}
