//! The bus with the sensors, the clock and the watchdog.

use cortex_m::singleton;
use embedded_hal::delay::DelayNs;
use embedded_hal_bus::i2c::AtomicDevice;
use embedded_hal_bus::util::AtomicCell;
use nrf52840_hal::gpio::p0;
use nrf52840_hal::nvmc::Nvmc;
use nrf52840_hal::pac;
use nrf52840_hal::twim::{Frequency, Pins, Twim};
use nrf52840_hal::wdt::handles::Hdl0;
use nrf52840_hal::wdt::{Watchdog, WatchdogHandle, count};
use nrf52840_hal::{Clocks, Delay};
use nvpico_app::{Clock, Keep, Source};
use nvpico_drivers::station::{FEATURES, Fault};
use nvpico_flash::Flash;
use nvpico_support::Sensors;

/// Five seconds of the low-frequency clock.
const WATCHDOG_TICKS: u32 = 5 * 32_768;

/// The last four pages of flash, which `memory.x` leaves out.
const KEPT_AT: usize = 0x000F_C000;
const KEPT_BYTES: usize = 16 * 1024;

/// Memory for what recalibration learned; `None` at a second call. Call [`sensors`] first: it takes the peripherals, which this then shares. Code in flash stands still while a page is erased, for 85
/// milliseconds.
pub fn keep<const BYTES: usize>() -> Option<impl Keep> {
    singleton!(: () = ())?;
    // SAFETY: nothing else uses the peripheral, and nobody gets here a second time.
    let controller = unsafe { pac::Peripherals::steal() }.NVMC;
    // SAFETY: flash that holds no code and no data, and that nothing else refers to.
    let pages = unsafe { core::slice::from_raw_parts_mut(KEPT_AT as *mut u8, KEPT_BYTES) };
    Flash::<_, BYTES>::new(Nvmc::new(controller, pages), 0..KEPT_BYTES as u32).ok()
}

/// The board's sensors, and a clock that feeds the watchdog; `None` at a second call.
pub fn sensors() -> Option<(
    impl Source<FEATURES, Value = f32, Fault = Fault>,
    impl Clock,
)> {
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
    let watchdog = Watchdog::try_new(chip.WDT).ok().map(|mut watchdog| {
        watchdog.set_lfosc_ticks(WATCHDOG_TICKS);
        watchdog.activate::<count::One>().handles.0
    });
    let bus = singleton!(: AtomicCell<Twim<pac::TWIM0>> =
        AtomicCell::new(Twim::new(chip.TWIM0, pins, Frequency::K400)))?;
    let sensors = Sensors::new(AtomicDevice::new(bus), AtomicDevice::new(bus));
    let clock = WatchedDelay {
        delay: Delay::new(core.SYST),
        watchdog,
    };
    Some((sensors, clock))
}

/// Waits, and shows the watchdog that the program goes on.
struct WatchedDelay {
    delay: Delay,
    watchdog: Option<WatchdogHandle<Hdl0>>,
}

impl DelayNs for WatchedDelay {
    fn delay_ns(&mut self, ns: u32) {
        self.delay.delay_ns(ns);
    }
}

impl Clock for WatchedDelay {
    fn still_alive(&mut self) {
        if let Some(handle) = &mut self.watchdog {
            handle.pet();
        }
    }
}
