use super::*;
use hotbed::configs::{Environment, PortableConfig, Variables};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

fn secrets(allowed: &str) -> Secrets {
    let process = [("SLACK_TOKEN", "hunter2"), ("BOT_A", "swordfish")];
    let process = process.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Secrets::new(Arc::from(process), allowed.parse().unwrap())
}

/// Reads a secret that a configuration of this environment comes to.
fn resolve(secrets: Secrets, yaml: &str, value: &serde_json::Value) -> Result<String, String> {
    let environment = Environment::parse("here.yaml", yaml, &Variables::default()).unwrap();
    let config = PortableConfig::from_value(json!({ "x": value })).unwrap();
    let resolved = environment.with_secrets(Arc::new(secrets)).resolve(&config);
    let resolved = resolved.map_err(|errors| errors.to_string())?;
    let x = &resolved.as_map()["x"];
    let text = x.as_str().or_else(|| x["key"].as_str());
    Ok(text.expect("it is a text").to_owned())
}

fn in_environment(name: &str) -> Result<String, String> {
    let yaml = format!("resources: {{t: {{r: {{key: {{$secret: '{name}'}}}}}}}}");
    let config = json!({"$resource": "r", "type": "t"});
    resolve(secrets(""), &yaml, &config)
}

fn in_configuration(allowed: &str, name: &str) -> Result<String, String> {
    resolve(secrets(allowed), "", &json!({ "$secret": name }))
}

fn of_file(path: &Path) -> Result<String, String> {
    in_environment(&format!("file:{}", path.display()))
}

/// The same, but for the name of the secret.
fn why_not(path: &Path) -> String {
    let error = of_file(path).unwrap_err();
    let begin = format!(
        "x.key: the secret `file:{}` cannot be read: ",
        path.display()
    );
    let why = error.strip_prefix(&begin);
    why.unwrap_or_else(|| panic!("{error}")).to_owned()
}

/// Caught: to keep what a file said, to ask the process's own variables, to leave the end of the line.
#[test]
fn the_environment_may_name_any_variable_and_any_file_which_is_read_each_time() {
    assert_eq!(in_environment("env:SLACK_TOKEN").unwrap(), "hunter2");
    let missing = in_environment("env:PATH").unwrap_err();
    assert_eq!(
        missing,
        "x.key: the secret `env:PATH` cannot be read: it is not there"
    );

    let home = TempDir::new().unwrap();
    let path = home.path().join("key");
    assert_eq!(why_not(&path), "it is not there");
    for key in ["first", "second"] {
        fs::write(&path, format!("{key}\n")).unwrap();
        assert_eq!(of_file(&path).unwrap(), key);
    }
}

/// Caught: to allow by default, to take an entry for the beginning of a name, to take `*` as written, to look at the
/// secret first.
#[test]
fn a_configuration_may_name_only_what_it_is_allowed_to() {
    let refused = "x: the secret `env:SLACK_TOKEN` cannot be read: configurations may name only what --config-secrets \
                   (HOTBED_CONFIG_SECRETS) allows: add it there, or put it into a resource of the environment and refer to \
                   that";
    for allowed in [
        "",
        "env:SLACK",
        "env:BOT_*",
        "file:/SLACK_TOKEN",
        "env:SLACK_TOKENS",
    ] {
        assert_eq!(
            in_configuration(allowed, "env:SLACK_TOKEN").unwrap_err(),
            refused,
            "{allowed}"
        );
    }
    for (allowed, name, value) in [
        ("env:SLACK_TOKEN", "env:SLACK_TOKEN", "hunter2"),
        ("file:/x, env:BOT_*,", "env:BOT_A", "swordfish"),
        ("env:*", "env:BOT_A", "swordfish"),
    ] {
        assert_eq!(in_configuration(allowed, name).unwrap(), value);
    }
    // One that is not there is refused in the same words.
    let unknown = in_configuration("", "env:SLACK_TOKEM").unwrap_err();
    assert_eq!(unknown, refused.replace("SLACK_TOKEN", "SLACK_TOKEM"));

    let home = TempDir::new().unwrap();
    fs::write(home.path().join("key"), "hunter2").unwrap();
    let name = format!("file:{}/key", home.path().display());
    let dir = format!("file:{}/*", home.path().display());
    assert!(in_configuration("env:*", &name).is_err());
    assert_eq!(in_configuration(&dir, &name).unwrap(), "hunter2");
    assert_eq!(in_configuration(&name, &name).unwrap(), "hunter2");
}

/// Caught: to look for a file with `exists` or by its name only.
#[test]
fn what_is_not_a_regular_file_is_refused() {
    let home = TempDir::new().unwrap();
    assert_eq!(why_not(home.path()), "it is not a regular file");
    assert_eq!(why_not(Path::new("/dev/null")), "it is not a regular file");
    let link = home.path().join("link");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    assert_eq!(why_not(&link), "it is not a regular file");
    // As Kubernetes mounts them.
    fs::write(home.path().join("data"), "hunter2").unwrap();
    let link = home.path().join("good");
    std::os::unix::fs::symlink("data", &link).unwrap();
    assert_eq!(of_file(&link).unwrap(), "hunter2");
}

/// Caught: to open it so that it blocks until somebody writes.
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("pipe");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let (told, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || told.send(why_not(&path)));
    let why = hears.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(why, "it is not a regular file");
}

/// Caught: a limit that is one byte off either way, to cut what is longer, to replace what is not UTF-8, to show what was
/// read.
#[test]
fn what_is_too_large_or_not_text_is_refused_and_not_shown() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("key");
    let largest = "hunter2".repeat(10_000)[..65_536].to_owned();
    fs::write(&path, &largest).unwrap();
    assert_eq!(of_file(&path).unwrap(), largest);
    fs::write(&path, largest + "h").unwrap();
    assert_eq!(why_not(&path), "it is larger than 65536 bytes");
    fs::write(&path, b"hunter2\xff").unwrap();
    assert_eq!(why_not(&path), "it is not UTF-8");
}

/// Caught: to derive `Debug`.
#[test]
fn debug_shows_what_is_allowed_and_no_secret() {
    let shown = format!("{:?}", secrets("env:BOT_A"));
    assert!(
        shown.contains("env:BOT_A") && !shown.contains("swordfish"),
        "{shown}"
    );
}

#[test]
fn an_entry_that_could_never_be_meant_is_refused() {
    for text in [
        "SLACK_TOKEN",
        "*",
        "env:",
        "file:x",
        "file:/",
        "file:/run/",
        "env:*_KEY",
        "env:a**",
    ] {
        let error = text.parse::<AllowList>().unwrap_err();
        assert!(
            error.starts_with("write each secret like env:NAME"),
            "{text}"
        );
    }
    assert_eq!(" ".parse::<AllowList>().unwrap(), AllowList::default());
}
