//! The logs of this process before the conformance suite.

mod on_disk {
    use super::harness::OnDisk;
    use crate::log::conformance::conformance;
    conformance!(OnDisk::new());
}

mod in_memory {
    use super::harness::InMemory;
    use crate::log::conformance::conformance;
    conformance!(InMemory::new());
}

mod harness;
mod kept;
mod killed;
mod particular;
mod retention;
mod space;
mod world;
