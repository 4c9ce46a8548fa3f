//! What a new directory begins with.

/// One file of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExampleFile {
    /// Where in the directory it belongs.
    pub path: &'static str,
    /// What it says.
    pub text: &'static str,
}

/// A small directory that can be deployed as it is: two environments and one bot.
pub const EXAMPLE: [ExampleFile; 3] = [
    ExampleFile {
        path: "environments/development.yaml",
        text: include_str!("example/development.yaml"),
    },
    ExampleFile {
        path: "environments/production.yaml",
        text: include_str!("example/production.yaml"),
    },
    ExampleFile {
        path: "domains/greeter.yaml",
        text: include_str!("example/greeter.yaml"),
    },
];
