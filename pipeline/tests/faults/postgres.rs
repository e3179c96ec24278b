//! A database server of a test's own, by `scripts/postgres`. It ends with this process, however it
//! ends.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const QUICK: [&str; 2] = ["fsync=off", "full_page_writes=off"];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres")
}

/// A running server with an empty database.
pub(crate) struct Postgres {
    folder: TempDir,
    url: String,
    /// Beside [`QUICK`].
    settings: Vec<String>,
    /// Waits for the end of its stdin, which comes with the end of this process, and removes the
    /// server.
    _watch: Child,
}

impl Postgres {
    /// None, with a loud word: no server is to be had.
    pub(crate) fn start() -> Option<Self> {
        // Where one is named, everything that the tests need has been set up.
        if std::env::var_os("OPSC_TEST_DATABASE_URL").is_none() {
            let missing = "OPSC_TEST_DATABASE_URL is not set (make test sets it)";
            assert!(std::env::var_os("OPSC_TEST_REQUIRED").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
            return None;
        }
        let mut server = Self::empty();
        server.start_again();
        server.admin("ALTER ROLE opsconductor SUPERUSER");
        server.url = server.asked_url();
        Some(server)
    }

    /// A folder for a server, which is removed at the end of this process.
    fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("opsc-postgres-").tempdir().unwrap();
        // As root the server runs as nobody, who must get through to its folder.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let watch = Command::new("setsid")
            .args(["sh", "-c", "cat >/dev/null; \"$0\" remove \"$1\"; rm -rf \"$1\""])
            .arg(script())
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, url: String::new(), settings: Vec::new(), _watch: watch }
    }

    fn asked_url(&self) -> String {
        let said = Command::new(script()).arg("url").arg(self.folder.path()).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    /// A replica that streams from this server.
    pub(crate) fn replica(&self) -> Self {
        self.stop();
        let mut replica = Self::empty();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(self.folder.path().join(".")).arg(replica.folder.path());
        assert!(copy.status().unwrap().success(), "{copy:?}");
        // One of its own.
        std::fs::remove_file(replica.folder.path().join("port")).unwrap();
        std::fs::write(replica.data().join("standby.signal"), "").unwrap();
        self.start_again();
        let password = std::fs::read_to_string(self.folder.path().join("superuser.password"));
        replica.settings = vec![format!(
            "primary_conninfo=host=127.0.0.1 port={} user=postgres password={}",
            self.port(),
            password.unwrap().trim()
        )];
        replica.start_again();
        replica.url = replica.asked_url();
        replica
    }

    pub(crate) fn port(&self) -> u16 {
        let port = std::fs::read_to_string(self.folder.path().join("port")).unwrap();
        port.trim().parse().unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Starts it on its data, where it has ended.
    pub(crate) fn start_again(&self) {
        let mut command = Command::new(script());
        command.arg("start").arg(self.folder.path()).arg(lab::free_port().to_string()).args(QUICK);
        command.args(&self.settings);
        // The server keeps what it inherits; a pipe would never end.
        let path = self.folder.path().join("start.log");
        let log = std::fs::File::create(&path).unwrap();
        let status = command.stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        assert!(status.success(), "{}", std::fs::read_to_string(path).unwrap());
    }

    /// Stops it and starts it with these variables in its environment, which the script would
    /// empty.
    pub(crate) fn restart_with(&self, environment: &[(&str, &str)]) {
        self.stop();
        let data = self.data();
        let said = Command::new(script()).arg("home").output().unwrap();
        let home = String::from_utf8(said.stdout).unwrap();
        let control = Path::new(home.trim()).join("bin/pg_ctl");
        let (owner, own) = (data.metadata().unwrap(), Path::new("/proc/self").metadata().unwrap());
        let mut command = Command::new("setpriv");
        if owner.uid() == own.uid() {
            command = Command::new("env");
        } else {
            // PostgreSQL refuses root.
            let (user, group) = (owner.uid().to_string(), owner.gid().to_string());
            command.args(["--reuid", &user, "--regid", &group, "--clear-groups", "env"]);
        }
        command
            .current_dir("/")
            .args(environment.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(control).args(["-s", "-w", "-D"]).arg(&data);
        command.arg("-l").arg(data.join("startup.log")).arg("start");
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(quiet.status().unwrap().success(), "{quiet:?}");
    }

    /// As an administrator stops it.
    pub(crate) fn stop(&self) {
        let status = Command::new(script()).arg("stop").arg(self.folder.path()).status().unwrap();
        assert!(status.success());
    }

    /// SQL as the superuser.
    pub(crate) fn admin(&self, sql: &str) {
        let mut command = Command::new(script());
        command.arg("admin").arg(self.folder.path()).args(["-c", sql]);
        let said = command.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data").canonicalize().unwrap()
    }

    /// Has it refuse connections over TCP that are not encrypted.
    pub(crate) fn only_encrypted(&self) {
        let path = self.data().join("pg_hba.conf");
        let rules = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, rules.replace("\nhost ", "\nhostssl ")).unwrap();
        let status = Command::new("kill").args(["-HUP", &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// The postmaster.
    pub(crate) fn pid(&self) -> u32 {
        let file = self.folder.path().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().next().unwrap().trim().parse().unwrap()
    }
}

/// Sends a signal to one process; false: there is no such process any more.
pub(crate) fn signal(name: &str, pid: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null());
    kill.status().unwrap().success()
}
