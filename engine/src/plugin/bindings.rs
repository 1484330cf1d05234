//! What `wit/` generates for the host.

#![allow(missing_docs, clippy::all, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: trappable },
    with: {
        "sensei:plugin/network.socket": crate::plugin::network::Socket,
        "sensei:plugin/files.file": crate::plugin::files::OpenFile,
    },
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
});

use exports::sensei::plugin::connector::Roles;

/// As a list of names; the generator makes flags without it.
impl serde::Serialize for Roles {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(ROLES.iter().filter(|(role, _)| self.contains(*role)).map(|(_, name)| name))
    }
}

impl<'de> serde::Deserialize<'de> for Roles {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(ROLES
            .iter()
            .filter(|(_, name)| names.iter().any(|n| n == name))
            .fold(Self::empty(), |all, (role, _)| all | *role))
    }
}

const ROLES: [(Roles, &str); 2] = [(Roles::SOURCE, "source"), (Roles::TARGET, "target")];
