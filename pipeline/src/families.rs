//! The program's families of metrics, beside those of the API and of the connectors.

use instruments::{Family, families};

families! {
    /// What is counted where it happens.
    pub RECORDED;

    /// Always 1; its labels say what runs.
    BUILD_INFO: Gauge = "opsc_build_info" ["version", "log"];
    /// Partitions that stood still while the log answered; their component was built anew.
    PARTITIONS_STALLED: Counter = "opsc_partitions_stalled_total" ["component", "topic"];
    /// Times that a component was built again after an error.
    COMPONENT_RESTARTS: Counter = "opsc_component_restarts_total" ["component"];
    /// Threads that did not come back from a call or panicked, and were replaced.
    THREADS_GIVEN_UP: Counter = "opsc_threads_given_up_total" ["component"];
    /// Records written as dead letters.
    DEAD_LETTERS: Counter = "opsc_dead_letters_total" ["component", "reason"];
    /// Unreadable records that were passed over without a dead letter.
    RECORDS_PASSED_OVER: Counter = "opsc_records_passed_over_total" ["component", "reason"];

    /// Polls handed to the log.
    POLLS: Counter = "opsc_polls_total" [];
    /// Samples in them.
    SAMPLES_POLLED: Counter = "opsc_samples_polled_total" [];
    /// Polls that could not be written and never will be.
    POLLS_LOST: Counter = "opsc_polls_lost_total" ["reason"];
    /// Polls that the log's client gave back unwritten; they are sent again.
    POLLS_RETURNED: Counter = "opsc_polls_returned_total" [];

    /// Devices that this poller polls.
    POLLER_DEVICES: Gauge = "opsc_poller_devices" [];
    /// Devices of the inventory that cannot be polled as they are set.
    POLLER_REFUSED: Counter = "opsc_poller_refused_total" [];

    /// Transactions committed by processors and relays.
    COMMITS: Counter = "opsc_processor_commits_total" [];
    /// Transactions that failed; their partitions were restored.
    COMMITS_FAILED: Counter = "opsc_processor_commits_failed_total" [];
    /// Duration of transactions' commits.
    COMMIT: Histogram = "opsc_processor_commit_seconds" [] of BUCKETS_S;
    /// What processors left out of their input, by what it was.
    PROCESSOR_SKIPPED: Counter = "opsc_processor_skipped_total" ["component", "what"];

    /// 1 while a source cannot be followed; the log says why.
    SOURCE_FAILING: Gauge = "opsc_source_failing" ["source"];
    /// Attempts of workers, by whether their outcome is known.
    ATTEMPTS: Counter = "opsc_worker_attempts_total" ["worker", "result"];

    /// Rows written to the database.
    SINK_ROWS: Counter = "opsc_sink_rows_total" ["sink"];
    /// Rows that the database had already; 0 unless a position was lost.
    SINK_DUPLICATES: Counter = "opsc_sink_duplicates_total" ["sink"];
    /// Records below the position in the database, left out.
    SINK_SKIPPED: Counter = "opsc_sink_skipped_total" ["sink"];
    /// Writes that failed and are repeated.
    SINK_RETRIES: Counter = "opsc_sink_retries_total" ["sink"];
    /// Times that the position in the database was not where this sink left it.
    SINK_MOVED: Counter = "opsc_sink_moved_total" ["sink"];
    /// Duration of the transactions that write rows and position.
    SINK_WRITE: Histogram = "opsc_sink_write_seconds" ["sink"] of BUCKETS_S;

    /// Times that the event log did not answer the watch.
    LOG_SILENT: Counter = "opsc_log_silent_total" [];
    /// Records that the embedded log dropped, too old, before a group had read them.
    LOG_DROPPED_UNREAD: Counter = "opsc_log_dropped_unread_total" ["group", "topic"];

    /// Times that a Kafka client lost all its brokers and was given the first ones again.
    KAFKA_BROKERS_LOST: Counter = "opsc_kafka_brokers_lost_total" ["client"];
    /// Errors that librdkafka reported.
    KAFKA_ERRORS: Counter = "opsc_kafka_errors_total" ["client", "code"];
    /// Former owners of partitions that were fenced.
    KAFKA_OWNERS_FENCED: Counter = "opsc_kafka_owners_fenced_total" [];
    /// Memberships of a consumer group that were lost.
    KAFKA_MEMBERSHIPS_LOST: Counter = "opsc_kafka_memberships_lost_total" ["group"];
    /// Transactional producers replaced after an error.
    KAFKA_PRODUCERS_REPLACED: Counter = "opsc_kafka_producers_replaced_total" [];
    /// Idempotent producers replaced after an error, or because nothing was confirmed.
    KAFKA_PRODUCERS_RENEWED: Counter = "opsc_kafka_producers_renewed_total" [];
    /// Records that Kafka did not take.
    KAFKA_RECORDS_FAILED: Counter = "opsc_kafka_records_failed_total" [];
    /// Records in a producer's queue.
    KAFKA_QUEUE_RECORDS: Gauge = "opsc_kafka_queue_records" ["client"];
    /// Size of a producer's queue.
    KAFKA_QUEUE: Gauge = "opsc_kafka_queue_bytes" ["client"];
    /// Records that a consumer has not fetched yet.
    KAFKA_CONSUMER_LAG: Gauge = "opsc_kafka_consumer_lag_records" ["client", "topic", "partition"];
}

families! {
    /// What is looked up each time that `/metrics` is read, and leaves with what it is about.
    pub READ;

    /// Records between what a consumer group is done with and the end of the log, whoever holds
    /// the partition or nobody.
    LAG_RECORDS: Gauge = "opsc_lag_records" ["group", "topic", "partition"];
    /// Age of the oldest record that a consumer group is not done with, at most.
    LAG: Gauge = "opsc_lag_seconds" ["group", "topic", "partition"];
    /// Partitions that no process has held for half a minute.
    PARTITIONS_MISSING: Gauge = "opsc_partitions_missing" ["group", "topic"];

    /// Duration of polls.
    POLL: Histogram = "opsc_poll_seconds" ["profile"] of BUCKETS_S;
    /// Time that a poll waited for answers; requests side by side count each.
    POLL_TABLE: Histogram = "opsc_poll_table_seconds" ["profile", "table"] of BUCKETS_S;
    /// Last poll of the slowest devices, 20 at most, with the table it waited for longest.
    POLL_SLOWEST: Gauge = "opsc_poll_slowest_seconds" ["device", "id", "connector", "table"];

    /// Warnings and errors for the topic `process-log`: written, suppressed (their place said too
    /// many) or dropped (the queue was full).
    PROCESS_LOG_LINES: Counter = "opsc_process_log_lines_total" ["result"];

    /// User and system CPU time.
    PROCESS_CPU: Counter = "process_cpu_seconds_total" [];
    /// Resident memory.
    PROCESS_RESIDENT: Gauge = "process_resident_memory_bytes" [];
    /// Virtual memory.
    PROCESS_VIRTUAL: Gauge = "process_virtual_memory_bytes" [];
    /// Open file descriptors.
    PROCESS_OPEN_FDS: Gauge = "process_open_fds" [];
    /// Most file descriptors that may be open.
    PROCESS_MAX_FDS: Gauge = "process_max_fds" [];
    /// Threads.
    PROCESS_THREADS: Gauge = "process_threads" [];
    /// Start of the process, seconds since the epoch.
    PROCESS_START: Gauge = "process_start_time_seconds" [];
}

/// As [`connectors::BUCKETS_MS`] has them.
const BUCKETS_S: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// All families that a process may show, by name.
pub fn all() -> Vec<&'static Family> {
    let lists = [RECORDED, READ, api::FAMILIES, connectors::FAMILIES];
    let mut all: Vec<_> = lists.into_iter().flatten().copied().collect();
    all.sort_by_key(|family| family.name);
    all
}

/// For docs/METRICS.md: a row for each family.
pub fn table() -> String {
    let mut text =
        String::from("| family | type | unit | labels | what |\n|---|---|---|---|---|\n");
    for family in all() {
        let labels: Vec<String> = family.labels.iter().map(|it| format!("`{it}`")).collect();
        let (kind, unit) = (family.kind.name(), family.unit().name());
        let (labels, help) = (labels.join(" "), family.help());
        text.push_str(&format!("| `{}` | {kind} | {unit} | {labels} | {help} |\n", family.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_rules_and_are_given_once() {
        let mut names = BTreeSet::new();
        for family in all() {
            let prefix = if family.name.starts_with("process_") { "process_" } else { "opsc_" };
            assert_eq!(family.problem(prefix), None, "{}", family.name);
            assert!(names.insert(family.name), "{} is declared twice", family.name);
        }
    }

    #[test]
    fn the_bounds_of_polls_are_those_of_the_poller() {
        let seconds = connectors::BUCKETS_MS.map(|ms| ms as f64 / 1_000.0);
        assert_eq!(BUCKETS_S, seconds);
    }

    #[test]
    fn the_page_lists_them_all() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/METRICS.md");
        let page = std::fs::read_to_string(path).unwrap();
        let found = page.lines().filter(|line| line.starts_with('|'));
        let found: String = found.map(|line| format!("{line}\n")).collect();
        assert_eq!(found, table(), "put the print of `opsconductor metrics` into docs/METRICS.md");
    }
}
