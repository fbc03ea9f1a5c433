//! Nordic's nRF52840 development kit (PCA10056), Cortex-M4F: a real board.
//!
//! The sensors go to the Arduino header: SDA to P0.26, SCL to P0.27, with pull-ups of 4.7 kilohms, as breakout boards
//! have them. The firmware has been built and linked for this board, and not yet run on one.
//!
//! The log goes to the debugger over RTT. The I2C peripheral waits without limit for a device that holds the bus, so a
//! watchdog resets the chip when the program stands still.

#![no_std]

use core::panic::PanicInfo;

// The log transport: linked, never named.
#[cfg(target_os = "none")]
use defmt_rtt as _;
use nvpico_app::Store;
use nvpico_support::{FEATURES, LoggedRows};

#[cfg(target_os = "none")]
mod chip;
#[cfg(target_os = "none")]
pub use chip::{keep, sensors};

pub use cortex_m_rt::entry;
pub use nvpico_support::COLUMNS;

/// The board's name.
pub const NAME: &str = "nrf52840-dk";

/// Where a recording goes: into the log.
pub fn store() -> Option<impl Store<f32, FEATURES>> {
    Some(LoggedRows)
}

/// Sleeps: the program is done. The watchdog restarts it.
pub fn halt() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

/// Restarts after a failure that the program cannot handle: a monitor must not stay silent.
pub fn fail() -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}

#[cortex_m_rt::exception]
unsafe fn HardFault(_frame: &cortex_m_rt::ExceptionFrame) -> ! {
    defmt::error!("hard fault");
    fail()
}

/// Logs only that it happened.
#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {
    defmt::error!("panicked");
    fail()
}
