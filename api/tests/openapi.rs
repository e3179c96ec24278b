//! The committed document is what the handlers say.

use std::path::Path;

/// Update with: OPSC_BLESS=1 cargo test --release -p api --test openapi
#[test]
fn the_committed_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("OPSC_BLESS").is_some() {
        std::fs::write(&path, api::openapi_json()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == api::openapi_json(),
        "openapi.json is stale: OPSC_BLESS=1 cargo test --release -p api --test openapi"
    );
}

/// What everybody reaches, and nothing else.
const OPEN: [&str; 3] = ["get /healthz", "post /identity/v1/session", "get /readyz"];

#[test]
fn every_operation_demands_a_permission_or_is_open_by_name() {
    let document: serde_json::Value = serde_json::from_str(api::openapi_json()).unwrap();
    let mut without = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let open = operation["security"] == serde_json::json!([]);
            let permission = operation.get("x-permission").and_then(|it| it.as_str());
            assert!(open != permission.is_some(), "{method} {path}: {permission:?}");
            if open {
                without.push(format!("{method} {path}"));
            }
        }
    }
    assert_eq!(without, OPEN);
}
