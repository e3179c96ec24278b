use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{ApiConfig, Entities, EntityReply, EntityRequest, PortError, PortFuture, Ports};
use axum::http::header;
use serde_json::{Value, json};

use crate::harness::{Test, with_api, with_config};
use crate::memory::{self, Projection};

const DEVICES: &str = "/inventory/v1/devices";

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect()
}

async fn all_pages(test: &Test, query: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = test.get(&format!("{DEVICES}?limit=2&{query}{cursor}")).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
        assert!(seen.len() < 50, "pages without end");
    }
}

#[tokio::test]
async fn a_device_from_birth_to_removal() {
    with_api(async |test| {
        test.call(
            "PUT",
            "/credentials/v1/credentials/lab",
            Some(json!({"kind": "snmp_v2c", "community": "c"})),
        )
        .await;
        let body = json!({
            "address": "2001:DB8::1", "port": 1161, "profile": "generic", "credential": "lab",
            "site": "Z\u{fc}rich", "tags": ["core", "lab"], "interval_ms": 30000, "icmp": false
        });
        let made = test.call("POST", DEVICES, Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = made.headers[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(made.json["name"], "2001:db8::1");
        assert_eq!(made.json["state"], "unknown");
        let detail = test.get(&path).await;
        for (name, value) in made.json.as_object().unwrap() {
            assert_eq!(&detail[name], value, "{name}");
        }
        assert_eq!(detail["source"], "api");
        assert_eq!(detail["since"], detail["updated_at"]);

        let body =
            json!({"address": "2001:db8::1", "port": 1161, "name": "edge", "enabled": false});
        let put = test.call("PUT", &path, Some(body)).await;
        assert_eq!(put.status, 200, "{}", put.text);
        assert_eq!(put.json["site"], Value::Null);
        assert_eq!(put.json["interval_ms"], 60_000);
        let after = test.get(&path).await;
        assert_eq!((&after["name"], &after["enabled"]), (&json!("edge"), &json!(false)));
        assert!(after["updated_at"].as_i64() > detail["updated_at"].as_i64());

        let twin = json!({"address": "2001:db8:0::1", "port": 1161});
        let refused = test.call("POST", DEVICES, Some(twin)).await;
        let error = &refused.problem(422, "invalid-fields")["errors"][0];
        assert_eq!(error["field"], "address");
        assert!(error["detail"].as_str().unwrap().contains("edge"), "{error}");

        assert_eq!(test.call("DELETE", &path, None).await.status, 204);
        test.call("GET", &path, None).await.problem(404, "not-found");
        test.call("DELETE", &path, None).await.problem(404, "not-found");
        let body = json!({"address": "192.0.2.1"});
        test.call("PUT", &path, Some(body)).await.problem(404, "not-found");
    })
    .await;
}

/// Sinks that follow the log only after a while, which never takes a removal.
struct Late(Arc<Projection>);

impl Entities for Late {
    fn apply(&self, request: EntityRequest) -> PortFuture<'_, Result<EntityReply, PortError>> {
        if request.body.is_none() {
            return Box::pin(async { Err(PortError::Unavailable("the log is away".to_owned())) });
        }
        let projection = Arc::clone(&self.0);
        Box::pin(async move {
            let revision = Projection::now_ms();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                projection.project(&request, revision).await.unwrap();
            });
            Ok(EntityReply::Applied { revision })
        })
    }
}

#[tokio::test]
async fn what_was_written_can_be_read() {
    let late = |pool: &sqlx::PgPool| Ports {
        entities: Arc::new(Late(Arc::new(Projection::new(pool)))),
        ..memory::ports(pool)
    };
    with_config(ApiConfig::default(), late, async |test| {
        let started = Instant::now();
        let id = test.add("slow", "192.0.2.1").await;
        assert!(started.elapsed() >= Duration::from_millis(300));
        let path = format!("{DEVICES}/{id}");
        assert_eq!(test.get(&path).await["name"], "slow");
        let body = json!({"address": "192.0.2.1", "name": "renamed"});
        assert_eq!(test.call("PUT", &path, Some(body)).await.status, 200);
        assert_eq!(test.get(&path).await["name"], "renamed");
        let refused = test.call("DELETE", &path, None).await;
        assert_eq!(refused.problem(503, "unavailable")["detail"], "the log is away");
    })
    .await;
}

#[tokio::test]
async fn the_worst_come_first_and_pages_join() {
    with_api(async |test| {
        for (n, (name, state)) in [
            ("b-up", "up"),
            ("A-up", "up"),
            ("c-down", "down"),
            ("d-odd", "degraded"),
            ("e-new", ""),
            ("a-down", "down"),
            ("f-unknown", "unknown"),
        ]
        .into_iter()
        .enumerate()
        {
            let id = test.add(name, &format!("192.0.2.{n}")).await;
            if !state.is_empty() {
                test.sql(&format!(
                    "INSERT INTO device_status (device, state, since, at, reason) \
                     VALUES ('{id}', '{state}', '2026-01-01Z', '2026-01-02Z', 'because')"
                ))
                .await;
            }
            if name == "b-up" {
                test.sql(&format!(
                    "INSERT INTO device_latest (device, last_sample_at) VALUES ('{id}', '2026-01-03Z'); \
                     UPDATE device SET site = 'north', tags = '{{50%}}' WHERE id = '{id}'; \
                     INSERT INTO fact (device, instance, name, value, at) VALUES \
                        ('{id}', 'ge1', 'if_index', '1', now()), ('{id}', 'ge1', 'if_alias', 'x', now()), \
                        ('{id}', 'ge2', 'if_index', '2', now()), ('{id}', '', 'sys_name', 'n', now()), \
                        ('{id}', 'fan', 'model', 'n', now())"
                ))
                .await;
            }
        }
        let worst = ["a-down", "c-down", "d-odd", "e-new", "f-unknown", "A-up", "b-up"];
        let page = test.get(DEVICES).await;
        assert_eq!(names(&page), worst);
        assert_eq!((&page["total"], &page["next_cursor"]), (&json!(7), &Value::Null));
        let up = &page["items"][6];
        assert_eq!(up["last_sample_at"], 1_767_398_400_000_i64);
        assert_eq!((&up["since"], &up["reason"]), (&json!(1_767_225_600_000_i64), &json!("because")));
        assert_eq!(up["interfaces"], 2);
        assert_eq!(page["items"][3]["reason"], "not polled yet");

        assert_eq!(all_pages(&test, "").await, worst);
        let by_name = ["a-down", "A-up", "b-up", "c-down", "d-odd", "e-new", "f-unknown"];
        assert_eq!(all_pages(&test, "sort=name").await, by_name);
        for sort in ["site", "anomalies", "last_sample"] {
            assert_eq!(all_pages(&test, &format!("sort={sort}")).await.len(), 7, "{sort}");
        }
        assert_eq!(all_pages(&test, "sort=site").await[0], "b-up");
        assert_eq!(all_pages(&test, "sort=last_sample").await[6], "b-up");
        assert_eq!(all_pages(&test, "state=unknown").await, ["e-new", "f-unknown"]);
        for (query, expected) in [
            ("q=UP", vec!["A-up", "b-up"]),
            ("q=192.0.2.3", vec!["d-odd"]),
            ("q=50%25", vec!["b-up"]),
            ("q=%25", vec!["b-up"]),
            ("q=nort", vec!["b-up"]),
            ("site=north", vec!["b-up"]),
            ("site=nor", vec![]),
        ] {
            let page = test.get(&format!("{DEVICES}?{query}")).await;
            assert_eq!(names(&page), expected, "{query}");
            assert_eq!(page["total"], expected.len(), "{query}");
        }
        let first = test.get(&format!("{DEVICES}?limit=2")).await;
        let cursor = first["next_cursor"].as_str().unwrap();
        let mixed = test.call("GET", &format!("{DEVICES}?sort=name&cursor={cursor}"), None).await;
        mixed.problem(422, "invalid-fields");

        let summary = test.get("/inventory/v1/summary").await;
        assert_eq!(summary["devices"], json!({"up": 2, "degraded": 1, "down": 2, "unknown": 2}));
        assert_eq!(summary["newest_sample_at"], 1_767_398_400_000_i64);
    })
    .await;
}

#[tokio::test]
async fn a_device_with_ports_facts_and_history() {
    with_api(async |test| {
        let id = test.add("router", "192.0.2.1").await;
        let (bps, bps_id) = test.series(&id, "if_in_bps", "ge1").await;
        let (oper, _) = test.series(&id, "if_oper_status", "ge1").await;
        let (cpu, _) = test.series(&id, "cpu_percent", "").await;
        test.sql(&format!(
            "INSERT INTO fact (device, instance, name, value, at) VALUES \
                ('{id}', 'ge1', 'if_index', '7', now()), ('{id}', 'ge1', 'if_alias', 'to core', now()), \
                ('{id}', 'ge0', 'if_name', 'ge0', now()), ('{id}', '', 'sys_name', 'router', now()); \
             INSERT INTO sample (series_id, ts, value) VALUES \
                ({bps}, now() - interval '1 min', 5), ({bps}, now(), 'NaN'), \
                ({oper}, now(), 2), ({cpu}, now() - interval '3 days', 9); \
             INSERT INTO anomaly VALUES ('x', 'default', '{id}', 'router', {bps}, 'if_in_bps', 'ge1', \
                'bps', now(), NULL, now(), 1, 2, 3, 4, 5, 'm', 1); \
             INSERT INTO device_status_history (device, state, since, at, reason) VALUES \
                ('{id}', 'down', '2026-01-01Z', '2026-01-01Z', 'no answer'), \
                ('{id}', 'up', '2026-01-02Z', '2026-01-02Z', '')"
        ))
        .await;
        let detail = test.get(&format!("{DEVICES}/{id}")).await;
        assert_eq!(detail["facts"], json!({"sys_name": "router"}));
        assert_eq!(detail["open_anomalies"], 1);
        assert_eq!(detail["status_history"][0]["state"], "up");
        assert_eq!(detail["status_history"][1]["reason"], "no answer");

        let ports = test.get(&format!("{DEVICES}/{id}/interfaces")).await;
        let port = &ports["items"][0];
        assert_eq!((&port["name"], &port["index"]), (&json!("ge1"), &json!(7)));
        assert_eq!((&port["alias"], &port["oper_status"]), (&json!("to core"), &json!("down")));
        let metric = &port["metrics"][0];
        assert_eq!((&metric["metric"], &metric["series"]), (&json!("if_in_bps"), &json!(bps_id)));
        assert_eq!((&metric["value"], &metric["open_anomaly"]), (&Value::Null, &json!(true)));
        assert!(metric["at"].is_i64());
        assert_eq!(ports["items"][1], json!({"name": "ge0", "alias": "", "index": null, "mac": null,
            "admin_status": null, "oper_status": null, "speed_bps": null, "present": true,
            "last_sample_at": null, "metrics": []}));
        assert!(port["last_sample_at"].is_i64());
        assert_eq!((&ports["total"], &ports["next_cursor"]), (&json!(2), &Value::Null));
        assert_eq!((&ports["answered_at"], &ports["stale_after_ms"]), (&Value::Null, &json!(180_000)));

        // Page by page, as well without an index.
        let first = test.get(&format!("{DEVICES}/{id}/interfaces?limit=1")).await;
        assert_eq!((&first["items"][0], &first["total"]), (port, &json!(2)));
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = format!("{DEVICES}/{id}/interfaces?limit=1&cursor={cursor}");
        let second = test.get(&second).await;
        assert_eq!((&second["items"][0]["name"], &second["next_cursor"]), (&json!("ge0"), &Value::Null));

        // What the polls said last: so long after it all is stale.
        test.sql(&format!(
            "INSERT INTO device_latest (device, last_sample_at, snmp_at, icmp_at, interval_ms) \
                VALUES ('{id}', '2026-01-03Z', '2026-01-02Z', '2026-01-03Z', 300000)"
        ))
        .await;
        let ports = test.get(&format!("{DEVICES}/{id}/interfaces")).await;
        assert_eq!(ports["answered_at"], 1_767_312_000_000_i64);
        assert_eq!(ports["stale_after_ms"], 900_000);
        let detail = test.get(&format!("{DEVICES}/{id}")).await;
        assert_eq!(detail["snmp_answer_at"], 1_767_312_000_000_i64);
        assert_eq!(detail["last_answer_at"], 1_767_398_400_000_i64);
        assert_eq!(detail["icmp_answer_at"], detail["last_answer_at"]);

        // Its row is gone; an unknown speed is none.
        let (speed, _) = test.series(&id, "if_speed_bps", "ge1").await;
        test.sql(&format!(
            "INSERT INTO sample (series_id, ts, value) VALUES \
                ({oper}, now() + interval '1 s', 6), ({speed}, now(), 0)"
        ))
        .await;
        let port = &test.get(&format!("{DEVICES}/{id}/interfaces")).await["items"][0];
        assert_eq!((&port["present"], &port["oper_status"]), (&json!(false), &json!("not_present")));
        assert_eq!(port["speed_bps"], Value::Null);

        let path = format!("/monitoring/v1/devices/{id}/series");
        let series = test.get(&path).await;
        let metrics: Vec<_> =
            series["items"].as_array().unwrap().iter().map(|s| s["metric"].clone()).collect();
        assert_eq!(metrics, ["cpu_percent", "if_in_bps", "if_oper_status", "if_speed_bps"]);
        assert_eq!(series["items"][0]["value"], Value::Null, "3 days old");
        let one = test.get(&format!("{path}?instance=ge1&metric=if_in_bps")).await;
        assert_eq!(one["items"].as_array().unwrap().len(), 1);
    })
    .await;
}
