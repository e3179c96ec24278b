//! The simulated network in a process of its own, so that its CPU time is measured apart.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Stdio;

use lab::{InventoryEntry, Lab, LabConfig};

use super::Failure;
use super::child::Process;
use super::machine::cpu_seconds_of;

/// What the process says once it answers.
const READY: &str = "ready";

/// Every device's.
pub(super) const COMMUNITY: &str = "lab-public";

/// A running simulated network.
pub(super) struct Network {
    process: Process,
    /// Its devices.
    pub(super) devices: Vec<InventoryEntry>,
}

/// Like switches; where they answer is chosen anew each time.
pub(super) fn switches(count: usize, interfaces: usize) -> LabConfig {
    let first = SocketAddrV4::new(Ipv4Addr::new(127, 20, 0, 1), lab::free_port());
    lab::fleet(count, interfaces, first, false)
}

impl Network {
    /// Starts it; what it says goes to `folder`.
    pub(super) fn start(config: &LabConfig, folder: &Path) -> Result<Self, Failure> {
        let mut command = Process::command(&["lab"])?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command, folder.join("lab.out"))?;
        let child = process.child();
        let (stdin, stdout) = (child.stdin.as_mut(), child.stdout.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else { return Err("no pipes".into()) };
        let line = serde_json::to_string(config)? + "\n";
        let sent = stdin.write_all(line.as_bytes());
        let mut answer = String::new();
        let answered = BufReader::new(stdout).read_line(&mut answer);
        if sent.is_err() || answered.is_err() || answer.trim() != READY {
            let words = process.last_words();
            return Err(format!("the simulated network does not start: {words}").into());
        }
        let devices = config.devices.iter().map(|device| InventoryEntry {
            name: device.name.clone(),
            address: *device.address.ip(),
            port: device.address.port(),
            community: device.community.clone(),
            profile: device.profile.clone(),
            site: device.site.clone(),
        });
        Ok(Self { process, devices: devices.collect() })
    }

    /// CPU seconds so far.
    pub(super) fn cpu(&self) -> f64 {
        cpu_seconds_of(self.process.id())
    }
}

/// `opsconductor lab`: a configuration in one line of standard input, answers until it ends.
///
/// # Errors
/// What is wrong with the configuration or the machine, in words.
pub fn serve() -> Result<(), Failure> {
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    let lab = Lab::start(serde_json::from_str(&line)?)?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{READY}")?;
    output.flush()?;
    // Whoever started it holds the other end.
    std::io::copy(&mut input, &mut std::io::sink())?;
    lab.stop();
    Ok(())
}
