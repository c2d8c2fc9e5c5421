//! Events by date.
//!
//! In: days, each with its events. Out: the number of dates, and a histogram of few bars. Never: more dates than a
//! bound: beyond it months are counted.

use std::collections::BTreeMap;

use super::report::{Bar, Histogram, HistogramUnit, ValueCount, percent_of};
use crate::flatten::timestamp::civil_from_days;

/// Maximum days that are counted separately: 273 years. All months of the years 0 to 9999 are not many more.
const MOST_DAYS: usize = 100_000;
/// Maximum bars of a histogram.
const MOST_BARS: usize = 40;

/// A year, a month and a day of it; 0 for what is not distinguished.
type Date = (i64, i64, i64);

/// Counts events by date.
#[derive(Debug, Default)]
pub(super) struct DateCounts {
    dates: BTreeMap<Date, u64>,
    /// Whether only months are distinguished.
    is_by_month: bool,
}

impl DateCounts {
    /// Adds events of a day, in days since 1970.
    pub(super) fn add(&mut self, day: i64, events: u64) {
        self.add_date(civil_from_days(day), events);
    }

    fn add_date(&mut self, date: Date, events: u64) {
        let date = if self.is_by_month { month_of(date) } else { date };
        *self.dates.entry(date).or_default() += events;
        if !self.is_by_month && self.dates.len() > MOST_DAYS {
            self.is_by_month = true;
            self.dates = folded(&self.dates, month_of);
        }
    }

    /// Adds all counts of another.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.is_by_month && !self.is_by_month {
            self.is_by_month = true;
            self.dates = folded(&self.dates, month_of);
        }
        other.dates.iter().for_each(|(date, events)| self.add_date(*date, *events));
    }

    /// The number of dates, and whether it is exact: otherwise there are more.
    pub(super) fn distinct(&self) -> (usize, bool) {
        if self.is_by_month { (MOST_DAYS, false) } else { (self.dates.len(), true) }
    }

    /// The dates with the most events; months when there are too many.
    pub(super) fn top(&self, number: usize, rows: u64) -> Vec<ValueCount> {
        let mut dates: Vec<(&Date, &u64)> = self.dates.iter().collect();
        dates.sort_by(|(_, one), (_, two)| two.cmp(one));
        let listed = |(date, events): (&Date, &u64)| ValueCount {
            value: written(*date),
            events: *events,
            percent: percent_of(*events, rows),
            at_most: None,
        };
        dates.into_iter().take(number).map(listed).collect()
    }

    /// Events by day, or by month or year when there would be too many bars. Bars without events are left out.
    pub(super) fn histogram(&self, rows: u64) -> Histogram {
        let (mut unit, mut bars) = (HistogramUnit::Day, self.dates.clone());
        if self.is_by_month || bars.len() > MOST_BARS {
            (unit, bars) = (HistogramUnit::Month, folded(&bars, month_of));
        }
        if bars.len() > MOST_BARS {
            (unit, bars) = (HistogramUnit::Year, folded(&bars, year_of));
        }
        let left_out: u64 = bars.values().rev().skip(MOST_BARS).sum();
        let bar = |(date, events): (&Date, &u64)| Bar {
            date: written(*date),
            events: *events,
            percent: percent_of(*events, rows),
        };
        // The last years, if there are more than bars.
        let bars: Vec<Bar> = bars.iter().skip(bars.len().saturating_sub(MOST_BARS)).map(bar).collect();
        Histogram { unit, bars, earlier_events: left_out }
    }
}

const fn month_of((year, month, _): Date) -> Date {
    (year, month, 0)
}

const fn year_of((year, ..): Date) -> Date {
    (year, 0, 0)
}

fn folded(dates: &BTreeMap<Date, u64>, of: impl Fn(Date) -> Date) -> BTreeMap<Date, u64> {
    let mut folded = BTreeMap::new();
    for (date, events) in dates {
        *folded.entry(of(*date)).or_default() += events;
    }
    folded
}

/// `YYYY-MM-DD` for a date, `YYYY-MM` for a month, `YYYY` for a year.
fn written(date: Date) -> String {
    match date {
        (year, 0, _) => format!("{year:04}"),
        (year, month, 0) => format!("{year:04}-{month:02}"),
        (year, month, day) => format!("{year:04}-{month:02}-{day:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(days: impl IntoIterator<Item = i64>) -> DateCounts {
        let mut dates = DateCounts::default();
        days.into_iter().for_each(|day| dates.add(day, 2));
        dates
    }

    #[track_caller]
    fn check(dates: &DateCounts, unit: HistogramUnit, bars: usize, first: &str) {
        let histogram = dates.histogram(1);
        assert_eq!((histogram.unit, histogram.bars.len()), (unit, bars));
        assert_eq!(histogram.bars[0].date, first);
    }

    #[test]
    fn bars_are_days_months_or_years() {
        check(&of(0..40), HistogramUnit::Day, 40, "1970-01-01");
        check(&of(0..41), HistogramUnit::Month, 2, "1970-01");
        check(&of((0..400).map(|month| month * 31)), HistogramUnit::Year, 34, "1970");
        let years = of((0..50).map(|year| year * 366));
        check(&years, HistogramUnit::Year, 40, "1980");
        assert_eq!(years.histogram(1).earlier_events, 20);
    }

    #[test]
    fn too_many_days_are_counted_by_month() {
        let mut dates = of(0..=MOST_DAYS as i64);
        assert_eq!(dates.distinct(), (MOST_DAYS, false));
        assert!(dates.dates.len() < 4_000);
        let mut few = of([0]);
        few.merge(&dates);
        dates.add(0, 2);
        assert_eq!(few.dates, dates.dates);
        assert_eq!(of([0]).distinct(), (1, true));
    }
}
