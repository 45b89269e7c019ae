//! What several test programs share: reading specs, and comparing texts with files that one command blesses.

use adxform::spec::{self, Spec};
use std::path::{Path, PathBuf};

/// The program under test; `ADXFORM_BINARY` names another one, such as a release build.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("ADXFORM_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_adxform").into(), PathBuf::from)
}

/// The root of the package.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The entries of a folder of the package, in order.
pub(crate) fn entries(folder: &str) -> Vec<PathBuf> {
    let found = std::fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Reads a spec that must be sound.
pub(crate) fn load(path: &Path) -> Spec {
    load_in(path, None)
}

/// Reads a spec in one of its environments; it must be sound.
pub(crate) fn load_in(path: &Path, environment: Option<&str>) -> Spec {
    let no_environment = |_: &str| None;
    let options = spec::Options {
        root: path.to_path_buf(),
        environment: environment.map(str::to_owned),
        vars: Vec::new(),
        var_files: Vec::new(),
        env: &no_environment,
    };
    spec::load(&options).unwrap_or_else(|mistakes| panic!("{}:\n{}", path.display(), mistakes.render(false)))
}

/// Compares a text with a file; with `BLESS=1` in the environment the file becomes the text.
pub(crate) fn expect_file(path: &Path, text: &str) -> Result<(), String> {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, text).unwrap();
        return Ok(());
    }
    let wanted = std::fs::read_to_string(path).unwrap_or_default();
    if wanted == text {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&wanted, text);
    let diff = diff.unified_diff().context_radius(3).header("wanted", "found").to_string();
    let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    Err(format!("{name} differs; when the new text is right, run the same test with BLESS=1\n{diff}"))
}

/// Fails with every complaint at once.
pub(crate) fn complain(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n\n"));
}
