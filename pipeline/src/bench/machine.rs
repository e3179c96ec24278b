//! What processes use, and where they run (Linux: `/proc`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

/// The machine that a figure belongs to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    system: String,
}

impl Machine {
    pub(super) fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
        Self {
            processor: after(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "?".into()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib.unwrap_or(0.0) / (1024.0 * 1024.0),
            system: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_gib, system } = self;
        write!(f, "on {processor}, {cores} cores, {memory_gib:.0} GiB, Linux {system}")
    }
}

/// A line of `stat` (proc(5)).
struct Stat {
    name: String,
    parent: u32,
    /// User and system CPU seconds, in steps of a hundredth.
    cpu: f64,
    /// The same of its children that have ended.
    children_cpu: f64,
}

fn stat(path: &Path) -> Option<Stat> {
    let stat = std::fs::read_to_string(path).ok()?;
    let (name, after) = (stat.find('(')?, stat.rfind(')')?);
    let fields: Vec<&str> = stat.get(after + 1..)?.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n)?.parse::<f64>().ok();
    Some(Stat {
        name: stat.get(name + 1..after)?.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        cpu: (ticks(11)? + ticks(12)?) / 100.0,
        children_cpu: (ticks(13)? + ticks(14)?) / 100.0,
    })
}

/// User and system CPU seconds of this process so far, in steps of a hundredth.
pub(super) fn cpu_seconds() -> f64 {
    stat(Path::new("/proc/self/stat")).map_or(0.0, |stat| stat.cpu)
}

/// The same of another process.
pub(super) fn cpu_seconds_of(pid: u32) -> f64 {
    stat(Path::new(&format!("/proc/{pid}/stat"))).map_or(0.0, |stat| stat.cpu)
}

/// The same of a process and all its children, those that have ended included.
pub(super) fn cpu_seconds_of_family(pid: u32) -> f64 {
    let own = stat(Path::new(&format!("/proc/{pid}/stat")));
    let children = processes().filter_map(|other| {
        let stat = stat(Path::new(&format!("/proc/{other}/stat")))?;
        (stat.parent == pid).then_some(stat.cpu + stat.children_cpu)
    });
    own.map_or(0.0, |stat| stat.cpu + stat.children_cpu) + children.sum::<f64>()
}

/// CPU seconds of a process by the names of its threads, as far as `group` distinguishes them.
/// Threads that have ended are not among them.
pub(super) fn cpu_seconds_by_thread(
    pid: u32,
    group: impl Fn(&str) -> &'static str,
) -> BTreeMap<&'static str, f64> {
    let mut all = BTreeMap::new();
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for stat in tasks.filter_map(|task| stat(&task.path().join("stat"))) {
        *all.entry(group(&stat.name)).or_default() += stat.cpu;
    }
    all
}

/// Memory of this process that lies in RAM, in bytes.
pub(super) fn resident_bytes() -> usize {
    resident_bytes_of(std::process::id())
}

/// Memory of a process that lies in RAM, in bytes.
pub(super) fn resident_bytes_of(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

fn processes() -> impl Iterator<Item = u32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The parent of a process of this machine.
pub(super) fn parent_of(pid: u32) -> Option<u32> {
    stat(Path::new(&format!("/proc/{pid}/stat"))).map(|stat| stat.parent)
}

/// The process of this machine that listens at a TCP port, if it may be looked at.
pub(super) fn listener(port: u16) -> Option<u32> {
    // Local address, state (0A: listening) and inode are the 2nd, 4th and 10th column.
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        let table = std::fs::read_to_string(table).ok()?;
        table.lines().find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let here = columns.get(1)?.ends_with(&format!(":{port:04X}"));
            (here && *columns.get(3)? == "0A").then(|| (*columns.get(9).unwrap_or(&"")).to_owned())
        })
    })?;
    let socket = format!("socket:[{inode}]");
    processes().find(|pid| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.any(|target| target.to_str() == Some(&socket))
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    /// Other tests start processes, which hold this one's sockets for the moment before they run.
    fn becomes(port: u16, expected: Option<u32>) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while listener(port) != expected {
            assert!(Instant::now() < deadline, "{:?}, not {expected:?}", listener(port));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn processes_are_found_and_measured() {
        let me = std::process::id();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        becomes(port, Some(me));
        drop(socket);
        becomes(port, None);
        assert!(resident_bytes() > 1_000_000);

        // A child of one thread: those of this process come and go with other tests.
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        assert_eq!(parent_of(child.id()), Some(me));
        let deadline = Instant::now() + Duration::from_secs(30);
        while cpu_seconds_of(child.id()) < 0.05 {
            assert!(Instant::now() < deadline, "the child gets no processor");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(cpu_seconds_by_thread(child.id(), |_| "all")["all"] >= 0.05);
        assert!(cpu_seconds_of_family(me) >= 0.05);
        let ended = cpu_seconds_of(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(cpu_seconds_of_family(me) >= ended && cpu_seconds() > 0.0);
    }
}
