//! Counting what a client asks of a server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What the first line of every HTTP/1.1 request ends with, and nothing else that our clients send holds.
const END: &[u8] = b" HTTP/1.1\r\n";

/// A TCP proxy on this machine that notes the first line of every HTTP request that passes.
#[derive(Debug)]
pub struct RequestCounter {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl RequestCounter {
    /// Starts a proxy to a port of this machine. Its threads end with the process.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = listener.local_addr().expect("it was bound");
        let seen = Arc::default();
        let noted = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    join(&client, &server, &noted);
                }
            }
        });
        Self { address, seen }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests since it was last asked, each as its method and its path.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn join(client: &TcpStream, server: &TcpStream, seen: &Arc<Mutex<Vec<String>>>) {
    let clone = |it: &TcpStream| it.try_clone().expect("a socket can be held twice");
    for socket in [client, server] {
        socket.set_nodelay(true).expect("a socket of TCP");
    }
    let (from, to, seen) = (clone(client), clone(server), Arc::clone(seen));
    thread::spawn(move || {
        pass_on(&from, &to, |bytes| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(requests(bytes));
        });
    });
    let (from, to) = (clone(server), clone(client));
    thread::spawn(move || pass_on(&from, &to, |_| {}));
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, mut look: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        look(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    for socket in [from, to] {
        // It may be closed already.
        drop(socket.shutdown(Shutdown::Both));
    }
}

/// The requests that begin in these bytes. A client writes the head of a request at once.
fn requests(bytes: &[u8]) -> Vec<String> {
    let ends = bytes
        .windows(END.len())
        .enumerate()
        .filter(|(_, window)| *window == END)
        .map(|(at, _)| at);
    ends.map(|end| {
        let before = &bytes[..end];
        let begin = before.iter().rposition(|byte| *byte == b'\n');
        let line = &before[begin.map_or(0, |newline| newline + 1)..];
        String::from_utf8_lossy(line).into_owned()
    })
    .collect()
}
