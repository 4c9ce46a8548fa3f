use std::time::Duration;

/// How much a server takes before it says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest body of a request. Default 8 MiB.
    pub body_bytes: usize,
    /// How much memory bodies larger than 64 KiB may take, those of all requests under way together: once as they
    /// arrive, and once as values; a single body of the largest size always has room. Default 64 MiB.
    pub body_memory: usize,
    /// How long a body waits for such memory. Default 5 s.
    pub body_wait: Duration,
    /// How long a body may take to arrive. Default 30 s.
    pub body_read: Duration,
    /// How long the head of a request may take to arrive, from when the connection became idle. Default 75 s.
    pub head_read: Duration,
    /// How long reading or writing registrations may take. Default 30 s.
    pub request: Duration,
    /// How long a request waits for the revision it demands. Default 5 s.
    pub catch_up: Duration,
    /// How many requests may be under way. Beyond it they are refused, not queued. Default 1,024.
    pub requests: usize,
    /// How many streams, long polls and long lists may be open. Default 4,096.
    pub streams: usize,
    /// How many connections may be open. Beyond it new ones wait to be accepted. Default 16,384.
    pub connections: usize,
    /// How long requests under way may take once the server is to end. Default 30 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            body_memory: 64 << 20,
            body_wait: Duration::from_secs(5),
            body_read: Duration::from_secs(30),
            head_read: Duration::from_secs(75),
            request: Duration::from_secs(30),
            catch_up: Duration::from_secs(5),
            requests: 1_024,
            streams: 4_096,
            connections: 16_384,
            drain: Duration::from_secs(30),
        }
    }
}
