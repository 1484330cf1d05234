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
use exports::sensei::plugin::target::Specials;

/// As a list of names; the generator makes flags without it.
macro_rules! flags_by_name {
    ($flags:ty, $names:ident) => {
        impl serde::Serialize for $flags {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq($names.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| name))
            }
        }

        impl<'de> serde::Deserialize<'de> for $flags {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let names = Vec::<String>::deserialize(deserializer)?;
                let named = $names.iter().filter(|(_, name)| names.iter().any(|n| n == name));
                Ok(named.fold(Self::empty(), |all, (flag, _)| all | *flag))
            }
        }
    };
}

flags_by_name!(Roles, ROLES);
flags_by_name!(Specials, SPECIALS);

const ROLES: [(Roles, &str); 2] = [(Roles::SOURCE, "source"), (Roles::TARGET, "target")];

const SPECIALS: [(Specials, &str); 5] = [
    (Specials::NUL_BYTE, "nul-byte"),
    (Specials::ZERO_DATE, "zero-date"),
    (Specials::FAR_DATE, "far-date"),
    (Specials::NAN, "nan"),
    (Specials::INFINITY, "infinity"),
];
