//! Scripts with a story: each folder of `tests/scenarios/` holds files, a `script`, and what a user then reads.
//!
//! The script's first comment says what and why. Its lines are `adxform …` (the real binary, in a sealed
//! environment), `typed ANSWERS adxform …` (the same at a terminal, where somebody types the answers, with commas
//! between them), `git …`, `edit FILE OLD => NEW`, `copy FROM TO`, `serve NAME ARGS…` (an emulator; its URL replaces
//! `{NAME}` in later lines) and `kill NAME`. Adding a scenario adds no Rust; `BLESS=1 cargo test --test product
//! scenarios` writes what is expected.

use crate::support::{complain, entries, expect_file};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

struct Stage {
    folder: tempfile::TempDir,
    servers: BTreeMap<String, (Child, String)>,
}

impl Stage {
    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(crate::support::binary());
        command.args(words).current_dir(self.folder.path()).env_clear();
        command
            .env("HOME", self.folder.path())
            .env("NO_COLOR", "1")
            .env("USER", "tester")
            .env("HOSTNAME", "here")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn serve(&mut self, name: &str, words: &[String]) {
        let mut words = words.to_vec();
        words.insert(0, "emulator".to_owned());
        let mut child = self.command(&words).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|why| panic!("{line}: {why}"));
        let url = ready["arm"].as_str().unwrap().to_owned();
        self.servers.insert(name.to_owned(), (child, url));
    }

    /// Carries one line out and gives what a user reads.
    fn line(&mut self, line: &str) -> String {
        let mut text = format!("$ {line}\n");
        let filled = self
            .servers
            .iter()
            .fold(line.to_owned(), |l, (name, (_, url))| l.replace(&format!("{{{name}}}"), url));
        let words = words(&filled);
        match words[0].as_str() {
            "adxform" => {
                text += &read(&self.command(&words[1..]).output().unwrap());
            }
            "typed" => {
                assert_eq!(words[2], "adxform", "{line}");
                text += &read(&typed(self.command(&words[3..]), &words[1]));
            }
            "git" => {
                let mut command = Command::new("git");
                command.args(&words[1..]).current_dir(self.folder.path());
                for (name, value) in GIT {
                    command.env(name, value);
                }
                assert!(command.status().unwrap().success(), "{line}");
            }
            "edit" => {
                let (old, new) = filled.split_once(&words[1]).unwrap().1.split_once("=>").unwrap();
                let path = self.folder.path().join(&words[1]);
                let before = std::fs::read_to_string(&path).unwrap();
                assert!(before.contains(old.trim()), "{line}: the file does not hold the old text");
                std::fs::write(&path, before.replace(old.trim(), new.trim())).unwrap();
            }
            "copy" => {
                std::fs::copy(self.folder.path().join(&words[1]), self.folder.path().join(&words[2]))
                    .unwrap();
            }
            "serve" => self.serve(&words[1], &words[2..]),
            "kill" => {
                let (mut child, _) = self.servers.remove(&words[1]).unwrap();
                child.kill().unwrap();
                child.wait().unwrap();
            }
            other => panic!("a script has no command `{other}`"),
        }
        text.push('\n');
        text
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for (child, _) in self.servers.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The same commits on every machine.
const GIT: [(&str, &str); 8] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_AUTHOR_NAME", "tester"),
    ("GIT_AUTHOR_EMAIL", "tester@example.com"),
    ("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"),
    ("GIT_COMMITTER_NAME", "tester"),
    ("GIT_COMMITTER_EMAIL", "tester@example.com"),
    ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z"),
];

/// What a user reads of a command that has ended.
fn read(output: &Output) -> String {
    let mut text = String::new();
    for (mark, bytes) in [("", &output.stdout), ("! ", &output.stderr)] {
        for line in String::from_utf8_lossy(bytes).lines() {
            let _ = writeln!(text, "{}", format!("{mark}{line}").trim_end());
        }
    }
    let code = output.status.code().unwrap();
    if code != 0 {
        let _ = writeln!(text, "[{code}]");
    }
    text
}

/// Runs a command at a terminal at which somebody types answers; what the terminal shows is its stderr.
fn typed(mut command: Command, answers: &str) -> Output {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = File::options().read(true).write(true).open(name).unwrap();
    let mut modes = tcgetattr(&slave).unwrap();
    modes.local_modes -= LocalModes::ECHO;
    tcsetattr(&slave, OptionalActions::Now, &modes).unwrap();
    let mut master = File::from(master);
    master.write_all(answers.replace(',', "\n").as_bytes()).unwrap();
    master.write_all(b"\n").unwrap();
    let child = command.stdin(slave.try_clone().unwrap()).stderr(slave).spawn().unwrap();
    // The terminal ends when nobody holds its other side any more.
    drop(command);
    let shown = std::thread::spawn(move || {
        let mut shown = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = master.read(&mut piece) {
            shown.extend_from_slice(&piece[..length]);
        }
        shown
    });
    let output = child.wait_with_output().unwrap();
    Output { stderr: shown.join().unwrap(), ..output }
}

/// Splits a line at blanks; single quotes hold a word together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What differs from run to run becomes a word: ids, moments, ports, numbers of processes and seconds; how long a
/// step took is left out, as it is told only from a second on.
fn settled(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.display().to_string(), "DIR");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let fresh = !out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        let found = PATTERNS
            .iter()
            .find_map(|(pattern, word)| Some((matched(rest, pattern).filter(|_| fresh)?, *word)));
        match found {
            Some((length, word)) => {
                out.push_str(word);
                rest = &rest[length..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out.replace(" \n", "\n")
}

/// `9` stands for a digit, `x` for a hexadecimal digit, `*` for any run of digits and points.
const PATTERNS: [(&str, &str); 8] = [
    ("about * seconds, as", "about N seconds, as"),
    ("about * second, as", "about N seconds, as"),
    ("99999999-999999999-xxxx", "RUN"),
    ("9999-99-99T99:99:99*Z", "TIME"),
    ("127.0.0.1:*", "127.0.0.1:PORT"),
    ("process *", "process N"),
    ("(* s)", ""),
    ("\"seconds\":*", "\"seconds\":N"),
];

fn matched(text: &str, pattern: &str) -> Option<usize> {
    let mut at = 0;
    for p in pattern.chars() {
        let c = text[at..].chars().next()?;
        match p {
            '*' => {
                let run =
                    text[at..].find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len() - at);
                at += run;
                if run == 0 && pattern != "9999-99-99T99:99:99*Z" {
                    return None;
                }
                continue;
            }
            '9' if c.is_ascii_digit() => {}
            'x' if c.is_ascii_hexdigit() => {}
            p if p == c => {}
            _ => return None,
        }
        at += c.len_utf8();
    }
    Some(at)
}

#[test]
fn every_scenario_reads_as_written() {
    let only = std::env::var("ADXFORM_SCENARIO").ok();
    let mut complaints = Vec::new();
    for folder in entries("tests/scenarios") {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let script = std::fs::read_to_string(folder.join("script")).unwrap();
        if !script.starts_with("# ") {
            complaints.push(format!("{name}: its script does not say what and why"));
        }
        let mut stage = Stage { folder: tempfile::tempdir().unwrap(), servers: BTreeMap::new() };
        copy(&folder, stage.folder.path());
        let lines = script.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let read: String = lines.map(|line| stage.line(line)).collect();
        let read = settled(&read, stage.folder.path());
        complaints.extend(expect_file(&folder.join("expected.txt"), &read).err());
    }
    complain(&complaints);
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry, &target);
        } else if !entry.ends_with("expected.txt") && !entry.ends_with("script") {
            std::fs::copy(&entry, &target).unwrap();
        }
    }
}
