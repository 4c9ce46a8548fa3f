/// A way in which an agent reaches the network. Clients of OpenAgents refuse a network that names any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Transport {
    /// Requests and polls over HTTP.
    #[default]
    Http,
    /// A WebSocket.
    WebSocket,
    /// gRPC.
    Grpc,
    /// libp2p.
    Libp2p,
    /// WebRTC.
    WebRtc,
    /// The Model Context Protocol.
    Mcp,
    /// The Agent2Agent protocol.
    A2a,
}

impl Transport {
    const ALL: [Self; 7] = [
        Self::Http,
        Self::WebSocket,
        Self::Grpc,
        Self::Libp2p,
        Self::WebRtc,
        Self::Mcp,
        Self::A2a,
    ];

    /// The transport as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::WebSocket => "websocket",
            Self::Grpc => "grpc",
            Self::Libp2p => "libp2p",
            Self::WebRtc => "webrtc",
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
        }
    }

    /// Reads a transport; `None` if there is none of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}
