//! Connecting: TLS or not, startup, authentication, session settings.

use std::collections::BTreeMap;

use sensei_sdk::net::{Stream, Tls};
use sensei_sdk::{Error, Kind, Result};

use super::{Connection, Copying};
use crate::configuration::{Attempt, Configuration};

/// Oldest server that is understood: the first with identity columns, SCRAM and `pg_sequences`.
const OLDEST_MAJOR: u32 = 10;
/// Request code of SSLRequest.
const SSL_REQUEST: u32 = 80_877_103;
/// Protocol 3.0.
const PROTOCOL: u32 = 196_608;

impl Connection {
    /// Connects as the configuration says; the session is ready for queries and has the server's own settings.
    pub(crate) fn open(configuration: &Configuration) -> Result<Self> {
        if configuration.sslcert.is_some() != configuration.sslkey.is_some() {
            return Err(Error::new(Kind::InvalidConfig, "sslcert and sslkey go together: give both or none."));
        }
        let mut attempts = configuration.attempts().iter();
        let mut first_failure = None;
        loop {
            let Some(attempt) = attempts.next() else {
                return Err(first_failure.unwrap_or_else(|| Error::internal("No way to connect was tried.")));
            };
            match Self::attempt(configuration, *attempt) {
                Ok(connection) => return Ok(connection),
                // As libpq: `prefer` and `allow` go on to the other way when this one is not welcome (no pg_hba.conf
                // entry for it, no TLS after all). A wrong password is wrong either way.
                Err(Refusal { error, other_way: true }) => {
                    first_failure.get_or_insert(error);
                }
                Err(Refusal { error, other_way: false }) => return Err(first_failure.unwrap_or(error)),
            }
        }
    }

    fn attempt(configuration: &Configuration, attempt: Attempt) -> Result<Self, Refusal> {
        let peer = configuration.peer();
        let mut stream = Stream::connect(&configuration.host, configuration.port)?;
        let certificate = match attempt {
            Attempt::Plain => None,
            Attempt::Tls { or_plain } => start_tls(&mut stream, configuration, or_plain, &peer)
                .map_err(|error| Refusal { error, other_way: true })?,
        };
        let mut connection = Self { stream, peer, parameters: BTreeMap::new(), transaction: b'I', copy: Copying::No };
        connection.startup(configuration)?;
        connection.authenticate(configuration, certificate.as_deref())?;
        connection.wait_ready()?;
        if connection.version() < OLDEST_MAJOR * 10_000 {
            return Err(Refusal::from(Error::new(
                Kind::Unsupported,
                format!("{} is {}; version {OLDEST_MAJOR} or later is needed.", connection.peer, connection.server()),
            )));
        }
        Ok(connection)
    }

    fn startup(&mut self, configuration: &Configuration) -> Result<()> {
        let mut parameters = vec![
            ("user", configuration.user.as_str()),
            ("database", configuration.database()),
            ("application_name", &configuration.application_name),
            ("client_encoding", "UTF8"),
        ];
        if let Some(options) = &configuration.options {
            parameters.push(("options", options));
        }
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for text in parameters.iter().flat_map(|(name, value)| [name, value]) {
            if text.contains('\0') {
                return Err(Error::new(Kind::InvalidConfig, "A field of the connection holds a NUL character."));
            }
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        let out = self.stream.out();
        out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        out.extend_from_slice(&body);
        self.stream.flush_out()
    }

    fn wait_ready(&mut self) -> Result<()> {
        loop {
            let message = self.message()?;
            match message.tag {
                b'K' => {}
                b'Z' => return Ok(()),
                b'E' => return Err(self.failed(&message.body)),
                tag => return Err(self.unexpected(tag)),
            }
        }
    }
}

/// Why an attempt failed, and whether another kind of attempt may do better.
struct Refusal {
    error: Error,
    other_way: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let other_way = error.native_code.as_deref() == Some("28000");
        Self { error, other_way }
    }
}

fn start_tls(
    stream: &mut Stream,
    configuration: &Configuration,
    or_plain: bool,
    peer: &str,
) -> Result<Option<Vec<u8>>> {
    stream.out().extend_from_slice(&8u32.to_be_bytes());
    stream.out().extend_from_slice(&SSL_REQUEST.to_be_bytes());
    stream.flush_out()?;
    let answer = stream.fill(1)?[0];
    stream.consume(1);
    match answer {
        b'S' if stream.buffered().is_empty() => {
            let options = Tls {
                verification: configuration.verification(),
                authorities: configuration.sslrootcert.clone(),
                certificate: configuration.sslcert.clone(),
                private_key: configuration.sslkey.clone(),
                protocols: vec!["postgresql".to_owned()],
            };
            stream.start_tls(&options).map(Some)
        }
        // Bytes before the handshake could only come from somebody in between (CVE-2021-23222).
        b'S' => {
            Err(Error::new(Kind::Unauthorized, format!("{peer}: unencrypted bytes came before the TLS handshake.")))
        }
        b'N' if or_plain => Ok(None),
        b'N' => Err(Error::new(
            Kind::Unauthorized,
            format!("{peer}: the server has no TLS. Turn `ssl` on there, or choose sslmode disable."),
        )),
        other => Err(Error::new(
            Kind::Internal,
            format!("{peer}: no PostgreSQL server answers here (0x{other:02x}). Check host and port."),
        )),
    }
}
