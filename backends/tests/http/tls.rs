//! The way to a server that speaks TLS, with certificates of an authority that only this test knows.

use crate::hotbed::Hotbed;
use hotbed_backends::{HttpStore, RegistryUrl};
use hotbed_registry::{
    CollectionName, Draft, Error, Id, PortableConfig, Precondition, RegistryBackend,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// An authority that no system trusts.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// A certificate with its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    /// Both, as a file holds them.
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// An identity of some hosts, or of a client.
    fn sign(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> Identity {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            pem: certificate.pem() + &key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }

    fn host(&self, name: &str) -> Identity {
        self.sign(&[name], ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn client(&self) -> Identity {
        self.sign(&["client"], ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// A hotbed behind TLS, on a port of this machine.
struct Secured {
    port: u16,
    _hotbed: Hotbed,
    _serving: JoinSet<()>,
}

impl Secured {
    /// One that shows this identity, and lets in whoever has one of some authority, if one is named.
    async fn start(identity: Identity, clients_of: Option<&Authority>) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match clients_of {
            None => config.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der.clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = config
            .with_single_cert(vec![identity.certificate], identity.key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let hotbed = Hotbed::start().await;
        let behind = hotbed.port;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    // Those that are refused, or refuse, go away.
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return;
                    };
                    let mut server = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
                    drop(copy_bidirectional(&mut client, &mut server).await);
                });
            }
        });
        Self {
            port,
            _hotbed: hotbed,
            _serving: serving,
        }
    }

    async fn bots(&self, options: &str) -> Result<Arc<dyn RegistryBackend>, Error> {
        at("https", self.port, options).await
    }
}

async fn at(scheme: &str, port: u16, options: &str) -> Result<Arc<dyn RegistryBackend>, Error> {
    let url = format!("{scheme}://localhost:{port}/api/v1?{options}");
    let Ok(RegistryUrl::Http(url)) = url.parse() else {
        panic!("a good URL")
    };
    let store = HttpStore::open(&url).await?;
    store.collection(&CollectionName::bots()).await
}

/// Demands that the way carries writes and reads.
async fn works(bots: Result<Arc<dyn RegistryBackend>, Error>) {
    let bots = bots.expect("the server is trusted, and trusts");
    let draft = Draft::active(PortableConfig::from_value(json!({"n": 1})).unwrap());
    let id = Id::new("a").unwrap();
    let written = bots.put(&id, draft, Precondition::Any).await.unwrap();
    assert_eq!(bots.get(&id).await.unwrap(), Some(written));
}

/// Demands that nothing is told but what is wrong and what to do.
fn refused(port: u16, bots: Result<Arc<dyn RegistryBackend>, Error>, reason: &str) {
    let said = bots.map(drop).expect_err("it is refused").to_string();
    assert!(
        said.contains(&format!("https://localhost:{port}/api/v1")) && said.contains(reason),
        "{said}"
    );
}

fn file(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Caught: a client that trusts anybody; one that does not read `ca`.
#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_where_it_is_named_and_only_there() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let server = Secured::start(ours.host("localhost"), None).await;
    let dir = tempfile::tempdir().unwrap();
    let known = format!("ca={}", file(&dir, "ours.pem", &ours.pem));
    let both = format!("{}{}", other.pem, ours.pem);
    let among_others = format!("ca={}", file(&dir, "both.pem", &both));
    let unknown = format!("ca={}", file(&dir, "other.pem", &other.pem));
    works(server.bots(&known).await).await;
    works(server.bots(&among_others).await).await;
    for options in ["", &unknown] {
        refused(
            server.port,
            server.bots(options).await,
            "shows a certificate of an authority that is not trusted: name that authority with the option ca",
        );
    }
}

/// Caught: a client that looks at the authority and not at the name; `verify=false` that does nothing.
#[tokio::test]
async fn any_certificate_is_taken_only_where_that_is_asked_for() {
    let ours = Authority::new("ours");
    let dir = tempfile::tempdir().unwrap();
    let known = format!("ca={}", file(&dir, "ours.pem", &ours.pem));
    let elsewhere = Secured::start(ours.host("elsewhere.example"), None).await;
    refused(
        elsewhere.port,
        elsewhere.bots(&known).await,
        "shows a certificate that was made for another host: use the name for which it was made",
    );
    works(elsewhere.bots("verify=false").await).await;
    let unknown = Secured::start(ours.host("localhost"), None).await;
    works(unknown.bots("verify=false").await).await;
    refused(
        unknown.port,
        unknown.bots("verify=true").await,
        "not trusted",
    );
}

/// Caught: a client that does not show its certificate.
#[tokio::test]
async fn a_server_that_demands_a_certificate_is_shown_the_one_that_is_named() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let server = Secured::start(ours.host("localhost"), Some(&ours)).await;
    let dir = tempfile::tempdir().unwrap();
    let ca = format!("ca={}", file(&dir, "ours.pem", &ours.pem));
    let with =
        |name: &str, identity: &Identity| format!("{ca}&cert={}", file(&dir, name, &identity.pem));
    works(server.bots(&with("good.pem", &ours.client())).await).await;
    for options in [&ca, &with("bad.pem", &other.client())] {
        refused(
            server.port,
            server.bots(options).await,
            "demands a certificate that it trusts of its clients: name one with the option cert",
        );
    }
}

#[tokio::test]
async fn what_is_not_what_its_url_says_is_told_so() {
    let ours = Authority::new("ours");
    let server = Secured::start(ours.host("localhost"), None).await;
    let plain = Hotbed::start().await;
    refused(
        plain.port,
        at("https", plain.port, "").await,
        "does not speak TLS there: see whether http: or another port is meant",
    );
    let unspoken = at("http", server.port, "").await.map(drop).unwrap_err();
    assert!(matches!(unspoken, Error::Unavailable { .. }), "{unspoken}");
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.pem").display().to_string();
    let odd = file(&dir, "odd.pem", "-----BEGIN CERTIFICATE-----\n&\n");
    let empty = file(&dir, "empty.pem", "nothing\n");
    let of_ca = |path: &str| format!("ca={path}");
    for (options, path, reason) in [
        (of_ca(&missing), &missing, "cannot be read: "),
        (of_ca(&odd), &odd, "is not what its URL says that it is"),
        (of_ca(&empty), &empty, "holds no certificate"),
        (
            format!("cert={empty}"),
            &empty,
            "is not what its URL says that it is",
        ),
    ] {
        let said = server
            .bots(&options)
            .await
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(
            said.contains(&format!("{path} {reason}")),
            "{options}: {said}"
        );
    }
}
