//! What the client and the server see of each end of a connection.

use super::*;
use std::io::ErrorKind;
use std::sync::mpsc;

const DEADLINE: Duration = Duration::from_secs(30);

/// Serves one connection: answers each request with "pong". Tells what it heard, then how it ended.
fn server() -> (u16, mpsc::Receiver<Result<Vec<u8>, ErrorKind>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = mpsc::sync_channel(16);
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut buffer = [0; 64];
        loop {
            let read = client.read(&mut buffer);
            let ended = !matches!(read, Ok(1..));
            let read = read.map(|count| buffer[..count].to_vec());
            told.send(read.map_err(|error| error.kind())).unwrap();
            if ended {
                return;
            }
            // The client may be gone.
            drop(client.write_all(b"pong"));
        }
    });
    (port, heard)
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client
}

/// Sends a request; answers how the reply ends.
fn ask(client: &mut TcpStream) -> Result<Vec<u8>, ErrorKind> {
    let mut buffer = [0; 64];
    let asked = client
        .write_all(b"ping")
        .and_then(|()| client.read(&mut buffer));
    let asked = asked.map(|count| buffer[..count].to_vec());
    asked.map_err(|error| error.kind())
}

/// Caught: a reset that says FIN first, which the client reads as an end in good order.
#[test]
fn a_reset_is_no_end_in_good_order() {
    let (end, reset) = (Ok(Vec::new()), Err(ErrorKind::ConnectionReset));
    let ping = || b"ping".to_vec();
    for (fault, seen, arrives) in [
        (NetworkFault::CutBefore(ping()), &end, false),
        (NetworkFault::CutInsteadOfAnswer(ping()), &end, true),
        (NetworkFault::ResetBefore(ping()), &reset, false),
        (NetworkFault::ResetInsteadOfAnswer(ping()), &reset, true),
    ] {
        let (port, heard) = server();
        let proxy = FaultProxy::to(port);
        proxy.set(fault.clone());
        assert_eq!(&ask(&mut connect(&proxy)), seen, "{fault:?}");
        let first = heard.recv_timeout(DEADLINE).unwrap();
        assert_eq!(first == Ok(ping()), arrives, "{fault:?}: {first:?}");
    }
}

#[test]
fn open_connections_are_reset_when_told_so_on_both_sides() {
    let (port, heard) = server();
    let proxy = FaultProxy::to(port);
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client), Ok(b"pong".to_vec()));
    proxy.reset();
    let mut buffer = [0; 64];
    let read = client.read(&mut buffer).map_err(|error| error.kind());
    assert_eq!(read, Err(ErrorKind::ConnectionReset));
    let heard: Vec<_> = heard.iter().collect();
    assert_eq!(
        heard,
        [Ok(b"ping".to_vec()), Err(ErrorKind::ConnectionReset)]
    );
}
