//! Devices that know the communities, one that knows another, and one that sends back whatever it
//! is sent, the community with it.

use std::fs::write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Stdio;

use lab::{Lab, free_port};
use serde_json::json;

use crate::common::{program, until};
use crate::evidence::Evidence;
use crate::visitor::Visitor;
use crate::{BY_API, BY_CLI, MARK, WRONG};

pub(crate) struct Network {
    _lab: Lab,
    /// Of the devices that answer, in the order of their credentials.
    addresses: [SocketAddrV4; 2],
    deaf: SocketAddrV4,
    echo: u16,
}

impl Network {
    pub(crate) async fn start() -> Self {
        let first = SocketAddrV4::new(Ipv4Addr::new(127, 78, 0, 1), free_port());
        let mut config = lab::fleet(3, 4, first, false);
        for (device, community) in config.devices.iter_mut().zip([BY_CLI, BY_API, "another"]) {
            device.community = community.to_owned();
        }
        let [one, two, deaf] = [0, 1, 2].map(|at| config.devices[at].address);
        let lab = Lab::start(config).unwrap();
        Self { _lab: lab, addresses: [one, two], deaf, echo: echo().await }
    }

    /// Credentials by the command line and by the API, and devices that use them.
    pub(crate) async fn add_devices(
        &self,
        visitor: &Visitor,
        state: &Path,
        url: &str,
        listen: &str,
        evidence: &mut Evidence,
    ) {
        let secret = state.with_extension("secret");
        write(&secret, format!("{BY_CLI}\n")).unwrap();
        let mut command = program("credential", state, url, listen);
        command.args(["add", "by-cli"]).stdin(std::fs::File::open(&secret).unwrap());
        let said = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        evidence.add("command credential add", [said.stdout, said.stderr].concat());
        for (name, community) in [("by-api", BY_API), ("wrong", WRONG)] {
            let body = json!({"kind": "snmp_v2c", "community": community});
            visitor.ok("PUT", &format!("/credentials/v1/credentials/{name}"), body).await;
        }
        let [one, two] = self.addresses;
        let echo = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.echo);
        for (name, address, credential) in [
            ("one", one, "by-cli"),
            (MARK, two, "by-api"),
            ("deaf", self.deaf, "wrong"),
            ("echo", echo, "by-api"),
        ] {
            let (address, port) = (address.ip().to_string(), address.port());
            let test = json!({"address": address, "port": port, "credential": credential});
            visitor.ok("POST", "/inventory/v1/device-tests", test).await;
            let body = json!({"name": name, "address": address, "port": port,
                "credential": credential, "interval_ms": 1_000, "icmp": false});
            visitor.ok("POST", "/inventory/v1/devices", body).await;
        }
    }

    /// Until the secrets have been used, rightly and in vain.
    pub(crate) async fn until_up(&self, visitor: &Visitor, state: &Path) {
        until("the devices' states", state, async || {
            let list = visitor.get("/inventory/v1/devices").await;
            let state = |name: &str| {
                let is = |device: &&serde_json::Value| device["name"] == name;
                let device = list["items"].as_array()?.iter().find(is)?;
                Some(device["state"].as_str()?.to_owned())
            };
            let expected =
                [("one", "up"), (MARK, "up"), ("deaf", "down"), ("echo", "degraded down")];
            expected
                .iter()
                .all(|(name, is)| state(name).is_some_and(|it| is.contains(&it)))
                .then_some(())
        })
        .await;
    }
}

async fn echo() -> u16 {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut request = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            let _ = socket.send_to(&request[..length], from).await;
        }
    });
    port
}
