use super::Message;
use anyhow::{Context, bail};
use std::net::Ipv4Addr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// As much of Redis as it takes to hear every channel of events, and to publish.
pub(super) struct Redis {
    stream: BufStream<TcpStream>,
    subscribed: bool,
}

impl Redis {
    pub(super) async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self {
            stream: BufStream::new(stream),
            subscribed: false,
        })
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Message> {
        if !self.subscribed {
            self.command(&[b"PSUBSCRIBE", b"events:registry:*"]).await?;
            self.subscribed = true;
        }
        loop {
            let parts = self.parts().await?;
            if let [kind, _, channel, bytes] = parts.as_slice()
                && kind == b"pmessage"
            {
                return Ok(Message {
                    channel: String::from_utf8(channel.clone())?,
                    bytes: bytes.clone(),
                });
            }
        }
    }

    pub(super) async fn publish(&mut self, message: &Message) -> anyhow::Result<()> {
        let channel = message.channel.as_bytes();
        self.command(&[b"PUBLISH", channel, &message.bytes]).await?;
        self.parts().await?;
        Ok(())
    }

    async fn command(&mut self, words: &[&[u8]]) -> anyhow::Result<()> {
        let stream = &mut self.stream;
        stream
            .write_all(format!("*{}\r\n", words.len()).as_bytes())
            .await?;
        for word in words {
            stream
                .write_all(format!("${}\r\n", word.len()).as_bytes())
                .await?;
            stream.write_all(word).await?;
            stream.write_all(b"\r\n").await?;
        }
        Ok(stream.flush().await?)
    }

    /// An answer: the texts of a list, or nothing of a number.
    async fn parts(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        let head = self.line().await?;
        let Some(count) = head.strip_prefix('*') else {
            return Ok(Vec::new());
        };
        let mut parts = Vec::new();
        for _ in 0..count.parse()? {
            let head = self.line().await?;
            let Some(length) = head.strip_prefix('$') else {
                continue;
            };
            let mut bytes = vec![0; length.parse::<usize>()? + 2];
            self.stream.read_exact(&mut bytes).await?;
            bytes.truncate(bytes.len() - 2);
            parts.push(bytes);
        }
        Ok(parts)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            bail!("hung up");
        }
        let line = line.strip_suffix("\r\n").context("half a line")?;
        Ok(line.to_owned())
    }
}
