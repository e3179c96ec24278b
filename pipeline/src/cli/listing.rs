//! Listings that take several pages, while others change what is listed.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::Failure;
use super::remote::{Client, encode};

/// In an order that a device does not leave because its state changes.
const DEVICES: &str = "/inventory/v1/devices?sort=name&limit=500";
const GROUPS: &str = "/inventory/v1/device-groups?limit=100";

/// Attempts to get a listing that nothing moved in.
const ATTEMPTS: u32 = 2;

/// What the pages had so far.
#[derive(Debug, Default)]
struct Listing {
    /// Each once.
    items: Vec<Value>,
    ids: BTreeSet<String>,
    /// How many there are, as each page said.
    totals: BTreeSet<Option<i64>>,
}

impl Listing {
    /// Adds a page; the cursor of the next one.
    fn add(&mut self, mut page: Value) -> Option<String> {
        self.totals.insert(page["total"].as_i64());
        if let Value::Array(items) = page["items"].take() {
            for item in items {
                if self.ids.insert(item["id"].as_str().unwrap_or_default().to_owned()) {
                    self.items.push(item);
                }
            }
        }
        page["next_cursor"].as_str().map(str::to_owned)
    }

    /// Whether it has all there is: one that was renamed between two pages may be on neither.
    fn is_whole(&self) -> bool {
        let count = i64::try_from(self.items.len()).ok();
        self.totals.iter().all(|total| *total == count)
    }
}

impl Client {
    async fn listing(&self, path: &str) -> Result<Listing, Failure> {
        let (mut listing, mut cursor) = (Listing::default(), String::new());
        loop {
            let page = self.call(Method::GET, &format!("{path}{cursor}"), None).await?;
            match listing.add(page) {
                Some(next) => cursor = format!("&cursor={}", encode(&next)),
                None => return Ok(listing),
            }
        }
    }

    /// All there is, or an error: what is missing here would be taken for what is not there.
    async fn whole(&self, what: &str, path: &str) -> Result<Vec<Value>, Failure> {
        for _ in 0..ATTEMPTS {
            let listing = self.listing(path).await?;
            if listing.is_whole() {
                return Ok(listing.items);
            }
        }
        Err(format!(
            "the {what} changed each of the {ATTEMPTS} times that they were listed, so that some \
             may be missing; nothing was done: try again when nobody adds, renames or removes {what}"
        )
        .into())
    }

    /// Devices whose name, address, site or tag has the text in it.
    pub(super) async fn devices(&self, query: &str) -> Result<Vec<Value>, Failure> {
        Ok(self.listing(&format!("{DEVICES}&q={}", encode(query))).await?.items)
    }

    /// All devices, of which none may be missing.
    pub(super) async fn every_device(&self) -> Result<Vec<Value>, Failure> {
        self.whole("devices", DEVICES).await
    }

    /// All device groups, of which none may be missing.
    pub(super) async fn every_group(&self) -> Result<Vec<Value>, Failure> {
        self.whole("device groups", GROUPS).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(ids: &[&str], total: i64, next: Option<&str>) -> Value {
        let items: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        json!({ "items": items, "total": total, "next_cursor": next })
    }

    fn check(pages: &[Value], ids: &[&str], whole: bool) {
        let mut listing = Listing::default();
        for (at, page) in pages.iter().enumerate() {
            assert_eq!(listing.add(page.clone()).is_some(), at + 1 < pages.len());
        }
        let found: Vec<_> = listing.items.iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(found, ids);
        assert_eq!(listing.is_whole(), whole, "{listing:?}");
    }

    #[test]
    fn what_moves_between_pages_is_listed_once_and_what_is_missing_is_noticed() {
        check(&[page(&[], 0, None)], &[], true);
        check(&[page(&["a", "b"], 3, Some("x")), page(&["c"], 3, None)], &["a", "b", "c"], true);
        // Listed twice; another one, that went the other way, on neither page.
        check(&[page(&["a", "b"], 3, Some("x")), page(&["b"], 3, None)], &["a", "b"], false);
        check(
            &[page(&["a", "b"], 3, Some("x")), page(&["b", "c"], 3, None)],
            &["a", "b", "c"],
            true,
        );
        // One was added or removed meanwhile.
        check(&[page(&["a", "b"], 3, Some("x")), page(&["c"], 4, None)], &["a", "b", "c"], false);
        check(&[page(&["a", "b"], 4, Some("x")), page(&["c"], 3, None)], &["a", "b", "c"], false);
        check(&[json!({ "items": [{ "id": "a" }], "next_cursor": null })], &["a"], false);
    }
}
