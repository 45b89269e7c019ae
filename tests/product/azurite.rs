//! Azurite, Microsoft's own emulator of Azure Storage, from npm: installed into a cache folder, started on this machine
//! on a free port, and ended with the test. Tokens it takes over https only, with a certificate made for the test.

use adxform::cloud::{Cloud, Config, Container};
use adxform::model::body::SecretRef;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// The version that is installed.
const PACKAGE: &str = "azurite@3.35.0";

/// The program inside of the package.
const MAIN: &str = "node_modules/azurite/dist/src/blob/main.js";

/// Makes a container and prints a signature for the account. Account and key are the ones that every Azurite has.
/// <https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key>
/// <https://learn.microsoft.com/rest/api/storageservices/create-account-sas>
const PREPARE: &str = r"
const [endpoint, container] = process.argv.slice(1);
const key = Buffer.from('Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==', 'base64');
const [version, permissions, end] = ['2021-12-02', 'rwdlac', '2099-01-01T00:00:00Z'];
const text = ['devstoreaccount1', permissions, 'b', 'sco', '', end, '', 'https,http', version, '', ''].join('\n');
const signature = require('crypto').createHmac('sha256', key).update(text, 'utf8').digest('base64');
const sas = new URLSearchParams({sv: version, ss: 'b', srt: 'sco', sp: permissions, se: end, spr: 'https,http', sig: signature});
fetch(`${endpoint}/${container}?restype=container&${sas}`, {method: 'PUT', headers: {'x-ms-version': '2023-11-03'}})
  .then(async (made) => { if (made.status !== 201) throw new Error(await made.text()); console.log(sas.toString()); })
  .catch((error) => { console.error(error); process.exit(1); });
";

/// Only one test installs.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A certificate for this machine and the authority that vouches for it, as files.
struct Papers {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Papers {
    fn made(folder: &Path) -> Self {
        let mut of_authority = CertificateParams::default();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        of_authority.distinguished_name.push(DnType::CommonName, "whoever vouches for this machine");
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let authority = of_authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(of_authority, authority_key);
        let of_machine = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = of_machine.signed_by(&key, &issuer).unwrap();
        let texts = [authority.pem(), certificate.pem(), key.serialize_pem()];
        let [authority, certificate, key] =
            ["authority.pem", "certificate.pem", "key.pem"].map(|name| folder.join(name));
        for (path, text) in [&authority, &certificate, &key].into_iter().zip(texts) {
            std::fs::write(path, text).unwrap();
        }
        Self { authority, certificate, key }
    }
}

/// A running Azurite with one empty container.
pub(crate) struct Azurite {
    child: Child,
    papers: Option<Papers>,
    folder: TempDir,
    port: u16,
    /// The container's URL.
    pub(crate) url: String,
    /// A signature that opens it.
    pub(crate) sas: String,
}

impl Azurite {
    /// Starts it, or says that the test is skipped.
    pub(crate) fn start(test: &str) -> Option<Self> {
        Self::begin(test, false)
    }

    /// As [`Azurite::start`], over https and taking tokens.
    pub(crate) fn secure(test: &str) -> Option<Self> {
        Self::begin(test, true)
    }

    /// The certificate of whoever vouches for it over https.
    pub(crate) fn authority(&self) -> &Path {
        &self.papers.as_ref().unwrap().authority
    }

    fn begin(test: &str, secure: bool) -> Option<Self> {
        if std::env::var("ADXFORM_PROBES").as_deref() != Ok("1") {
            println!("SKIPPED {test}: set ADXFORM_PROBES=1 to run it (it installs Azurite from npm)");
            return None;
        }
        if Command::new("node").arg("--version").output().is_err() {
            println!("SKIPPED {test}: there is no Node on this machine");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let papers = secure.then(|| Papers::made(folder.path()));
        let (child, port) = serve(&installed(), folder.path(), 0, papers.as_ref());
        let scheme = if secure { "https" } else { "http" };
        let endpoint = format!("{scheme}://127.0.0.1:{port}/devstoreaccount1");
        let mut prepare = Command::new("node");
        prepare.args(["-e", PREPARE, &endpoint, "adxform"]);
        if let Some(papers) = &papers {
            prepare.env("NODE_EXTRA_CA_CERTS", &papers.authority);
        }
        let prepared = prepare.output().unwrap();
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let sas = String::from_utf8(prepared.stdout).unwrap().trim().to_owned();
        Some(Self { child, papers, folder, port, url: format!("{endpoint}/adxform"), sas })
    }

    /// The container, as the tool itself reaches it.
    pub(crate) async fn container(&self) -> Container {
        self.container_at(&self.url).await
    }

    /// The container by another URL, as through a proxy.
    pub(crate) async fn container_at(&self, url: &str) -> Container {
        let sas = self.sas.clone();
        let secret_env: adxform::cloud::Env = Arc::new(move |_| Some(sas.clone()));
        let cloud = Cloud::new(Config { secret_env, ..Config::local("http://127.0.0.1:1") }).unwrap();
        cloud.container(url, Some(&SecretRef::Env("SAS".into()))).await.unwrap()
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Stops it without a word, as when the network swallows everything.
    pub(crate) fn freeze(&self) {
        signal(&self.child, "-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        signal(&self.child, "-CONT");
    }

    /// Ends it, with what it holds on disk.
    pub(crate) fn end(&mut self) {
        signal(&self.child, "-TERM");
        self.child.wait().unwrap();
    }

    /// Starts it again where it was, with what it held.
    pub(crate) fn again(&mut self) {
        (self.child, _) = serve(&installed(), self.folder.path(), self.port, self.papers.as_ref());
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, word: &str) {
    let sent = Command::new("kill").args([word, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "kill {word}");
}

/// The program, installed when it is not there yet.
fn installed() -> PathBuf {
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let home = std::env::var_os("AZURITE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/adxform-azurite"),
        PathBuf::from,
    );
    let main = home.join(MAIN);
    if !main.exists() {
        std::fs::create_dir_all(&home).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&home).arg(PACKAGE);
        let output = npm.output().unwrap();
        assert!(output.status.success(), "npm: {}", String::from_utf8_lossy(&output.stderr));
    }
    main
}

fn serve(main: &Path, folder: &Path, port: u16, papers: Option<&Papers>) -> (Child, u16) {
    let mut command = Command::new("node");
    command.arg(main).args([
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        &port.to_string(),
        "--disableTelemetry",
    ]);
    if let Some(Papers { certificate, key, .. }) = papers {
        command.args(["--oauth", "basic", "--cert"]).arg(certificate).arg("--key").arg(key);
    }
    command.arg("--location").arg(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ready = "successfully listens on http";
    let port = lines.find_map(|line| line.split_once(ready)?.1.rsplit_once(':')?.1.trim().parse().ok());
    // It ends when nobody reads what it says.
    std::thread::spawn(move || lines.for_each(drop));
    (child, port.expect("Azurite ended before it listened"))
}
