//! Sealing, and files of keys.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

const CONTEXT: &str = "connection/conn_1/password";

fn key(byte: u8) -> SealingKey {
    SealingKey::from_base64(&base64::encode(&[byte; KEY_BYTES])).unwrap()
}

#[test]
fn opens_what_it_sealed() {
    let sealed = key(1).seal(CONTEXT, b"hunter2").unwrap();
    assert!(sealed.starts_with("sealed:v1:"), "{sealed}");
    assert!(!sealed.contains("hunter2"));
    assert_eq!(key(1).open(CONTEXT, &sealed).unwrap(), b"hunter2");
    assert_ne!(key(1).seal(CONTEXT, b"hunter2").unwrap(), sealed, "equal secrets must not look equal");
    assert_eq!(key(1).open(CONTEXT, &key(1).seal(CONTEXT, b"").unwrap()).unwrap(), b"");
}

/// Made by another implementation of the same algorithms: what is in a store today must open tomorrow.
#[test]
fn opens_what_was_sealed_long_ago() {
    const OLD: &str = "sealed:v1:5f9c30f419c39ef3:AAECAwQFBgcICQoLRACfVwnpnbJVksAW+NP41ma1T7WhGfo=";
    assert_eq!(key(7).open(CONTEXT, OLD).unwrap(), b"hunter2");
}

#[test]
fn another_key_is_called_so() {
    let sealed = key(1).seal(CONTEXT, b"hunter2").unwrap();
    let error = key(2).open(CONTEXT, &sealed).unwrap_err();
    assert_eq!(error.code, Code::InvalidConfig);
    assert!(error.message.contains("another key") && error.message.contains(key(1).id()), "{error}");
}

#[test]
fn another_place_and_another_text_do_not_open() {
    let sealed = key(1).seal(CONTEXT, b"hunter2").unwrap();
    let (head, body) = sealed.rsplit_once(':').unwrap();
    let other = key(1).seal(CONTEXT, b"hunter3").unwrap();
    let spliced = format!("{head}:{}{}", &other.rsplit_once(':').unwrap().1[..16], &body[16..]);
    let cut = format!("{head}:{}", &body[..4]);
    let later_version = sealed.replacen("v1", "v2", 1);
    for (context, sealed) in [
        ("connection/conn_2/password", sealed.as_str()),
        (CONTEXT, &spliced),
        (CONTEXT, &cut),
        (CONTEXT, &later_version),
        (CONTEXT, "hunter2"),
        (CONTEXT, ""),
        (CONTEXT, head),
    ] {
        let error = key(1).open(context, sealed).unwrap_err();
        assert_eq!(error.code, Code::InvalidData, "{sealed}: {error}");
    }
}

#[test]
fn shows_nothing() {
    let text = base64::encode(&[9; KEY_BYTES]);
    assert_eq!(format!("{:?}", key(9)), format!("SealingKey {{ id: \"{}\", .. }}", key(9).id()));
    let error = SealingKey::from_base64(&text[1..]).unwrap_err();
    assert!(!error.message.contains(&text[1..20]), "{error}");
}

#[test]
fn a_key_is_32_bytes() {
    for text in ["", "short", &base64::encode(&[1; 31]), &base64::encode(&[1; 33]), &"?".repeat(44)] {
        assert_eq!(SealingKey::from_base64(text).unwrap_err().code, Code::InvalidConfig, "{text}");
    }
    assert!(SealingKey::from_base64(&format!("  {}\n", base64::encode(&[1; 32]))).is_ok());
}

#[test]
fn a_file_is_made_once_and_for_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    let made = SealingKey::load_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(SealingKey::load_or_create(&path).unwrap().id(), made.id());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the draft is gone");

    let sealed = made.seal(CONTEXT, b"hunter2").unwrap();
    assert_eq!(SealingKey::load_or_create(&path).unwrap().open(CONTEXT, &sealed).unwrap(), b"hunter2");
}

#[test]
fn servers_that_start_at_once_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    let ids: Vec<String> = std::thread::scope(|scope| {
        let start = || SealingKey::load_or_create(&path).unwrap().id().to_owned();
        let servers: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
        servers.into_iter().map(|server| server.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    SealingKey::load_or_create(&path).unwrap();
    for mode in [0o644, 0o640, 0o660, 0o604] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = SealingKey::load_or_create(&path).unwrap_err();
        assert_eq!(error.code, Code::InvalidConfig);
        assert!(error.message.contains(&format!("chmod 600 {}", path.display())), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(SealingKey::load_or_create(&path).is_ok());
}

#[test]
fn a_file_without_a_key_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    for content in [&b""[..], b"hello", &[0xff; 4096]] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = SealingKey::load_or_create(&path).unwrap_err();
        assert_eq!(error.code, Code::InvalidConfig);
        assert!(error.message.contains("holds no key"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let missing = SealingKey::load_or_create(&folder.path().join("absent/secret.key")).unwrap_err();
    assert_eq!(missing.code, Code::System);
    assert!(missing.message.contains("absent/secret.key"), "{missing}");
}

proptest! {
    #[test]
    fn there_and_back(plain: Vec<u8>, context: String) {
        let sealed = key(3).seal(&context, &plain).unwrap();
        prop_assert_eq!(key(3).open(&context, &sealed).unwrap(), plain);
    }

    #[test]
    fn no_text_makes_it_panic(text: String, tail: String) {
        prop_assert!(key(3).open(CONTEXT, &text).is_err());
        let close = format!("{VERSION}:{}:{tail}", key(3).id());
        prop_assert!(key(3).open(CONTEXT, &close).is_err());
    }
}
