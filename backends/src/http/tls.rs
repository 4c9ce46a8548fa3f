//! Why a client and a server do not agree on TLS.

use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::io;

/// What the disagreement is, as what is to be said of the server, and what to do; `None` if it was something else.
pub(super) fn disagreement(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = of_tls(error) {
            return describe(found);
        }
        cause = error.source();
    }
    None
}

/// An error of I/O passes over what it holds when it is asked for its source.
fn of_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    error.downcast_ref().or_else(|| {
        let held = error.downcast_ref::<io::Error>()?.get_ref()?;
        of_tls(held)
    })
}

fn describe(error: &rustls::Error) -> Option<String> {
    let said = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => {
                "shows a certificate of an authority that is not trusted: name that authority with the option ca"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "shows a certificate that was made for another host: use the name for which it was made"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "shows a certificate that has expired: have it renewed, and see what time it is here"
            }
            why => {
                return Some(format!(
                    "shows a certificate that is not taken ({why}): mend it"
                ));
            }
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown,
        ) => "demands a certificate that it trusts of its clients: name one with the option cert",
        rustls::Error::InvalidMessage(_) => {
            "does not speak TLS there: see whether http: or another port is meant"
        }
        _ => return None,
    };
    Some(said.to_owned())
}
