//! The configuration directory of this repository, as the first command of the README takes it.

use crate::harness::{Launch, ROOT};

#[tokio::test]
async fn the_bots_of_domain_files_are_registered_once_and_then_left_alone() {
    let launch = Launch::new().in_dir(ROOT).env("COMPANY", "Acme");
    let node = launch.start().await;
    let said = node.output();
    assert!(said.contains("registered   greeter, support-bot"), "{said}");
    assert!(said.contains("environments/development.yaml"), "{said}");
    let reply = node.chat("greeter", "Hello").await.expect(200).json();
    assert_eq!(
        reply["reply"],
        "[greeter@1] You greet people by name, in one short sentence. | you said: Hello"
    );
    let reply = node.chat("support-bot", "Hello").await.expect(200).text;
    assert!(reply.contains("support agent of Acme"), "{reply}");
    let stored = node.get("/api/v1/bots/support-bot").await.text;
    assert!(
        stored.contains("${COMPANY:Example Ltd}"),
        "what is stored is portable: {stored}"
    );
    assert!(stored.contains("\"$resource\":\"chat\""), "{stored}");

    let edited = node.put_bot("greeter", "You were edited.").await;
    let support = node.served("support-bot").await;
    node.terminate().await;

    let node = launch.start().await;
    let said = node.output();
    assert!(said.contains("kept         greeter, support-bot"), "{said}");
    assert_eq!(node.served("greeter").await, edited);
    assert_eq!(node.served("support-bot").await, support);
    node.terminate().await;
}
