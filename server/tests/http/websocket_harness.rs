//! A server that listens, and agents that connect to it with a real client.

use crate::harness::{DEADLINE, Node};
use futures::{SinkExt, StreamExt};
use hotbed_registry::Admission;
use hotbed_server::{Limits, ServeError, ServerState, serve};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

pub(crate) struct Running {
    pub(crate) node: Node,
    pub(crate) address: SocketAddr,
    server: JoinSet<Result<(), ServeError>>,
}

impl Running {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), |_| ()).await
    }

    pub(crate) async fn with(limits: Limits, change: impl FnOnce(&mut ServerState)) -> Self {
        let mut node = Node::with(limits, Admission::Permissive).await;
        change(&mut node.state);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, node.state.clone()));
        Self {
            node,
            address,
            server,
        }
    }

    /// Connects with these headers; the status if it is refused.
    pub(crate) async fn try_connect(&self, headers: &[(&'static str, &str)]) -> Result<Agent, u16> {
        let socket = TcpSocket::new_v4().unwrap();
        // Little room, so that it is soon full.
        socket.set_recv_buffer_size(8 << 10).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let mut request = format!("ws://{}/ws", self.address)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Agent { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn connect(&self) -> Agent {
        self.try_connect(&[]).await.unwrap()
    }

    /// An agent that registered over its own connection, and its secret.
    pub(crate) async fn agent(&self, agent_id: &str) -> (Agent, String) {
        let mut agent = self.connect().await;
        let register = json!({"type": "register", "agent_id": agent_id, "request_id": "r"});
        let answer = agent.ask(register).await;
        assert_eq!(answer["success"], true, "{answer}");
        let secret = answer["secret"].as_str().unwrap().to_owned();
        (agent, secret)
    }

    pub(crate) async fn end(mut self) -> Result<(), ServeError> {
        self.node.state.shutdown.cancel();
        let ended = timeout(DEADLINE, self.server.join_next()).await;
        ended.expect("it ends in time").unwrap().unwrap()
    }
}

pub(crate) struct Agent {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Agent {
    pub(crate) async fn say(&mut self, message: &Value) {
        let text = Message::text(message.to_string());
        timeout(DEADLINE, self.socket.send(text))
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) async fn frame(&mut self) -> Option<Message> {
        let next = timeout(DEADLINE, self.socket.next());
        next.await.expect("something in time").map(Result::unwrap)
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.frame().await.expect("the connection goes on") {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Says something and waits for what comes next.
    pub(crate) async fn ask(&mut self, message: Value) -> Value {
        self.say(&message).await;
        self.next().await
    }

    /// The id of the next event.
    pub(crate) async fn event(&mut self) -> String {
        let told = self.next().await;
        assert_eq!(told["type"], "event", "{told}");
        told["event"]["event_id"].as_str().unwrap().to_owned()
    }

    /// The code with which the server closes, after whatever else it says.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            let frame = self.frame().await.expect("it is closed and not cut");
            if let Message::Close(frame) = frame {
                return frame.unwrap().code.into();
            }
        }
    }
}
