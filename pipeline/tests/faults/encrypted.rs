//! A database server with a certificate, and one without.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::postgres::Postgres;
use super::room;

fn openssl(folder: &Path, arguments: &[&str]) {
    let said = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// An authority, and a key with a certificate of it for the name `localhost` alone.
fn certify(folder: &Path) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = ["req", "-x509", "-days", "30", "-subj", "/CN=authority", "-keyout", "ca.key"];
    openssl(folder, &[&authority[..], &["-out", "ca.pem"], &key].concat());
    let name = ["req", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    openssl(folder, &[&name[..], &["-keyout", "server.key", "-out", "server.csr"], &key].concat());
    let signed = ["x509", "-req", "-days", "30", "-in", "server.csr", "-out", "server.crt"];
    let by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"];
    openssl(folder, &[&signed[..], &by].concat());
}

/// Has the program bring the tables forward; what it says when it refuses.
fn migrate(url: &str) -> Result<(), String> {
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_opsconductor"));
    command.arg("migrate").env("DATABASE_URL", url).env("OPSC_STATE_DIR", state.path());
    let said = command.env("NO_COLOR", "1").output().unwrap();
    match said.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8(said.stderr).unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_must_prove_who_it_is() {
    let _room = room().await;
    let Some(server) = Postgres::start() else { return };
    let url = |host: &str, parameters: &str| {
        format!("{}?{parameters}", server.url().replace("127.0.0.1", host))
    };
    let refused = |url: &str, words: &[&str]| {
        let said = migrate(url).unwrap_err();
        let password = server.url().split([':', '@']).nth(2).unwrap();
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} not in {said}");
        assert!(!said.contains(password), "{said}");
    };
    refused(&url("localhost", "sslmode=require"), &["does not support TLS", "sslmode=disable"]);

    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let ca = folder.path().join("ca.pem");
    // Who names an authority wants it asked, on this machine too.
    let authority = format!("sslrootcert={}", ca.display());
    refused(&url("localhost", &authority), &["does not support TLS"]);
    let data = server.data();
    let owner = data.metadata().unwrap();
    for name in ["server.key", "server.crt"] {
        std::fs::copy(folder.path().join(name), data.join(name)).unwrap();
        chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    server.admin("ALTER SYSTEM SET ssl = on");
    server.admin("SELECT pg_reload_conf()");
    let trusted = |mode: &str| format!("sslmode={mode}&sslrootcert={}", ca.display());
    // The server takes its new configuration in a moment of its own.
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(said) = migrate(&url("localhost", &trusted("verify-full"))) {
        assert!(Instant::now() < deadline, "{said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    refused(&url("localhost", "sslmode=verify-full"), &["UnknownIssuer", "sslrootcert="]);
    refused(&url("127.0.0.1", &trusted("verify-full")), &["localhost", "verify-ca"]);
    refused(&url("127.0.0.1", &authority), &["localhost", "verify-ca"]);
    migrate(&url("127.0.0.1", &trusted("verify-ca"))).unwrap();
    migrate(&url("127.0.0.1", "sslmode=require")).unwrap();

    // A server that takes encrypted connections alone: those were not in plain text.
    server.only_encrypted();
    refused(&url("127.0.0.1", "sslmode=disable"), &["no encryption"]);
    migrate(&url("localhost", &trusted("verify-full"))).unwrap();
}
