//! A disk that fills up, for real, and space that is given back.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::killed::{child, given};
use super::world::{options, read, record, topics, value};
use crate::log::embedded::{Embedded, Options};
use crate::log::{EventLog, LogError, TopicSpec};

/// Sends until the log fails; how many were acknowledged, and what the failure says.
fn fill(folder: &Path, options: Options, limit: impl FnOnce()) -> (i64, LogError) {
    let log = Embedded::open(folder, options).unwrap();
    log.ensure_topics(&topics()).unwrap();
    let producer = log.producer("p").unwrap();
    let mut limit = Some(limit);
    let (sender, results) = std::sync::mpsc::channel();
    let mut durable = 0;
    let began = Instant::now();
    let mut sent = 0;
    loop {
        assert!(began.elapsed() < Duration::from_secs(60), "it never failed");
        let sender = sender.clone();
        let done = Box::new(move |result| sender.send(result).unwrap());
        let refused = producer.send(record("in", 0, sent, 10_000), Some(done)).err();
        if let Some(error @ LogError::Fatal { .. }) = refused {
            // Everything sent so far was reported or will never be durable.
            drop(producer);
            drop(log);
            durable += results.try_iter().filter(Result::is_ok).count();
            return (i64::try_from(durable).unwrap(), error);
        }
        sent += 1;
        if sent == 200 {
            producer.flush(Duration::from_secs(10)).unwrap();
            if let Some(limit) = limit.take() {
                limit();
            }
        }
        if sent % 50 == 0 {
            let _ = producer.flush(Duration::from_secs(10));
        }
        durable += results.try_iter().filter(Result::is_ok).count();
    }
}

fn check(folder: &Path, durable: i64, error: &LogError) {
    let LogError::Fatal { what, error } = error else { panic!("{error}") };
    assert!(what.contains(&folder.display().to_string()), "{what}");
    assert!(error.contains("free space"), "{error}");
    let log = Embedded::open(folder, options()).unwrap();
    let found = read(&log, "in").remove(0);
    for (record, n) in found.iter().zip(0..) {
        assert_eq!((record.offset, record.value.clone()), (n, Some(value(n, 10_000))));
    }
    let count = i64::try_from(found.len()).unwrap();
    assert!(durable >= 200 && count >= durable, "{durable} acknowledged, {count} there");
    // And it goes on.
    let producer = log.producer("p").unwrap();
    producer.send(record("in", 0, count, 10_000), None).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    assert_eq!(read(&log, "in")[0].len(), found.len() + 1);
    println!("space: {durable} acknowledged, {count} found; said: {what}: {error}");
}

fn must_succeed(mut command: Command) {
    let Output { status, stdout, stderr } = command.stderr(Stdio::piped()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && out.contains("space: "), "{out}\n{err}");
    println!("{}", out.lines().find(|l| l.contains("space: ")).unwrap_or_default());
}

/// Files may not grow beyond this for a child.
const FILE_LIMIT: u64 = 6_000_000;

fn limit_files(bytes: u64) {
    // SAFETY: a signal disposition of this process, which has no other use for it.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is to a live value.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
}

#[test]
fn fills_up_to_a_file_limit() {
    if let Some(folder) = given() {
        let (durable, error) = fill(&folder, options(), || limit_files(FILE_LIMIT));
        limit_files(libc::RLIM_INFINITY);
        check(&folder, durable, &error);
    }
}

#[test]
fn a_write_that_fails_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    must_succeed(child("space::fills_up_to_a_file_limit", folder.path()));
}

/// Makes room for the log by deleting what else is on the disk.
fn fill_small_disk(folder: &Path, options: Options) {
    let ballast = folder.join("ballast");
    File::create(&ballast).unwrap();
    std::fs::write(&ballast, vec![1; 40 << 20]).unwrap();
    let log = folder.join("log");
    let reserve = options.min_free_bytes > 0;
    let (durable, error) = fill(&log, options, || {});
    assert_eq!(error.to_string().contains("kept in reserve"), reserve, "{error}");
    std::fs::remove_file(ballast).unwrap();
    check(&log, durable, &error);
}

#[test]
fn fills_up_a_small_disk() {
    if let Some(folder) = given() {
        fill_small_disk(&folder, options());
    }
}

#[test]
fn fills_up_a_small_disk_to_its_reserve() {
    if let Some(folder) = given() {
        fill_small_disk(&folder, Options { min_free_bytes: 20 << 20, ..options() });
    }
}

/// Runs a child on a file system of 120 MB of its own.
fn on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let inner = child(test, folder.path());
    let mut command = Command::new("unshare");
    let mount = "mount -t tmpfs -o size=120m none \"$0\" && exec \"$@\"";
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]).arg(folder.path());
    let mut probe = Command::new("unshare");
    probe.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    probe.args(["mount -t tmpfs none \"$0\"", &folder.path().display().to_string()]);
    if !probe.output().is_ok_and(|o| o.status.success()) {
        println!("NOT TRIED: a file system of its own (unshare) is not allowed here");
        return;
    }
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(k, v)| Some((k, v?))));
    must_succeed(command);
}

#[test]
fn a_full_disk_loses_nothing() {
    on_a_small_disk("space::fills_up_a_small_disk");
}

#[test]
fn writing_stops_at_the_reserve() {
    on_a_small_disk("space::fills_up_a_small_disk_to_its_reserve");
}

/// What the folder takes on the disk, in bytes.
fn disk_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    for entry in entries.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        bytes += if meta.is_dir() { disk_bytes(&entry.path()) } else { meta.blocks() * 512 };
    }
    bytes
}

#[test]
fn space_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 8 << 20, ..options() };
    let log = Embedded::open(folder.path(), options).unwrap();
    let specs: Vec<TopicSpec> = topics();
    log.ensure_topics(&specs).unwrap();
    let producer = log.producer("p").unwrap();
    let mut now_ms = crate::log::embedded::Clock::system().now_ms();
    let mut most = 0;
    // 600 MB through a topic that keeps nothing and one that keeps 3 records.
    for round in 0..30 {
        for n in 0..1_000 {
            let n = round * 1_000 + n;
            for topic in ["churn", "state"] {
                producer
                    .send(record(topic, i32::try_from(n % 3).unwrap(), n, 10_000), None)
                    .unwrap();
            }
        }
        producer.flush(Duration::from_secs(60)).unwrap();
        now_ms += 1_000;
        log.housekeep(now_ms).unwrap();
        most = most.max(disk_bytes(folder.path()));
    }
    println!("600 MB written, at most {} MB on disk", most >> 20);
    // Two journals of 64 MB, the reserve of journals, and what one round left.
    assert!(most < 350 << 20, "{most} bytes");
    assert_eq!(read(&log, "state").iter().map(Vec::len).sum::<usize>(), 3);
}
