//! The emulator with the program `detect`, a tenth of a second at a time.

use std::iter;
use std::path::Path;

use crate::harness::live::{Live, LiveError, LiveRequest};
use crate::harness::qemu::Ended;

use super::fault::Fault;
use super::world::World;

/// A running firmware in its world. Dropping it ends the emulator.
#[derive(Debug)]
pub struct Session {
    live: Live,
    world: World,
    has_magnetometer: bool,
}

impl Session {
    /// Starts a firmware.
    ///
    /// # Errors
    /// As [`Live::start`].
    pub fn start(elf: &Path, folder: &Path, mut world: World) -> Result<Self, LiveError> {
        let surroundings = world.step();
        let live = Live::start(&LiveRequest {
            elf,
            folder,
            surroundings: &surroundings,
            real_time: true,
            colour: false,
        })?;
        Ok(Self {
            live,
            world,
            has_magnetometer: true,
        })
    }

    /// From now on this is wrong, or nothing.
    pub fn set(&mut self, fault: Option<Fault>) {
        self.world.set(fault);
    }

    /// Moves the world by a tenth of a second and hands on what the chip says meanwhile. How the firmware ended, if it did.
    ///
    /// # Errors
    /// The emulator's control, or what the emulator failed with.
    pub fn step(&mut self, log: impl FnMut(&str)) -> Result<Option<Ended>, LiveError> {
        let surroundings = self.world.step();
        if self.world.has_magnetometer() != self.has_magnetometer {
            self.has_magnetometer = self.world.has_magnetometer();
            if self.has_magnetometer {
                self.live.return_magnetometer()?;
            } else {
                self.live.remove_magnetometer()?;
            }
        }
        let ended = self.live.follow(iter::once(surroundings), || false, log)?;
        Ok((ended != Ended::Stopped).then_some(ended))
    }
}
