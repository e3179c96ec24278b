//! Makes the folder of the built UI when it is absent, so that the crate builds without it; the
//! API serves a page then that says how to build it.

use std::path::Path;
use std::{env, fs};

fn main() {
    let crate_dir = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let dist = Path::new(&crate_dir).join("../frontend/dist");
    if let Err(error) = fs::create_dir_all(&dist) {
        println!("cargo::error=cannot make {}: {error}", dist.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
}
