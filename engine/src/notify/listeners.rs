//! Receivers for tests: real sockets on loopback that answer as they are told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// What to do with a connection once its request is read.
pub(super) enum Reply {
    /// These bytes, then the end.
    Say(String),
    /// These bytes, then body without end.
    Endless(String),
    /// Nothing, with the connection kept open.
    Silence,
    /// The end.
    HangUp,
}

/// An answer of HTTP/1.1.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Say(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"))
}

/// What a receiver of HTTP got.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) line: String,
    /// By their names in small letters.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// Takes one connection for each of its replies, in order.
pub(super) struct HttpListener {
    address: SocketAddr,
    requests: Receiver<Request>,
}

impl HttpListener {
    pub(super) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        let replies: Vec<Reply> = replies.into_iter().collect();
        thread::spawn(move || {
            let mut open = Vec::new();
            for reply in replies {
                let (mut stream, _) = listener.accept().unwrap();
                if sender.send(request(&stream)).is_err() {
                    return;
                }
                match reply {
                    Reply::Say(text) => stream.write_all(text.as_bytes()).unwrap(),
                    Reply::Endless(text) => {
                        stream.write_all(text.as_bytes()).unwrap();
                        while stream.write_all(&[b'x'; 1024]).is_ok() {}
                    }
                    Reply::Silence => open.push(stream),
                    Reply::HangUp => {}
                }
            }
            // Longer than any timeout of a test.
            thread::sleep(Duration::from_secs(if open.is_empty() { 0 } else { 60 }));
        });
        Self { address, requests }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request.
    pub(super) fn received(&self) -> Request {
        self.requests.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

fn request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line().split_once(':') {
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Request { line: first, headers, body: String::from_utf8(body).unwrap() }
}

/// A mail server that speaks SMTP, with a login, and without TLS.
pub(super) struct SmtpListener {
    pub(super) address: SocketAddr,
    lines: Receiver<String>,
}

impl SmtpListener {
    /// Takes one connection. `replies` are what it says other than yes, by how the command begins; `.` ends an e-mail.
    pub(super) fn start(replies: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || converse(&listener.accept().unwrap().0, replies, &sender));
        Self { address, lines }
    }

    /// Everything it was told, once the client is gone.
    pub(super) fn transcript(&self) -> Vec<String> {
        self.lines.iter().collect()
    }
}

const YES: &[(&str, &str)] = &[
    ("EHLO", "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN"),
    ("AUTH", "235 2.7.0 Welcome"),
    ("MAIL", "250 2.1.0 Ok"),
    ("RCPT", "250 2.1.5 Ok"),
    ("DATA", "354 Go on"),
    (".", "250 2.0.0 Queued"),
    ("QUIT", "221 2.0.0 Bye"),
];

fn converse(mut stream: &TcpStream, replies: &[(&str, &str)], lines: &Sender<String>) {
    let input = BufReader::new(stream).lines().map_while(Result::ok);
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    let mut in_mail = false;
    say("220 mail.test ESMTP");
    for line in input {
        let answer = replies.iter().chain(YES).find(|(command, _)| line.starts_with(command));
        let ends = line == ".";
        lines.send(line.clone()).unwrap();
        if in_mail && !ends {
            continue;
        }
        let (command, text) = answer.unwrap_or(&("", "502 5.5.1 What?"));
        in_mail = *command == "DATA" && text.starts_with('3');
        if !say(text) {
            return;
        }
    }
}
