//! Whatever is handed in is opened as what it was sealed as, or refused by name.

use proptest::prelude::*;

use super::*;

const LAB: Place<'static> = Place { tenant: "default", name: "lab", kind: "snmp_v2c" };

fn key() -> MasterKey {
    MasterKey::from_bytes(&[7; KEY_BYTES])
}

/// As the versions before envelopes wrote it.
fn direct(place: Place<'_>, secret: &[u8]) -> Vec<u8> {
    let (nonce, aad) = ([9; NONCE_BYTES], place.encoded_directly());
    let cipher = XChaCha20Poly1305::new(&Key::from(*key().bytes()));
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: &aad }).unwrap();
    [&[DIRECT][..], &nonce, &sealed].concat()
}

fn sealed(place: Place<'_>, secret: &[u8]) -> Vec<u8> {
    key().public().seal(place, secret).unwrap()
}

fn names(error: &OpenError, name: &str) -> bool {
    error.to_string().contains(&format!("credential {name} "))
}

/// As version 0.1 writes it with the key of 32 times 7, made by another implementation.
const WRITTEN: &str = "\
    01000102030405060708090a0b0c0d0e0f1011121314151617d335c8ea97712ecb4cb3f865dcc0df\
    d93dba517436db151a9a73d3a3a0eee7f96e4ed01ac7f77c8df725c01b2c572993bdfdb5be9b4356\
    9f";

#[test]
fn what_an_older_version_sealed_opens() {
    let digits = WRITTEN.as_bytes().chunks(2);
    let written: Vec<u8> = digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    let opened = key().open(LAB, &written).unwrap();
    assert_eq!(opened.as_slice(), br#"{"community":"public","kind":"snmp_v2c"}"#);
    assert_eq!(inspect(&written), Some(Sealing::Direct));
}

#[test]
fn no_byte_can_be_changed_and_no_end_cut_off() {
    for all in [sealed(LAB, b"public"), direct(LAB, b"public")] {
        assert!(!all.windows(6).any(|window| window == b"public"));
        assert_eq!(key().open(LAB, &all).unwrap().as_slice(), b"public");
        for place in 0..all.len() {
            for bit in 0..8 {
                let mut forged = all.clone();
                forged[place] ^= 1 << bit;
                let error = key().open(LAB, &forged).unwrap_err();
                assert!(names(&error, "lab"), "byte {place}: {error}");
                assert!(key().reseal(MasterKey::random().public(), LAB, &forged).is_err());
            }
            assert!(key().open(LAB, &all[..place]).is_err(), "cut at {place}");
        }
        assert!(key().open(LAB, &[&all[..], b"x"].concat()).is_err());
    }
}

#[test]
fn another_key_says_whose_it_is() {
    let other = MasterKey::random();
    let (theirs, ours) = (key().id(), other.id());
    let error = other.open(LAB, &sealed(LAB, b"public")).unwrap_err();
    let name = "lab".to_owned();
    assert_eq!(error, OpenError::OtherKey { name: name.clone(), sealed_with: theirs, ours });
    let error = other.open(LAB, &direct(LAB, b"public")).unwrap_err();
    assert_eq!(error, OpenError::Unknown { name, ours });
}

#[test]
fn a_new_master_key_leaves_the_secret_as_it_is() {
    let next = MasterKey::random();
    let before = sealed(LAB, b"public");
    let after = key().reseal(next.public(), LAB, &before).unwrap();
    assert_eq!(inspect(&after), Some(Sealing::Envelope(next.id())));
    assert_eq!(next.open(LAB, &after).unwrap().as_slice(), b"public");
    assert!(key().open(LAB, &after).is_err());
    let header = 1 + 8 + ENCAPPED_BYTES + WRAPPED_BYTES;
    assert_eq!(after[header..], before[header..]);
    assert_ne!(after[..header], before[..header]);
    let from_old = key().reseal(next.public(), LAB, &direct(LAB, b"public")).unwrap();
    assert_eq!(next.open(LAB, &from_old).unwrap().as_slice(), b"public");
}

/// RFC 7748, 6.1: a point of small order gives no secret to share.
#[test]
fn a_public_key_that_shares_nothing_is_refused() {
    let zero = PublicKey::from_bytes(&[0; KEY_BYTES]);
    assert!(zero.is_none_or(|key| key.seal(LAB, b"public").is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A row's secret opens under its own tenant, name and kind alone, however they are cut.
    #[test]
    fn a_row_is_never_another(
        one in ("[a-z0-9:]{0,6}", "[a-z0-9:]{0,6}", "[a-z0-9:]{0,6}"),
        two in ("[a-z0-9:]{0,6}", "[a-z0-9:]{0,6}", "[a-z0-9:]{0,6}"),
        secret in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let place = |it: &(String, String, String)| {
            let (tenant, name, kind) = (it.0.clone(), it.1.clone(), it.2.clone());
            (tenant, name, kind)
        };
        let (a, b) = (place(&one), place(&two));
        let first = Place { tenant: &a.0, name: &a.1, kind: &a.2 };
        let other = Place { tenant: &b.0, name: &b.1, kind: &b.2 };
        let all = sealed(first, &secret);
        prop_assert_eq!(&*key().open(first, &all).unwrap(), &secret);
        prop_assert_eq!(key().open(other, &all).is_ok(), first == other);
    }

    #[test]
    fn any_bytes_are_refused_by_name(
        form in 0_u8..4,
        ours in any::<bool>(),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut all = vec![form];
        if ours {
            all.extend_from_slice(&key().id().0);
        }
        all.extend(rest);
        let error = key().open(LAB, &all).unwrap_err();
        prop_assert!(names(&error, "lab"), "{error}");
    }

    #[test]
    fn any_damage_is_refused_by_name(
        old in any::<bool>(),
        at in any::<prop::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 0..40),
        keep in any::<prop::sample::Index>(),
    ) {
        let all = if old { direct(LAB, b"public") } else { sealed(LAB, b"public") };
        let at = at.index(all.len());
        let rest = at + keep.index(all.len() - at + 1);
        let forged = [&all[..at], &with, &all[rest..]].concat();
        prop_assume!(forged != all);
        let error = key().open(LAB, &forged).unwrap_err();
        prop_assert!(names(&error, "lab"), "{error}");
    }
}
