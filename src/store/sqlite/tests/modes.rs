//! Files that this process may not write to, and disks without room: named, before anything is made beside a file.

use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::ffi;

use super::super::files::unopened;
use crate::lock::LockError;
use crate::store::contract::*;
use crate::store::*;

/// Runs it as somebody whom modes bind, also where this is root.
fn bound<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let bound = || {
        #[cfg(target_os = "linux")]
        {
            use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
            let none = CapabilitySet::empty();
            set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
                .unwrap();
        }
        run()
    };
    std::thread::scope(|scope| scope.spawn(bound).join().unwrap())
}

fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn what_keeps_its_own_user_out_is_named_and_nothing_is_made() {
    let (running, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(running.path()).unwrap();
    store.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
    for name in names(running.path()) {
        std::fs::copy(running.path().join(&name), killed.path().join(&name)).unwrap();
    }
    store.close().await;
    let config = config(killed.path());
    let there = ["data.db", "data.db-wal", "data.db-shm", "keyring.db", "keyring.db-wal", "keyring.db-shm"];
    let kept = there.into_iter().chain(["data.db.lock", "keyring.db-anchor"]);
    for (name, mode) in kept.map(|name| (name, 0o400)).chain([("", 0o500)]) {
        let at = killed.path().join(name);
        let before = (names(killed.path()), at.metadata().unwrap().permissions());
        set_permissions(&at, Permissions::from_mode(mode)).unwrap();
        let looks: [&(dyn Fn() -> Option<StoreError> + Sync); 3] =
            [&|| Store::open(&config, clock()).err(), &|| config.both_there().err(), &|| {
                config.both_there_untouched().err()
            }];
        for look in looks {
            let refused = bound(look);
            let Some(StoreError::Lock(LockError::Closed { closed, mode: has, .. })) = &refused else {
                panic!("{name}: {refused:?}");
            };
            assert!(at.ends_with(closed) && *has == mode, "{name}: {refused:?}");
            assert!(refused.unwrap().to_string().contains("`chmod u+rw"), "{name}");
            assert_eq!(names(killed.path()), before.0, "{name}");
        }
        set_permissions(&at, before.1).unwrap();
    }
    // Evidence is read by whoever may read it.
    set_permissions(killed.path(), Permissions::from_mode(0o500)).unwrap();
    assert!(bound(|| Store::inspect(&config)).is_ok());
    set_permissions(killed.path(), Permissions::from_mode(0o700)).unwrap();
    open(killed.path()).unwrap().close().await;
}

#[test]
fn a_disk_that_is_full_is_called_so() {
    let failed = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    let path = Path::new("/data/data.db");
    for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
        let said = unopened(path, failed(code));
        assert!(matches!(said, StoreError::Full { .. }), "{code}: {said:?}");
        assert!(said.to_string().contains("/data/data.db") && said.to_string().contains("is full"), "{said}");
    }
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
        assert!(matches!(unopened(path, io::Error::from(kind)), StoreError::Full { .. }));
    }
    for code in [ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_CANTOPEN] {
        assert!(matches!(unopened(path, failed(code)), StoreError::Open { .. }), "{code}");
    }
    assert!(matches!(
        unopened(path, io::Error::from(io::ErrorKind::PermissionDenied)),
        StoreError::Open { .. }
    ));
}
