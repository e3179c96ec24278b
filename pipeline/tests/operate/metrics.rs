//! What the built program shows at `/metrics` is well-formed, declared, and complete.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use super::common::{self, Program, database, free_address, program, until, until_serials};
use pipeline::families;
use sqlx::PgPool;

/// What `promtool check metrics` says of a text.
fn promtool(text: &str) -> Option<Result<(), String>> {
    let Some(promtool) = std::env::var_os("OPSC_PROMTOOL") else {
        let missing = "OPSC_PROMTOOL is not set (make test sets it)";
        assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{missing}");
        eprintln!("SKIPPED: {missing}");
        return None;
    };
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    run.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = run.wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].concat();
    let words = String::from_utf8(words).unwrap();
    Some(if said.status.success() && words.trim().is_empty() { Ok(()) } else { Err(words) })
}

/// Name, type and help of each family.
fn shown(text: &str) -> BTreeMap<&str, (&str, &str)> {
    let of = |word: &'static str| {
        text.lines().filter_map(move |line| line.strip_prefix(word)?.split_once(' '))
    };
    let help: BTreeMap<_, _> = of("# HELP ").collect();
    let types: Vec<_> = of("# TYPE ").collect();
    let names: BTreeSet<_> = types.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), types.len(), "a family is shown twice: {types:?}");
    types.into_iter().map(|(name, kind)| (name, (kind, help[name]))).collect()
}

#[test]
fn promtool_finds_what_is_wrong() {
    let Some(said) = promtool("# TYPE polls counter\npolls 1\n") else { return };
    let said = said.unwrap_err();
    assert!(said.contains("no help text") && said.contains("_total"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_family_is_declared_and_well_formed() {
    let Some(url) = database("metrics").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (state, listen) = (folder.path(), free_address());
    let mut command = program("run", state, &url, &listen);
    command
        .env("OPSC_DEMO", "1")
        .env("OPSC__DEMO__INTERVAL_MS", "1000")
        .env("OPSC__DEMO__PORT", common::demo_port(state).to_string());
    let running = Program(command.spawn().unwrap());
    let pool = PgPool::connect_lazy(&url).unwrap();
    until_serials(40, &pool, state).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async || {
        let answer = client.get(format!("http://{listen}/metrics")).send().await.ok()?;
        answer.text().await.ok()
    };
    // The second reading has the first request in it.
    let text = until("a request that was counted", state, async || {
        ask().await.filter(|text| text.contains("opsc_api_request_seconds_bucket{"))
    })
    .await;
    running.stop();

    if let Some(said) = promtool(&text) {
        assert_eq!(said, Ok(()), "{text}");
    }
    let shown = shown(&text);
    let declared: BTreeMap<_, _> =
        families::all().into_iter().map(|family| (family.name, family)).collect();
    for (name, (kind, help)) in &shown {
        let family = declared.get(name).unwrap_or_else(|| panic!("{name} is not declared"));
        assert_eq!((*kind, *help), (family.kind.name(), family.help().as_str()), "{name}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let of_histogram =
            ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
        let family = of_histogram.filter(|it| shown.contains_key(it)).unwrap_or(name);
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let labels = labels.split(',').filter_map(|it| Some(it.split_once("=\"")?.0));
        let labels: Vec<_> = labels.filter(|it| *it != "le").collect();
        assert_eq!(labels, declared[family].labels, "{line}");
    }
    for name in [
        "opsc_build_info",
        "opsc_lag_seconds",
        "opsc_polls_total",
        "opsc_poll_seconds",
        "opsc_poller_requests_total",
        "opsc_processor_commit_seconds",
        "opsc_sink_rows_total",
        "opsc_sink_write_seconds",
        "opsc_dead_letters_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        let expected = name != "opsc_dead_letters_total";
        assert_eq!(shown.contains_key(name), expected, "{name}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("opsc_build_info{{version=\"{version}\",log=\"embedded\"}} 1");
    assert!(text.contains(&build), "{text}");
}
