//! Secrets at rest: what a database keeps of passwords and signing secrets is sealed with a key of the installation, and
//! the key is never in a database. What is sealed opens for one tenant and one purpose only, so that a sealed value is
//! of no use anywhere else.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use mortise_expr::Dialect;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::hex;
use crate::sqlite;
use crate::writer::Session;

/// The file of the keys within the data folder.
const FILE: &str = "secret.key";
/// Length of a key of the cipher.
const KEY_BYTES: usize = 32;
/// Length of a nonce: long enough to be drawn at random for every value.
const NONCE_BYTES: usize = 24;
/// Digits of the name of a key: enough to tell the few keys of an installation apart.
const ID_DIGITS: usize = 12;
/// Keys of an installation; old ones are needed for old backups only.
const KEYS_MAX: usize = 16;
/// How a sealed value begins: the way in which it is sealed.
const PREFIX: &str = "sealed:1:";

struct Key {
    id: String,
    bytes: [u8; KEY_BYTES],
}

/// The keys of an installation: the first one seals, all of them open.
pub struct Keyring(Vec<Key>);

impl fmt::Debug for Keyring {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl Keyring {
    /// No keys: nothing can be sealed or opened. For what must not reach anybody outside.
    pub fn empty() -> Keyring {
        Keyring(Vec::new())
    }

    /// Keys as they are written: 32 bytes in base64 each, the first one seals.
    pub fn parse(text: &str) -> Result<Keyring> {
        let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        let keys = words.map(|word| {
            let bytes = BASE64_STANDARD.decode(word).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Key::new).ok_or(Error::KeyUnreadable)
        });
        let keys: Vec<Key> = keys.collect::<Result<_>>()?;
        match keys.len() {
            1..=KEYS_MAX => Ok(Keyring(keys)),
            _ => Err(Error::KeyUnreadable),
        }
    }

    /// Where the keys of a data folder are.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// The keys of a data folder, if it has any.
    pub fn find(folder: &Path) -> Result<Option<Keyring>> {
        match std::fs::read_to_string(Keyring::file(folder)) {
            Ok(text) => Keyring::parse(&text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The keys of a data folder, which gets one if it has none.
    pub fn of_folder(folder: &Path) -> Result<Keyring> {
        if let Some(keys) = Keyring::find(folder)? {
            return Ok(keys);
        }
        let keys = Keyring(vec![Key::new(random()?)]);
        match keys.write(folder, |new, file| std::fs::hard_link(new, file)) {
            Ok(()) => Ok(keys),
            // Another process was faster.
            Err(error) => Keyring::find(folder)?.ok_or(error),
        }
    }

    /// The same keys behind a new one, which is written to the data folder.
    pub fn rotate(&self, folder: &Path) -> Result<Keyring> {
        let kept = self.0.iter().take(KEYS_MAX - 1).map(|key| Key::new(key.bytes));
        let keys = Keyring(std::iter::once(Key::new(random()?)).chain(kept).collect());
        keys.write(folder, |new, file| std::fs::rename(new, file))?;
        Ok(keys)
    }

    /// Writes the keys beside their file, for their owner only, and has them put into its place: all of it or nothing.
    fn write(&self, folder: &Path, place: fn(&Path, &Path) -> std::io::Result<()>) -> Result<()> {
        let new = folder.join(format!("{FILE}.{}", hex(&random::<8>()?)));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&new).and_then(|mut file| {
            self.0.iter().try_for_each(|key| writeln!(file, "{}", BASE64_STANDARD.encode(key.bytes)))?;
            file.sync_all()
        });
        let placed = written.and_then(|()| place(&new, &Keyring::file(folder)));
        // Gone already where it was moved into its place.
        let _ = std::fs::remove_file(&new);
        Ok(placed?)
    }

    /// Name of the key that seals; none without keys. It tells nothing about the key.
    pub fn id(&self) -> Option<&str> {
        self.0.first().map(|key| key.id.as_str())
    }

    /// Whether the key of this name is there.
    pub fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Whether a value is sealed with the key that seals now.
    pub fn is_current(&self, stored: &str) -> bool {
        sealed(stored).is_some_and(|(id, _)| self.id() == Some(id))
    }

    /// Seals a value for a place, the only one where it can be opened.
    pub fn seal(&self, place: &str, plain: &str) -> Result<String> {
        let key = self.0.first().ok_or(Error::Locked)?;
        let nonce = random::<NONCE_BYTES>()?;
        let payload = Payload { msg: plain.as_bytes(), aad: place.as_bytes() };
        let sealed = key.cipher().encrypt((&nonce).into(), payload).map_err(|_| Error::Locked)?;
        Ok(format!("{PREFIX}{}:{}", key.id, BASE64_STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens a value that was sealed for a place. What was stored before there were keys is told as it is.
    pub fn open(&self, place: &str, stored: &str) -> Result<String> {
        if !stored.starts_with(PREFIX) {
            return Ok(stored.to_owned());
        }
        let (id, encoded) = sealed(stored).ok_or(Error::Locked)?;
        let key = self.0.iter().find(|key| key.id == id).ok_or(Error::Locked)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| Error::Locked)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Error::Locked)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let plain = key.cipher().decrypt(nonce.into(), payload).map_err(|_| Error::Locked)?;
        String::from_utf8(plain).map_err(|_| Error::Locked)
    }
}

impl Key {
    fn new(bytes: [u8; KEY_BYTES]) -> Key {
        let mut id = hex(&Sha256::digest([b"name of a key ".as_slice(), &bytes].concat()));
        id.truncate(ID_DIGITS);
        Key { id, bytes }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.bytes).into())
    }
}

/// Name of the key and bytes of a sealed value.
fn sealed(stored: &str) -> Option<(&str, &str)> {
    stored.strip_prefix(PREFIX)?.split_once(':')
}

/// Bytes that nobody foresees. Not of the `Env`: a made-up world must not have keys that can be worked out.
fn random<const COUNT: usize>() -> Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|error| Error::Io(error.to_string()))?;
    Ok(bytes)
}

impl Session<'_> {
    /// Has what this write replaces overwritten, where the database would leave it in its file.
    pub fn leave_no_trace(&mut self) -> Result<()> {
        match self.naming.dialect {
            Dialect::Sqlite => self.batch("PRAGMA secure_delete=ON"),
            // Old rows go with the next vacuum.
            Dialect::Postgres => Ok(()),
        }
    }
}

/// Has SQLite take over its log, in which what was replaced is still to be read. Best effort: readers may hold it up.
pub(crate) fn take_over_log(path: &Path) -> Result<()> {
    let connection = sqlite::open_beside(path)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Keyring {
        let text: Vec<String> = bytes.iter().map(|byte| BASE64_STANDARD.encode([*byte; KEY_BYTES])).collect();
        Keyring::parse(&text.join("\n")).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_place_and_nowhere_else() {
        let keys = keys(&[1]);
        let sealed = keys.seal("acme shop.robot secret", "whsec_1").unwrap();
        assert!(
            !sealed.contains("whsec") && sealed != keys.seal("acme shop.robot secret", "whsec_1").unwrap()
        );
        assert_eq!(keys.open("acme shop.robot secret", &sealed).unwrap(), "whsec_1");
        for other in ["other shop.robot secret", "acme shop.form secret", "acme shop.robot url"] {
            assert!(matches!(keys.open(other, &sealed), Err(Error::Locked)), "{other}");
        }
        let mut changed = sealed.into_bytes();
        let middle = changed.len() - 10;
        changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
        assert!(keys.open("acme shop.robot secret", std::str::from_utf8(&changed).unwrap()).is_err());
        assert!(keys.open("x", "sealed:1:short").is_err() && keys.open("x", "sealed:1:a:!").is_err());
        assert_eq!(keys.open("x", "plain").unwrap(), "plain");
    }

    #[test]
    fn an_old_key_opens_and_a_new_one_seals() {
        let (old, both, new) = (keys(&[1]), keys(&[2, 1]), keys(&[2]));
        let sealed = old.seal("x", "secret").unwrap();
        assert!(old.is_current(&sealed) && !both.is_current(&sealed) && !old.is_current("plain"));
        assert_eq!(both.open("x", &sealed).unwrap(), "secret");
        assert!(new.open("x", &sealed).is_err() && Keyring::empty().open("x", &sealed).is_err());
        assert_eq!(both.id(), new.id());
        assert!(both.knows(old.id().unwrap()) && !new.knows(old.id().unwrap()));
        assert_eq!(format!("{old:?}").len(), ID_DIGITS + 4, "no key is ever written to a log");
    }

    #[test]
    fn a_folder_keeps_its_keys_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Keyring::find(folder.path()).unwrap().is_none());
        let first = Keyring::of_folder(folder.path()).unwrap();
        let again = Keyring::of_folder(folder.path()).unwrap();
        assert_eq!(first.id(), again.id());
        let rotated = again.rotate(folder.path()).unwrap();
        assert!(rotated.id() != first.id() && rotated.knows(first.id().unwrap()));
        assert_eq!(Keyring::of_folder(folder.path()).unwrap().id(), rotated.id());
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing is left beside the file");
        #[cfg(unix)]
        {
            let mode = std::fs::metadata(Keyring::file(folder.path())).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        }
        assert!(Keyring::parse("").is_err() && Keyring::parse("short").is_err());
    }
}
