//! A person at the login page, for audits without one: reads the page, presses a button, and lets
//! the answer be taken to where the page sends it.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::{Url, form_urlencoded};

/// Opens a page of the demo's authorization server and answers its form.
///
/// # Errors
/// When a server does not answer, or shows no login page.
pub async fn visit(page: &str, decision: &str) -> io::Result<()> {
    let page = Url::parse(page).map_err(io::Error::other)?;
    let shown = talk(&page, "GET", "").await?;
    let Some(handle) = between(&shown, "name=\"request\" value=\"", "\"") else {
        return Err(io::Error::other("the page has no form"));
    };
    let action = between(&shown, "action=\"", "\"").unwrap_or_default();
    let target = page.join(&action).map_err(io::Error::other)?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("request", &handle)
        .append_pair("decision", decision)
        .finish();
    let answer = talk(&target, "POST", &form).await?;
    let location = between(&answer, "location: ", "\r\n");
    let location = location.ok_or_else(|| io::Error::other("the answer leads nowhere"))?;
    let back = target.join(&location).map_err(io::Error::other)?;
    talk(&back, "GET", "").await.map(|_| ())
}

/// One request on a connection of its own; the whole answer as text.
async fn talk(url: &Url, method: &str, form: &str) -> io::Result<String> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let query = url
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let request = format!(
        "{method} {}{query} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        url.path(),
        form.len()
    );
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let (inside, _) = rest.split_once(after)?;
    Some(inside.to_owned())
}

const LIMIT: u64 = 256 * 1024;
