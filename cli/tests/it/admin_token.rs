use axum::http::Response;
use hotbed_cli::Exit;

use crate::harness::{Outcome, Server, hotbed_in, json_answer, problem, registration, respond};

const TOKEN: &str = "0123456789abcdef";
const SET: [(&str, &str); 1] = [("HOTBED_ADMIN_TOKEN", TOKEN)];
const GET: [&str; 3] = ["bots", "get", "greeter"];

fn greeter() -> Response<axum::body::Body> {
    json_answer(200, &registration("greeter", 1))
}

fn is_silent_about_it(outcome: &Outcome) -> bool {
    !outcome.output.contains(TOKEN) && !outcome.errors.contains(TOKEN)
}

/// Caught: to let the variable count more than the file.
#[tokio::test]
async fn the_token_comes_from_a_variable_or_a_file_and_is_sent_as_a_bearer() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "fedcba9876543210\n").unwrap();
    let server = Server::answering([greeter(), greeter(), greeter(), greeter()]).await;
    let from_file = [
        "bots",
        "get",
        "greeter",
        "--admin-token-file",
        file.path().to_str().unwrap(),
    ];
    hotbed_in(&server.url, &GET, &[]).await;
    hotbed_in(&server.url, &GET, &SET).await;
    hotbed_in(&server.url, &from_file, &SET).await;
    hotbed_in(&server.url, &GET, &[("HOTBED_ADMIN_TOKEN", " ")]).await;
    let seen = server.seen();
    let shown: Vec<_> = seen.iter().map(|it| it.header("authorization")).collect();
    assert_eq!(
        shown,
        [
            None,
            Some("Bearer 0123456789abcdef"),
            Some("Bearer fedcba9876543210"),
            None
        ]
    );
}

/// Caught: to follow a redirect.
#[tokio::test]
async fn the_token_goes_to_no_other_server_than_the_one_that_was_named() {
    let other = Server::answering([greeter()]).await;
    let mut elsewhere = respond(307, "text/plain", "");
    let location = format!("{}/api/v1/bots/greeter", other.url);
    elsewhere
        .headers_mut()
        .insert("location", location.parse().unwrap());
    let server = Server::answering([elsewhere]).await;
    let outcome = hotbed_in(&server.url, &GET, &SET).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert!(is_silent_about_it(&outcome), "{outcome:?}");
    assert_eq!((server.seen().len(), other.seen().len()), (1, 0));
}

/// Meant to catch: to send both, or the token in place of the password that was typed for this server.
#[tokio::test]
async fn a_password_in_the_address_counts_more() {
    let server = Server::answering([greeter()]).await;
    let url = server.url.replace("http://", "http://me:pass@");
    hotbed_in(&url, &GET, &SET).await;
    let seen = server.seen();
    let shown: Vec<_> = seen[0].headers.get_all("authorization").iter().collect();
    assert_eq!(shown, ["Basic bWU6cGFzcw=="]);
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_do() {
    let server = Server::answering([
        problem(401, "an admin token is needed"),
        problem(
            403,
            "this server is reached beyond its own machine and has no admin token",
        ),
        respond(401, "text/html", "who are you?"),
    ])
    .await;
    let outcome = hotbed_in(&server.url, &["reload"], &[]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.errors,
        "error: an admin token is needed\nhint: the server's admin token goes into HOTBED_ADMIN_TOKEN, or into a file \
         that --admin-token-file names\n"
    );
    let outcome = hotbed_in(&server.url, &["reload"], &SET).await;
    assert!(
        outcome
            .errors
            .contains("hint: once the server has an admin token, it goes here into"),
        "{outcome:?}"
    );
    let outcome = hotbed_in(&server.url, &["reload"], &SET).await;
    assert!(
        outcome.errors.contains("hint: what stands in front of"),
        "{outcome:?}"
    );
    assert!(is_silent_about_it(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_named_by_its_place_and_nothing_is_sent() {
    let server = Server::answering([]).await;
    let outcome = hotbed_in(&server.url, &GET, &[("HOTBED_ADMIN_TOKEN", "hunter 2")]).await;
    assert_eq!(outcome.exit, Exit::Failed);
    assert_eq!(
        outcome.errors,
        "error: HOTBED_ADMIN_TOKEN cannot be used: an admin token is one word of visible characters\n"
    );
    let args = ["bots", "list", "--admin-token-file", "/no/such/token"];
    let outcome = hotbed_in(&server.url, &args, &SET).await;
    assert!(
        outcome
            .errors
            .starts_with("error: cannot read /no/such/token: No such file"),
        "{outcome:?}"
    );
    assert!(server.seen().is_empty());
}

/// Caught: to hand the variables of the process on as they are.
#[tokio::test]
async fn no_configuration_of_a_directory_can_name_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::create_dir_all(dir.join("environments")).unwrap();
    std::fs::create_dir_all(dir.join("domains")).unwrap();
    // In a bot itself no variable of such a name may stand; in a resource it may.
    let environment =
        "resources: {llms: {chat: {provider: echo, model: '${HOTBED_ADMIN_TOKEN}'}}}\n";
    std::fs::write(dir.join("environments/here.yaml"), environment).unwrap();
    let domain = "domain: {id: greeter}\nbot: {llm: {$resource: chat, type: llms}}\n";
    std::fs::write(dir.join("domains/greeter.yaml"), domain).unwrap();
    let path = dir.to_str().unwrap();
    let args = ["resolve", "greeter", path, "--env", "here"];
    let outcome = hotbed_in("http://127.0.0.1:1", &args, &SET).await;
    assert_eq!(outcome.exit, Exit::Failed, "{outcome:?}");
    assert!(outcome.errors.contains("is not set"), "{outcome:?}");
    assert!(is_silent_about_it(&outcome), "{outcome:?}");
}
