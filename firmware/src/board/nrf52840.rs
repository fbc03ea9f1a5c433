//! Nordic's nRF52840 development kit (PCA10056), Cortex-M4F: a real board.
//!
//! The sensors go to the Arduino header: SDA to P0.26, SCL to P0.27, with pull-ups of 4.7 kilohms, as breakout boards
//! have them. The firmware has been built and linked for this board, and not yet run on one.
//!
//! The log goes to the debugger over RTT. The I2C peripheral waits without limit for a device that holds the bus, so a
//! watchdog resets the chip when the program stands still.

// The log transport: linked, never named.
use defmt_rtt as _;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use nrf52840_hal::gpio::p0;
use nrf52840_hal::pac;
use nrf52840_hal::twim::{Frequency, Pins, Twim};
use nrf52840_hal::wdt::{Watchdog, count};
use nrf52840_hal::{Clocks, Delay};

use super::SensorBoard;

/// The board's name.
pub const NAME: &str = "nrf52840-dk";

/// Five seconds of the low-frequency clock.
const WATCHDOG_TICKS: u32 = 5 * 32_768;

/// The board's bus with the sensors; `None` at a second call.
pub fn sensors() -> Option<SensorBoard<impl I2c, impl DelayNs, impl FnMut()>> {
    let core = cortex_m::Peripherals::take()?;
    let chip = pac::Peripherals::take()?;
    // The crystal: the delay and the bus count on 64 MHz.
    Clocks::new(chip.CLOCK).enable_ext_hfosc();
    let port = p0::Parts::new(chip.P0);
    let pins = Pins {
        scl: port.p0_27.into_floating_input().degrade(),
        sda: port.p0_26.into_floating_input().degrade(),
    };
    // After a reset by a debugger it may run already, and then it keeps its time.
    let mut watchdog = Watchdog::try_new(chip.WDT).ok().map(|mut watchdog| {
        watchdog.set_lfosc_ticks(WATCHDOG_TICKS);
        watchdog.activate::<count::One>().handles.0
    });
    Some(SensorBoard {
        i2c: Twim::new(chip.TWIM0, pins, Frequency::K400),
        delay: Delay::new(core.SYST),
        still_alive: move || {
            if let Some(handle) = &mut watchdog {
                handle.pet();
            }
        },
    })
}

/// Sleeps: the program has done what it was to do. The watchdog starts it again.
pub fn halt() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

/// Starts again after a failure that the program cannot mend: a monitor must not stay silent.
pub fn fail() -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
