//! A world in a file: what is urgent is there before anybody is told, and the rest soon after.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, StorageBackend, TableDefinition, TableHandle as _};

use crate::model::{Change, Config, FORMAT, Stored, World};

/// Name of the file in the directory that keeps a world.
pub const FILE: &str = "state.redb";
/// Beside it: who uses it.
const HOLDER: &str = "state.holder";

const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
const RECORDS: TableDefinition<'_, (&str, &[u8]), &[u8]> = TableDefinition::new("records");

const FORMAT_KEY: &str = "format";
/// Whether the last writer had time to write everything.
const WHOLE_KEY: &str = "whole";
const ADDRESS_KEY: &str = "address";

/// Pages that are kept in memory: a world is in memory already.
const CACHE: usize = 4 * 1024 * 1024;

/// The file of a world, held by this process alone.
pub(super) struct Store {
    database: Database,
    holder: PathBuf,
}

/// What a file held.
pub(super) struct Found {
    pub(super) world: World,
    /// What of the configuration does not hold in it.
    pub(super) remarks: Vec<String>,
}

impl Store {
    /// Opens the file in `dir`, or makes it.
    ///
    /// # Errors
    /// When another process holds it, it is none of ours, or of a format that this version does not know. It is left as
    /// it is.
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let (path, holder) = (dir.join(FILE), dir.join(HOLDER));
        // It holds keys and secrets.
        let file = private(OpenOptions::new().read(true).write(true).create(true).truncate(false), &path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let who = std::fs::read_to_string(&holder).unwrap_or_else(|_| "another process".to_owned());
                bail!("{} is in use by {}: stop that one, or take another --dir", path.display(), who.trim());
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        judge(&file).with_context(|| {
            format!("{} cannot be used: move it away to start anew; it was not changed", path.display())
        })?;
        let backend = FileBackend::new(file)?;
        let database = opened(backend).with_context(|| format!("{} cannot be opened", path.display()))?;
        let store = Self { database, holder };
        let mut file = private(OpenOptions::new().write(true).create(true).truncate(true), &store.holder)?;
        writeln!(file, "azure-sim with process id {}", std::process::id())?;
        Ok(store)
    }

    /// The world that was kept; `None` in a new file.
    pub(super) fn load(&self, config: &Config) -> anyhow::Result<Option<Found>> {
        let read = self.database.begin_read()?;
        if read.list_tables()?.next().is_none() {
            return Ok(None);
        }
        let about = read.open_table(ABOUT)?;
        let whole = about.get(WHOLE_KEY)?.is_some_and(|value| value.value() == [1]);
        let mut records = Vec::new();
        for record in read.open_table(RECORDS)?.iter()? {
            let (key, value) = record?;
            let (table, key) = key.value();
            records.push(Stored { table: table.to_owned(), key: key.to_owned(), value: value.value().to_owned() });
        }
        let (world, remarks) = World::restored(config, records, whole)?;
        Ok(Some(Found { world, remarks }))
    }

    /// Where the world was served.
    pub(super) fn address(&self) -> anyhow::Result<Option<String>> {
        let read = self.database.begin_read()?;
        if read.list_tables()?.next().is_none() {
            return Ok(None);
        }
        let address = read.open_table(ABOUT)?.get(ADDRESS_KEY)?;
        Ok(address.map(|value| String::from_utf8_lossy(value.value()).into_owned()))
    }

    /// Writes the beginning, and that this process serves it at `address` and may be cut off from now on.
    pub(super) fn begin(&self, address: &str, changes: &[Change]) -> anyhow::Result<()> {
        let about: [(&str, &[u8]); 3] =
            [(FORMAT_KEY, &FORMAT.to_le_bytes()), (WHOLE_KEY, &[0]), (ADDRESS_KEY, address.as_bytes())];
        self.commit(&about, changes)
    }

    /// Writes that nothing is missing.
    pub(super) fn end(&self) -> anyhow::Result<()> {
        self.commit(&[(WHOLE_KEY, &[1])], &[])?;
        // Whoever opens it next writes its own.
        let _ = std::fs::remove_file(&self.holder);
        Ok(())
    }

    /// Writes changes; they are on disk when this returns.
    pub(super) fn write(&self, changes: &[Change]) -> anyhow::Result<()> {
        self.commit(&[], changes)
    }

    fn commit(&self, about: &[(&str, &[u8])], changes: &[Change]) -> anyhow::Result<()> {
        let mut write = self.database.begin_write()?;
        // Without it, a start after a kill reads the whole file first.
        write.set_quick_repair(true);
        {
            let mut entries = write.open_table(ABOUT)?;
            for (key, value) in about {
                entries.insert(*key, *value)?;
            }
            let mut records = write.open_table(RECORDS)?;
            for Change { table, key, value } in changes {
                let at = (*table, key.as_slice());
                match value {
                    Some(value) => records.insert(at, value.as_slice())?,
                    None => records.remove(at)?,
                };
            }
        }
        write.commit()?;
        Ok(())
    }
}

fn opened(backend: impl StorageBackend) -> anyhow::Result<Database> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    Ok(builder.create_with_backend(backend)?)
}

/// Refuses a file that this version did not write. On a copy in memory: a database is written to by being opened, and what
/// is refused must stay as it is. The file is locked already.
fn judge(mut file: &File) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A new one.
    if bytes.is_empty() {
        return Ok(());
    }
    let copy = InMemoryBackend::new();
    copy.set_len(bytes.len() as u64)?;
    copy.write(0, &bytes)?;
    drop(bytes);
    check(&opened(copy)?)
}

fn check(database: &Database) -> anyhow::Result<()> {
    let read = database.begin_read()?;
    let tables: Vec<String> = read.list_tables()?.map(|table| table.name().to_owned()).collect();
    // Nothing was ever written into it.
    if tables.is_empty() {
        return Ok(());
    }
    if !tables.iter().any(|name| name == ABOUT.name()) {
        bail!("azure-sim did not write it");
    }
    let about = read.open_table(ABOUT)?;
    let format = about.get(FORMAT_KEY)?.and_then(|value| Some(u64::from_le_bytes(value.value().try_into().ok()?)));
    match format {
        Some(FORMAT) => Ok(()),
        Some(other) => bail!(
            "it has format {other}, and this version of azure-sim knows format {FORMAT} only: use the version that \
             wrote it, or another --dir"
        ),
        None => bail!("it does not say its format"),
    }
}

fn private(options: &mut OpenOptions, path: &Path) -> anyhow::Result<File> {
    options.mode(0o600).open(path).with_context(|| format!("cannot open {}", path.display()))
}
