//! What only a SQLite file has: its lock, its mode, and its schema.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use faye_server::store::StoreError;

use crate::place::{TOPIC, open, request};

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

#[tokio::test]
async fn a_second_store_on_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faye.db");
    let first = open(&url(&file)).await.unwrap();
    let Err(StoreError::Unusable(text)) = open(&url(&file)).await else { panic!("opened twice") };
    assert!(text.contains(&file.display().to_string()), "{text}");
    assert!(text.contains("store.url") && text.contains(&std::process::id().to_string()), "{text}");
    first.close().await;
    open(&url(&file)).await.unwrap();
}

#[tokio::test]
async fn the_files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faye.db");
    let store = open(&url(&file)).await.unwrap();
    let bounds = crate::place::BOUNDS;
    store.add_request(&request(TOPIC, "https://one.example/"), &bounds).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 4, "the file, its log, its index and its lock: {files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_file_in_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing/faye.db");
    let Err(StoreError::Unusable(text)) = open(&url(&file)).await else { panic!("opened") };
    assert!(text.contains("missing/faye.db") && text.contains("folder"), "{text}");
}
