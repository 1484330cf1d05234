//! Words, names and sentences.

use std::sync::OnceLock;

use crate::draw::{Draw, below, scramble};

/// By key.
pub(super) const REGIONS: &[&str] = &["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"];

/// By key, each with its region's.
pub(super) const NATIONS: &[(&str, i32)] = &[
    ("ALGERIA", 0),
    ("ARGENTINA", 1),
    ("BRAZIL", 1),
    ("CANADA", 1),
    ("EGYPT", 4),
    ("ETHIOPIA", 0),
    ("FRANCE", 3),
    ("GERMANY", 3),
    ("INDIA", 2),
    ("INDONESIA", 2),
    ("IRAN", 4),
    ("IRAQ", 4),
    ("JAPAN", 2),
    ("JORDAN", 4),
    ("KENYA", 0),
    ("MOROCCO", 0),
    ("MOZAMBIQUE", 0),
    ("PERU", 1),
    ("CHINA", 2),
    ("ROMANIA", 3),
    ("SAUDI ARABIA", 4),
    ("VIETNAM", 2),
    ("RUSSIA", 3),
    ("UNITED KINGDOM", 3),
    ("UNITED STATES", 1),
];

pub(super) const SEGMENTS: &[&str] = &["AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"];
pub(super) const PRIORITIES: &[&str] = &["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"];
pub(super) const INSTRUCTIONS: &[&str] = &["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"];
pub(super) const MODES: &[&str] = &["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"];
pub(super) const SIZES: &[&str] = &["ECONOMY", "LARGE", "MEDIUM", "PROMO", "SMALL", "STANDARD"];
pub(super) const FINISHES: &[&str] = &["ANODIZED", "BRUSHED", "BURNISHED", "PLATED", "POLISHED"];
pub(super) const METALS: &[&str] = &["BRASS", "COPPER", "NICKEL", "STEEL", "TIN"];
pub(super) const BULKS: &[&str] = &["JUMBO", "LG", "MED", "SM", "WRAP"];
pub(super) const CONTAINERS: &[&str] = &["BAG", "BOX", "CAN", "CASE", "DRUM", "JAR", "PACK", "PKG"];
#[rustfmt::skip]
pub(super) const COLOURS: &[&str] = &[
    "almond", "amber", "azure", "beige", "black", "blue", "blush", "brown", "burgundy", "burnt", "chiffon", "coral", "cream",
    "cyan", "dark", "dim", "dusty", "floral", "forest", "frosted", "ghost", "gold", "green", "grey", "honeydew", "indigo",
    "ivory", "khaki", "lace", "lavender", "lemon", "light", "lime", "linen", "magenta", "maroon", "midnight", "mint", "misty",
    "moccasin", "navy", "olive", "orange", "orchid", "pale", "peach", "pink", "plum", "powder", "puff", "purple", "red",
    "rose", "royal", "saddle", "salmon", "sandy", "seashell", "sienna", "sky", "slate", "smoke", "snow", "spring", "steel",
    "tan", "thistle", "tomato", "turquoise", "violet", "wheat", "white", "yellow",
];

/// What comments are made of.
#[rustfmt::skip]
const PROSE: &[&str] = &[
    "accounts", "packages", "deposits", "requests", "theories", "pinto beans", "ideas", "courts", "warthogs", "platelets",
    "sleep", "wake", "haggle", "nag", "cajole", "boost", "detect", "integrate", "quickly", "slowly", "carefully", "blithely",
    "furiously", "daringly", "evenly", "final", "ironic", "regular", "express", "special", "pending", "bold", "silent", "even",
    "about the", "above the", "according to", "across the", "after the", "against the", "along the", "among the", "around the",
    "at the", "the", "never", "always", "again", "above", "unusual", "thin", "close", "dogged", "stealthy", "permanent",
];

/// Bytes of prose that comments are cut from. Far more than a comment's 200, little enough for the processor's cache.
const PROSE_BYTES: usize = 128 * 1024;

fn prose() -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    TEXT.get_or_init(|| {
        let stream = Draw::named("prose");
        let mut text = Vec::with_capacity(PROSE_BYTES + 32);
        for position in 0.. {
            if text.len() >= PROSE_BYTES {
                break;
            }
            text.extend_from_slice(PROSE[stream.below(position, PROSE.len() as u64) as usize].as_bytes());
            // A sentence ends after ten words or so.
            text.extend_from_slice(if stream.at(position).is_multiple_of(10) { b". " } else { b" " });
        }
        text.truncate(PROSE_BYTES);
        text
    })
}

/// A piece of prose, from `shortest` to `longest` bytes.
pub(super) fn put_comment(out: &mut Vec<u8>, bits: u64, shortest: u64, longest: u64) {
    let text = prose();
    let length = (shortest + below(bits, longest - shortest + 1)) as usize;
    let from = below(bits << 32, (text.len() - longest as usize) as u64) as usize;
    out.extend_from_slice(&text[from..from + length]);
}

/// One word of each list, with blanks between them.
pub(super) fn put_of(out: &mut Vec<u8>, bits: u64, lists: &[&[&str]]) {
    let mut bits = bits;
    for (i, list) in lists.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(list[below(bits, list.len() as u64) as usize].as_bytes());
        bits = scramble(bits);
    }
}

/// From 10 to 40 letters, digits, blanks and commas.
pub(super) fn put_address(out: &mut Vec<u8>, bits: u64) {
    const LETTERS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ,";
    let length = 10 + below(bits, 31);
    let mut bits = bits;
    for i in 0..length {
        // Ten letters of six bits from one number.
        if i % 10 == 0 {
            bits = scramble(bits);
        }
        out.push(LETTERS[(bits & 63) as usize]);
        bits = bits.rotate_right(6);
    }
}
