//! The API's own description.

use crate::harness::{Launch, Node};
use reqwest::Method;
use std::collections::BTreeSet;

#[tokio::test]
async fn everything_that_is_described_is_there() {
    let node = Launch::new().start().await;
    let description = node.get("/api/v1/openapi.json").await.expect(200).json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut count = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            count += 1;
            let request = node.request(method.clone(), &path.replace("{id}", "b"));
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers());
            // Nobody waits for the end of a stream.
            let is_stream = headers
                .get("content-type")
                .is_some_and(|form| form == "text/event-stream");
            let text = if is_stream {
                String::new()
            } else {
                response.text().await.unwrap()
            };
            let shown = format!("{method} {path}: {status} {text}");
            assert_ne!(status, 405, "{shown}");
            assert!(!text.contains("there is nothing at"), "{shown}");
            assert!(status < 500, "{shown}");
            let described =
                &description["paths"][path][method.as_str().to_lowercase()]["responses"];
            assert!(
                !described[status.to_string()].is_null(),
                "this status is not described: {shown}"
            );
        }
    }
    assert!(count > 15, "only {count} operations");
    node.terminate().await;
}

/// What a page loads, of what it names as `src` or `href`.
fn loaded(page: &str) -> Vec<&str> {
    let named = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| page.split(attribute).skip(1));
    named.filter_map(|rest| rest.split('"').next()).collect()
}

async fn files_of_the_page(node: &Node) -> BTreeSet<String> {
    let page = node.get("/docs/").await.expect(200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    loaded(&page.text).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_page_of_the_description_loads_nothing_from_elsewhere() {
    let node = Launch::new().start().await;
    // The client follows the redirect that a person's browser would follow.
    node.get("/docs").await.expect(200);
    let files = files_of_the_page(&node).await;
    assert!(files.len() > 3, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file} is elsewhere");
        let file = file.trim_start_matches("./");
        let answer = node.get(&format!("/docs/{file}")).await.expect(200);
        assert!(!answer.text.is_empty(), "{file}");
    }
    let start = node
        .get("/docs/swagger-initializer.js")
        .await
        .expect(200)
        .text;
    assert!(start.contains("/api/v1/openapi.json"), "{start}");
    assert!(
        !start.contains("http://") && !start.contains("https://"),
        "{start}"
    );
    node.terminate().await;
}
