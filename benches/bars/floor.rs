//! The floor: sends recorded requests and parses their replies, and does nothing else.
//!
//! It is a program of its own (`bars floor FILE`), with nothing in it but the HTTP and the JSON crate.

use crate::recorder::Asked;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::error::Error;
use tokio::task::JoinSet;

/// Sends the requests of a file again: those of one depth together, one depth after the other.
///
/// With `parse`, the replies are parsed, and the documents within them too.
///
/// # Errors
/// When a request fails, or a reply is no JSON.
pub(crate) async fn run(file: &str, parse: bool) -> Result<(), Box<dyn Error + Send + Sync>> {
    let asked: Vec<Asked> = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut rounds: BTreeMap<usize, Vec<Asked>> = BTreeMap::new();
    asked.into_iter().for_each(|asked| rounds.entry(asked.depth).or_default().push(asked));
    let client = crate::recorder::client()?;
    let mut kept = Vec::new();
    for (_, round) in rounds {
        let mut tasks = JoinSet::new();
        for asked in round {
            let client = client.clone();
            tasks.spawn(async move { answer(&client, asked, parse).await });
        }
        while let Some(answer) = tasks.join_next().await {
            kept.push(answer??);
        }
    }
    // What was read is there at the end, as it must be for whoever compares it.
    std::hint::black_box(&kept);
    std::process::exit(0);
}

async fn answer(
    client: &reqwest::Client,
    asked: Asked,
    parse: bool,
) -> Result<Vec<Json>, Box<dyn Error + Send + Sync>> {
    let mut request = client.request(asked.method.parse()?, &asked.url).body(asked.body);
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    let bytes = request.send().await?.error_for_status()?.bytes().await?;
    if !parse {
        return Ok(Vec::new());
    }
    let json: Json = serde_json::from_slice(&bytes)?;
    let inner = inner(&json)?;
    Ok(vec![json].into_iter().chain(inner).collect())
}

/// The documents that stand as text in the only cell of an answer: the schema of a database.
fn inner(json: &Json) -> Result<Option<Json>, serde_json::Error> {
    let cell = json.pointer("/Tables/0/Rows/0/0").and_then(Json::as_str);
    cell.filter(|text| text.starts_with('{')).map(serde_json::from_str).transpose()
}
