//! The latency of publications as a histogram.

use hdrhistogram::Histogram;

use super::report::Figures;

/// The upper bound in microseconds: ten minutes. Longer times count as this.
const MOST: u64 = 600_000_000;

/// Times in microseconds, with three significant digits.
pub(super) struct Latency(Option<Histogram<u64>>);

impl Latency {
    /// Creates an empty histogram.
    pub(super) fn new() -> Self {
        Self(Histogram::new_with_max(MOST, 3).ok())
    }

    /// Records a time.
    #[inline]
    pub(super) fn note(&mut self, microseconds: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(microseconds);
        }
    }

    /// Adds the quantiles to a report.
    pub(super) fn report(&self, figures: &mut Figures) {
        let quantile = |quantile| {
            self.0.as_ref().filter(|all| !all.is_empty()).map(|all| all.value_at_quantile(quantile) as f64)
        };
        figures.add("latency_p50_us", "latency, p50", "us", 0, quantile(0.5));
        figures.add("latency_p90_us", "latency, p90", "us", 0, quantile(0.9));
        figures.add("latency_p99_us", "latency, p99", "us", 0, quantile(0.99));
        figures.add("latency_p999_us", "latency, p99.9", "us", 0, quantile(0.999));
        figures.add("latency_max_us", "latency, max", "us", 0, quantile(1.0));
    }
}
