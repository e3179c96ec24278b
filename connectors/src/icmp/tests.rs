//! What does not need a host that permits echo requests.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use schemas::{Device, DeviceId, Outcome, Poll};

use super::Pinger;
use crate::clock::Clock;
use crate::config::PollerConfig;
use crate::profiles::Profiles;
use crate::seams::{Full, PollSink};
use crate::shared::{Command, Mailbox, Shared};
use crate::timing::{LiveCounters, Timings};

struct Sink(mpsc::SyncSender<Poll>);

impl PollSink for Sink {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        self.0.try_send(poll).map_err(|error| match error {
            mpsc::TrySendError::Full(poll) | mpsc::TrySendError::Disconnected(poll) => {
                Full(Box::new(poll))
            }
        })
    }
}

fn device() -> Device {
    Device {
        tenant: "default".to_owned(),
        id: DeviceId::random(),
        name: "core-1".to_owned(),
        address: "127.0.0.1".to_owned(),
        port: 161,
        profile: "auto".to_owned(),
        credential: None,
        site: None,
        tags: Vec::new(),
        interval_ms: 500,
        snmp: false,
        icmp: true,
        enabled: true,
        source: "test".to_owned(),
        updated_at: 0,
    }
}

#[test]
fn without_permission_each_poll_says_so_with_the_mend_and_goes_on() {
    let (sender, polls) = mpsc::sync_channel(16);
    let shared = Arc::new(Shared {
        config: PollerConfig::default(),
        profiles: Arc::new(Profiles::load(None).unwrap()),
        clock: Clock::new(),
        timings: Timings::default(),
        counters: LiveCounters::default(),
        sink: Arc::new(Sink(sender)),
        poller: "test".to_owned(),
        stop: AtomicBool::new(false),
        broken: AtomicBool::new(false),
    });
    let mailbox = Arc::new(Mailbox::new().unwrap());
    let forbidden = |_| Err(io::Error::from(io::ErrorKind::PermissionDenied));
    let pinger = Pinger::new(shared.clone(), mailbox.clone(), forbidden).unwrap();
    let thread = std::thread::spawn(move || pinger.run());
    mailbox.send(Command::Upsert(Box::new(device())));
    for _ in 0..2 {
        let poll = polls.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!((poll.outcome, poll.connector.as_str()), (Outcome::NotPermitted, "icmp"));
        let error = poll.error.unwrap();
        assert!(error.contains("sysctl -w net.ipv4.ping_group_range"), "{error}");
        assert!(error.contains("setcap cap_net_raw"), "{error}");
        assert!(poll.columns.is_empty(), "a value was made up: {:?}", poll.columns);
    }
    shared.stop.store(true, Ordering::Release);
    mailbox.waker.wake();
    thread.join().unwrap();
}
