//! The files that the command line writes: private to their owner where they tell what a company has, and those of
//! specs as its folders are.

use super::exit::Failure;
use std::fs::{DirBuilder, File, OpenOptions};
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
    replace(path, |beside| private(beside, bytes)).map_err(|error| trouble(path, &error))
}

/// Writes a file that anybody may read whom its folder lets in, whole or not at all; its folder is made.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| replace(path, |beside| std::fs::write(beside, text)))
        .map_err(|error| trouble(path, &error))
}

/// Writes a file anew that is there, whole or not at all; who may read it stays, and a link stays a link.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn overwrite(path: &Path, text: &str) -> Result<(), Failure> {
    let anew = |real: std::path::PathBuf| {
        let permissions = std::fs::metadata(&real)?.permissions();
        replace(&real, |beside| {
            let mut file = File::create(beside)?;
            file.set_permissions(permissions)?;
            file.write_all(text.as_bytes())
        })
    };
    std::fs::canonicalize(path).and_then(anew).map_err(|error| trouble(path, &error))
}

/// Puts what is written beside a file in its place; nothing stays beside it when that fails.
fn replace(path: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    write(beside).and_then(|()| std::fs::rename(beside, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(beside);
    })
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
