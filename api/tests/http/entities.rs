//! Changes that are meant for a revision, what was changed by whom, and groups of devices.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::harness::{Answer, TOKEN, Test, request, with_api};

const DEVICES: &str = "/inventory/v1/devices";
const GROUPS: &str = "/inventory/v1/device-groups";

impl Test {
    async fn call_if(
        &self,
        method: &str,
        path: &str,
        if_match: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = request(method, path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header(header::IF_MATCH, if_match)
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    async fn group(&self, body: Value) -> Answer {
        let made = self.call("POST", GROUPS, Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made
    }

    /// Names of the devices of a group.
    async fn members(&self, group: &str) -> Vec<String> {
        let page = self.get(&format!("{DEVICES}?sort=name&group={group}")).await;
        let items = page["items"].as_array().unwrap();
        assert_eq!(page["total"], items.len());
        items.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn etag(answer: &Answer) -> &str {
    answer.headers[header::ETAG].to_str().unwrap()
}

#[tokio::test]
async fn of_two_who_read_the_same_one_changes_it() {
    with_api(async |test| {
        let id = test.add("router", "192.0.2.1").await;
        let path = format!("{DEVICES}/{id}");
        let read = test.call("GET", &path, None).await;
        let tag = etag(&read).to_owned();
        assert_eq!(tag, format!("\"{}\"", read.json["revision"]));
        assert_eq!(read.json["revision"], read.json["updated_at"]);
        assert_eq!(read.json["updated_by"], "token");
        let named = |name: &str| Some(json!({"address": "192.0.2.1", "name": name}));

        let first = test.call_if("PUT", &path, &tag, named("first")).await;
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!(etag(&first), format!("\"{}\"", first.json["revision"]));
        assert_ne!(etag(&first), tag);
        let second = test.call_if("PUT", &path, &tag, named("second")).await;
        let detail = second.problem(412, "precondition-failed")["detail"].as_str().unwrap();
        assert!(detail.contains("\"first\"") || detail.contains("\"router\""), "{detail}");
        assert!(detail.contains("changed by token at 20"), "{detail}");
        assert_eq!(etag(&second), etag(&first));
        let gone = test.call_if("DELETE", &path, &tag, None).await;
        gone.problem(412, "precondition-failed");
        assert_eq!(test.get(&path).await["name"], "first");

        // Any revision: both ways to say so.
        assert_eq!(test.call_if("PUT", &path, "*", named("third")).await.status, 200);
        assert_eq!(test.call("PUT", &path, named("fourth")).await.status, 200);
        for wrong in ["7", "\"x\"", "\"1\", \"2\""] {
            test.call_if("PUT", &path, wrong, named("x")).await.problem(400, "malformed");
            test.call_if("DELETE", &path, wrong, None).await.problem(400, "malformed");
        }
        let now = test.call("GET", &path, None).await;
        assert_eq!(test.call_if("DELETE", &path, etag(&now), None).await.status, 204);
        test.call_if("DELETE", &path, etag(&now), None).await.problem(404, "not-found");
    })
    .await;
}

/// All who send at once with the same revision: one succeeds.
#[tokio::test]
async fn many_at_once_change_it_once() {
    with_api(async |test| {
        let id = test.add("router", "192.0.2.1").await;
        let path = format!("{DEVICES}/{id}");
        let tag = etag(&test.call("GET", &path, None).await).to_owned();
        let sent = (0..8).map(|n| {
            let body = json!({"address": "192.0.2.1", "name": format!("n{n}")});
            test.call_if("PUT", &path, &tag, Some(body))
        });
        let answers = futures::future::join_all(sent).await;
        let done: Vec<_> = answers.iter().filter(|it| it.status == 200).collect();
        assert_eq!(done.len(), 1);
        assert!(answers.iter().all(|it| it.status == 200 || it.status == 412));
        assert_eq!(test.get(&path).await["name"], done[0].json["name"]);
        // Without a condition all of them are done, one after the other.
        let sent = (0..4).map(|n| {
            let body = json!({"address": "192.0.2.1", "name": format!("m{n}")});
            test.call("PUT", &path, Some(body))
        });
        let answers = futures::future::join_all(sent).await;
        assert!(answers.iter().all(|it| it.status == 200), "{answers:?}");
        let history = test.get(&format!("{path}/history")).await;
        assert_eq!(history["items"].as_array().unwrap().len(), 6);
    })
    .await;
}

#[tokio::test]
async fn every_version_is_kept_with_who_and_when() {
    with_api(async |test| {
        let id = test.add("router", "192.0.2.1").await;
        let path = format!("{DEVICES}/{id}");
        for name in ["a", "b"] {
            let body = json!({"address": "192.0.2.1", "name": name, "tags": [name]});
            test.call("PUT", &path, Some(body)).await;
        }
        assert_eq!(test.call("DELETE", &path, None).await.status, 204);
        let history = test.get(&format!("{path}/history")).await;
        let items = history["items"].as_array().unwrap();
        let shown: Vec<_> = items.iter().map(|it| (&it["present"], &it["body"]["name"])).collect();
        let there = json!(true);
        assert_eq!(shown[0], (&json!(false), &Value::Null));
        assert_eq!(
            shown[1..],
            [(&there, &json!("b")), (&there, &json!("a")), (&there, &json!("router"))]
        );
        assert!(items.iter().all(|it| it["by"] == "token" && it["at"].is_i64()), "{history}");
        assert_eq!(history["next_cursor"], Value::Null);

        let first = test.get(&format!("{path}/history?limit=3")).await;
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = test.get(&format!("{path}/history?limit=3&cursor={cursor}")).await;
        assert_eq!(second["items"], json!([items[3]]));
        assert_eq!(second["next_cursor"], Value::Null);
        let refused = test.call("GET", &format!("{path}/history?limit=201"), None).await;
        refused.problem(422, "invalid-fields");
        let nobody = uuid::Uuid::from_u128(7);
        for path in [format!("{DEVICES}/{nobody}/history"), format!("{GROUPS}/{nobody}/history")] {
            test.call("GET", &path, None).await.problem(404, "not-found");
        }

        // What was there before there was a history has none yet.
        test.sql(&format!(
            "INSERT INTO device (id, name, address, port, profile, interval_ms, snmp, icmp, \
                enabled, source, updated_at) \
             VALUES ('{nobody}', 'old', '192.0.2.7', 161, 'auto', 60000, true, true, true, \
                'file', '2026-01-01Z')"
        ))
        .await;
        let history = test.get(&format!("{DEVICES}/{nobody}/history")).await;
        assert_eq!(history, json!({"items": [], "next_cursor": null}));
        assert_eq!(test.get(&format!("{DEVICES}/{nobody}")).await["updated_by"], "file");

        let secret = json!({"kind": "snmp_v2c", "community": "canary-2b"});
        let credential = "/credentials/v1/credentials/lab";
        test.call("PUT", credential, Some(secret.clone())).await;
        test.call("PUT", credential, Some(secret)).await;
        let history = test.get(&format!("{credential}/history")).await;
        assert_eq!(history["items"].as_array().unwrap().len(), 2);
        assert_eq!(history["items"][0]["body"]["kind"], "snmp_v2c");
        assert!(!history.to_string().contains("canary"));
        for name in ["none", "a%20b"] {
            let path = format!("/credentials/v1/credentials/{name}/history");
            test.call("GET", &path, None).await.problem(404, "not-found");
        }
    })
    .await;
}

/// Versions may be long: a page of them ends before they are too much.
#[tokio::test]
async fn a_page_of_long_versions_ends_early() {
    with_api(async |test| {
        let made = test.group(json!({"name": "core"})).await;
        let id = made.json["id"].as_str().unwrap();
        test.sql(&format!(
            "INSERT INTO entity_history (tenant, kind, id, revision, name, present, body, by, at) \
             SELECT 'default', 'device_group', '{id}', n, 'core', true, \
                 jsonb_build_object('n', n, 'description', repeat('x', 1500000)), 'ada', now() \
             FROM generate_series(1, 7) n"
        ))
        .await;
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = test.get(&format!("{GROUPS}/{id}/history?{cursor}")).await;
            let items = page["items"].as_array().unwrap();
            assert!(items.iter().all(|it| it["body"].is_object()));
            let numbers = items.iter().map(|it| it["body"]["n"].as_i64());
            pages.push(numbers.map(|n| n.unwrap_or(8)).collect::<Vec<_>>());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("cursor={next}"),
                None => break,
            }
        }
        assert_eq!(pages, [vec![8, 7, 6, 5], vec![4, 3, 2], vec![1]]);
    })
    .await;
}

/// Whoever decides need not know of the devices that the database has.
#[tokio::test]
async fn a_credential_that_devices_use_stays() {
    with_api(async |test| {
        let credential = "/credentials/v1/credentials/lab";
        let secret = json!({"kind": "snmp_v2c", "community": "canary-2b"});
        assert_eq!(test.call("PUT", credential, Some(secret)).await.status, 200);
        test.sql(
            "INSERT INTO device (id, name, address, port, profile, credential, interval_ms, snmp, \
                icmp, enabled, source, updated_at) \
             SELECT gen_random_uuid(), 'old' || n, '192.0.2.' || n, 161, 'auto', 'lab', 60000, \
                true, true, true, 'file', '2026-01-01Z' FROM generate_series(1, 7) n",
        )
        .await;
        let refused = test.call("DELETE", credential, None).await;
        let detail = refused.problem(409, "conflict")["detail"].as_str().unwrap();
        assert!(detail.contains("7 devices use it: old1, old2") && detail.contains("2 more"));
        assert_eq!(test.get("/credentials/v1/credentials").await["items"][0]["name"], "lab");
        test.sql("UPDATE device SET credential = NULL").await;
        assert_eq!(test.call("DELETE", credential, None).await.status, 204);
    })
    .await;
}

#[tokio::test]
async fn a_group_from_birth_to_removal() {
    with_api(async |test| {
        let core = test.add("core", "192.0.2.1").await;
        let made = test.group(json!({"name": "Z\u{fc}rich", "devices": [core, core]})).await;
        let path = made.headers[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!((&made.json["devices"], &made.json["members"]), (&json!([core]), &json!(1)));
        assert_eq!((&made.json["site"], &made.json["tags"]), (&Value::Null, &json!([])));
        assert_eq!(
            (&made.json["description"], &made.json["updated_by"]),
            (&json!(""), &json!("token"))
        );
        let read = test.call("GET", &path, None).await;
        assert_eq!(read.json, made.json);
        assert_eq!(etag(&read), etag(&made));

        let body = json!({"name": "Z\u{fc}rich North", "description": "two\nlines", "site": "zrh"});
        let put = test.call_if("PUT", &path, etag(&made), Some(body.clone())).await;
        assert_eq!(put.status, 200, "{}", put.text);
        assert_eq!(test.get(&path).await, put.json);
        assert_eq!(put.json["devices"], json!([]));
        let late = test.call_if("PUT", &path, etag(&made), Some(body)).await;
        let problem = late.problem(412, "precondition-failed");
        assert!(problem["detail"].as_str().unwrap().starts_with("the device group"), "{problem}");

        let taken = test.call("POST", GROUPS, Some(json!({"name": "z\u{fc}rich north"}))).await;
        assert_eq!(taken.problem(422, "invalid-fields")["errors"][0]["field"], "name");
        let nobody = uuid::Uuid::from_u128(7);
        let body = json!({"name": "x", "devices": [nobody]});
        let unknown = test.call("POST", GROUPS, Some(body)).await;
        assert_eq!(unknown.problem(422, "invalid-fields")["errors"][0]["field"], "devices");
        let body = json!({"name": "", "description": "\u{1b}", "tags": "x", "devices": ["x", 7],
            "colour": 1});
        let refused = test.call("POST", GROUPS, Some(body)).await;
        let errors = refused.problem(422, "invalid-fields")["errors"].as_array().unwrap();
        let fields: Vec<_> = errors.iter().map(|it| it["field"].as_str().unwrap()).collect();
        let wrong = ["name", "description", "tags", "devices[0]", "devices[1]", "colour"];
        assert_eq!(fields, wrong);

        let history = test.get(&format!("{path}/history")).await;
        assert_eq!(history["items"][1]["body"]["devices"], json!([core]));

        // A device that goes is not listed any more, and whoever still lists it is not refused.
        let edge = test.add("edge", "192.0.2.2").await;
        let made = test.group(json!({"name": "two", "devices": [edge, core]})).await;
        let both = made.headers[header::LOCATION].to_str().unwrap().to_owned();
        let mut listed = [&edge, &core];
        listed.sort();
        assert_eq!(test.get(&both).await["devices"], json!(listed));
        let device = test.call("GET", &format!("{DEVICES}/{edge}"), None).await;
        let gone = test.call_if("DELETE", &format!("{DEVICES}/{edge}"), etag(&device), None).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
        let read = test.call("GET", &both, None).await;
        assert_eq!((&read.json["devices"], &read.json["members"]), (&json!([core]), &json!(1)));
        assert_eq!(etag(&read), etag(&made));
        let body = json!({"name": "two", "devices": [core, edge]});
        let kept = test.call_if("PUT", &both, etag(&made), Some(body)).await;
        assert_eq!(kept.status, 200, "{}", kept.text);
        assert_eq!(test.get(&both).await["devices"], json!([core]));
        assert_eq!(test.call_if("DELETE", &path, etag(&put), None).await.status, 204);
        test.call("GET", &path, None).await.problem(404, "not-found");
        test.call("DELETE", &path, None).await.problem(404, "not-found");
        test.call("PUT", &path, Some(json!({"name": "x"}))).await.problem(404, "not-found");
        test.call("GET", &format!("{GROUPS}/no-id"), None).await.problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn members_are_listed_or_of_the_site_with_all_tags() {
    with_api(async |test| {
        let mut ids = Vec::new();
        for (name, site, tags) in [
            ("a", "zrh", vec!["core", "mpls"]),
            ("b", "zrh", vec!["core"]),
            ("c", "gva", vec!["core", "mpls"]),
            ("d", "", vec![]),
        ] {
            let site = if site.is_empty() { Value::Null } else { json!(site) };
            let address = format!("192.0.2.{}", ids.len() + 1);
            let body = json!({"name": name, "address": address, "site": site, "tags": tags});
            let made = test.call("POST", DEVICES, Some(body)).await;
            ids.push(made.json["id"].as_str().unwrap().to_owned());
        }
        for (group, expected) in [
            (json!({"name": "none"}), vec![]),
            (json!({"name": "listed", "devices": [ids[3], ids[0]]}), vec!["a", "d"]),
            (json!({"name": "site", "site": "zrh"}), vec!["a", "b"]),
            (json!({"name": "tags", "tags": ["core", "mpls"]}), vec!["a", "c"]),
            (json!({"name": "both", "site": "zrh", "tags": ["mpls"]}), vec!["a"]),
            (
                json!({"name": "all", "site": "zrh", "tags": ["mpls"], "devices": [ids[0], ids[3]]}),
                vec!["a", "d"],
            ),
            (json!({"name": "nowhere", "site": "ZRH"}), vec![]),
        ] {
            let made = test.group(group).await;
            let id = made.json["id"].as_str().unwrap();
            assert_eq!(test.members(id).await, expected, "{}", made.json["name"]);
            assert_eq!(made.json["members"], expected.len());
        }
        let nobody = uuid::Uuid::from_u128(7).to_string();
        assert_eq!(test.members(&nobody).await, [] as [&str; 0]);
        test.call("GET", &format!("{DEVICES}?group=x"), None).await.problem(422, "invalid-fields");

        // By name, page by page.
        let all = test.get(GROUPS).await;
        let names = |page: &Value| -> Vec<String> {
            let items = page["items"].as_array().unwrap();
            items.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
        };
        let expected = ["all", "both", "listed", "none", "nowhere", "site", "tags"];
        assert_eq!(names(&all), expected);
        assert_eq!((&all["total"], &all["items"][0]["members"]), (&json!(7), &json!(2)));
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = test.get(&format!("{GROUPS}?limit=3{cursor}")).await;
            seen.extend(names(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, expected);
        assert_eq!(names(&test.get(&format!("{GROUPS}?q=MPL")).await), ["all", "both", "tags"]);
        assert_eq!(names(&test.get(&format!("{GROUPS}?q=%25")).await), [] as [&str; 0]);
    })
    .await;
}
