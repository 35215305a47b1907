//! The files, as they are.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use acs_wire::relay::folders::CONFIG_FILE;
use acs_wire::secret_keys;
use secrecy::SecretString;

use super::Folders;

/// Largest file: what a ConfigMap or Secret can hold.
const MAX_FILE: u64 = 1024 * 1024;

/// A file.
#[derive(Clone, Debug, Default)]
pub enum File {
    /// It is not there.
    #[default]
    Missing,
    /// It could not be read.
    Unreadable(String),
    /// Its text.
    Text(SecretString),
}

impl PartialEq for File {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (File::Missing, File::Missing) => true,
            (File::Unreadable(one), File::Unreadable(two)) => one == two,
            (File::Text(_), File::Text(_)) => self.text() == other.text(),
            _ => false,
        }
    }
}

impl File {
    /// The text, if there is one that is not blank.
    pub fn text(&self) -> Option<&str> {
        use secrecy::ExposeSecret as _;
        match self {
            File::Text(text) => Some(text.expose_secret()).filter(|text| !text.trim().is_empty()),
            _ => None,
        }
    }

    /// Why there is no text.
    pub fn trouble(&self) -> String {
        match self {
            File::Missing => "is missing".to_owned(),
            File::Unreadable(why) => format!("cannot be read: {why}"),
            File::Text(_) => "is empty".to_owned(),
        }
    }
}

/// All files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The configuration.
    pub config: File,
    /// The delivery key.
    pub current: File,
    /// The one that replaces it.
    pub next: File,
    /// The hub's access policy.
    pub connection_string: File,
    /// The hub's name.
    pub hub_name: File,
}

/// What stands behind the files of each folder: the kubelet swaps all files of a volume at once by the link `..data`. None where
/// there is no such link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version([Option<PathBuf>; 3]);

/// What stands behind the files now.
pub fn version(folders: &Folders) -> Version {
    let link = |folder: &Path| std::fs::read_link(folder.join("..data")).ok();
    Version([link(&folders.config), link(&folders.delivery), link(&folders.push)])
}

/// Most reads in a row that a swap may spoil.
const TRIES: usize = 3;

/// Reads all of them, and reads again what was swapped meanwhile: `current` of one version with `next` of another would leave out a
/// key that is in use, and what comes with it would have to come again. Small files on a local volume: not worth a thread.
pub fn read(folders: &Folders) -> (Version, Contents) {
    unspoilt(|| version(folders), || contents(folders))
}

fn unspoilt<V: PartialEq, C>(version: impl Fn() -> V, mut contents: impl FnMut() -> C) -> (V, C) {
    let mut before = version();
    let mut read = contents();
    for _ in 1..TRIES {
        let after = version();
        if before == after {
            break;
        }
        before = after;
        read = contents();
    }
    (before, read)
}

fn contents(folders: &Folders) -> Contents {
    Contents {
        config: file(&folders.config.join(CONFIG_FILE)),
        current: file(&folders.delivery.join(secret_keys::DELIVERY_CURRENT)),
        next: file(&folders.delivery.join(secret_keys::DELIVERY_NEXT)),
        connection_string: file(&folders.push.join(secret_keys::CONNECTION_STRING)),
        hub_name: file(&folders.push.join(secret_keys::HUB_NAME)),
    }
}

fn file(path: &Path) -> File {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text));
    match read {
        Ok(length) if u64::try_from(length).unwrap_or(u64::MAX) > MAX_FILE => {
            File::Unreadable("it is larger than 1 MiB".to_owned())
        }
        Ok(_) => File::Text(text.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => File::Missing,
        Err(error) => File::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_was_swapped_while_it_was_read_is_read_again() {
        let now = Cell::new(1);
        let torn = || {
            let first = now.get();
            now.set(2);
            (first, now.get())
        };
        assert_eq!(unspoilt(|| now.get(), torn), (2, (2, 2)));
        let restless = Cell::new(0);
        let next = || {
            restless.set(restless.get() + 1);
            restless.get()
        };
        assert_eq!(unspoilt(|| restless.get(), next).1, TRIES);
    }
}
