//! Small enough to forget about: what was needed for a moment goes back to the system.

/// Tells the C library's allocator to keep one heap for all threads and to give back what is free at its
/// end. By default it makes a heap for each thread and keeps each at its largest: with a dozen threads
/// that mostly wait, a third of the memory of the agent at rest. Does nothing where the allocator is
/// another.
pub fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt only sets numbers of the allocator, and is called before any thread is started.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 128 * 1024);
        }
    }
}
