//! The I2C bus of Arm's MPS2 board: its `SBCon` controller is two open-drain lines, and a
//! [`BitBang`] makes a bus of them.
//!
//! In QEMU, `-device lsm303dlhc_mag,bus=i2c,address=0x1e -device tmp105,bus=i2c,address=0x48` puts sensors on it.

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m::singleton;
use embedded_hal::delay::DelayNs;
use embedded_hal_bus::i2c::AtomicDevice;
use embedded_hal_bus::util::AtomicCell;
use nvpico_app::{Clock, Source};
use nvpico_drivers::bitbang::{BitBang, Lines};
use nvpico_drivers::station::{FEATURES, Fault};
use nvpico_harness::Timer as _;
use nvpico_support::Sensors;

use crate::timer::Timer;

/// The controller that QEMU calls `i2c`. A one written here releases a line; read, it gives the levels.
const SET: *mut u32 = 0x4002_A000 as *mut u32;
/// A one written here pulls a line low.
const CLEAR: *mut u32 = 0x4002_A004 as *mut u32;
const CLOCK: u32 = 1 << 0;
const DATA: u32 = 1 << 1;

/// Fast mode: the sensors' limit.
const FREQUENCY: u32 = 400_000;

/// The most that `SysTick` counts at a time.
const SYSTICK_LIMIT: u32 = 0x00FF_FFFF;

/// The magnetometer and the thermometer on the board's bus, and a clock that sleeps; `None` at a second call. The timer
/// runs from here.
pub fn sensors() -> Option<(
    impl Source<FEATURES, Value = f32, Fault = Fault>,
    impl Clock,
)> {
    let core = cortex_m::Peripherals::take()?;
    let bus = singleton!(: AtomicCell<BitBang<Sbcon, Spin>> =
        AtomicCell::new(BitBang::new(Sbcon, Spin, FREQUENCY)))?;
    Timer::start();
    let sensors = Sensors::new(AtomicDevice::new(bus), AtomicDevice::new(bus));
    Some((sensors, Sleep::new(core.SYST)))
}

/// The controller's lines.
struct Sbcon;

impl Sbcon {
    fn set(line: u32, released: bool) {
        let register = if released { SET } else { CLEAR };
        // SAFETY: a register of the controller, which nothing else uses; writing it has no effect on memory.
        unsafe { register.write_volatile(line) }
    }

    fn is_high(line: u32) -> bool {
        // SAFETY: reading the levels has no side effect.
        unsafe { SET.read_volatile() & line != 0 }
    }
}

impl Lines for Sbcon {
    fn set_clock(&mut self, released: bool) {
        Self::set(CLOCK, released);
    }

    fn set_data(&mut self, released: bool) {
        Self::set(DATA, released);
    }

    fn clock(&mut self) -> bool {
        Self::is_high(CLOCK)
    }

    fn data(&mut self) -> bool {
        Self::is_high(DATA)
    }
}

/// Ticks of the system clock in a time, rounded up. The timer and `SysTick` both count them.
fn ticks_in(ns: u32) -> u32 {
    ns / (Timer::PICOSECONDS_PER_TICK / 1000) + 1
}

/// Waits by looking at the timer, for the short times of the bus.
struct Spin;

impl DelayNs for Spin {
    fn delay_ns(&mut self, ns: u32) {
        let begin = Timer::ticks();
        let wanted = ticks_in(ns);
        while Timer::ticks().wrapping_sub(begin) < wanted {
            // The emulator takes much longer for a look at the timer than for these.
            cortex_m::asm::delay(16);
        }
    }
}

/// Waits asleep, for the long times between readings.
struct Sleep {
    systick: SYST,
}

impl Sleep {
    fn new(mut systick: SYST) -> Self {
        systick.set_clock_source(SystClkSource::Core);
        Self { systick }
    }
}

impl Clock for Sleep {}

impl DelayNs for Sleep {
    fn delay_ns(&mut self, ns: u32) {
        let mut left = ticks_in(ns);
        while left > 0 {
            let part = left.min(SYSTICK_LIMIT);
            left -= part;
            self.systick.set_reload(part);
            self.systick.clear_current();
            // Masked interrupts still wake the core, and need no handler.
            cortex_m::interrupt::free(|_| {
                self.systick.enable_interrupt();
                self.systick.enable_counter();
                while !self.systick.has_wrapped() {
                    cortex_m::asm::wfi();
                }
                self.systick.disable_counter();
                self.systick.disable_interrupt();
                SCB::clear_pendst();
            });
        }
    }
}
