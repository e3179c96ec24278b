//! This program as a process of its own, so that what it uses is measured apart.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::Failure;

/// Longest wait for a clean end.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// So much of what it said is shown when it fails.
const LAST_LINES: usize = 12;

/// Killed when dropped, and when this process dies.
pub(super) struct Process {
    child: Child,
    /// Where its log lines go.
    said: PathBuf,
}

impl Process {
    /// Starts this program with these arguments. What the environment says of OpsConductor is
    /// the measurement's to say.
    pub(super) fn command(arguments: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        let ours = |name: &str| name.starts_with("OPSC_") || name == "DATABASE_URL";
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(ours) {
                command.env_remove(name);
            }
        }
        Ok(command)
    }

    /// Starts a command; its log lines go to `said`.
    pub(super) fn start(command: &mut Command, said: PathBuf) -> Result<Self, Failure> {
        use std::os::unix::process::CommandExt;
        command.stderr(std::fs::File::create(&said)?);
        // SAFETY: prctl with this option only sets a number of the new process, and is allowed
        // between fork and exec.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        Ok(Self { child: command.spawn()?, said })
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails when it has ended, with its last words.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("a part ended ({status}): {}", self.last_words()).into()),
        }
    }

    /// The end of what it said.
    pub(super) fn last_words(&self) -> String {
        let said = std::fs::read_to_string(&self.said).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Ends it as Ctrl-C does.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        let id = i32::try_from(self.child.id())?;
        // SAFETY: signals a child that has not been waited for, so the number is still its own.
        unsafe { libc::kill(id, libc::SIGINT) };
        let asked = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(format!("{status} at its end: {}", self.last_words()).into());
                }
                None if asked.elapsed() > ENDS_WITHIN => {
                    return Err(format!("does not end: {}", self.last_words()).into());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
