//! A way to a server that can be made a bad one.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// When a client sends something that holds these bytes, passes it on, and swallows whatever the server says on
    /// that connection from then on.
    SilenceInsteadOfAnswer(Vec<u8>),
    /// Swallows everything in both directions, and leaves connections open.
    Silence,
    /// Passes everything on, whatever a client sends after this time.
    Delay(Duration),
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
                lock(&connected).push(held);
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
        for client in lock(&self.clients).drain(..) {
            // It may be closed already.
            drop(client.shutdown(Shutdown::Both));
        }
    }

    /// From now on does this, to connections that are open already too.
    pub fn set(&self, fault: NetworkFault) {
        *lock(&self.fault) = fault;
    }
}

fn join(client: &TcpStream, server: &TcpStream, fault: &Arc<Mutex<NetworkFault>>) {
    let both = || {
        let clone = |it: &TcpStream| it.try_clone().expect("a socket can be held twice");
        (clone(client), clone(server))
    };
    let answer = Arc::new(Mutex::new(Fate::Passed));
    for socket in [client, server] {
        socket.set_nodelay(true).expect("a socket of TCP");
    }
    let ((from, to), current, next) = (both(), Arc::clone(fault), Arc::clone(&answer));
    thread::spawn(move || {
        pass_on(&from, &to, |bytes| {
            let fault = lock(&current).clone();
            match fault {
                NetworkFault::Silence => return Fate::Swallowed,
                NetworkFault::CutBefore(what) if holds(bytes, &what) => return Fate::Cut,
                NetworkFault::CutInsteadOfAnswer(what) if holds(bytes, &what) => {
                    *lock(&next) = Fate::Cut;
                }
                NetworkFault::SilenceInsteadOfAnswer(what) if holds(bytes, &what) => {
                    *lock(&next) = Fate::Swallowed;
                }
                NetworkFault::Delay(time) => wait(time),
                NetworkFault::None
                | NetworkFault::CutBefore(_)
                | NetworkFault::CutInsteadOfAnswer(_)
                | NetworkFault::SilenceInsteadOfAnswer(_) => {}
            }
            Fate::Passed
        });
    });
    let ((to, from), current) = (both(), Arc::clone(fault));
    thread::spawn(move || {
        pass_on(&from, &to, |_| match *lock(&answer) {
            Fate::Passed if *lock(&current) == NetworkFault::Silence => Fate::Swallowed,
            fate => fate,
        });
    });
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "is the delay, in a thread of its own"
    )]
    thread::sleep(time);
}

#[derive(Clone, Copy)]
enum Fate {
    Passed,
    Swallowed,
    Cut,
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, fate: impl Fn(&[u8]) -> Fate) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..count];
        let passed = match fate(bytes) {
            Fate::Passed => to.write_all(bytes).is_ok(),
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
