//! The limits of a case: memory, by counting what is allocated, and time, by a thread that looks at the clock: that of
//! the process, since other work beside it takes none of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, process};

/// A case may have so many bytes at a time.
const MOST: usize = 512 << 20;

/// A case that waits, for a lock or for the processor, hangs after so many times the patience.
const WAITING: u32 = 30;

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

/// What this process has had of the processors, where the system says it.
fn processor_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name in brackets: the twelfth and thirteenth are hundredths of a second, its own and the system's.
    let (_, fields) = text.rsplit_once(')')?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().ok())
        .sum::<Option<u64>>()?;
    Some(Duration::from_millis(10 * ticks))
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
        // The case, and the time that the process had taken when it was first seen.
        let mut seen = (0, Duration::ZERO);
        loop {
            thread::sleep(Duration::from_millis(200));
            let at = began.load(Ordering::Relaxed);
            let now = start.elapsed();
            let own = processor_time().unwrap_or(now);
            if seen.0 != at {
                seen = (at, own);
            }
            let waited = now.saturating_sub(Duration::from_millis(at));
            let worked = own.saturating_sub(seen.1);
            if at > 0 && (worked > patience || waited > WAITING * patience) {
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
