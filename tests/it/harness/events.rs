use super::DEADLINE;
use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

/// A server-sent event.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// The events of an answer, as they come.
#[derive(Debug)]
pub(crate) struct Events {
    response: Response,
    unread: String,
}

impl Events {
    #[track_caller]
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        let format = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(format, "text/event-stream");
        Self {
            response,
            unread: String::new(),
        }
    }

    /// The next event; none once the answer has ended as it should.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let block: String = self.unread.drain(..end + 2).collect();
                match parse(&block) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = timeout(DEADLINE, self.response.chunk())
                .await
                .expect("the next event comes in time")
                .expect("the answer is not cut off");
            let chunk = chunk?;
            self.unread.push_str(str::from_utf8(&chunk).unwrap());
        }
    }

    /// Everything up to the end.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// A block that is more than a comment.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Some(Event {
        data: serde_json::from_str(field("data")?).unwrap(),
        name: field("event")?.to_owned(),
    })
}
