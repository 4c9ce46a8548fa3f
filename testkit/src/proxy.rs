//! A way to a server that can be made a bad one.

#[cfg(test)]
mod tests;

use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
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
    /// When a client sends something that holds these bytes, resets its connection and passes nothing on.
    ResetBefore(Vec<u8>),
    /// When a client sends something that holds these bytes, passes it on, and resets its connection in place of the
    /// answer.
    ResetInsteadOfAnswer(Vec<u8>),
    /// When a client sends something that holds these bytes, passes it on, and swallows whatever the server says on
    /// that connection from then on.
    SilenceInsteadOfAnswer(Vec<u8>),
    /// Swallows everything in both directions, and leaves connections open.
    Silence,
    /// Passes nothing on, in either direction, until it does something else: then all of it, as TCP does after a
    /// network was away for a moment.
    Hold,
    /// Hangs up on whoever connects. Does nothing to those who are connected; [`FaultProxy::cut`] does.
    Refuse,
    /// Passes everything on, whatever a client sends after this time.
    Delay(Duration),
}

/// A TCP proxy on this machine that passes everything on until it is told otherwise. Bytes are looked for in what
/// arrives together.
///
/// To cut a connection is to end it in good order (FIN), as a program does that is told to stop; to reset one is to end
/// it at once (RST), as a machine does that knows nothing of it.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: Arc<Mutex<NetworkFault>>,
    /// Those that are open, and perhaps some that were.
    connections: Arc<Mutex<Vec<Weak<Connection>>>>,
}

impl FaultProxy {
    /// Starts a proxy to a port of this machine. Its threads end with the process.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = listener.local_addr().expect("it was bound");
        let fault = Arc::new(Mutex::new(NetworkFault::None));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (current, open) = (Arc::clone(&fault), Arc::clone(&connections));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if *lock(&current) == NetworkFault::Refuse {
                    continue;
                }
                // Without a server the client is hung up on, as it would be by none.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    let connection = Arc::new(Connection::new(client, server));
                    let mut open = lock(&open);
                    open.retain(|it: &Weak<Connection>| it.strong_count() > 0);
                    open.push(Arc::downgrade(&connection));
                    connection.join(&current);
                }
            }
        });
        Self {
            address,
            fault,
            connections,
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts every connection that is open.
    pub fn cut(&self) {
        self.end(Ending::Cut);
    }

    /// Resets every connection that is open.
    pub fn reset(&self) {
        self.end(Ending::Reset);
    }

    fn end(&self, ending: Ending) {
        for connection in lock(&self.connections).drain(..) {
            if let Some(connection) = connection.upgrade() {
                connection.end(ending);
            }
        }
    }

    /// From now on does this, to connections that are open already too.
    pub fn set(&self, fault: NetworkFault) {
        *lock(&self.fault) = fault;
    }
}

/// A client and the server behind the proxy. The sockets close when both directions have come to an end.
#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// How it was ended, once it was.
    ending: Mutex<Option<Ending>>,
    /// What becomes of what the server says.
    answer: Mutex<Fate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Cut,
    Reset,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Passed,
    Swallowed,
    Ended(Ending),
}

impl Connection {
    fn new(client: TcpStream, server: TcpStream) -> Self {
        for socket in [&client, &server] {
            socket.set_nodelay(true).expect("a socket of TCP");
        }
        Self {
            client,
            server,
            ending: Mutex::new(None),
            answer: Mutex::new(Fate::Passed),
        }
    }

    fn join(self: Arc<Self>, fault: &Arc<Mutex<NetworkFault>>) {
        let (it, current) = (Arc::clone(&self), Arc::clone(fault));
        thread::spawn(move || {
            it.pass_on(&it.client, &it.server, |bytes| {
                let fault = released(&current);
                it.fate_of_request(&fault, bytes)
            });
        });
        let current = Arc::clone(fault);
        thread::spawn(move || {
            self.pass_on(&self.server, &self.client, |_| {
                let fault = released(&current);
                match *lock(&self.answer) {
                    Fate::Passed if fault == NetworkFault::Silence => Fate::Swallowed,
                    fate => fate,
                }
            });
        });
    }

    fn fate_of_request(&self, fault: &NetworkFault, bytes: &[u8]) -> Fate {
        let answered = |fate| {
            *lock(&self.answer) = fate;
            Fate::Passed
        };
        match fault {
            NetworkFault::Silence => Fate::Swallowed,
            NetworkFault::CutBefore(what) if holds(bytes, what) => Fate::Ended(Ending::Cut),
            NetworkFault::ResetBefore(what) if holds(bytes, what) => Fate::Ended(Ending::Reset),
            NetworkFault::CutInsteadOfAnswer(what) if holds(bytes, what) => {
                answered(Fate::Ended(Ending::Cut))
            }
            NetworkFault::ResetInsteadOfAnswer(what) if holds(bytes, what) => {
                answered(Fate::Ended(Ending::Reset))
            }
            NetworkFault::SilenceInsteadOfAnswer(what) if holds(bytes, what) => {
                answered(Fate::Swallowed)
            }
            NetworkFault::Delay(time) => {
                wait(*time);
                Fate::Passed
            }
            NetworkFault::None
            | NetworkFault::Hold
            | NetworkFault::Refuse
            | NetworkFault::CutBefore(_)
            | NetworkFault::CutInsteadOfAnswer(_)
            | NetworkFault::ResetBefore(_)
            | NetworkFault::ResetInsteadOfAnswer(_)
            | NetworkFault::SilenceInsteadOfAnswer(_) => Fate::Passed,
        }
    }

    fn pass_on(&self, mut from: &TcpStream, mut to: &TcpStream, fate: impl Fn(&[u8]) -> Fate) {
        let mut buffer = vec![0; 64 * 1024];
        let mut ending = Ending::Cut;
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            let passed = match fate(bytes) {
                Fate::Passed => to.write_all(bytes).is_ok(),
                Fate::Swallowed => true,
                Fate::Ended(how) => {
                    ending = how;
                    false
                }
            };
            if !passed {
                break;
            }
        }
        self.end(ending);
    }

    /// Ends both ways, unless that is done: how it ended first is how it ends.
    fn end(&self, how: Ending) {
        let mut ending = lock(&self.ending);
        if ending.is_some() {
            return;
        }
        *ending = Some(how);
        for socket in [&self.client, &self.server] {
            // It may be closed already.
            drop(match how {
                Ending::Cut => socket.shutdown(Shutdown::Both),
                // Nothing is said until the socket closes, and then only that. Whoever reads from it wakes and goes.
                Ending::Reset => SockRef::from(socket)
                    .set_linger(Some(Duration::ZERO))
                    .and_then(|()| socket.shutdown(Shutdown::Read)),
            });
        }
    }
}

/// What is to be done, once nothing is held back any more.
fn released(current: &Mutex<NetworkFault>) -> NetworkFault {
    loop {
        let fault = lock(current).clone();
        if fault != NetworkFault::Hold {
            return fault;
        }
        wait(Duration::from_millis(5));
    }
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

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
