use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;

const BOT: &str = "domain: {id: ID}\nbot: {llm: {provider: echo}}\n";

fn bot(id: &str) -> String {
    BOT.replace("ID", id)
}

/// A directory with these files.
fn holding(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        put(dir.path(), path, text);
    }
    dir
}

fn put(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Has a file look as if nobody had written to it for a while.
fn age(path: &Path) {
    let then = SystemTime::now() - Duration::from_hours(1);
    File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(then)
        .unwrap();
}

fn files(reading: &Reading) -> Vec<String> {
    let short = |path: &Path| {
        path.strip_prefix(&reading.root)
            .unwrap()
            .display()
            .to_string()
    };
    let environments = reading.environments.iter().map(|file| short(&file.path));
    let domains = reading.domains.iter().map(|file| short(&file.path));
    environments.chain(domains).collect()
}

/// The problems, with `DIR` for the directory.
fn problems(reading: &Reading) -> Vec<String> {
    let root = reading.root.display().to_string();
    reading
        .problems
        .iter()
        .map(|problem| problem.to_string().replace(&root, "DIR"))
        .collect()
}

/// Caught: not to sort, not to look into directories, to look into hidden ones, to take a file that an editor keeps.
#[test]
fn files_are_found_in_the_order_of_their_paths() {
    let dir = holding(&[
        ("environments/production.yml", ""),
        ("environments/development.yaml", ""),
        ("environments/deep/staging.yaml", ""),
        ("environments/notes.txt", ""),
        ("domains/b.json", "{}"),
        ("domains/a/z.yaml", ""),
        ("domains/a/deeper/y.yml", ""),
        ("domains/.hidden.yaml", ""),
        ("domains/.git/x.yaml", ""),
        ("domains/b.yaml~", ""),
        ("domains/c.yml.bak", ""),
        ("other/d.yaml", ""),
    ]);
    let reading = Directory::new(dir.path()).read();
    assert_eq!(
        files(&reading),
        [
            "environments/development.yaml",
            "environments/production.yml",
            "domains/a/deeper/y.yml",
            "domains/a/z.yaml",
            "domains/b.json",
        ]
    );
    assert_eq!(problems(&reading), [""; 0]);
    assert_eq!(reading.environments[1].name, "production");
}

#[test]
fn a_directory_without_parts_holds_nothing() {
    let dir = holding(&[]);
    let reading = Directory::new(dir.path()).read();
    assert_eq!((files(&reading), problems(&reading)), (vec![], vec![]));
}

/// Caught: to end at the first problem.
#[cfg(unix)]
#[test]
fn everything_that_cannot_be_read_is_told_together() {
    use std::os::unix::fs::symlink;
    let outside = holding(&[("secret.yaml", "x")]);
    let dir = holding(&[("domains/good.yaml", &bot("good"))]);
    let domains = dir.path().join("domains");
    fs::write(dir.path().join("environments"), "a file").unwrap();
    fs::write(domains.join("bytes.yaml"), b"abc\xff").unwrap();
    File::create(domains.join("large.yaml"))
        .unwrap()
        .set_len(9 << 20)
        .unwrap();
    symlink(outside.path().join("secret.yaml"), domains.join("out.yaml")).unwrap();
    symlink("nowhere.yaml", domains.join("dangling.yaml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(domains.join("socket.yaml")).unwrap();
    symlink("..", domains.join("up")).unwrap();
    let reading = Directory::new(dir.path()).read();
    assert_eq!(files(&reading), ["domains/good.yaml"]);
    assert_eq!(
        problems(&reading),
        [
            "DIR/environments is not a directory: put its files into one",
            "cannot read DIR/domains/dangling.yaml: No such file or directory (os error 2)",
            "DIR/domains/out.yaml is a link that leads out of the directory: put the file there instead",
            "DIR/domains/socket.yaml is not a file: remove it",
            "DIR/domains/up/domains is the same directory as DIR/domains: remove the link",
            "DIR/domains/bytes.yaml is not UTF-8: byte 3 is wrong; save it as UTF-8",
            "DIR/domains/large.yaml has 9437184 bytes, more than the 8388608 allowed: split it into several files",
        ]
    );
}

#[test]
fn what_is_no_directory_is_told_once() {
    let dir = holding(&[("file", "")]);
    let path = dir.path().join("file");
    let reading = Directory::new(&path).read();
    assert_eq!(
        problems(&reading),
        ["DIR is not a directory: put its files into one"]
    );
    let reading = Directory::new(dir.path().join("none")).read();
    assert_eq!(
        problems(&reading),
        ["cannot read DIR: No such file or directory (os error 2)"]
    );
}

/// A volume of Kubernetes: what is changed is another directory behind `..data`, put there in one step.
///
/// Caught: to refuse links, or to take the stamp of the link for that of the file.
#[cfg(unix)]
#[test]
fn a_volume_whose_links_are_swapped_is_read_anew() {
    use std::os::unix::fs::symlink;
    let dir = holding(&[
        ("domains/..one/a.yaml", &bot("a1")),
        ("domains/..two/a.yaml", &bot("a2")),
    ]);
    let domains = dir.path().join("domains");
    for part in ["..one", "..two"] {
        age(&domains.join(part).join("a.yaml"));
    }
    symlink("..one", domains.join("..data")).unwrap();
    symlink("..data/a.yaml", domains.join("a.yaml")).unwrap();
    let mut directory = Directory::new(dir.path());
    let id = |reading: &Reading| {
        reading.domains[0].bots.as_ref().as_ref().unwrap()[0]
            .id
            .clone()
    };
    assert_eq!(id(&directory.read()), "a1");
    fs::remove_file(domains.join("..data")).unwrap();
    symlink("..two", domains.join("..data")).unwrap();
    let reading = directory.read();
    assert_eq!((id(&reading).as_str(), reading.parsed), ("a2", 1));
    assert_eq!(problems(&reading), [""; 0]);
}

/// Caught: to forget what was parsed; to keep what is gone.
#[test]
fn of_five_thousand_files_one_that_changed_is_the_one_that_is_parsed() {
    let dir = holding(&[]);
    for n in 0..5_000 {
        let name = format!("domains/team-{}/bot-{n}.yaml", n % 50);
        put(dir.path(), &name, &bot(&format!("bot-{n}")));
        age(&dir.path().join(name));
    }
    let mut directory = Directory::new(dir.path());
    let first = directory.read();
    assert_eq!((first.domains.len(), first.parsed), (5_000, 5_000));
    assert_eq!(directory.read().parsed, 0);

    put(dir.path(), "domains/team-7/bot-57.yaml", &bot("renamed"));
    fs::remove_file(dir.path().join("domains/team-8/bot-58.yaml")).unwrap();
    let second = directory.read();
    assert_eq!((second.domains.len(), second.parsed), (4_999, 1));
    let ids = second
        .domains
        .iter()
        .flat_map(|file| file.bots.as_ref().as_ref().unwrap());
    assert!(ids.into_iter().any(|bot| bot.id == "renamed"));
}

/// Within the grain of a file system's times, a file may change and look the same.
///
/// Caught: to trust a stamp however young.
#[test]
fn a_change_right_after_a_reading_is_seen_though_all_times_stay() {
    let dir = holding(&[("domains/a.yaml", &bot("one"))]);
    let file = dir.path().join("domains/a.yaml");
    let mut directory = Directory::new(dir.path());
    assert_eq!(directory.read().parsed, 1);
    assert_eq!(
        directory.read().parsed,
        0,
        "its text is the same, so it is not parsed"
    );
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, bot("two")).unwrap();
    File::options()
        .append(true)
        .open(&file)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    let mut known = directory.known.remove(&file).unwrap();
    // As a file system would have it whose times are coarse.
    known.stamp = Stamp::of(&fs::metadata(&file).unwrap());
    directory.known.insert(file, known);
    assert_eq!(directory.read().parsed, 1);
}

/// Caught: to parse whatever was opened.
#[test]
fn a_file_that_was_touched_is_not_parsed_again() {
    let dir = holding(&[("domains/a.yaml", &bot("one"))]);
    let file = dir.path().join("domains/a.yaml");
    age(&file);
    let mut directory = Directory::new(dir.path());
    directory.read();
    fs::write(&file, bot("one")).unwrap();
    let reading = directory.read();
    assert_eq!((reading.parsed, reading.domains.len()), (0, 1));
}

#[test]
fn a_text_that_is_wrong_is_told_by_its_file_and_mended_by_the_next() {
    let dir = holding(&[
        ("domains/a.yaml", "domain: {id: a}\n"),
        ("domains/b.yaml", &bot("b")),
    ]);
    let mut directory = Directory::new(dir.path());
    let reading = directory.read();
    assert_eq!(
        reading
            .domains
            .iter()
            .filter(|file| file.bots.is_err())
            .count(),
        1
    );
    put(dir.path(), "domains/a.yaml", &bot("a"));
    assert!(
        directory
            .read()
            .domains
            .iter()
            .all(|file| file.bots.is_ok())
    );
}
