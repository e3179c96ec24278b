//! A proxy between the sinks and the database that cuts each connection after one message more
//! than the last: so every message of connecting, of reading positions and of a whole batch is once
//! the last that gets through. `sinks/src/tests/cut.rs` does the same to one sink byte by byte.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::common::database;
use super::running::Running;
use super::{prove, room};

/// Messages of one direction after which nothing new happens: a connection has read positions and
/// written several batches by then.
const MOST: usize = 48;
/// A message of a COPY is smaller; a longer one is a sign that this proxy reads it wrongly.
const LARGEST: usize = 64 << 20;
/// What a connection that is let live is given: some batches.
const LIVES: Duration = Duration::from_millis(1_000);

/// Every message in full, every fourth among all other tests.
fn step() -> usize {
    if prove() { 1 } else { 4 }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Where each sink's next connection is cut, and how often that happened.
#[derive(Default)]
struct Plan {
    /// By the name of the application: connections so far.
    connections: HashMap<String, usize>,
    /// Of each sink the messages after which it was cut.
    cuts: HashMap<(String, bool), Vec<usize>>,
    done: bool,
}

impl Plan {
    /// Side and number of messages, none where this connection is let live for a while: after each
    /// cut one, so that no pause between two tries grows long.
    fn next(&mut self, name: &str) -> Option<(Side, usize)> {
        let number = self.connections.entry(name.to_owned()).or_default();
        *number += 1;
        if self.done || number.is_multiple_of(2) {
            return None;
        }
        let step = step();
        let turn = *number / 2;
        let side = if turn.is_multiple_of(2) { Side::Client } else { Side::Server };
        let messages = 1 + (turn / 2) * step;
        (messages <= MOST).then_some((side, messages))
    }
}

/// Passes messages on, each a type and a length with what follows, until so many have passed.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    most: Option<usize>,
) -> std::io::Result<usize> {
    let mut passed = 0;
    while most.is_none_or(|most| passed < most) {
        let mut message = vec![0; 5];
        from.read_exact(&mut message).await?;
        let [.., a, b, c, d] = message[..] else { unreachable!() };
        let length = u32::from_be_bytes([a, b, c, d]) as usize - 4;
        assert!(length <= LARGEST, "a message of {length} bytes");
        message.resize(5 + length, 0);
        from.read_exact(&mut message[5..]).await?;
        to.write_all(&message).await?;
        passed += 1;
    }
    Ok(passed)
}

/// The first message of a session: whole, and the application that it names. Whoever asks for TLS
/// first is told that there is none.
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
    if upstream.write_all(&first).await.is_err() {
        return;
    }
    let is_sink = name.starts_with("opsconductor sink ");
    let cut = if is_sink { plan.lock().unwrap().next(&name) } else { None };
    let ends = is_sink && cut.is_none() && !plan.lock().unwrap().done;
    let limit = |side| cut.filter(|(of, _)| *of == side).map(|(_, messages)| messages);
    let ((cr, cw), (sr, sw)) = (client.into_split(), upstream.into_split());
    let up = pass(cr, sw, limit(Side::Client));
    let down = pass(sr, cw, limit(Side::Server));
    let life = async {
        if ends {
            tokio::time::sleep(LIVES).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    // Whichever ends first ends the other.
    let whole = tokio::select! {
        up = up => up.is_ok(),
        down = down => down.is_ok(),
        () = life => false,
    };
    if let (true, Some((side, messages))) = (whole, cut) {
        let mut plan = plan.lock().unwrap();
        plan.cuts.entry((name, side == Side::Client)).or_default().push(messages);
    }
}

async fn proxy(server: String, plan: Arc<Mutex<Plan>>) -> u16 {
    let port = lab::free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(session(client, server.clone(), Arc::clone(&plan)));
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_after_any_message_loses_nothing() {
    let _room = room().await;
    let Some(url) = database("cut").await else { return };
    let options = PgConnectOptions::from_str(&url).unwrap();
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let plan = Arc::<Mutex<Plan>>::default();
    let port = proxy(server.clone(), Arc::clone(&plan)).await;
    let through = url.replace(&server, &format!("127.0.0.1:{port}"));
    assert_ne!(through, url);
    let pool = PgPool::connect_lazy(&url).unwrap();
    let mut running = Running::start(&through, &[]);

    let began = Instant::now();
    let metric = "opsconductor sink metric";
    running
        .until(async |_| {
            let seen = plan.lock().unwrap().connections.get(metric).copied().unwrap_or(0);
            let last = 4 * MOST / step();
            if seen > last { Ok(()) } else { Err(format!("{seen} of {last} connections")) }
        })
        .await;
    plan.lock().unwrap().done = true;
    running.until_more(&pool, 60).await;
    running.until_ready().await;
    {
        let plan = plan.lock().unwrap();
        let cuts: usize = plan.cuts.values().map(Vec::len).sum();
        for client in [true, false] {
            let of_metric = &plan.cuts[&(metric.to_owned(), client)];
            assert!(of_metric.len() >= MOST / step() / 2, "{of_metric:?}");
            println!("the samples' sink was cut after {of_metric:?} messages");
        }
        println!("{cuts} connections of all sinks cut in {:?}", began.elapsed());
    }
    println!("cut: {}", running.balance(&pool).await);
}
