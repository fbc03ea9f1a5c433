//! CMSDK timer 0: 32 bits, counting down at the system clock.

/// The timer of the AN385, AN386 and AN500, whose system clock has 25 MHz.
pub type Timer = CmsdkTimer<0x4000_0000, 40_000>;

/// The timer of the AN505 at 20 MHz. That image starts in the secure state, where the timer answers at its secure alias
/// only.
pub type SecureTimer = CmsdkTimer<0x5000_0000, 50_000>;

/// The timer at its address, with the picoseconds of a tick.
pub struct CmsdkTimer<const ADDRESS: usize, const PICOSECONDS: u32>;

const TIMER_ENABLE: u32 = 1;

impl<const ADDRESS: usize, const PICOSECONDS: u32> CmsdkTimer<ADDRESS, PICOSECONDS> {
    const CONTROL: *mut u32 = ADDRESS as *mut u32;
    const VALUE: *mut u32 = (ADDRESS + 4) as *mut u32;
    const RELOAD: *mut u32 = (ADDRESS + 8) as *mut u32;
}

impl<const ADDRESS: usize, const PICOSECONDS: u32> nvpico_harness::Timer
    for CmsdkTimer<ADDRESS, PICOSECONDS>
{
    const PICOSECONDS_PER_TICK: u32 = PICOSECONDS;

    fn start() {
        // SAFETY: the registers of CMSDK timer 0, which nothing else uses; writing them has no effect on memory.
        unsafe {
            Self::RELOAD.write_volatile(u32::MAX);
            Self::VALUE.write_volatile(u32::MAX);
            Self::CONTROL.write_volatile(TIMER_ENABLE);
        }
    }

    fn ticks() -> u32 {
        // SAFETY: reading the timer's value has no side effect.
        u32::MAX - unsafe { Self::VALUE.read_volatile() }
    }
}
