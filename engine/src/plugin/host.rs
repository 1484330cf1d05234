//! Loading components: one wasmtime engine, an ahead-of-time cache, an epoch clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Store, UpdateDeadline};

use super::bindings::Plugin as Exports;
use super::bindings::sensei::plugin as contract;
use super::grant::Grant;
use super::guest::{Environment, Guest};
use super::limits::Limits;
use super::outcome::{Cancelled, Limit, from_wasmtime};
use crate::error::{Code, Error, Result};

/// How often the epoch moves: the grain of the compute limit and of cancellation. 10 ms is far below what a person
/// notices, and a tick costs one atomic increment.
const EPOCH_TICK: Duration = Duration::from_millis(10);

/// The plugin host: compiles components and makes instances of them. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    engine: Engine,
    limits: Limits,
    cache: Option<PathBuf>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", &self.0.limits).field("cache", &self.0.cache).finish_non_exhaustive()
    }
}

/// A compiled component.
#[derive(Clone)]
pub(super) struct Compiled {
    pub(super) name: Arc<str>,
    component: Component,
    /// What it imports: its whole authority.
    pub(super) imports: Arc<[String]>,
}

/// One instance with the state behind it.
pub(super) struct Instance {
    pub(super) store: Store<Guest>,
    pub(super) exports: Exports,
}

impl Host {
    /// A host with the given limits for each instance. Compiled code is kept in `cache` (made with access for
    /// this user alone: what lies there is executed) and found again by content.
    ///
    /// # Errors
    /// `system` if this machine cannot run WebAssembly or the epoch thread cannot start.
    pub fn new(limits: Limits, cache: Option<PathBuf>) -> Result<Self> {
        let mut config = Config::new();
        config.epoch_interruption(true).max_wasm_stack(limits.stack_bytes).wasm_component_model(true);
        let engine =
            Engine::new(&config).map_err(|e| Error::new(Code::System, format!("WebAssembly cannot run here: {e}.")))?;
        let clock = engine.weak();
        std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while let Some(engine) = clock.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(EPOCH_TICK);
                }
            })
            .map_err(|e| Error::system("start its clock thread", &e))?;
        Ok(Self(Arc::new(Inner { engine, limits, cache })))
    }

    /// The limits of each instance.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Compiles a component, or takes it from the cache.
    pub(super) fn load(&self, name: &str, bytes: &[u8]) -> Result<Compiled> {
        let component = self.compile(name, bytes)?;
        let imports = component.component_type().imports(&self.0.engine).map(|(name, _)| name.to_owned()).collect();
        Ok(Compiled { name: name.into(), component, imports })
    }

    fn compile(&self, name: &str, bytes: &[u8]) -> Result<Component> {
        let invalid = |e: wasmtime::Error| {
            Error::new(
                Code::PluginInvalid,
                format!("The plugin `{name}` is no component that this version can load: {e:#}."),
            )
        };
        let compile = || Component::new(&self.0.engine, bytes).map_err(invalid);
        let Some(cache) = &self.0.cache else { return compile() };
        let path = cache.join(self.cache_key(bytes));
        if let Some(component) = self.cached(&path) {
            return Ok(component);
        }
        let component = compile()?;
        // A cache that cannot be written costs a second at the next start, nothing else.
        if let Err(e) = component.serialize().map_err(std::io::Error::other).and_then(|code| store(cache, &path, &code))
        {
            tracing::debug!(%e, path = %path.display(), "compiled plugin not cached");
        }
        Ok(component)
    }

    /// Content, compiler and its settings: whatever changes one of them gets another file.
    fn cache_key(&self, bytes: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(bytes);
        let mut settings = Settings(blake3::Hasher::new());
        std::hash::Hash::hash(&self.0.engine.precompile_compatibility_hash(), &mut settings);
        hasher.update(settings.0.finalize().as_bytes());
        format!("{}.cwasm", &hasher.finalize().to_hex()[..32])
    }

    #[allow(unsafe_code)]
    fn cached(&self, path: &Path) -> Option<Component> {
        if !path.exists() || !ours_alone(path.parent()?) {
            return None;
        }
        // SAFETY: the file is native code and trusted as such: it lies in a folder that only this user can write
        // (checked above), under the hash of the component it was compiled from. wasmtime refuses files of another
        // version or other settings.
        unsafe { Component::deserialize_file(&self.0.engine, path) }.ok()
    }

    /// A fresh instance that can reach what `grant` says and nothing else. A component that imports more is
    /// refused, by name.
    pub(super) fn link_and_instantiate(
        &self,
        code: &Compiled,
        grant: &Grant,
        environment: Environment,
    ) -> Result<Instance> {
        for (interface, granted, field) in
            [("network", !grant.endpoints.is_empty(), "endpoint"), ("files", !grant.files.is_empty(), "file")]
        {
            if !granted && code.imports.iter().any(|i| i.contains(&format!("/{interface}@"))) {
                return Err(not_granted(&code.name, interface, field));
            }
        }
        self.instantiate(code, grant, environment)
    }

    /// An instance whose ungranted imports trap when called: enough to ask a connector what it is.
    pub(super) fn instantiate(&self, code: &Compiled, grant: &Grant, environment: Environment) -> Result<Instance> {
        let bad = |e: wasmtime::Error| from_wasmtime(&code.name, None, &e);
        let mut linker = self.linker(grant).map_err(bad)?;
        linker.define_unknown_imports_as_traps(&code.component).map_err(bad)?;
        let mut store = Store::new(&self.0.engine, Guest::new(&self.0.limits, grant.clone(), environment));
        store.limiter(|guest| &mut guest.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let guest = context.data();
            if guest.environment.cancel.is_cancelled() {
                Err(Cancelled.into())
            } else if guest.overdue() {
                Err(Limit::Compute.into())
            } else {
                Ok(UpdateDeadline::Continue(1))
            }
        });
        let exports = Exports::instantiate(&mut store, &code.component, &linker).map_err(bad)?;
        Ok(Instance { store, exports })
    }

    fn linker(&self, grant: &Grant) -> wasmtime::Result<Linker<Guest>> {
        let mut linker = Linker::new(&self.0.engine);
        contract::errors::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        contract::rows::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        contract::catalog::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        contract::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        contract::clock::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        contract::random::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        if !grant.endpoints.is_empty() {
            contract::network::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        }
        if !grant.files.is_empty() {
            contract::files::add_to_linker::<_, HasSelf<_>>(&mut linker, |g| g)?;
        }
        Ok(linker)
    }
}

fn not_granted(plugin: &str, interface: &str, field: &str) -> Error {
    Error::new(
        Code::PluginInvalid,
        format!(
            "The plugin `{plugin}` asks for `{interface}`, but its configuration names no {field}; it was not started."
        ),
    )
}

/// Feeds wasmtime's compatibility hash into blake3: the standard hashers promise nothing across versions.
struct Settings(blake3::Hasher);

impl std::hash::Hasher for Settings {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn ours_alone(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).is_ok_and(|m| m.uid() == rustix::process::geteuid().as_raw() && m.mode() & 0o022 == 0)
}

/// Writes beside and renames, so that two processes never read half a file.
fn store(folder: &Path, path: &Path, code: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&beside, code)?;
    std::fs::rename(&beside, path)
}
