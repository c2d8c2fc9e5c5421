//! A second, independent server that speaks the S3 API: moto.
//!
//! In: buckets and objects. Out: an endpoint on the loopback interface, and the stored objects. Never: a test that fails
//! because Python or moto is missing; it reports that it was skipped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::store::{Client, REGION, Store, encoded};
use crate::harness::say;

const PYTHON: &str = "TRAILMILL_PYTHON";

/// A running server; it ends when it is dropped, and when this process ends.
pub struct Moto {
    process: Child,
    endpoint: String,
    client: Client,
}

impl Moto {
    /// Starts a server without buckets, if `TRAILMILL_PYTHON` names an interpreter that has moto.
    pub fn start() -> Option<Self> {
        let Some(python) = std::env::var_os(PYTHON) else {
            say(&format!("skipped: {PYTHON} is not set, so moto was not asked"));
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/store.py");
        let mut command = Command::new(&python);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{PYTHON}={}: {error}", python.display()));
        let mut port = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut port).expect("a line");
        let Ok(port) = port.trim().parse::<u16>() else {
            let output = process.wait_with_output().expect("its end");
            let printed = String::from_utf8_lossy(&output.stderr);
            assert!(printed.contains("No module named"), "{printed}");
            say(&format!("skipped: {}, so moto was not asked", printed.lines().last().unwrap_or_default()));
            return None;
        };
        // Its messages are not read.
        drop(process.stderr.take());
        let endpoint = format!("http://127.0.0.1:{port}");
        let client = Client::new(&endpoint, "none", 0);
        Some(Self { process, endpoint, client })
    }

    /// A request that has to succeed.
    fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let (status, body) = self.client.send(method, target, headers, body);
        assert!((200..300).contains(&status), "{method} {target}: {status} {}", String::from_utf8_lossy(&body));
        body
    }
}

impl Store for Moto {
    fn name(&self) -> &'static str {
        "moto"
    }

    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    fn checks_signatures(&self) -> bool {
        false
    }

    fn create_bucket(&self, bucket: &str) {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        self.ask("PUT", &format!("/{bucket}"), &[], place.as_bytes());
    }

    fn put_with(&self, bucket: &str, key: &str, bytes: &[u8], metadata: &[(&str, &str)]) {
        let names: Vec<String> = metadata.iter().map(|(name, _)| format!("x-amz-meta-{name}")).collect();
        let headers: Vec<_> = names.iter().zip(metadata).map(|(name, (_, value))| (name.as_str(), *value)).collect();
        self.ask("PUT", &format!("/{bucket}/{}", encoded(key)), &headers, bytes);
    }

    fn remove(&self, bucket: &str, key: &str) {
        self.ask("DELETE", &format!("/{bucket}/{}", encoded(key)), &[], b"");
    }

    fn objects(&self, bucket: &str) -> Vec<String> {
        let (mut keys, mut more) = (Vec::new(), String::new());
        loop {
            let page = self.ask("GET", &format!("/{bucket}?list-type=2{more}"), &[], b"");
            let page = String::from_utf8(page).expect("UTF-8");
            keys.extend(elements(&page, "Key"));
            let Some(token) = elements(&page, "NextContinuationToken").pop() else { break };
            more = format!("&continuation-token={}", encoded(&token).replace('/', "%2F"));
        }
        keys
    }

    fn bytes(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let (status, body) = self.client.send("GET", &format!("/{bucket}/{}", encoded(key)), &[], b"");
        (status == 200).then_some(body)
    }

    fn uploads(&self, bucket: &str) -> Vec<(String, String)> {
        let page = String::from_utf8(self.ask("GET", &format!("/{bucket}?uploads="), &[], b"")).expect("UTF-8");
        let uploads = page.split("<Upload>").skip(1);
        let mut uploads: Vec<_> =
            uploads.filter_map(|it| Some((elements(it, "Key").pop()?, elements(it, "UploadId").pop()?))).collect();
        uploads.sort();
        uploads
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Texts of all elements of a name in XML, where these have no attributes and no child elements.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let texts = xml.split(&begin).skip(1).filter_map(|rest| rest.split(&end).next());
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    texts.map(|text| entities.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))).collect()
}
