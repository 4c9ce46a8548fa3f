use super::{DEADLINE, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends these bytes and answers the status and everything that came back until the node closed the connection.
pub(crate) async fn raw(node: &Node, request: &[u8]) -> (u16, String) {
    let exchange = async {
        let mut stream = TcpStream::connect(node.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let answer = timeout(DEADLINE, exchange).await.expect("answered in time");
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {answer:?}"));
    (status, answer)
}

/// Asks bots that nobody registered, a hundred at a time on one connection; each must be answered with 404.
pub(crate) async fn chat_with_strangers(node: &Node, ids: impl IntoIterator<Item = String>) {
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    let address = node.address();
    let request = |id: String| {
        let body = r#"{"message":"hi"}"#;
        format!(
            "POST /api/v1/bots/{id}/chat HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let mut ids = ids.into_iter().peekable();
    while ids.peek().is_some() {
        let batch: Vec<String> = ids.by_ref().take(100).map(request).collect();
        stream.write_all(batch.concat().as_bytes()).await.unwrap();
        let mut answers = Vec::new();
        loop {
            let read = timeout(DEADLINE, stream.read_buf(&mut answers));
            let count = read.await.expect("answered in time").unwrap();
            assert_ne!(count, 0, "cut off");
            let text = str::from_utf8(&answers).unwrap();
            let (all, unknown) = (text.matches("HTTP/1.1 "), text.matches("HTTP/1.1 404 "));
            let (all, unknown) = (all.count(), unknown.count());
            assert_eq!(all, unknown, "{text}");
            if unknown == batch.len() && text.ends_with('}') {
                break;
            }
        }
    }
}
