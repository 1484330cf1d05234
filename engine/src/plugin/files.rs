//! Files for guests.

use wasmtime::component::Resource;

use super::bindings::sensei::plugin::errors::{Error, Kind};
use super::bindings::sensei::plugin::files::{Host, HostFile, LockKind, Mode};
use super::guest::Guest;
use super::outcome::to_guest;

/// One open file of a guest.
pub struct OpenFile {
}
type R<T> = wasmtime::Result<Result<T, Error>>;
impl Host for Guest {
    fn exists(&mut self, _: String) -> R<bool> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn remove(&mut self, _: String) -> R<()> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
}
impl HostFile for Guest {
    fn open(&mut self, _: String, _: Mode) -> R<Resource<OpenFile>> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn read_at(&mut self, _: Resource<OpenFile>, _: u64, _: u32) -> R<Vec<u8>> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn write_at(&mut self, _: Resource<OpenFile>, _: u64, _: Vec<u8>) -> R<()> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn size(&mut self, _: Resource<OpenFile>) -> R<u64> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn set_size(&mut self, _: Resource<OpenFile>, _: u64) -> R<()> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn sync(&mut self, _: Resource<OpenFile>) -> R<()> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn lock(&mut self, _: Resource<OpenFile>, _: u64, _: u64, _: LockKind) -> R<bool> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn unlock(&mut self, _: Resource<OpenFile>, _: u64, _: u64) -> R<()> { Ok(Err(to_guest(Kind::Unsupported, ""))) }
    fn drop(&mut self, _: Resource<OpenFile>) -> wasmtime::Result<()> { Ok(()) }
}
