//! Watches a reading: memory by an allocator that counts, time by the thread's own clock.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

/// CPU time that no reading of a few KB comes near to, on whatever machine.
const MOST_TIME: Duration = Duration::from_secs(10);

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread what it holds. A test binary that calls
/// [`within`] makes it its `#[global_allocator]`.
pub struct Meter;

fn grown(by: usize) {
    let held = HELD.get().saturating_add(by);
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

fn shrunk(by: usize) {
    // What another thread allocated may be freed here.
    HELD.set(HELD.get().saturating_sub(by));
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs a reading that may hold `most` bytes more than are held now.
///
/// # Panics
/// When it took more memory or took [`MOST_TIME`], or when nothing is counted.
pub fn within<T>(most: usize, read: impl FnOnce() -> T) -> T {
    watched(most, MOST_TIME, read)
}

#[expect(clippy::panic, reason = "called by tests only")]
fn watched<T>(most: usize, most_time: Duration, read: impl FnOnce() -> T) -> T {
    let held = HELD.get();
    drop(std::hint::black_box(Box::new([0_u8; 64])));
    if PEAK.get() == 0 {
        panic!("nothing is counted: make hostile::Meter the test's #[global_allocator]");
    }
    PEAK.set(held);
    let began = cpu_time();
    let result = read();
    let took = cpu_time().saturating_sub(began);
    let used = PEAK.get().saturating_sub(held);
    if used > most {
        panic!("took {used} bytes of memory, {most} were allowed");
    }
    if took > most_time {
        panic!("took {took:?} of CPU time, {most_time:?} were allowed");
    }
    result
}

fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills in the struct that is lent to it.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static METER: Meter = Meter;

    #[test]
    fn what_is_allowed_passes() {
        assert_eq!(within(1 << 20, || vec![0_u8; 1 << 19].len()), 1 << 19);
    }

    #[test]
    #[should_panic(expected = "bytes of memory, 1024 were allowed")]
    fn too_much_memory_is_seen_although_it_is_free_again() {
        within(1024, || drop(std::hint::black_box(vec![0_u8; 1 << 16])));
    }

    #[test]
    #[should_panic(expected = "of CPU time")]
    fn a_reading_without_end_is_seen() {
        let time = Duration::from_millis(50);
        watched(1024, time, || {
            let began = cpu_time();
            while cpu_time().saturating_sub(began) <= time {}
        });
    }
}
