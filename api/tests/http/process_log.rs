use serde_json::json;

use crate::harness::{Test, with_api};

async fn fill(test: &Test) {
    test.sql(
        "INSERT INTO process_log (at, instance, level, component, target, message, fields, \
            suppressed) \
         SELECT to_timestamp(n), CASE WHEN n % 2 = 0 THEN 'sink@a' ELSE 'connect@a' END, \
            CASE WHEN n % 5 = 0 THEN 'error' ELSE 'warn' END, 'component ' || n % 3, 'target', \
            'line ' || n, jsonb_build_object('error', 'reason_' || n), 0 \
         FROM generate_series(1, 10) n",
    )
    .await;
}

async fn messages(test: &Test, query: &str) -> Vec<String> {
    let page = test.get(&format!("/system/v1/log?{query}")).await;
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["message"].as_str().unwrap().replace("line ", "")).collect()
}

#[tokio::test]
async fn lines_are_found_by_process_component_level_time_and_text() {
    with_api(async |test| {
        assert_eq!(test.get("/system/v1/log").await, json!({"items": [], "next_cursor": null}));
        fill(&test).await;
        let newest = test.get("/system/v1/log?limit=1").await["items"][0].clone();
        let expected = json!({"at": 10_000, "instance": "sink@a", "level": "error",
            "component": "component 1", "target": "target", "message": "line 10",
            "fields": {"error": "reason_10"}, "suppressed": 0});
        assert_eq!(newest, expected);
        for (query, expected) in [
            ("process=connect@a", "9 7 5 3 1"),
            ("process=nobody", ""),
            ("component=component%202", "8 5 2"),
            ("level=error", "10 5"),
            ("level=warn&limit=3", "10 9 8"),
            ("from=4000&to=6000", "6 5 4"),
            ("q=LINE%201", "10 1"),
            ("q=reason_7", "7"),
            ("q=reason%25", ""),
            ("process=sink@a&level=error&q=reason", "10"),
        ] {
            assert_eq!(messages(&test, query).await.join(" "), expected, "{query}");
        }
        for wrong in ["level=info", "from=2&to=1", "limit=0", "cursor=x", "colour=red"] {
            let path = format!("/system/v1/log?{wrong}");
            test.call("GET", &path, None).await.problem(422, "invalid-fields");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_join_also_where_lines_came_at_once() {
    with_api(async |test| {
        fill(&test).await;
        test.sql("UPDATE process_log SET at = to_timestamp(5.001) WHERE id > 3").await;
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = test.get(&format!("/system/v1/log?limit=3{cursor}")).await;
            let items = page["items"].as_array().unwrap().iter();
            found.extend(items.map(|item| item["message"].as_str().unwrap().to_owned()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let expected: Vec<String> = (1..=10).rev().map(|n| format!("line {n}")).collect();
        assert_eq!(found, expected);
    })
    .await;
}
