//! Times as the data plane reads and writes them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// How the service writes never (recorded).
pub(super) const NEVER: &str = "9999-12-31T23:59:59.9999999Z";

/// Milliseconds since 1970 as a time of UTC.
pub(super) fn at(ms: u64) -> Zoned {
    let time = Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
    time.to_zoned(TimeZone::UTC)
}

/// `2015-11-02T21:19:43.9926996Z`
pub(super) fn precise(ms: u64) -> String {
    at(ms).strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string()
}

/// `2018-11-07T00:18:27Z`
pub(super) fn seconds(ms: u64) -> String {
    at(ms).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// When it expires, or never.
pub(super) fn expiry(at_ms: Option<u64>) -> String {
    at_ms.map_or_else(|| NEVER.to_owned(), precise)
}

/// A time of ISO 8601; without a zone it is UTC (documented for schedules).
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) => text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    u64::try_from(time.as_millisecond()).ok()
}

/// A hub's time to live: `90.00:00:00` as .NET writes spans, or `P90D`. None for what is as good as never.
pub(super) fn time_to_live(text: &str) -> Option<u64> {
    /// A hundred years: what is longer ends after everything that runs here.
    const CENTURY: u64 = 3_155_760_000_000;
    let ms = if text.starts_with('P') {
        let span: jiff::SignedDuration =
            text.parse::<jiff::Span>().ok()?.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        u64::try_from(span.as_millis()).ok()?
    } else {
        let (days, clock) = match text.split_once('.').filter(|(days, _)| !days.contains(':')) {
            Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
            None => (0, text),
        };
        let mut units = clock.split('.').next()?.split(':').map(str::parse::<u64>);
        let (hours, minutes, seconds) = (units.next()?.ok()?, units.next()?.ok()?, units.next()?.ok()?);
        let total = days.checked_mul(24)?.checked_add(hours)?.checked_mul(60)?.checked_add(minutes)?;
        total.checked_mul(60)?.checked_add(seconds)?.checked_mul(1000)?
    };
    (ms < CENTURY).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_both_spellings_and_forever_is_never() {
        assert_eq!(time_to_live("90.01:02:03"), Some(((90 * 24 + 1) * 3600 + 2 * 60 + 3) * 1000));
        assert_eq!(time_to_live("01:00:00"), Some(3_600_000));
        assert_eq!(time_to_live("P1DT1H"), Some(25 * 3_600_000));
        for never in ["10675199.02:48:05.4775807", "P10675199DT2H48M5.4775807S", "", "soon", "1.2"] {
            assert_eq!(time_to_live(never), None, "{never}");
        }
    }

    #[test]
    fn times_are_read_with_a_zone_or_without() {
        assert_eq!(parse("1970-01-01T00:00:01"), Some(1000));
        assert_eq!(parse("1970-01-01T01:00:01.5+01:00"), Some(1500));
        assert_eq!(parse("1970-01-01T00:00"), Some(0));
        assert_eq!(parse("tomorrow"), None);
        assert_eq!(precise(1_446_499_183_992), "2015-11-02T21:19:43.9920000Z");
    }
}
