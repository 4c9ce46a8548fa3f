use crate::harness::{Node, OK, request, with_header};
use axum::http::Method;

#[tokio::test]
async fn a_name_that_was_pointed_at_this_machine_gets_nothing() {
    let node = Node::new().await;
    for path in ["/api/v1/bots", "/healthz", "/metrics", "/docs/", "/nothing"] {
        let refused = node
            .send(with_header(
                request(Method::GET, path),
                "host",
                "evil.example:8700",
            ))
            .await;
        assert_eq!(refused.status, 421, "{path}");
    }
    let local = with_header(
        request(Method::GET, "/api/v1/bots"),
        "host",
        "localhost:8700",
    );
    assert_eq!(node.send(local).await.status, OK);
}

#[tokio::test]
async fn a_page_from_elsewhere_changes_nothing() {
    let node = Node::new().await;
    node.bot("a").await;
    for (method, path) in [
        (Method::POST, "/api/v1/bots/a/deactivate"),
        (Method::POST, "/api/v1/reload"),
        (Method::DELETE, "/api/v1/bots/a"),
    ] {
        let local = with_header(request(method, path), "host", "localhost:8700");
        let refused = node
            .send(with_header(local, "origin", "http://evil.example"))
            .await;
        assert_eq!(refused.status, 403, "{path}");
    }
    assert_eq!(node.head().await.0, 1);
    let own = with_header(
        request(Method::POST, "/api/v1/bots/a/deactivate"),
        "host",
        "localhost:8700",
    );
    assert_eq!(
        node.send(with_header(own, "origin", "http://localhost:8700"))
            .await
            .status,
        OK
    );
}
