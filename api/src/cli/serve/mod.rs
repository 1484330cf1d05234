//! `sensei serve`: the server of the Migrations API.

mod settings;

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sensei_engine::error::{Error, Result};
use sensei_engine::lifecycle::{Postman, Service, Supervisor};
use sensei_engine::notify::{Courier, Secret};
use sensei_engine::store::{Scope, Store};
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::failure::{Exit, Failure, leave};
use super::screen;
use crate::http::{App, Server, router};
use crate::registry;
use settings::Settings;
pub(super) use settings::StateUrl;

/// A key from the environment, which the server knows from then on, with all scopes.
const API_KEY: &str = "SENSEI_API_KEY";
/// The key that seals secrets.
const SECRET_KEY: &str = "SENSEI_SECRET_KEY";

/// Where to listen, and where state lives.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Address and port; port 0 is a free one [default: 127.0.0.1:8080]; also read from SENSEI_LISTEN
    #[arg(long, value_name = "ADDRESS", env = "SENSEI_LISTEN", hide_env = true)]
    listen: Option<String>,
    /// Where state lives [default: a file in the working directory]; also read from SENSEI_STATE
    #[arg(long, value_name = "URL", env = "SENSEI_STATE", hide_env = true)]
    state: Option<StateUrl>,
    /// A JSON file with all settings; flags and the environment come before it
    #[arg(long, value_name = "FILE", env = "SENSEI_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
The first start prints an API key. SENSEI_API_KEY=sk_live_... brings one of your own instead.
Secrets in the state are sealed with SENSEI_SECRET_KEY (32 bytes in base64), or with a key file beside it.
Ctrl-C, or SIGTERM: migrations stop at a checkpoint, and the next start goes on. A second one leaves at once.
/docs shows the API, /healthz and /readyz how the server is, /metrics its figures.";

/// What a server is made of, before it begins.
struct Parts {
    server: Server,
    app: App,
    supervisor: Supervisor,
    postman: Postman,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let settings = told(arguments)?;
    // Whoever embeds this command line may have chosen one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let starting = |e| Failure::machine("start the server's threads", &e);
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().map_err(starting)?;
    let served = runtime.block_on(serve(&settings));
    // A request may still wait for a system that does not answer: nothing of it is lost with the process.
    runtime.shutdown_background();
    served?;
    Ok(Exit::Done)
}

/// Flags before the environment before the file.
fn told(arguments: &Arguments) -> Result<Settings> {
    let mut settings = match &arguments.config {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    settings.listen = arguments.listen.clone().or(settings.listen);
    settings.state = arguments.state.clone().or(settings.state);
    settings.secret_key = variable(SECRET_KEY).map(Secret::from).or(settings.secret_key);
    Ok(settings)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}

async fn serve(settings: &Settings) -> Result<()> {
    have_many_files();
    let (leave, leaving) = watch::channel(false);
    let mut signals = Signals::listen()?;
    let Parts { server, app, supervisor, postman } = build(settings, &leaving).await?;
    let address = server.address();
    let working = tokio::spawn(supervisor.run(leaving.clone()));
    let posting = tokio::spawn(postman.run(leaving.clone()));
    let mut serving = tokio::spawn(server.run(router(app), leaving));
    screen::say(&format!("listening on http://{address}\n"));
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");

    let early = tokio::select! {
        () = signals.first() => None,
        ended = &mut serving => Some(ended),
    };
    leave.send_replace(true);
    tracing::info!("leaving: migrations stop at their next checkpoint; a second signal leaves at once");
    let leaving = async {
        // Their panics are in the log; what they were at is in the state.
        if early.is_none() {
            let _ = serving.await;
        }
        let _ = tokio::join!(working, posting);
    };
    tokio::select! {
        () = leaving => {}
        () = signals.again() => {}
    }
    Ok(())
}

/// Lets the process have as many files as the machine allows: a connection is one, and most shells allow 1,024 at first.
fn have_many_files() {
    let files = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }) {
        tracing::debug!(error = %e, "the number of open files stays as it is");
    }
}

async fn build(settings: &Settings, leaving: &watch::Receiver<bool>) -> Result<Parts> {
    settings.limits.check()?;
    let (hosts, supervisor) = (settings.webhook_hosts()?, settings.supervisor()?);
    let (base_url, courier) = (settings.base_url()?, Courier::new(&settings.notifications)?);
    let store = settings.state.clone().unwrap_or_default().open().await?;
    let seal = settings.sealing_key()?;
    // Bound before a key is told: who reads it can use it.
    let server = Server::bind(settings.listen(), &settings.limits).await?;
    first_key(&store).await?;
    let service = Arc::new(Service::new(store, Arc::new(registry::on_board()?), seal, base_url));
    Ok(Parts {
        server,
        app: App::new(Arc::clone(&service), hosts, settings.limits.clone(), leaving.clone()),
        supervisor: Supervisor::new(Arc::clone(&service), supervisor)?,
        postman: Postman::new(service, courier),
    })
}

/// Sees to it that there is a key: that of the environment, or one that is told here and nowhere else.
async fn first_key(store: &Store) -> Result<()> {
    let now = Timestamp::now();
    if let Some(secret) = variable(API_KEY) {
        return store.adopt_key("environment", &secret, &Scope::ALL, now).await;
    }
    if store.keys().await?.is_empty() {
        let (_, secret) = store.create_key("first", None, &Scope::ALL, now).await?;
        screen::say(&format!(
            "There was no API key yet, so here is one, with all scopes. It is shown this once; to use it:\n\n  \
             export {API_KEY}={secret}\n\n"
        ));
    }
    Ok(())
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let of = |kind| signal(kind).map_err(|e| Error::system("listen for signals", &e));
        Ok(Self { terminate: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }

    async fn first(&mut self) {
        self.next().await;
    }

    /// Does not come back: whoever asks twice does not want to wait.
    async fn again(&mut self) {
        leave(self.next().await);
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}
