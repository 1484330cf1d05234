//! Who we are: trust, clear text (over TLS alone), MD5, SCRAM-SHA-256 with and without channel binding.

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use sensei_sdk::{Error, Kind, Result};

use super::{Connection, channel_binding};
use crate::configuration::{ChannelBindingMode, Configuration};

/// Authentication requests (PostgreSQL, "Message Formats") that we cannot answer.
const UNSUPPORTED: &[(u32, &str)] =
    &[(2, "Kerberos V5"), (6, "SCM credentials"), (7, "GSSAPI"), (8, "GSSAPI"), (9, "SSPI")];

impl Connection {
    /// Answers requests until the server is content. `certificate`: the peer's, where there is TLS.
    pub(super) fn authenticate(&mut self, configuration: &Configuration, certificate: Option<&[u8]>) -> Result<()> {
        let mut scram = None;
        let mut bound = false;
        loop {
            let message = self.message()?;
            match message.tag {
                b'E' => return Err(self.failed(&message.body)),
                b'R' if message.body.len() >= 4 => {}
                b'v' => return Err(Error::new(Kind::Unsupported, "The server does not speak protocol 3.0.")),
                tag => return Err(self.unexpected(tag)),
            }
            let (request, data) = message.body.split_at(4);
            let request = u32::from_be_bytes([request[0], request[1], request[2], request[3]]);
            if configuration.channel_binding == ChannelBindingMode::Require && !bound && !matches!(request, 10..=12) {
                return Err(Error::new(
                    Kind::Unauthorized,
                    format!("{}: channel binding is required and the server did not use it.", self.peer),
                ));
            }
            match request {
                0 => return Ok(()),
                3 => {
                    if certificate.is_none() {
                        return Err(Error::new(
                            Kind::Unauthorized,
                            format!(
                                "{}: the server wants the password in clear over an open connection. Use sslmode require, \
                                 or scram-sha-256 in the server's pg_hba.conf.",
                                self.peer
                            ),
                        ));
                    }
                    let password = self.password(configuration)?;
                    self.put_password(password.as_bytes())?;
                }
                5 => {
                    let salt: [u8; 4] = data.try_into().map_err(|_| Error::internal("A salt has four bytes."))?;
                    let password = self.password(configuration)?;
                    let hash = md5_hash(configuration.user.as_bytes(), password.as_bytes(), salt);
                    self.put_password(hash.as_bytes())?;
                }
                10 => {
                    let offered: Vec<&[u8]> = data.split(|b| *b == 0).collect();
                    let (mechanism, binding) = self.choose(configuration, certificate, &offered)?;
                    bound = mechanism == SCRAM_SHA_256_PLUS;
                    let exchange = ScramSha256::new(self.password(configuration)?.as_bytes(), binding);
                    let first = exchange.message();
                    let at = self.begin_message(b'p');
                    let out = self.stream.out();
                    out.extend_from_slice(mechanism.as_bytes());
                    out.push(0);
                    out.extend_from_slice(&(first.len() as u32).to_be_bytes());
                    out.extend_from_slice(first);
                    self.end_message(at)?;
                    self.stream.flush_out()?;
                    scram = Some(exchange);
                }
                11 => {
                    let exchange = scram.as_mut().ok_or_else(|| Error::internal("SCRAM goes on that never began."))?;
                    exchange.update(data).map_err(|e| self.scram_failed(&e))?;
                    let answer = exchange.message().to_vec();
                    self.put(b'p', &answer)?;
                    self.stream.flush_out()?;
                }
                12 => {
                    let exchange = scram.as_mut().ok_or_else(|| Error::internal("SCRAM ends that never began."))?;
                    // This is where the server proves that it knows the password too.
                    exchange.finish(data).map_err(|e| self.scram_failed(&e))?;
                }
                other => {
                    let name =
                        UNSUPPORTED.iter().find(|(code, _)| *code == other).map_or("an unknown method", |(_, n)| n);
                    return Err(Error::new(
                        Kind::Unsupported,
                        format!(
                            "{}: the server asks for {name}. Use a password (scram-sha-256) in pg_hba.conf.",
                            self.peer
                        ),
                    ));
                }
            }
        }
    }

    fn choose(
        &self,
        configuration: &Configuration,
        certificate: Option<&[u8]>,
        offered: &[&[u8]],
    ) -> Result<(&'static str, ChannelBinding)> {
        let has = |mechanism: &str| offered.contains(&mechanism.as_bytes());
        let end_point = certificate
            .filter(|_| configuration.channel_binding != ChannelBindingMode::Disable)
            .and_then(channel_binding::server_end_point);
        match end_point {
            Some(data) if has(SCRAM_SHA_256_PLUS) => {
                Ok((SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(data)))
            }
            _ if configuration.channel_binding == ChannelBindingMode::Require => Err(Error::new(
                Kind::Unauthorized,
                format!(
                    "{}: channel binding is required; it needs TLS and a server that offers SCRAM-SHA-256-PLUS.",
                    self.peer
                ),
            )),
            // "We could have bound": a server that did offer it will notice somebody between us.
            Some(_) if has(SCRAM_SHA_256) => Ok((SCRAM_SHA_256, ChannelBinding::unrequested())),
            None if has(SCRAM_SHA_256) => Ok((SCRAM_SHA_256, ChannelBinding::unsupported())),
            Some(_) | None => Err(Error::new(
                Kind::Unsupported,
                format!("{}: the server offers no SASL mechanism that Sensei knows (SCRAM-SHA-256).", self.peer),
            )),
        }
    }

    fn password<'a>(&self, configuration: &'a Configuration) -> Result<&'a str> {
        configuration.password.as_deref().ok_or_else(|| {
            Error::new(
                Kind::Unauthorized,
                format!("{}: the server asks for a password; the connection has none.", self.peer),
            )
        })
    }

    fn put_password(&mut self, password: &[u8]) -> Result<()> {
        self.put(b'p', &[password, &[0]].concat())?;
        self.stream.flush_out()
    }

    fn scram_failed(&self, error: &std::io::Error) -> Error {
        Error::new(Kind::Unauthorized, format!("{}: SCRAM failed: {error}. Check user and password.", self.peer))
    }
}
