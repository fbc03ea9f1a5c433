//! The limits of a case: memory, by counting what is allocated, and time, by a thread that looks at the clock.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A case may have so many bytes at a time.
const MOST: usize = 512 << 20;

static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is passed on to the system's allocator; a refusal is the null pointer that callers expect.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !more(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps to the contract of this function, which is that of the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !more(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Counts an allocation. Beyond the limit there is none, which ends the process with a word.
fn more(size: usize) -> bool {
    let before = LIVE.fetch_add(size, Ordering::Relaxed);
    let fits = before.checked_add(size).is_some_and(|all| all <= MOST);
    if !fits {
        LIVE.fetch_sub(size, Ordering::Relaxed);
    }
    fits
}

/// Looks at the clock.
pub struct Watch {
    start: Instant,
    /// Milliseconds since the start at which the case began, and 1; 0 between cases.
    began: Arc<AtomicU64>,
}

/// Starts the thread that ends the process when a case takes too long.
pub fn watch(patience: Duration) -> Watch {
    let watch = Watch {
        start: Instant::now(),
        began: Arc::default(),
    };
    let (start, began) = (watch.start, Arc::clone(&watch.began));
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(200));
            let at = began.load(Ordering::Relaxed);
            let now = start.elapsed().as_millis() as u64;
            if at > 0 && now > at + patience.as_millis() as u64 {
                eprintln!("a case takes more than {} seconds", patience.as_secs());
                process::abort();
            }
        }
    });
    watch
}

impl Watch {
    pub fn begin(&self) {
        let now = self.start.elapsed().as_millis() as u64;
        self.began.store(now + 1, Ordering::Relaxed);
    }

    pub fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }
}
