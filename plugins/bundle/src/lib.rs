//! The guests that come with Sensei, as bytes.
//!
//! One noun: a [`Guest`] is a component, built from `plugins/` by this crate's build script. Whoever wants
//! connectors hands the bytes to the engine's registry, through the same door that a user's plugin comes in by:
//!
//! ```
//! for guest in sensei_bundle::CONNECTORS {
//!     assert!(guest.bytes.starts_with(b"\0asm"), "{} is no component", guest.name);
//! }
//! ```

/// One component and the name of the folder it was built from.
#[derive(Clone, Copy)]
pub struct Guest {
    /// Short name: `datagen`.
    pub name: &'static str,
    /// The component itself.
    pub bytes: &'static [u8],
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("name", &self.name).field("bytes", &self.bytes.len()).finish()
    }
}

impl Guest {
    /// The guest of that name.
    #[must_use]
    pub fn find(guests: &'static [Self], name: &str) -> Option<&'static Self> {
        guests.iter().find(|g| g.name == name)
    }
}

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_is_a_component() {
        // A component's header differs from a core module's in its version and layer.
        let header = [b"\0asm".as_slice(), &[0x0d, 0, 1, 0]].concat();
        assert!(!CONNECTORS.is_empty());
        for guest in CONNECTORS {
            assert!(guest.bytes.starts_with(&header), "{guest:?} is no component");
        }
    }

    #[test]
    fn guests_are_found_by_name() {
        assert_eq!(Guest::find(CONNECTORS, "datagen").map(|g| g.name), Some("datagen"));
        assert!(Guest::find(CONNECTORS, "nobody").is_none());
    }
}
