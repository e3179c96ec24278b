//! What this process takes of the machine, as the kernel shows in /proc.

use std::fs;

/// What is not known is none.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) cpu_s: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) virtual_bytes: Option<f64>,
    pub(super) open_fds: Option<f64>,
    pub(super) max_fds: Option<f64>,
    pub(super) threads: Option<f64>,
    /// Since the epoch.
    pub(super) started_s: Option<f64>,
}

impl Usage {
    pub(super) fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
        let mut usage =
            Self::of(&stat, &boot, system(libc::_SC_CLK_TCK), system(libc::_SC_PAGESIZE));
        // The folder that is read is one of them.
        usage.open_fds =
            fs::read_dir("/proc/self/fd").ok().map(|found| found.count().saturating_sub(1) as f64);
        usage.max_fds = max_fds();
        usage
    }

    /// `stat`: of the process (proc_pid_stat(5)); `boot`: of the system.
    fn of(stat: &str, boot: &str, ticks: Option<f64>, page: Option<f64>) -> Self {
        // The name, in parentheses, may hold anything.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Numbered from 3 there.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let seconds = |number| Some(field(number)? / ticks?);
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
        Self {
            cpu_s: seconds(14).zip(seconds(15)).map(|(user, system)| user + system),
            resident_bytes: field(24).zip(page).map(|(pages, page)| pages * page),
            virtual_bytes: field(23),
            threads: field(20),
            started_s: seconds(22).zip(boot).map(|(since, boot): (f64, f64)| boot + since),
            ..Self::default()
        }
    }
}

fn system(name: libc::c_int) -> Option<f64> {
    // SAFETY: sysconf takes any number.
    let value = unsafe { libc::sysconf(name) };
    (value > 0).then_some(value as f64)
}

fn max_fds() -> Option<f64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit only writes to the struct given.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    (read == 0).then_some(limit.rlim_cur as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_are_read() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 12 0 3000 8192000 25 \
                    18446744073709551615";
        let usage = Usage::of(stat, "cpu 1 2\nbtime 1700000000\n", Some(100.0), Some(4_096.0));
        assert_eq!(usage.cpu_s, Some(3.0));
        assert_eq!(usage.threads, Some(12.0));
        assert_eq!(usage.started_s, Some(1_700_000_030.0));
        assert_eq!(usage.virtual_bytes, Some(8_192_000.0));
        assert_eq!(usage.resident_bytes, Some(102_400.0));
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let usage = Usage::of("", "", Some(100.0), None);
        assert!(usage.cpu_s.is_none() && usage.started_s.is_none() && usage.threads.is_none());
    }

    #[test]
    fn this_process_is_measured() {
        let usage = Usage::read();
        let now = crate::clock::wall_ms() as f64 / 1_000.0;
        assert!(usage.resident_bytes.is_some_and(|bytes| bytes > 1e6), "{usage:?}");
        assert!(usage.open_fds.is_some_and(|open| open >= 3.0), "{usage:?}");
        assert!(usage.open_fds <= usage.max_fds, "{usage:?}");
        assert!(usage.started_s.is_some_and(|at| at <= now && now - at < 86_400.0), "{usage:?}");
    }
}
