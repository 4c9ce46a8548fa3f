use super::Message;
use anyhow::{Context, bail};
use std::net::Ipv4Addr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// As much of NATS as it takes to hear every subject of events, and to publish.
pub(super) struct Nats {
    stream: BufStream<TcpStream>,
    subscribed: bool,
}

impl Nats {
    pub(super) async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let mut nats = Self {
            stream: BufStream::new(stream),
            subscribed: false,
        };
        nats.say(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n")
            .await?;
        Ok(nats)
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Message> {
        if !self.subscribed {
            self.say(b"SUB events.> 1\r\n").await?;
            self.subscribed = true;
        }
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                bail!("hung up");
            }
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.as_slice() {
                ["PING"] => self.say(b"PONG\r\n").await?,
                ["MSG", subject, .., length] => {
                    let length: usize = length.parse().context("a length")?;
                    let mut bytes = vec![0; length + 2];
                    self.stream.read_exact(&mut bytes).await?;
                    bytes.truncate(length);
                    return Ok(Message {
                        channel: (*subject).to_owned(),
                        bytes,
                    });
                }
                _ => {}
            }
        }
    }

    pub(super) async fn publish(&mut self, message: &Message) -> anyhow::Result<()> {
        let Message { channel, bytes } = message;
        let head = format!("PUB {channel} {}\r\n", bytes.len());
        self.say(&[head.as_bytes(), bytes, b"\r\n"].concat()).await
    }

    async fn say(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }
}
