//! The `opsconductor` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Records are made in one thread and freed in another: with the system's allocator a quarter of a
/// processor's time goes into that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    pipeline::cli::main()
}
