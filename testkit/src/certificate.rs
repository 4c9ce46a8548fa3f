//! Certificates for servers on this machine, which only themselves vouch for.

use crate::process::run;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a certificate says, as `openssl req` is told.
const CERTIFICATE: &str = "\
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
CN = hotbed test
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
";

/// Makes a certificate and its key, as PEM files.
pub(crate) fn make(certificate: &Path, key: &Path) {
    let request = certificate.with_extension("request");
    fs::write(&request, CERTIFICATE).expect("a file can be written");
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-config"])
        .arg(request)
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(certificate);
    run(openssl.stdin(Stdio::null()));
}
