//! A proxy between the program and its database that knows the protocol, and cuts the connection
//! at each statement: once before the server has seen it, once when the server has done it and the
//! answer is on its way. What there is to cut it learns from what passes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A message of a COPY is smaller; a longer one is a sign that this proxy reads it wrongly.
const LARGEST: usize = 64 << 20;
/// So many cuts of a sink in a row until a transaction of it goes through: pauses between its tries
/// grow with each.
const IN_A_ROW: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// The server never sees the statement.
    Before,
    /// The server has done it, the answer is lost.
    After,
}

/// What was seen and cut of one application.
#[derive(Default)]
struct Seen {
    cut: BTreeSet<(String, When)>,
    in_a_row: usize,
    /// Transactions that went through since the last cut.
    whole: usize,
}

/// What the proxy does, and has done.
pub(crate) struct Plan {
    by_name: BTreeMap<String, Seen>,
    /// Names of applications that are cut begin with one of these.
    pub(crate) of: Vec<&'static str>,
}

/// The rows of a COPY have no answer of their own.
fn is_answered(statement: &str) -> bool {
    !statement.starts_with("rows of ")
}

impl Plan {
    /// For applications whose names begin so.
    pub(crate) fn new(beginning: &'static str) -> Self {
        Self { by_name: BTreeMap::new(), of: vec![beginning] }
    }

    /// Whether the connection is to be cut at this statement.
    fn at(&mut self, name: &str, statement: &str) -> Option<When> {
        if !self.of.iter().any(|beginning| name.starts_with(beginning)) {
            return None;
        }
        let seen = self.by_name.entry(name.to_owned()).or_default();
        if name.starts_with("opsconductor sink ") && seen.in_a_row >= IN_A_ROW {
            return None;
        }
        let when = [When::Before, When::After].into_iter().find(|when| {
            let possible = *when == When::Before || is_answered(statement);
            possible && !seen.cut.contains(&(statement.to_owned(), *when))
        })?;
        seen.cut.insert((statement.to_owned(), when));
        seen.in_a_row += 1;
        seen.whole = 0;
        Some(when)
    }

    /// The client has the answer to this statement.
    fn passed(&mut self, name: &str, statement: &str) {
        if let ("COMMIT", Some(seen)) = (statement, self.by_name.get_mut(name)) {
            seen.in_a_row = 0;
            seen.whole += 1;
        }
    }

    /// Every cut there was of an application, and whether nothing is left to cut: transactions went
    /// through, one after the other, in which nothing was new.
    pub(crate) fn cuts(&self, name: &str) -> (Vec<(String, When)>, bool) {
        let Some(seen) = self.by_name.get(name) else { return (Vec::new(), false) };
        (seen.cut.iter().cloned().collect(), seen.whole > IN_A_ROW)
    }

    /// Names and numbers of cuts.
    pub(crate) fn counts(&self) -> Vec<(&str, usize)> {
        self.by_name.iter().map(|(name, seen)| (name.as_str(), seen.cut.len())).collect()
    }
}

/// One connection's statements: by name, by portal, and what is waited for.
struct Session {
    name: String,
    plan: Arc<Mutex<Plan>>,
    prepared: HashMap<Vec<u8>, String>,
    bound: String,
    copy: Option<String>,
    /// What the server is doing, and whether its answer is to be lost.
    running: Option<(String, bool)>,
}

/// The text up to the next zero, and what follows it.
fn text(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

/// In one line.
fn one_line(sql: &[u8]) -> String {
    String::from_utf8_lossy(sql).split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Session {
    /// The statement that this message of the client has the server run.
    fn statement(&mut self, kind: u8, body: &[u8]) -> Option<String> {
        match kind {
            b'Q' => {
                let sql = one_line(text(body).0);
                self.copy = sql.starts_with("COPY ").then(|| sql.clone());
                Some(sql)
            }
            b'P' => {
                let (name, rest) = text(body);
                self.prepared.insert(name.to_vec(), one_line(text(rest).0));
                None
            }
            b'B' => {
                let (_, rest) = text(body);
                self.bound = self.prepared.get(text(rest).0).cloned().unwrap_or_default();
                None
            }
            b'E' => Some(self.bound.clone()),
            b'd' => Some(format!("rows of {}", self.copy.as_deref()?)),
            b'c' => Some(format!("end of {}", self.copy.as_deref()?)),
            _ => None,
        }
    }

    /// Whether a message of the client may pass.
    fn up(&mut self, kind: u8, body: &[u8]) -> bool {
        let Some(statement) = self.statement(kind, body) else { return true };
        let cut = self.plan.lock().unwrap().at(&self.name, &statement);
        self.running = Some((statement, cut == Some(When::After)));
        cut != Some(When::Before)
    }

    /// Whether a message of the server may pass.
    fn down(&mut self, kind: u8) -> bool {
        // Done; nothing to do; wants the rows of a COPY.
        let answers = matches!(kind, b'C' | b'I' | b'G');
        let Some((statement, lost)) = self.running.take_if(|_| answers) else { return true };
        if !lost {
            self.plan.lock().unwrap().passed(&self.name, &statement);
        }
        !lost
    }
}

/// Passes messages on, each a type and a length with what follows, while they may pass.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut may: impl FnMut(u8, &[u8]) -> bool,
) -> std::io::Result<()> {
    loop {
        let mut message = vec![0; 5];
        from.read_exact(&mut message).await?;
        let [kind, a, b, c, d] = message[..] else { unreachable!() };
        let length = u32::from_be_bytes([a, b, c, d]) as usize - 4;
        assert!(length <= LARGEST, "a message of {length} bytes");
        message.resize(5 + length, 0);
        from.read_exact(&mut message[5..]).await?;
        if !may(kind, &message[5..]) {
            return Ok(());
        }
        to.write_all(&message).await?;
    }
}

/// The first message of a session: whole, and the application that it names. Whoever asks for TLS
/// first is answered that there is none.
async fn greeting(client: &mut TcpStream) -> std::io::Result<(Vec<u8>, String)> {
    loop {
        let mut message = vec![0; 4];
        client.read_exact(&mut message).await?;
        let [a, b, c, d] = message[..] else { unreachable!() };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        message.resize(length, 0);
        client.read_exact(&mut message[4..]).await?;
        if length == 8 {
            client.write_all(b"N").await?;
            continue;
        }
        let words: Vec<&[u8]> = message[8..].split(|byte| *byte == 0).collect();
        let named = words.windows(2).find(|pair| pair[0] == b"application_name");
        let name =
            named.map_or(String::new(), |pair| String::from_utf8_lossy(pair[1]).into_owned());
        return Ok((message, name));
    }
}

async fn session(mut client: TcpStream, server: String, plan: Arc<Mutex<Plan>>) {
    let Ok((first, name)) = greeting(&mut client).await else { return };
    let Ok(mut upstream) = TcpStream::connect(&server).await else { return };
    // Each message is sent by itself, and must not wait for the last one's acknowledgement.
    if client.set_nodelay(true).is_err() || upstream.set_nodelay(true).is_err() {
        return;
    }
    if upstream.write_all(&first).await.is_err() {
        return;
    }
    let session = Mutex::new(Session {
        name,
        plan,
        prepared: HashMap::new(),
        bound: String::new(),
        copy: None,
        running: None,
    });
    let ((cr, cw), (sr, sw)) = (client.into_split(), upstream.into_split());
    // Whichever ends first ends the other.
    tokio::select! {
        _ = pass(cr, sw, |kind, body| session.lock().unwrap().up(kind, body)) => {}
        _ = pass(sr, cw, |kind, _| session.lock().unwrap().down(kind)) => {}
    }
}

/// Its port.
pub(crate) async fn start(server: String, plan: Arc<Mutex<Plan>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(session(client, server.clone(), Arc::clone(&plan)));
        }
    });
    port
}
