//! Runs a simulation for many seeds on all cores, and names the first seed that fails.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::Instant;

/// A number that the environment gives.
pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs `one` for `count` seeds from `from` on, and gives the seconds that it took. A panic of the engine
/// is a failure as any other.
pub fn run(from: u64, count: u64, one: impl Fn(u64) -> Result<(), String> + Sync) -> f64 {
    count_no_memory();
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let failed = Mutex::new(Vec::new());
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one(from + index)))
                .unwrap_or_else(|_| Err("it panicked".into()));
            if let Err(why) = result {
                failed.lock().expect("no panic").push((index, from + index, why));
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
    });
    let mut failed = failed.into_inner().expect("no panic");
    failed.sort_unstable();
    if let Some((index, seed, why)) = failed.first() {
        panic!("seed {seed}, after {index} that went well: {why}");
    }
    began.elapsed().as_secs_f64()
}

/// SQLite counts its memory under a lock that all its connections share, and two shops on two threads
/// would be slower than one. Nothing happens where SQLite runs already.
fn count_no_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[allow(unsafe_code)]
        // SAFETY: sqlite3_config may be called before SQLite is initialised, and tells where it is too late.
        unsafe {
            rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0);
        }
    });
}
