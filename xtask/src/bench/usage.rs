//! What a running program uses: processor time and memory, sampled from Linux's `/proc`. On other systems it has no figures.
//!
//! Private memory is `RssAnon` of `/proc/PID/status`: what the program has allocated and nobody else can have. Pages of files that it maps
//! or reads are not in it, because the kernel can take them back at any time. `docs/performance.md` describes the figures.

use std::fs;
use std::time::Instant;

/// Clock ticks in a second, as `/proc` counts them: `USER_HZ`, which is 100 on every Linux that Rust supports (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// The most points of a memory curve.
const CURVE_POINTS_MAX: usize = 40;

/// What a program used from its start to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Processor time of all its threads, user and system.
    pub(crate) processor_seconds: Option<f64>,
    /// The most private memory in any sample, in bytes.
    pub(crate) private_bytes: Option<u64>,
    /// The most resident memory at any time, in bytes, including pages of files (`VmHWM`).
    pub(crate) peak_bytes: Option<u64>,
    /// The samples of private memory.
    pub(crate) samples: Vec<MemorySample>,
}

/// A sample of private memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MemorySample {
    /// Seconds since the start of the program.
    pub(crate) seconds: f64,
    /// Private memory in bytes.
    pub(crate) bytes: u64,
}

/// Samples one process.
#[derive(Debug)]
pub(crate) struct Sampler {
    status_path: String,
    stat_path: String,
    started: Instant,
    usage: Usage,
}

impl Sampler {
    /// Of the process with this number, which started at `started`.
    pub(crate) fn new(process: u32, started: Instant) -> Sampler {
        Sampler {
            status_path: format!("/proc/{process}/status"),
            stat_path: format!("/proc/{process}/stat"),
            started,
            usage: Usage::default(),
        }
    }

    /// Takes a sample. The process must not have been waited for, so that its number belongs to no other process. One that has just ended
    /// still has its processor time, but no memory.
    pub(crate) fn sample(&mut self) {
        if let Ok(status) = fs::read_to_string(&self.status_path) {
            let usage = &mut self.usage;
            if let Some(bytes) = status_bytes(&status, "RssAnon") {
                usage.private_bytes = usage.private_bytes.max(Some(bytes));
                usage.samples.push(MemorySample { seconds: self.started.elapsed().as_secs_f64(), bytes });
            }
            usage.peak_bytes = status_bytes(&status, "VmHWM").or(usage.peak_bytes);
        }
        if let Ok(stat) = fs::read_to_string(&self.stat_path) {
            self.usage.processor_seconds = processor_seconds(&stat).or(self.usage.processor_seconds);
        }
    }

    /// What all samples show.
    pub(crate) fn usage(self) -> Usage {
        self.usage
    }
}

/// Reduces samples to a curve: of each of some equal spans of time, the sample with the most memory.
pub(crate) fn curve(samples: &[MemorySample]) -> Vec<MemorySample> {
    let per_point = samples.len().div_ceil(CURVE_POINTS_MAX).max(1);
    let largest = |span: &[MemorySample]| span.iter().copied().max_by_key(|sample| sample.bytes);
    samples.chunks(per_point).filter_map(largest).collect()
}

/// A size of a `/proc/PID/status`, in bytes; none where the kernel does not report it, or the process is over.
fn status_bytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// User and system time of a `/proc/PID/stat`, in seconds.
fn processor_seconds(stat: &str) -> Option<f64> {
    // The second field is the program's name in brackets, which may itself contain spaces and brackets.
    let (_, fields) = stat.rsplit_once(')')?;
    // The fields 14 and 15; the first after the name is the third.
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_a_status_are_in_bytes() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 5 kB\nRssAnon:\t     700 kB\nRssFile:\t 534 kB\n";
        assert_eq!(status_bytes(status, "RssAnon"), Some(700 * 1024));
        assert_eq!(status_bytes(status, "VmHWM"), Some(1234 * 1024));
        for other in [
            "Name:\tx\nState:\tZ (zombie)\n",
            "RssAnon:\tmany kB\n",
            "RssAnon:\t7 pages\n",
            "RssAnonymous:\t7 kB\n",
            "",
        ] {
            assert_eq!(status_bytes(other, "RssAnon"), None, "{other}");
        }
    }

    #[test]
    fn processor_time_is_that_of_user_and_system() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 200 0 0 150 25 9 9 20 0 3 0 1000 5 6\n";
        assert_eq!(processor_seconds(stat), Some(1.75));
        for other in [
            "",
            "7 (x) S 1 7",
            "7 x S 1 7 7 0 -1 4194304 100 200 0 0 150 25",
            "7 (x) S 1 7 7 0 -1 1 1 1 0 0 a 25",
        ] {
            assert_eq!(processor_seconds(other), None, "{other}");
        }
    }

    #[test]
    fn a_curve_is_short_and_keeps_the_peak() {
        let sample = |at: u32| MemorySample {
            seconds: f64::from(at),
            bytes: u64::from(if at == 777 { 5_000 } else { at }),
        };
        for (samples, points) in [(0, 0), (1, 1), (40, 40), (41, 21), (1_000, 40)] {
            let curve = curve(&(0..samples).map(sample).collect::<Vec<_>>());
            assert_eq!(curve.len(), points, "{samples}");
            assert!(curve.is_sorted_by(|one, next| one.seconds < next.seconds), "{curve:?}");
            assert_eq!(
                curve.iter().any(|point| point.bytes == 5_000 && point.seconds == 777.0),
                samples > 777
            );
        }
    }
}
