//! TLS for guests' sockets: what `sslmode` means, by rustls.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use super::bindings::sensei::plugin::errors::{Error, Kind};
use super::bindings::sensei::plugin::network::{TlsOptions, Verification};
use super::outcome::to_guest;

/// Does the handshake as a client; returns the peer's certificate in DER.
pub(super) fn handshake(
    host: &str,
    mut tcp: TcpStream,
    options: TlsOptions,
) -> Result<(StreamOwned<ClientConnection, TcpStream>, Vec<u8>), Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        to_guest(Kind::InvalidConfig, format!("`{host}` is no host name or address that TLS can verify."))
    })?;
    let config = config(options)?;
    let refused = |e: &dyn std::fmt::Display| {
        to_guest(
            Kind::Unauthorized,
            format!(
                "TLS with {host} failed: {e}. Check the server's certificate, `sslrootcert` and the host name, or choose another `sslmode`."
            ),
        )
    };
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|e| refused(&e))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp).map_err(|e| refused(&e))?;
    }
    let certificate = connection.peer_certificates().and_then(|c| c.first()).map(|c| c.to_vec()).unwrap_or_default();
    Ok((StreamOwned::new(connection, tcp), certificate))
}

fn config(options: TlsOptions) -> Result<ClientConfig, Error> {
    let bad = |field: &str, e: &dyn std::fmt::Display| {
        to_guest(Kind::InvalidConfig, format!("`{field}` cannot be used: {e}. It must be PEM."))
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| bad("sslmode", &e))?;
    let builder = match options.verification {
        Verification::None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))),
        Verification::Authority => {
            let chain = WebPkiServerVerifier::builder_with_provider(roots(&options)?.into(), provider)
                .build()
                .map_err(|e| bad("sslrootcert", &e))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyName(chain)))
        }
        Verification::Full => builder.with_root_certificates(roots(&options)?),
    };
    let mut config = match (&options.certificate, &options.private_key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates("sslcert", certificate)?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| bad("sslkey", &e))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| bad("sslcert", &e))?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(to_guest(Kind::InvalidConfig, "`sslcert` and `sslkey` go together: give both or neither.")),
    };
    config.alpn_protocols = options.protocols.into_iter().map(String::into_bytes).collect();
    Ok(config)
}

fn certificates(field: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err(to_guest(Kind::InvalidConfig, format!("`{field}` holds no PEM certificate."))),
        Err(e) => Err(to_guest(Kind::InvalidConfig, format!("`{field}` is no PEM: {e}."))),
    }
}

fn roots(options: &TlsOptions) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    match &options.authorities {
        Some(pem) => {
            for certificate in certificates("sslrootcert", pem)? {
                store.add(certificate).map_err(|e| {
                    to_guest(Kind::InvalidConfig, format!("`sslrootcert` holds a certificate that is none: {e}."))
                })?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(store)
}

/// `sslmode=require`: encrypted, whoever answers. Signatures are still checked, so that the peer holds
/// the key of the certificate it shows.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// `sslmode=verify-ca`: the chain must hold, the name need not.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is checked last, after the chain.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
