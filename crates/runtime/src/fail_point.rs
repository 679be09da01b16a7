//! Places at which a test can make the process die, as `kill -9` would: `BATON_FAIL_AT=after_produce:17` dies when the
//! seventeenth output was produced. Built in only with the feature `fail-points`.

#[cfg(feature = "fail-points")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static COUNT: AtomicU64 = AtomicU64::new(0);
    static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();

    pub fn hit(place: &str) {
        let armed = ARMED.get_or_init(|| {
            let text = std::env::var("BATON_FAIL_AT").ok()?;
            let (place, nth) = text.split_once(':')?;
            Some((place.to_owned(), nth.parse().ok()?))
        });
        if let Some((at, nth)) = armed
            && at == place
            && COUNT.fetch_add(1, Ordering::Relaxed) + 1 == *nth
        {
            std::process::abort();
        }
    }
}

/// Dies here when a test asked for it.
#[inline]
pub fn hit(place: &'static str) {
    #[cfg(feature = "fail-points")]
    armed::hit(place);
    #[cfg(not(feature = "fail-points"))]
    let _ = place;
}
