//! What only a SQLite file has: its lock, its mode, and its schema.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use faye_server::store::{Content, DeliveryOutcome, StoreError, Validators};
use sqlx::{Connection, Executor, Row, SqliteConnection};

use crate::place::{Place, TOPIC, content, open, request};

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
async fn a_file_is_opened_once_under_all_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let [file, link, hard] = ["faye.db", "link.db", "hard.db"].map(|name| folder.path().join(name));
    let first = open(&url(&file)).await.unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let Err(StoreError::Unusable(text)) = open(&url(&link)).await else {
        panic!("opened by a symbolic link")
    };
    assert!(text.contains("in use by another process"), "{text}");
    first.close().await;
    std::fs::hard_link(&file, &hard).unwrap();
    let Err(StoreError::Unusable(text)) = open(&url(&hard)).await else { panic!("opened by a hard link") };
    assert!(text.contains("hard links"), "{text}");
}

#[tokio::test]
async fn a_path_without_parameters_is_needed() {
    for url in ["sqlite:", "sqlite://", "sqlite:faye.db?mode=ro"] {
        let Err(StoreError::Unusable(text)) = open(url).await else { panic!("{url}") };
        assert!(text.contains("without parameters"), "{text}");
    }
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
async fn a_file_becomes_smaller_when_content_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faye.db");
    let place = Place::at(&url(&file)).await;
    place.subscribe(TOPIC, &["https://one.example/"]).await;
    let random: String = (0..3_000_000).map(|_| fastrand::alphanumeric()).collect();
    let small = Content { fingerprint: vec![1], validators: Validators::default(), ..content(&random) };
    assert!(place.store.publish(TOPIC, &small).await.unwrap());
    let delivery = place.claim_delivery().await;
    place.finish_delivery(&delivery, DeliveryOutcome::Delivered).await;
    for _ in 0..4 {
        place.store.sweep().await.unwrap();
    }
    place.store.close().await;
    let size = std::fs::metadata(&file).unwrap().len();
    assert!(size < 1_000_000, "{size}");
}

#[tokio::test]
async fn a_file_in_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing/faye.db");
    let Err(StoreError::Unusable(text)) = open(&url(&file)).await else { panic!("opened") };
    assert!(text.contains("missing/faye.db") && text.contains("folder"), "{text}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faye.db");
    open(&url(&file)).await.unwrap().close().await;
    let mut connection = SqliteConnection::connect(&url(&file)).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations VALUES (999, 'later', 0, true, x'00', 0)";
    connection.execute(newer).await.unwrap();
    connection.close().await.unwrap();
    let Err(StoreError::Unusable(text)) = open(&url(&file)).await else { panic!("opened") };
    assert!(text.contains("999") && text.contains("newer"), "{text}");
}

#[tokio::test]
async fn the_library_is_new_enough_and_loads_no_extensions() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let row = connection.fetch_one("SELECT sqlite_version()").await.unwrap();
    let version: String = row.get(0);
    let numbers: Vec<u32> = version.split('.').map(|number| number.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{version}");
    let error = connection.fetch_one("SELECT load_extension('any')").await.unwrap_err().to_string();
    assert!(error.contains("no such function") || error.contains("not authorized"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faye.db");
    std::fs::write(&file, "text that is no database ".repeat(100)).unwrap();
    let Err(StoreError::Unusable(text)) = open(&url(&file)).await else { panic!("opened") };
    assert!(text.contains("faye.db") && text.contains("no SQLite file"), "{text}");
}

#[tokio::test]
async fn a_readable_file_is_made_private() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faye.db");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _store = open(&url(&file)).await.unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
