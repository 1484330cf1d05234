//! `sensei keys`: the keys of a server, made and ended on its state, whether it runs or not.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use sensei_engine::error::Result;
use sensei_engine::store::{ApiKey, Scope, Store};
use tokio::runtime;

use super::failure::{Exit, Failure};
use super::screen::{self, Column};
use super::serve::StateUrl;

/// Columns of the list, on any screen: an id that is broken in two cannot be copied.
const UNBROKEN: u16 = 1_000;

/// What to do, and to which state.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Where state lives [default: as for `sensei serve`]; also read from SENSEI_STATE
    #[arg(long, value_name = "URL", env = "SENSEI_STATE", hide_env = true, global = true)]
    state: Option<StateUrl>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key; it is printed here, and never again
    Create(Create),
    /// List the keys, the revoked ones too
    List,
    /// End a key for good
    Revoke {
        /// Its id, as in the list
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// For people
    #[arg(long)]
    name: String,
    /// Whose deeds the key's are [default: a fresh user]
    #[arg(long)]
    user: Option<String>,
    /// What it may be used for
    #[arg(long, value_enum, value_delimiter = ',', default_value = "read,write,approve")]
    scope: Vec<ScopeArgument>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScopeArgument {
    /// Look at everything but keys and webhooks
    Read,
    /// Create, change, run and delete migrations and connections
    Write,
    /// Decide about mappings
    Approve,
    /// Keys and webhooks
    Admin,
}

impl From<ScopeArgument> for Scope {
    fn from(scope: ScopeArgument) -> Self {
        match scope {
            ScopeArgument::Read => Self::Read,
            ScopeArgument::Write => Self::Write,
            ScopeArgument::Approve => Self::Approve,
            ScopeArgument::Admin => Self::Admin,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let starting = |e| Failure::machine("start a thread", &e);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(starting)?;
    runtime.block_on(async {
        let store = arguments.state.clone().unwrap_or_default().open().await?;
        match &arguments.command {
            Command::Create(create) => make(&store, create).await,
            Command::List => list(&store).await,
            Command::Revoke { id } => {
                store.revoke_key(id, Timestamp::now()).await?;
                screen::tell(&format!("The key {id} is revoked.\n"));
                Ok(())
            }
        }
    })?;
    Ok(Exit::Done)
}

async fn make(store: &Store, create: &Create) -> Result<()> {
    let mut scopes: Vec<Scope> = create.scope.iter().copied().map(Scope::from).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let (key, secret) = store.create_key(&create.name, create.user.as_deref(), &scopes, Timestamp::now()).await?;
    let words = scope_words(&key);
    screen::tell(&format!("{} of {} ({words}). The key is shown this once:\n", key.id, key.user));
    // Alone on stdout, so that a script can take it.
    screen::say(&format!("{secret}\n"));
    Ok(())
}

async fn list(store: &Store) -> Result<()> {
    let keys = store.keys().await?;
    let columns = ["id", "name", "user", "begins", "scopes", "created", "last used", "revoked"].map(Column::Left);
    let day = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.strftime("%F %R").to_string());
    let rows = keys.iter().map(|key| {
        vec![
            key.id.clone(),
            key.name.clone(),
            key.user.clone(),
            key.hint.clone(),
            scope_words(key),
            day(Some(key.created_at)),
            day(key.last_used_at),
            day(key.revoked_at),
        ]
    });
    screen::say(&screen::table(&columns, rows, UNBROKEN));
    Ok(())
}

fn scope_words(key: &ApiKey) -> String {
    key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}
