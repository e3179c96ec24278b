//! The committed document is what the handlers say.

use std::path::Path;

/// Mend with: OPSC_BLESS=1 cargo test --release -p api --test openapi
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
