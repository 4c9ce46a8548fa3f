//! A way to a server that can be made a bad one.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What a [`FaultProxy`] does to those who use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkFault {
    /// Nothing.
    None,
    /// When a client sends something that holds these bytes, cuts its connection and passes nothing on.
    CutBefore(Vec<u8>),
    /// When a client sends something that holds these bytes, passes it on, and cuts its connection in place of the
    /// answer.
    CutInsteadOfAnswer(Vec<u8>),
    /// Passes on what clients send, so much later.
    Delay(Duration),
    /// Swallows everything in both directions, and leaves connections open.
    Silence,
}

/// A TCP proxy on this machine that passes everything on until it is told otherwise. Bytes are looked for in what
/// arrives together.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: Arc<Mutex<NetworkFault>>,
    /// Clients that were connected since they were last cut.
    clients: Arc<Mutex<Vec<TcpStream>>>,
}

impl FaultProxy {
    /// Starts a proxy to a port of this machine. Its threads end with the process.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = listener.local_addr().expect("it was bound");
        let fault = Arc::new(Mutex::new(NetworkFault::None));
        let clients = Arc::new(Mutex::new(Vec::new()));
        let (current, connected) = (Arc::clone(&fault), Arc::clone(&clients));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let held = client.try_clone().expect("a socket can be held twice");
                let mut connected = connected.lock().unwrap_or_else(PoisonError::into_inner);
                connected.push(held);
                drop(connected);
                // Without a server the client is hung up on, as it would be by none.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    join(&client, &server, &current);
                }
            }
        });
        Self {
            address,
            fault,
            clients,
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts every connection that is open.
    pub fn cut(&self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        for client in clients.drain(..) {
            // It may be closed already.
            drop(client.shutdown(Shutdown::Both));
        }
    }

    /// From now on does this, to connections that are open already too.
    pub fn set(&self, fault: NetworkFault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

fn join(client: &TcpStream, server: &TcpStream, fault: &Arc<Mutex<NetworkFault>>) {
    let both = || {
        let clone = |it: &TcpStream| it.try_clone().expect("a socket can be held twice");
        (clone(client), clone(server))
    };
    let cut_answer = Arc::new(AtomicBool::new(false));
    for socket in [client, server] {
        socket.set_nodelay(true).expect("a socket of TCP");
    }
    let ((from, to), current, cut) = (both(), Arc::clone(fault), Arc::clone(&cut_answer));
    thread::spawn(move || {
        pass_on(&from, &to, |bytes| {
            let fault = current.lock().unwrap_or_else(PoisonError::into_inner);
            match &*fault {
                NetworkFault::Silence => Fate::Swallowed,
                NetworkFault::Delay(time) => Fate::Late(*time),
                NetworkFault::CutBefore(what) if holds(bytes, what) => Fate::Cut,
                NetworkFault::CutInsteadOfAnswer(what) if holds(bytes, what) => {
                    cut.store(true, Ordering::SeqCst);
                    Fate::Passed
                }
                NetworkFault::None
                | NetworkFault::CutBefore(_)
                | NetworkFault::CutInsteadOfAnswer(_) => Fate::Passed,
            }
        });
    });
    let ((to, from), current) = (both(), Arc::clone(fault));
    thread::spawn(move || {
        pass_on(&from, &to, |_| {
            let fault = current.lock().unwrap_or_else(PoisonError::into_inner);
            if cut_answer.load(Ordering::SeqCst) {
                Fate::Cut
            } else if *fault == NetworkFault::Silence {
                Fate::Swallowed
            } else {
                Fate::Passed
            }
        });
    });
}

enum Fate {
    Passed,
    Late(Duration),
    Swallowed,
    Cut,
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, fate: impl Fn(&[u8]) -> Fate) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..count];
        let passed = match fate(bytes) {
            Fate::Passed => to.write_all(bytes).is_ok(),
            Fate::Late(time) => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a thread of its own, which is to be late"
                )]
                thread::sleep(time);
                to.write_all(bytes).is_ok()
            }
            Fate::Swallowed => true,
            Fate::Cut => false,
        };
        if !passed {
            break;
        }
    }
    for socket in [from, to] {
        // It may be closed already.
        drop(socket.shutdown(Shutdown::Both));
    }
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
