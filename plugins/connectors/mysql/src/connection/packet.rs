//! Reading and writing what packets are made of.
//! Protocol: "Client/Server Protocol" of the MySQL source documentation, basic types.

use sensei_sdk::Result;

use crate::error::protocol;

/// A NULL in a text row.
const NULL: u8 = 0xfb;

/// Walks through a packet.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count).ok_or_else(|| protocol("a packet ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(|| protocol("a packet ends too early"))?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Bytes up to a NUL, which is consumed; to the end when there is none.
    pub(crate) fn until_nul(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        let text = &self.0[..end];
        self.0 = &self.0[(end + 1).min(self.0.len())..];
        text
    }

    /// Length-encoded integer.
    pub(crate) fn length(&mut self) -> Result<u64> {
        Ok(match self.u8()? {
            first @ 0..=0xfa => u64::from(first),
            0xfc => u64::from(self.u16()?),
            0xfd => {
                let [a, b, c] = self.array()?;
                u64::from(u32::from_le_bytes([a, b, c, 0]))
            }
            0xfe => u64::from_le_bytes(self.array()?),
            NULL | 0xff => return Err(protocol("a length begins with 0xfb or 0xff")),
        })
    }

    /// Length-encoded bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.length()?;
        self.take(usize::try_from(length).map_err(|_| protocol("a length exceeds the address space"))?)
    }

    /// A value of a text row.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>> {
        // Nearly every value is short: one byte of length.
        if let Some((&first, rest)) = self.0.split_first()
            && first < NULL
            && let Some((value, rest)) = rest.split_at_checked(usize::from(first))
        {
            self.0 = rest;
            return Ok(Some(value));
        }
        if self.0.first() == Some(&NULL) {
            self.0 = &self.0[1..];
            return Ok(None);
        }
        self.bytes().map(Some)
    }
}

/// Appends a length-encoded integer.
pub(crate) fn put_length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..=0xfa => out.push(length as u8),
        0xfb..=0xffff => {
            out.push(0xfc);
            out.extend_from_slice(&(length as u16).to_le_bytes());
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend_from_slice(&length.to_le_bytes()[..3]);
        }
        0x100_0000.. => {
            out.push(0xfe);
            out.extend_from_slice(&length.to_le_bytes());
        }
    }
}

/// Appends length-encoded bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, proptest};
    use proptest::prop_oneof;

    use super::*;

    proptest! {
        #[test]
        fn lengths_come_back(length in prop_oneof![0u64..=0x200, 0xff00u64..=0x1_0100, 0xff_fff0u64..=0x100_0010, any::<u64>()]) {
            let mut out = Vec::new();
            put_length(&mut out, length);
            let mut cursor = Cursor(&out);
            assert_eq!(cursor.length().unwrap(), length);
            assert!(cursor.0.is_empty());
        }

        #[test]
        fn values_come_back(value in proptest::collection::vec(any::<u8>(), 0..600).prop_map(Some)) {
            let mut out = Vec::new();
            put_bytes(&mut out, value.as_deref().unwrap());
            out.push(NULL);
            let mut cursor = Cursor(&out);
            assert_eq!(cursor.value().unwrap(), value.as_deref());
            assert_eq!(cursor.value().unwrap(), None);
            assert!(cursor.value().is_err());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut cursor = Cursor(&bytes);
            while cursor.value().is_ok() && !cursor.0.is_empty() {}
        }
    }
}
