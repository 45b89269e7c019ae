//! The only file access of the reader: which files a spec consists of, and what they hold.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The largest file that is read.
pub const MAX_BYTES: u64 = 64 << 20;

/// How deep folders may be nested.
const MAX_FOLDERS: usize = 32;

/// Where the files of a spec come from.
pub trait Source: Sync {
    /// Whether a path is a folder.
    ///
    /// # Errors
    /// When nothing is there, or it may not be looked at.
    fn is_folder(&self, path: &Path) -> io::Result<bool>;

    /// What a folder holds: names, and whether each is itself a folder (a link to a folder is not).
    ///
    /// # Errors
    /// When it cannot be listed.
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, bool)>>;

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it cannot be read, or holds more than [`MAX_BYTES`] (`FileTooLarge`).
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;

    /// A path with every link followed.
    ///
    /// # Errors
    /// When nothing is there.
    fn real(&self, path: &Path) -> io::Result<PathBuf>;
}

/// The files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Source for Disk {
    fn is_folder(&self, path: &Path) -> io::Result<bool> {
        Ok(std::fs::metadata(path)?.is_dir())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, bool)>> {
        let entry = |entry: io::Result<std::fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.file_type()?.is_dir()))
        };
        std::fs::read_dir(folder)?.map(entry).collect()
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let file = std::fs::File::open(file)?;
        let length = file.metadata()?.len().min(MAX_BYTES);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }
}

/// The folder and the files of a spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The folder to which everything is relative.
    pub folder: PathBuf,
    /// The spec's files, relative to the folder, sorted.
    pub files: Vec<PathBuf>,
}

/// Finds the files of the spec at a path: the file itself, or every YAML file below a folder but for hidden ones and
/// the `environments`.
pub(super) fn layout(source: &dyn Source, root: &Path) -> Result<Layout, (PathBuf, io::Error)> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    if !source.is_folder(root).map_err(fail(root))? {
        let folder = root.parent().map_or_else(PathBuf::new, Path::to_owned);
        let name = root.file_name().map_or_else(PathBuf::new, PathBuf::from);
        return Ok(Layout { folder, files: vec![name] });
    }
    let mut files = Vec::new();
    let mut open = vec![(PathBuf::new(), 0)];
    while let Some((within, depth)) = open.pop() {
        let folder = root.join(&within);
        for (name, is_folder) in source.list(&folder).map_err(fail(&folder))? {
            let environments = within.as_os_str().is_empty() && name == "environments";
            if name.starts_with('.') || environments {
                continue;
            }
            if is_folder {
                if depth < MAX_FOLDERS {
                    open.push((within.join(name), depth + 1));
                }
            } else if is_yaml(&name) {
                files.push(within.join(name));
            }
        }
    }
    files.sort();
    Ok(Layout { folder: root.to_owned(), files })
}

/// Whether a file's name says that it holds YAML.
pub(super) fn is_yaml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ext| ext == "yaml" || ext == "yml")
}

/// A path relative to the folder of a file, as a path relative to the spec's folder; none when it leads out.
pub(super) fn relative(file: &str, path: &str) -> Option<PathBuf> {
    let mut found = PathBuf::from(file);
    found.pop();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => found.push(part),
            Component::CurDir => {}
            Component::ParentDir if found.pop() => {}
            _ => return None,
        }
    }
    Some(found)
}

/// A relative path as it prints everywhere, with `/` between its parts.
pub(super) fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let inside = |file, path| relative(file, path).map(|p| slashed(&p));
        assert_eq!(inside("a/b.yaml", "../kql/f.kql").as_deref(), Some("kql/f.kql"));
        assert_eq!(inside("b.yaml", "./kql/f.kql").as_deref(), Some("kql/f.kql"));
        assert_eq!(inside("b.yaml", "../f.kql"), None);
        assert_eq!(inside("a/b.yaml", "../../f.kql"), None);
        assert_eq!(inside("b.yaml", "/etc/passwd"), None);
    }

    #[test]
    fn a_folder_is_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["b.yaml", "a/c.yml", ".hidden.yaml", ".adxform/x.yaml", "environments/dev.yaml", "a/n.txt"]
        {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = layout(&Disk, folder.path()).unwrap();
        assert_eq!(found.files, [PathBuf::from("a/c.yml"), PathBuf::from("b.yaml")]);
    }
}
