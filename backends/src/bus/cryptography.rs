/// Clients leave it to the process which cryptography they use, and panic where that is not clear: so it is made
/// clear, unless the program has chosen already.
pub(super) fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever came first has chosen the same, or knows better.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    }
}
