use schemas::{Device, Outcome};

use super::{NOT_PERMITTED, Pinger};
use crate::frame::rig::{INTERVAL_MS, Rig, device};

#[test]
fn without_permission_every_cycle_says_so() {
    let mut rig = Rig::new(|shared, mailbox| Pinger::new(shared, mailbox, [None, None]).unwrap());
    let updated_at = rig.slot_ms();
    rig.upsert(&device(updated_at));
    for _ in 0..2 {
        let polls = rig.polls();
        assert_eq!(polls.len(), 1);
        assert_eq!(
            (polls[0].outcome, polls[0].connector.as_str()),
            (Outcome::NotPermitted, "icmp")
        );
        assert_eq!(polls[0].error.as_deref(), Some(NOT_PERMITTED));
        assert!(polls[0].columns.is_empty(), "no loss is claimed");
        rig.pass(INTERVAL_MS as u64);
    }
    let timings = rig.connector.frame.shared.timings.all();
    assert_eq!(timings[0].last_outcome, Some(Outcome::NotPermitted));
    assert_eq!(timings[0].failures, 0, "the device is not to blame");
    // What is no address is not called a lack of permission.
    rig.polls();
    let updated_at = rig.slot_ms() + INTERVAL_MS;
    rig.upsert(&Device { address: "nowhere".into(), interval_ms: 2_000, ..device(updated_at) });
    assert_eq!(rig.polls()[0].outcome, Outcome::Failed);
}
