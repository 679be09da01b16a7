//! The low-water mark of a source partition: below it nothing is to come any more.

use baton_records::Timestamp;
use baton_stream::Progress;
use std::time::Duration;

/// What a source's open transaction may still hide.
const BEHIND: Duration = Duration::from_secs(1);
/// For so long a partition that cannot be read is waited for.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A mark, and whether the partition is passed over because it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) low: Option<Timestamp>,
    pub(crate) passed_over: bool,
}

/// Returns the mark that this progress allows, for a task that has run since `since` and whose records before
/// `live_from` are history.
pub(crate) fn mark(progress: Progress, since: Timestamp, live_from: Timestamp) -> Mark {
    let Progress { clock, unread, reached, heard } = progress;
    let now = clock.minus(BEHIND);
    let last_news = since.max(heard).max(reached.unwrap_or(Timestamp::MIN));
    if clock > last_news.plus(MAX_WAIT) {
        return Mark { low: Some(now), passed_over: true };
    }
    // The next record alone: one old record behind live ones must not lift the mark over them.
    if unread.is_some_and(|unread| unread.next < live_from) {
        return Mark { low: Some(now), passed_over: false };
    }
    let caught_up = reached.map(|at| at.minus(BEHIND));
    let unread = unread.map(|unread| unread.lowest.min(now));
    Mark { low: caught_up.max(unread), passed_over: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_stream::Unread;

    #[test]
    fn an_old_record_behind_live_ones_holds_the_mark() {
        let at = Timestamp::from_millis;
        let unread = Unread::of([at(40_000), at(9_000), at(50_000)]);
        let progress = Progress { clock: at(100_000), unread, reached: None, heard: at(99_900) };
        assert_eq!(mark(progress, at(0), at(10_000)).low, Some(at(9_000)));
    }

    #[test]
    fn a_mark_is_what_was_read_or_the_moment_when_the_end_was_asked_for() {
        let at = Timestamp::from_millis;
        for (clock, unread, reached, heard, wanted, passed_over) in [
            (100_000, None, None, 99_000, None, false),
            (100_000, Some(40_000), None, 99_000, Some(40_000), false),
            (100_000, None, Some(99_900), 99_900, Some(98_900), false),
            (100_000, Some(99_950), Some(98_000), 99_900, Some(99_000), false),
            (100_000, Some(50_000), Some(98_000), 99_900, Some(97_000), false),
            (100_000, Some(9_000), None, 99_900, Some(99_000), false),
            (100_000, Some(40_000), Some(60_000), 60_000, Some(99_000), true),
            (100_000, Some(40_000), Some(60_000), 70_000, Some(59_000), false),
        ] {
            let progress = Progress {
                clock: at(clock),
                unread: Unread::of(unread.map(at)),
                reached: reached.map(at),
                heard: at(heard),
            };
            let mark = mark(progress, at(0), at(10_000));
            assert_eq!((mark.low, mark.passed_over), (wanted.map(at), passed_over), "{progress:?}");
        }
    }
}
