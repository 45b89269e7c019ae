//! The files that the command line writes: private to their owner where they tell what a company has, and those of
//! specs as its folders are.

use super::exit::Failure;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes a directory that only its owner may look into, and keeps what it holds out of version control.
///
/// # Errors
/// Why it cannot be made.
pub(super) fn private_directory(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| private(&path.join(".gitignore"), b"*\n")).map_err(|error| trouble(path, &error))
}

/// Takes everybody else's access to a file away.
///
/// # Errors
/// Why it cannot be done.
pub(super) fn make_private(path: &Path) -> Result<(), Failure> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| trouble(path, &error))
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = std::path::PathBuf::from(beside);
    let written = private(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        trouble(path, &error)
    })
}

/// Writes a file that anybody may read whom its folder lets in, whole or not at all; its folder is made.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| replace(path, text, None)).map_err(|error| trouble(path, &error))
}

/// Writes a file anew that is there, whole or not at all; who may read it stays, and a link stays a link.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn overwrite(path: &Path, text: &str) -> Result<(), Failure> {
    let real = std::fs::canonicalize(path);
    real.and_then(|real| replace(&real, text, Some(std::fs::metadata(&real)?.permissions())))
        .map_err(|error| trouble(path, &error))
}

/// Puts a text in a file's place, with the permissions given before it holds anything.
fn replace(path: &Path, text: &str, permissions: Option<Permissions>) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = File::create(&beside)?;
        permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn trouble(path: &Path, error: &std::io::Error) -> Failure {
    Failure::error(
        format!("{}: {error}", path.display()),
        "look at the directory's permissions and free space",
    )
}
