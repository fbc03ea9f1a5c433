//! The host's files and the exit status, over semihosting.
//!
//! In QEMU the paths are relative to the folder it was started in. Nothing here formats text or panics.

use core::ffi::CStr;

use crate::arch;

/// Numbers of semihosting's operations.
mod operation {
    pub const OPEN: usize = 0x01;
    pub const CLOSE: usize = 0x02;
    pub const WRITE: usize = 0x05;
    pub const READ: usize = 0x06;
    pub const EXIT: usize = 0x18;
}

/// Reasons of the operation [`operation::EXIT`]: the first ends the emulator with status 0, any other with 1.
const APPLICATION_EXIT: usize = 0x0002_0026;
const RUN_TIME_ERROR: usize = 0x0002_0023;

/// How to open a [`File`]: the numbers are semihosting's, those of C's `fopen` modes.
#[derive(Clone, Copy)]
#[repr(usize)]
pub enum Mode {
    /// `"rb"`
    Read = 1,
    /// `"wb"`
    Write = 5,
}

/// A number of four bytes for which every bit pattern is valid.
pub trait Word: Copy + sealed::Sealed {
    /// The number with these bits.
    fn of_bits(bits: u32) -> Self;
}

impl Word for f32 {
    fn of_bits(bits: u32) -> Self {
        Self::from_bits(bits)
    }
}

impl Word for u32 {
    fn of_bits(bits: u32) -> Self {
        bits
    }
}

impl Word for i32 {
    fn of_bits(bits: u32) -> Self {
        bits.cast_signed()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i32 {}
    impl Sealed for u32 {}
}

/// An open file of the host. Closed by the host at exit, if not before.
pub struct File {
    handle: usize,
}

impl File {
    /// Opens a file; `None` when the host cannot.
    pub fn open(path: &CStr, mode: Mode) -> Option<Self> {
        let arguments = [path.as_ptr() as usize, mode as usize, path.count_bytes()];
        // SAFETY: SYS_OPEN takes a pointer to path, mode and length of the path, all alive during the call.
        let handle = unsafe { call(operation::OPEN, &arguments) };
        (handle != usize::MAX).then_some(Self { handle })
    }

    /// Reads into `words` and returns how many whole words came: fewer than asked only at the end of the file.
    pub fn read<T: Word>(&self, words: &mut [T]) -> usize {
        let bytes = size_of_val(words);
        let arguments = [self.handle, words.as_mut_ptr() as usize, bytes];
        // SAFETY: SYS_READ fills at most `bytes` bytes at the pointer, and every bit pattern is a `Word`.
        let missing = unsafe { call(operation::READ, &arguments) };
        bytes.saturating_sub(missing) / size_of::<T>()
    }

    /// Writes `words` in the chip's byte order (little-endian); false when the host did not take them all.
    pub fn write(&self, words: &[u32]) -> bool {
        self.write_plain(words)
    }

    /// Closes it.
    pub fn close(self) {
        let arguments = [self.handle, 0, 0];
        // SAFETY: SYS_CLOSE takes the handle.
        unsafe { call(operation::CLOSE, &arguments) };
    }

    /// Writes text; false when the host did not take all of it.
    pub fn write_text(&self, text: &str) -> bool {
        self.write_plain(text.as_bytes())
    }

    /// Of integers only: they have no padding.
    fn write_plain<T: Copy>(&self, values: &[T]) -> bool {
        let arguments = [self.handle, values.as_ptr() as usize, size_of_val(values)];
        // SAFETY: SYS_WRITE reads the given bytes at the pointer.
        let missing = unsafe { call(operation::WRITE, &arguments) };
        missing == 0
    }
}

/// A call with three arguments.
///
/// # Safety
/// They must be what the operation takes, and every pointer among them valid.
unsafe fn call(operation: usize, arguments: &[usize; 3]) -> usize {
    // SAFETY: the caller's promise, and the arguments live during the call.
    unsafe { arch::host_call(operation, arguments.as_ptr() as usize) }
}

/// Ends the program with exit status 0 or 1.
pub fn exit(success: bool) -> ! {
    let reason = if success {
        APPLICATION_EXIT
    } else {
        RUN_TIME_ERROR
    };
    // SAFETY: the operation takes a reason.
    unsafe { arch::host_call(operation::EXIT, reason) };
    // Not reached in the emulator; on hardware without a debugger there is nothing left to do.
    loop {
        arch::nop();
    }
}
