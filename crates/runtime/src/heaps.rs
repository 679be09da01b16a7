//! The C library's heaps, which librdkafka takes its memory from.

/// Lets all threads share two heaps. GNU's C library gives each thread one of its own until there are eight a processor,
/// and each keeps what its thread once needed: librdkafka has some thirty threads. To be called before the first client is
/// made, after which the limit is found out once and for all.
pub fn share_heaps() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call takes numbers and only sets a limit.
    unsafe {
        // It refuses nothing that could be mended: an unknown setting leaves the limit as it is.
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}
