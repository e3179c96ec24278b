//! A proxy in front of a broker, which can be shut: connections are cut and new ones refused, or
//! they stay open and nothing comes through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open = 0,
    /// Cut, and refused.
    Cut = 1,
    /// A black hole.
    Silent = 2,
}

/// The gate of one broker.
#[derive(Clone)]
pub(crate) struct Gate(Arc<AtomicU8>);

impl Gate {
    /// Listens at `port` on loopback for what listens at `to`.
    pub(crate) async fn listen(port: u16, to: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let gate = Self(Arc::new(AtomicU8::new(Way::Open as u8)));
        let own = gate.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if own.is(Way::Cut) {
                    continue;
                }
                let gate = own.clone();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                    let ((from, back), (answers, into)) =
                        (client.into_split(), server.into_split());
                    tokio::join!(gate.pass(from, into), gate.pass(answers, back));
                });
            }
        });
        gate
    }

    pub(crate) fn set(&self, way: Way) {
        self.0.store(way as u8, Ordering::SeqCst);
    }

    fn is(&self, way: Way) -> bool {
        self.0.load(Ordering::SeqCst) == way as u8
    }

    async fn pass(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let read = tokio::select! {
                read = from.read(&mut bytes) => read,
                () = self.cut() => return,
            };
            let Ok(count @ 1..) = read else { return };
            while self.is(Way::Silent) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if self.is(Way::Cut) || to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }

    async fn cut(&self) {
        while !self.is(Way::Cut) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
