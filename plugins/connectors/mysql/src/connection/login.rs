//! Greeting, TLS, authentication, and the settings every session starts with.
//! Protocol: "Connection Phase" of the MySQL source documentation; the scrambles are mysql_common's.

use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context, Error as AuthError, Response};
use mysql_common::packets::AuthPlugin;
use sensei_sdk::net::Stream;
use sensei_sdk::{Error, Kind, Result};

use super::packet::{Cursor, put_bytes};
use super::{Connection, Server, capability, read_error};
use crate::configuration::Configuration;
use crate::error::protocol;

/// utf8mb4_general_ci: every server from 5.5.3 on knows it; SET NAMES follows.
const UTF8MB4: u8 = 45;
/// Largest packet we accept, bytes: the protocol's own most.
const MAX_PACKET: u32 = 1 << 30;
/// Without these nothing here works: MySQL 5.5 and later have them.
const NEEDED: u32 = capability::PROTOCOL_41 | capability::SECURE_CONNECTION | capability::PLUGIN_AUTH;
const WANTED: u32 = NEEDED
    | capability::LONG_PASSWORD
    | capability::LONG_FLAG
    | capability::LOCAL_FILES
    | capability::TRANSACTIONS
    | capability::MULTI_RESULTS
    | capability::PLUGIN_AUTH_LENENC
    | capability::DEPRECATE_EOF;

/// What the server says first.
struct Greeting {
    server: Server,
    capabilities: u32,
    scramble: Vec<u8>,
    plugin: Vec<u8>,
}

impl Greeting {
    fn read(packet: &[u8]) -> Result<Self> {
        let mut cursor = Cursor(packet);
        match cursor.u8()? {
            10 => {}
            0xff => return Err(read_error(cursor.0)),
            version => return Err(protocol(&format!("version {version} of the handshake"))),
        }
        let server = Server::new(&String::from_utf8_lossy(cursor.until_nul()));
        cursor.u32()?; // connection id
        let mut scramble = cursor.take(8)?.to_vec();
        cursor.u8()?;
        let low = cursor.u16()?;
        cursor.u8()?; // character set
        cursor.u16()?; // status
        let capabilities = u32::from(low) | u32::from(cursor.u16()?) << 16;
        if capabilities & NEEDED != NEEDED {
            return Err(Error::new(
                Kind::Unsupported,
                format!("{} is too old: MySQL 5.6 or MariaDB 10.0 is the least.", server.title()),
            ));
        }
        let length = usize::from(cursor.u8()?);
        cursor.take(10)?;
        scramble.extend_from_slice(cursor.take(length.saturating_sub(8).max(13))?);
        // The last byte is a NUL.
        scramble.truncate(SCRAMBLE);
        Ok(Self { server, capabilities, scramble, plugin: cursor.until_nul().to_vec() })
    }
}

/// Bytes of the challenge that MySQL's own plugins make. A NUL follows it, and none is in it.
const SCRAMBLE: usize = 20;

/// A challenge as its plugin means it. Those of MariaDB's plugins are 32 random bytes, any of which may be 0, the last one too.
fn challenge_of(sent: &[u8]) -> &[u8] {
    match sent {
        [scramble @ .., 0] if scramble.len() == SCRAMBLE => scramble,
        _ => sent,
    }
}

/// What an authentication plugin may know.
struct Secrets<'a> {
    password: &'a [u8],
    encrypted: bool,
    scramble: &'a [u8],
}

impl Context for Secrets<'_> {
    fn pass(&self) -> &[u8] {
        self.password
    }
    fn is_ipc_transport(&self) -> bool {
        false
    }
    fn is_tls_transport(&self) -> bool {
        self.encrypted
    }
    fn scramble(&self) -> &[u8] {
        self.scramble
    }
    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}

/// One step of a login.
fn step(plugin: &mut AuthProc, secrets: Secrets<'_>, challenge: &[u8]) -> Result<Option<Vec<u8>>> {
    match plugin.run(secrets, challenge) {
        Ok(Response::Next { packet } | Response::Last { packet }) => Ok(packet),
        Err(AuthError::Password) => {
            Err(Error::new(Kind::Unauthorized, "The password holds a character that the login cannot carry."))
        }
        Err(AuthError::Logic | AuthError::Challenge) => Err(protocol("the login's steps came in another order")),
        Err(AuthError::FeatureRequired(feature)) => Err(Error::internal(format!("Built without {feature}."))),
        Err(AuthError::Other(e)) => Err(Error::new(Kind::Unauthorized, format!("The login failed: {e}."))),
    }
}

/// The plugin of that name, unless it is one that must not or cannot be used.
fn plugin(name: &[u8], encrypted: bool) -> Result<AuthProc> {
    let refuse = |message: String| Err(Error::new(Kind::Unauthorized, message));
    let known = AuthPlugin::from_bytes(name);
    match known {
        AuthPlugin::MysqlClearPassword if !encrypted => refuse(
            "The server asks for the password in clear on a connection without TLS. Set sslmode to require or better."
                .to_owned(),
        ),
        AuthPlugin::MysqlOldPassword => refuse(
            "The account has a password of the format before MySQL 4.1, which is not safe to use. Set it again."
                .to_owned(),
        ),
        AuthPlugin::Other(name) => refuse(format!(
            "The account logs in with the plugin {}, which this connector does not know. Use an account with \
             caching_sha2_password, mysql_native_password, ed25519 or parsec.",
            String::from_utf8_lossy(&name)
        )),
        AuthPlugin::MysqlClearPassword
        | AuthPlugin::MysqlNativePassword
        | AuthPlugin::Sha256Password
        | AuthPlugin::CachingSha2Password
        | AuthPlugin::Ed25519
        | AuthPlugin::Parsec => {
            AuthProc::init(&known).map_err(|e| Error::internal(format!("A known login plugin is not built in: {e}")))
        }
    }
}

/// Connects and logs in.
pub(super) fn open(configuration: &Configuration) -> Result<Connection> {
    let mut it = Connection {
        stream: Stream::connect(&configuration.host, configuration.port)?,
        capabilities: 0,
        sequence: 0,
        joined: Vec::new(),
        unread: false,
        statement: None,
        loading: false,
        server: Server::new(""),
    };
    let greeting = it.packet(Greeting::read)?;
    it.server = greeting.server;
    let database = configuration.database.as_deref().filter(|d| !d.is_empty());
    let mut wanted = WANTED;
    if database.is_some() {
        wanted |= capability::CONNECT_WITH_DB;
    }
    it.capabilities = wanted & greeting.capabilities;

    let tls = configuration.tls(greeting.capabilities & capability::TLS != 0)?;
    if let Some(tls) = &tls {
        it.capabilities |= capability::TLS;
        let request = response_head(it.capabilities);
        it.send(&request)?;
        it.stream.start_tls(tls)?;
    }

    // The greeting's plugin is the server's default, not the account's: where its challenge is of another kind,
    // begin with the oldest and let the server switch.
    let first = match AuthPlugin::from_bytes(&greeting.plugin) {
        AuthPlugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
        AuthPlugin::MysqlNativePassword
        | AuthPlugin::MysqlOldPassword
        | AuthPlugin::MysqlClearPassword
        | AuthPlugin::Sha256Password
        | AuthPlugin::Ed25519
        | AuthPlugin::Parsec
        | AuthPlugin::Other(_) => AuthPlugin::MysqlNativePassword,
    };
    let encrypted = tls.is_some();
    let password = configuration.password.as_bytes();
    let mut scramble = greeting.scramble;
    let mut auth = plugin(first.as_bytes(), encrypted)?;
    let secrets = Secrets { password, encrypted, scramble: &scramble };
    let answer = step(&mut auth, secrets, &scramble)?.unwrap_or_default();
    let mut response = response_head(it.capabilities);
    response.extend_from_slice(configuration.user.as_bytes());
    response.push(0);
    if it.capabilities & capability::PLUGIN_AUTH_LENENC != 0 {
        put_bytes(&mut response, &answer);
    } else {
        response.push(answer.len() as u8);
        response.extend_from_slice(&answer);
    }
    if let Some(database) = database {
        response.extend_from_slice(database.as_bytes());
        response.push(0);
    }
    response.extend_from_slice(first.as_bytes());
    response.push(0);
    it.send(&response)?;

    loop {
        let packet = it.packet(|p| Ok(p.to_vec()))?;
        let challenge = match packet.split_first() {
            Some((0x00, _)) => break,
            Some((0xff, rest)) => return Err(read_error(rest)),
            Some((0xfe, rest)) => {
                let mut cursor = Cursor(rest);
                auth = plugin(cursor.until_nul(), encrypted)?;
                scramble = challenge_of(cursor.0).to_vec();
                &scramble
            }
            Some((0x01, challenge)) => challenge,
            Some(_) | None => return Err(protocol("a login answer of an unknown kind")),
        };
        let answer = step(&mut auth, Secrets { password, encrypted, scramble: &scramble }, challenge)?;
        if let Some(answer) = answer {
            it.send(&answer)?;
        }
    }
    prepare(&mut it)?;
    Ok(it)
}

/// Capabilities, packet size and character set: what the answer to the greeting begins with.
fn response_head(capabilities: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(&capabilities.to_le_bytes());
    out.extend_from_slice(&MAX_PACKET.to_le_bytes());
    out.push(UTF8MB4);
    out.resize(32, 0);
    out
}

/// Seconds a session may idle, and the server may wait for us to take or give bytes: a day, because the other side
/// of a migration may be slow or paused. The server's defaults (60 and 30) cut such a stream.
const PATIENCE_SECONDS: u32 = 86_400;

/// Brings the session into the state that everything here relies on.
fn prepare(connection: &mut Connection) -> Result<()> {
    connection.execute("SET NAMES utf8mb4")?;
    // Instants in UTC; quoting and arithmetic as this connector writes them; values that do not fit are errors
    // (P2); zero dates are the plan's business, so they may be stored; 0 in an auto-increment column is 0.
    connection.execute(&format!(
        "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,\
         NO_ENGINE_SUBSTITUTION', net_write_timeout = {PATIENCE_SECONDS}, \
         net_read_timeout = {PATIENCE_SECONDS}, wait_timeout = {PATIENCE_SECONDS}, sql_select_limit = DEFAULT, \
         character_set_results = utf8mb4, autocommit = 1"
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use mysql_common::auth::plugins::caching_sha2_password::scramble_sha256;

    use super::*;

    const NONCE: &[u8; 20] = b"ABCDEFGHIJKLMNOPQRST";
    #[test]
    fn a_challenge_may_end_with_a_zero() {
        assert_eq!(challenge_of(b"ABCDEFGHIJKLMNOPQRST\0"), NONCE);
        assert_eq!(challenge_of(NONCE), NONCE);
        let random = [&[7; 31][..], &[0]].concat();
        assert_eq!(challenge_of(&random), random);
    }

    const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
    const PUBLIC_KEY: &[u8] = include_bytes!("test_public_key.pem");

    /// The server's end of a login.
    struct Peer(TcpStream, u8);

    impl Peer {
        fn send(&mut self, payload: &[u8]) {
            let length = payload.len() as u32;
            self.0.write_all(&(length | u32::from(self.1) << 24).to_le_bytes()).unwrap();
            self.0.write_all(payload).unwrap();
            self.1 += 1;
        }

        fn receive(&mut self) -> Vec<u8> {
            let mut head = [0; 4];
            self.0.read_exact(&mut head).unwrap();
            self.1 = head[3] + 1;
            let mut payload = vec![0; (u32::from_le_bytes(head) & 0xff_ffff) as usize];
            self.0.read_exact(&mut payload).unwrap();
            payload
        }

        fn greet(&mut self, plugin: &str) {
            let mut greeting = b"\x0a8.4.3\0\x07\0\0\0".to_vec();
            greeting.extend_from_slice(&NONCE[..8]);
            // No TLS; 21 bytes of scramble.
            greeting.extend_from_slice(b"\0\xff\xf7\xff\x02\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0");
            greeting.extend_from_slice(&NONCE[8..]);
            greeting.push(0);
            greeting.extend_from_slice(plugin.as_bytes());
            greeting.push(0);
            self.send(&greeting);
        }

        /// Takes the settings that follow a login.
        fn settle(&mut self) {
            for _ in 0..2 {
                self.receive();
                self.send(OK);
            }
        }
    }

    /// Logs in to a server that does what `serve` does.
    fn log_in(serve: impl FnOnce(&mut Peer) + Send + 'static) -> Result<Connection> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || serve(&mut Peer(listener.accept().unwrap().0, 0)));
        let json = format!(r#"{{"host":"127.0.0.1","port":{port},"user":"me","password":"secret","database":"d"}}"#);
        let connection = open(&Configuration::parse(&json)?);
        server.join().unwrap();
        connection
    }

    fn holds(packet: &[u8], part: &[u8]) -> bool {
        packet.windows(part.len()).any(|w| w == part)
    }

    #[test]
    fn a_cached_password_takes_one_step() {
        let connection = log_in(|peer| {
            peer.greet("caching_sha2_password");
            let response = peer.receive();
            assert!(holds(&response, &scramble_sha256(NONCE, b"secret").unwrap()));
            assert!(holds(&response, b"me\0") && holds(&response, b"d\0caching_sha2_password\0"));
            peer.send(&[1, 3]);
            peer.send(OK);
            peer.settle();
        });
        assert_eq!(connection.unwrap().server.title(), "MySQL 8.4.3");
    }

    #[test]
    fn without_tls_an_uncached_password_goes_encrypted() {
        let connection = log_in(|peer| {
            peer.greet("caching_sha2_password");
            peer.receive();
            peer.send(&[1, 4]);
            assert_eq!(peer.receive(), [2]);
            peer.send(&[&[1], PUBLIC_KEY].concat());
            let encrypted = peer.receive();
            assert_eq!(encrypted.len(), 256);
            assert!(!holds(&encrypted, b"secret"));
            peer.send(OK);
            peer.settle();
        });
        assert!(connection.is_ok());
    }

    #[test]
    fn the_server_may_switch_the_plugin() {
        let connection = log_in(|peer| {
            peer.greet("caching_sha2_password");
            peer.receive();
            peer.send(&[b"\xfemysql_native_password\0", &NONCE[..], b"\0"].concat());
            assert_eq!(peer.receive().len(), 20);
            peer.send(OK);
            peer.settle();
        });
        assert!(connection.is_ok());
    }

    #[test]
    fn the_password_never_goes_in_clear() {
        let refused = log_in(|peer| {
            peer.greet("mysql_native_password");
            peer.receive();
            peer.send(b"\xfemysql_clear_password\0");
        });
        assert_eq!(refused.err().unwrap().kind, Kind::Unauthorized);
    }

    #[test]
    fn an_unknown_plugin_is_named() {
        let refused = log_in(|peer| {
            peer.greet("mysql_native_password");
            peer.receive();
            peer.send(b"\xfeauth_gssapi_client\0");
        });
        assert!(refused.err().unwrap().message.contains("auth_gssapi_client"));
    }
}
