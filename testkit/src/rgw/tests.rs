use super::*;

fn status(server: &RgwServer, path: &str) -> u16 {
    put(server.port, path, &KEYS).unwrap()
}

#[test]
fn a_gateway_keeps_its_buckets_when_it_is_killed_and_is_gone_when_it_is_dropped() {
    let server = RgwServer::start();
    let (one, other) = (server.bucket(), server.bucket());
    assert_ne!(one.name(), other.name());
    server.kill();
    assert!(!answers(server.port));
    server.resume();
    assert_eq!(status(&server, &format!("/{}/object", one.name())), 200);
    assert_eq!(status(&server, "/nonesuch/object"), 404);
    let stranger = Keys {
        secret: "open sesame",
        ..KEYS
    };
    assert_eq!(put(server.port, "/stranger", &stranger).unwrap(), 403);
    let folder = server.folder.clone();
    assert!(folder.exists());
    // Whoever ends without a word leaves it to the guard.
    let left = [&server.gateway, &server.storage, &server.monitor];
    let left = left.map(|child| lock(child).take().expect("it runs"));
    drop(server);
    assert!(!folder.exists());
    for mut child in left {
        assert!(!child.wait().expect("it ends").success());
    }
    assert!(!answers(one.port()));
}

#[test]
fn what_is_missing_is_named_with_the_packages_that_have_it() {
    let said = NoRgw.to_string();
    assert!(
        said.ends_with(
            "`apt-get install --no-install-recommends ceph-common ceph-mgr ceph-mon ceph-osd radosgw`"
        ),
        "{said}"
    );
}
