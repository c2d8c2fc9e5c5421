//! Tests of the helpers: a store behaves like S3, and the client sees each fault.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload as _, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload,
};

use super::fault::{Fault, Operation, Rule};
use super::proxy::Proxy;
use super::server::Server;
use super::store::{Client, Store, encoded, on_every_store};
use crate::harness::Workdir;

const BUCKET: &str = "trail";
const MIB: usize = 1024 * 1024;

/// The result of a request: a status if there was an answer, or what happened to the connection.
fn failure<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "no failure".to_owned(),
        Err(error) => {
            let mut message = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(next) = source {
                message.push_str(&format!(": {next}"));
                source = next.source();
            }
            message
        }
    }
}

fn read(client: &Client, key: &str) -> Result<Bytes, Error> {
    client.wait(async { client.s3.get(&Path::from(key)).await?.bytes().await })
}

fn put(client: &Client, key: &str, bytes: impl Into<PutPayload>, mode: PutMode) -> Result<String, Error> {
    let options = PutOptions { mode, ..PutOptions::default() };
    let path = Path::from(key);
    client.wait(client.s3.put_opts(&path, bytes.into(), options)).map(|result| result.e_tag.expect("an ETag"))
}

fn keys(client: &Client, prefix: &str) -> Vec<String> {
    let prefix = Path::from(prefix);
    let listed = client.s3.list(Some(&prefix)).map_ok(|object| object.location.to_string());
    client.wait(listed.try_collect()).expect("a listing")
}

/// Checks that hold for any store.
fn check_store(store: &dyn Store) {
    store.create_bucket(BUCKET);
    let client = store.client(BUCKET);
    let name = store.name();

    // Bytes come back, whole and in parts.
    let e_tag = put(&client, "a/one", "first", PutMode::Overwrite).expect("a put");
    assert_eq!(e_tag.trim_matches('"'), format!("{:x}", md5::compute("first")), "{name}");
    assert_eq!(read(&client, "a/one").expect("an object"), "first", "{name}");
    let part = client.wait(client.s3.get_range(&Path::from("a/one"), 1..3)).expect("a range");
    assert_eq!(part, "ir", "{name}");
    let suffix = GetOptions { range: Some(GetRange::Suffix(2)), ..GetOptions::default() };
    let suffix = client.wait(async { client.s3.get_opts(&Path::from("a/one"), suffix).await?.bytes().await });
    assert_eq!(suffix.expect("a suffix"), "st", "{name}");
    assert!(matches!(read(&client, "a/none"), Err(Error::NotFound { .. })), "{name}");
    assert_eq!(store.bytes(BUCKET, "a/one").as_deref(), Some(&b"first"[..]), "{name}");

    // A conditional read of a changed object is refused.
    let if_match = |e_tag: &str| {
        let options = GetOptions { if_match: Some(e_tag.to_owned()), range: Some((0..2).into()), ..Default::default() };
        client.wait(async { client.s3.get_opts(&Path::from("a/one"), options).await?.bytes().await })
    };
    assert_eq!(if_match(&e_tag).expect("the same object"), "fi", "{name}");
    let second = put(&client, "a/one", "second", PutMode::Overwrite).expect("a put");
    assert!(matches!(if_match(&e_tag), Err(Error::Precondition { .. })), "{name}: {:?}", if_match(&e_tag));

    // Conditional puts.
    let created = put(&client, "a/one", "third", PutMode::Create);
    assert!(matches!(created, Err(Error::AlreadyExists { .. })), "{name}: {created:?}");
    assert_eq!(read(&client, "a/one").expect("an object"), "second", "{name}");
    put(&client, "a/two", "", PutMode::Create).expect("a new object");
    let update =
        |e_tag: &str| PutMode::Update(object_store::UpdateVersion { e_tag: Some(e_tag.to_owned()), version: None });
    let updated = put(&client, "a/one", "fourth", update(&e_tag));
    assert!(matches!(updated, Err(Error::Precondition { .. })), "{name}: {updated:?}");
    put(&client, "a/one", "fourth", update(&second)).expect("an update");

    // Listings, with ETags.
    store.put(BUCKET, "a/deep/er/three", b"3");
    store.put(BUCKET, "b", b"");
    assert_eq!(keys(&client, ""), ["a/deep/er/three", "a/one", "a/two", "b"], "{name}");
    assert_eq!(keys(&client, "a"), ["a/deep/er/three", "a/one", "a/two"], "{name}");
    assert_eq!(store.objects(BUCKET), keys(&client, ""), "{name}");
    let folder = client.wait(client.s3.list_with_delimiter(Some(&Path::from("a")))).expect("a listing");
    let folders: Vec<_> = folder.common_prefixes.iter().map(ToString::to_string).collect();
    assert_eq!(folders, ["a/deep"], "{name}");
    let objects: Vec<_> =
        folder.objects.iter().map(|it| (it.location.as_ref(), it.size, it.e_tag.as_deref())).collect();
    let e_tag = |text: &str| format!("\"{:x}\"", md5::compute(text));
    let (fourth, empty) = (e_tag("fourth"), e_tag(""));
    assert_eq!(objects, [("a/one", 6, Some(&*fourth)), ("a/two", 0, Some(&*empty))], "{name}");
    let after = client.s3.list_with_offset(None, &Path::from("a/one")).map_ok(|object| object.location.to_string());
    assert_eq!(client.wait(after.try_collect::<Vec<_>>()).expect("a listing"), ["a/two", "b"], "{name}");

    // Removed, one by one and many at once; removing a missing object is no error.
    store.remove(BUCKET, "b");
    let doomed = ["a/two", "a/deep/er/three", "a/none"].map(|key| Ok(Path::from(key)));
    let removed = client.s3.delete_stream(Box::pin(futures::stream::iter(doomed)));
    assert_eq!(client.wait(removed.try_collect::<Vec<_>>()).expect("removals").len(), 3, "{name}");
    client.wait(client.s3.delete(&Path::from("a/none"))).expect("nothing to remove");
    assert_eq!(store.objects(BUCKET), ["a/one"], "{name}");
    // No folders are left.
    put(&client, "a/deep", "an object now", PutMode::Create).expect("a new object");

    // No access without the key, nor to a missing bucket.
    let missing = store.client("missing");
    assert!(failure(read(&missing, "x")).contains("NoSuchBucket"), "{name}: {}", failure(read(&missing, "x")));
    assert!(failure(put(&missing, "x", "y", PutMode::Overwrite)).contains("NoSuchBucket"), "{name}");
    assert!(failure(missing.wait(missing.s3.list(None).try_collect::<Vec<_>>())).contains("NoSuchBucket"), "{name}");
}

/// Checks of multipart uploads that hold for any store.
fn check_multipart(store: &dyn Store) {
    store.create_bucket(BUCKET);
    let client = store.client(BUCKET);
    let name = store.name();
    let bytes: Vec<u8> = (0..5 * MIB + 17).map(|at| (at * 31 / 7).to_le_bytes()[0]).collect();
    let path = Path::from("lake/events/part-0.parquet");
    let upload = async {
        let mut upload = client.s3.put_multipart(&path).await?;
        upload.put_part(bytes[..5 * MIB].to_vec().into()).await?;
        upload.put_part(bytes[5 * MIB..].to_vec().into()).await?;
        Ok::<_, Error>(upload)
    };
    let mut complete = client.wait(upload).expect("two parts");
    let open: Vec<String> = store.uploads(BUCKET).into_iter().map(|(key, _)| key).collect();
    assert_eq!(open, [path.to_string()], "{name}");
    assert!(store.objects(BUCKET).is_empty(), "{name}: nothing is there before all of it is");
    let put = client.wait(complete.complete()).expect("an object");
    let digests = [&bytes[..5 * MIB], &bytes[5 * MIB..]].map(|part| md5::compute(part).0).concat();
    assert_eq!(
        put.e_tag.as_deref().map(|it| it.trim_matches('"')),
        Some(&*format!("{:x}-2", md5::compute(digests))),
        "{name}"
    );
    assert!(read(&client, path.as_ref()).expect("an object") == bytes, "{name}");
    assert!(store.uploads(BUCKET).is_empty(), "{name}");

    let aborted = Path::from("aborted");
    let mut upload = client.wait(client.s3.put_multipart(&aborted)).expect("an upload");
    client.wait(upload.put_part("some".into())).expect("a part");
    assert_eq!(store.uploads(BUCKET).len(), 1, "{name}");
    client.wait(upload.abort()).expect("it goes");
    assert!(store.uploads(BUCKET).is_empty() && store.objects(BUCKET) == [path.to_string()], "{name}");
    assert!(client.wait(upload.complete()).is_err(), "{name}: what was aborted cannot be completed");
}

/// Of many clients that create the same object at once, one succeeds.
fn check_race(store: &dyn Store) {
    store.create_bucket(BUCKET);
    let client = store.client(BUCKET);
    for round in 0..20 {
        let path = Path::from(format!("lock-{round}"));
        let create = |writer: usize| {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let (client, path) = (&client.s3, &path);
            async move { client.put_opts(path, format!("writer {writer}").into(), options).await.ok().map(|_| writer) }
        };
        let winners: Vec<_> =
            client.wait(futures::future::join_all((0..8).map(create))).into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{}: round {round}", store.name());
        assert_eq!(read(&client, path.as_ref()).expect("an object"), format!("writer {}", winners[0]));
    }
}

#[test]
fn a_store_does_what_s3_does() {
    on_every_store(check_store);
}

#[test]
fn a_store_takes_objects_in_parts() {
    on_every_store(check_multipart);
}

/// Not with moto: it checks and puts in two steps.
#[test]
fn one_of_many_creates_an_object() {
    check_race(&Server::start());
}

/// A proxy without rules is transparent.
#[test]
fn a_store_behind_the_proxy_is_the_store() {
    struct Behind(Server, Proxy);
    impl Store for Behind {
        fn name(&self) -> &'static str {
            "s3s-fs behind the proxy"
        }
        fn endpoint(&self) -> String {
            self.1.endpoint()
        }
        fn checks_signatures(&self) -> bool {
            true
        }
        fn create_bucket(&self, bucket: &str) {
            self.0.create_bucket(bucket);
        }
        fn put_with(&self, bucket: &str, key: &str, bytes: &[u8], metadata: &[(&str, &str)]) {
            self.0.put_with(bucket, key, bytes, metadata);
        }
        fn remove(&self, bucket: &str, key: &str) {
            self.0.remove(bucket, key);
        }
        fn objects(&self, bucket: &str) -> Vec<String> {
            self.0.objects(bucket)
        }
        fn bytes(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
            self.0.bytes(bucket, key)
        }
        fn uploads(&self, bucket: &str) -> Vec<(String, String)> {
            self.0.uploads(bucket)
        }
    }
    for check in [check_store, check_multipart, check_race] {
        let server = Server::start();
        let proxy = Proxy::before(&server);
        check(&Behind(server, proxy));
    }
}

/// A listing in many pages equals one in a single page.
#[test]
fn listings_come_in_pages() {
    let server = Server::with_bucket(BUCKET);
    let proxy = Proxy::before(&server);
    let client = proxy.client(BUCKET);
    for at in 0..25 {
        server.put(BUCKET, &format!("a/{at:02}"), b"x");
        server.put(BUCKET, &format!("b/{at:02}/x"), b"x");
    }
    let all = keys(&client, "");
    assert_eq!((all.len(), proxy.count(Operation::List)), (50, 1));
    server.set_page(7);
    proxy.forget();
    assert_eq!(keys(&client, ""), all);
    assert_eq!(proxy.count(Operation::List), 8, "{}", proxy.dump());
    let folder = client.wait(client.s3.list_with_delimiter(Some(&Path::from("b")))).expect("a listing");
    assert_eq!((folder.common_prefixes.len(), folder.objects.len()), (25, 0));
    // A listing that fails midway fails.
    proxy.rule(Rule::list().query_contains("continuation-token"), Fault::Status(503));
    let listed = client.wait(client.s3.list(None).try_collect::<Vec<_>>());
    assert!(failure(listed).contains("SlowDown"), "{}", proxy.dump());
    assert!(proxy.connections() >= 1);
}

/// Open uploads can be listed, page by page, with their age.
#[test]
fn open_uploads_are_listed() {
    let server = Server::with_bucket(BUCKET);
    let client = server.client(BUCKET);
    for key in ["lake/a", "lake/b", "lake/b", "other"] {
        client.wait(client.s3.put_multipart(&Path::from(key))).expect("an upload");
    }
    let key_of = |(key, _): &(String, String)| key.clone();
    let keys: Vec<String> = server.uploads(BUCKET).iter().map(key_of).collect();
    assert_eq!(keys, ["lake/a", "lake/b", "lake/b", "other"]);
    let listed = |query: &str| {
        let (status, text) = client.ask("GET", &format!("/{BUCKET}?uploads={query}"));
        assert_eq!(status, 200, "{text}");
        text
    };
    let all = listed("&prefix=lake%2F");
    assert_eq!(all.matches("<Upload>").count(), 3, "{all}");
    assert!(all.contains("<IsTruncated>false</IsTruncated>"), "{all}");
    let first = listed("&prefix=lake%2F&max-uploads=2");
    assert_eq!(first.matches("<Upload>").count(), 2, "{first}");
    let between = |text: &str, tag: &str| {
        let inside = text.split(&format!("<{tag}>")).nth(1).and_then(|rest| rest.split('<').next());
        inside.unwrap_or_default().to_owned()
    };
    let markers = [between(&first, "NextKeyMarker"), between(&first, "NextUploadIdMarker")];
    let rest = listed(&format!("&prefix=lake%2F&key-marker={}&upload-id-marker={}", markers[0], markers[1]));
    assert_eq!((rest.matches("<Upload>").count(), between(&rest, "Key")), (1, "lake/b".to_owned()), "{rest}");
    let today = between(&rest, "Initiated");
    server.age_uploads(Duration::from_hours(8 * 24));
    assert!(between(&listed("&prefix=lake%2F"), "Initiated") < today);
    let (status, text) = client.ask("GET", "/missing?uploads=");
    assert!(status == 404 && text.contains("NoSuchBucket"), "{status} {text}");
}

/// A tree of files is uploaded and downloaded again, with keys of all kinds.
fn check_trees(store: &dyn Store) {
    store.create_bucket(BUCKET);
    let workdir = Workdir::new();
    let names = [
        "plain",
        "day=2025-03-01/part-0.parquet",
        "with blank",
        "a+b",
        "100%",
        "%41",
        "é/ü",
        "a&b=<c>",
        "tilde~!'()*@:,;$",
    ];
    for name in names {
        workdir.file(&format!("up/{name}"), name);
    }
    let keys = store.put_tree(BUCKET, "pre fix", &workdir.at("up"));
    assert_eq!(store.objects(BUCKET), keys);
    store.get_tree(BUCKET, "pre fix", &workdir.at("down"));
    let contents =
        |folder: &str| workdir.snapshot(folder).into_iter().map(|(path, (bytes, _))| (path, bytes)).collect::<Vec<_>>();
    assert_eq!(contents("down"), contents("up"));
    // A client gets them under the same names.
    let client = store.client(BUCKET);
    for key in &keys {
        let path = Path::parse(key).expect("a key");
        let bytes = client.wait(async { client.s3.get(&path).await?.bytes().await });
        assert_eq!(Some(&*bytes.expect("an object")), store.bytes(BUCKET, key).as_deref(), "{key}");
    }
}

#[test]
fn trees_go_up_and_come_down() {
    on_every_store(check_trees);
}

/// Keys that a folder of files cannot hold are refused, not mixed up.
#[test]
fn keys_that_are_no_paths_are_refused() {
    let server = Server::with_bucket(BUCKET);
    let client = server.client(BUCKET);
    server.put(BUCKET, "a", b"x");
    server.put(BUCKET, "b/c", b"x");
    let long = "l".repeat(200);
    for key in ["a/b", "b", "d//e", "/f", "g/", &long] {
        let (status, body) = client.send("PUT", &format!("/{BUCKET}/{}", encoded(key)), &[], b"");
        assert_eq!(status, 501, "{key}: {}", String::from_utf8_lossy(&body));
    }
    assert_eq!(server.objects(BUCKET), ["a", "b/c"]);
}

/// An empty range is an error.
#[test]
fn ranges_behind_the_end_are_refused() {
    on_every_store(|store| {
        store.create_bucket(BUCKET);
        let client = store.client(BUCKET);
        store.put(BUCKET, "empty", b"");
        store.put(BUCKET, "object", b"object");
        for (key, range, expected) in [
            ("empty", "bytes=0-9", 416),
            ("object", "bytes=6-9", 416),
            ("object", "bytes=5-9", 206),
            ("object", "bytes=-9", 206),
        ] {
            let (status, body) = client.send("GET", &format!("/{BUCKET}/{key}"), &[("range", range)], b"");
            let answer = String::from_utf8_lossy(&body);
            assert_eq!(status, expected, "{} {key} {range}: {answer}", store.name());
        }
    });
}

/// Metadata are returned; digest files carry their signatures in them.
#[test]
fn metadata_come_back() {
    on_every_store(|store| {
        store.create_bucket(BUCKET);
        store.put_with(BUCKET, "digest", b"{}", &[("signature", "00ff"), ("signature-algorithm", "SHA256withRSA")]);
        let client = store.client(BUCKET);
        let result = client.wait(client.s3.get_opts(&Path::from("digest"), GetOptions::default())).expect("an object");
        let signature = object_store::Attribute::Metadata("signature".into());
        assert_eq!(result.attributes.get(&signature).map(AsRef::as_ref), Some("00ff"), "{:?}", result.attributes);
    });
}

/// Objects that were replaced in the folder have the `ETag` of their bytes.
#[test]
fn the_folder_is_the_bucket() {
    let server = Server::start();
    let folder = server.bucket(BUCKET);
    let client = server.client(BUCKET);
    put(&client, "x", "old", PutMode::Overwrite).expect("a put");
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(folder.join("x"), "new").expect("a file");
    let head = client.wait(client.s3.head(&Path::from("x"))).expect("an object");
    assert_eq!(head.e_tag.as_deref(), Some(&*format!("\"{:x}\"", md5::compute("new"))));
}

/// A server, a proxy before it, and a client without retries.
fn behind() -> (Server, Proxy, Client) {
    let server = Server::with_bucket(BUCKET);
    server.put(BUCKET, "object", &vec![7; 200_000]);
    let proxy = Proxy::before(&server);
    let client = proxy.client(BUCKET);
    (server, proxy, client)
}

#[test]
fn a_fault_is_what_the_client_sees() {
    let (_server, proxy, client) = behind();
    for (fault, message) in [
        (Fault::Reset, "reset"),
        (Fault::ResetAfter(1000), "body"),
        (Fault::Truncate(1000), "body"),
        (Fault::Status(500), "InternalError"),
        (Fault::Status(503), "SlowDown"),
        (Fault::Status(403), "AccessDenied"),
        (Fault::Status(404), "NoSuchKey"),
        (Fault::Answer(400, "ExpiredToken"), "ExpiredToken"),
        (Fault::DropAfterForward, "reset"),
    ] {
        let words = format!("{fault:?}");
        proxy.forget();
        proxy.rule(Rule::get().key_contains("/trail/obj").times(1), fault);
        let failure = failure(read(&client, "object"));
        assert!(failure.contains(message), "{words}: {failure}");
        assert_eq!(proxy.faults(), 1, "{}", proxy.dump());
        assert_eq!(read(&client, "object").expect("no other fault").len(), 200_000);
        assert_eq!(proxy.requests().last().and_then(|request| request.status), Some(200), "{}", proxy.dump());
    }
}

/// Faults that a client with retries does not notice.
#[test]
fn retries_get_through() {
    let (_server, proxy, _) = behind();
    let client = Client::new(&proxy.endpoint(), BUCKET, 5);
    for fault in [Fault::Reset, Fault::Status(503), Fault::Status(500), Fault::ResetAfter(1000), Fault::Truncate(1000)]
    {
        proxy.heal();
        proxy.rule(Rule::any().times(2), fault.clone());
        proxy.forget();
        assert_eq!(read(&client, "object").expect("the third time").len(), 200_000, "{fault:?}\n{}", proxy.dump());
        assert_eq!(proxy.faults(), 2, "{fault:?}\n{}", proxy.dump());
    }
}

/// Each request fails the first two times, however many there are.
#[test]
fn each_request_has_its_own_attempts() {
    let (server, proxy, _) = behind();
    server.put(BUCKET, "other", b"x");
    let client = Client::new(&proxy.endpoint(), BUCKET, 2);
    proxy.rule(Rule::get().attempts(2), Fault::Status(500));
    assert_eq!(read(&client, "object").expect("the third time").len(), 200_000);
    assert_eq!(read(&client, "other").expect("the third time"), "x");
    assert_eq!((proxy.faults(), proxy.count(Operation::Get)), (4, 6), "{}", proxy.dump());
}

#[test]
fn delays_and_trickles_only_take_time() {
    let (_server, proxy, client) = behind();
    for fault in [Fault::Delay(Duration::from_millis(50)), Fault::Trickle(20_000, Duration::from_millis(10))] {
        proxy.rule(Rule::get().times(1), fault);
        let since = Instant::now();
        assert_eq!(read(&client, "object").expect("in the end").len(), 200_000);
        assert!(since.elapsed() >= Duration::from_millis(50));
    }
}

#[test]
fn a_hanging_request_is_never_answered() {
    let (_server, proxy, client) = behind();
    proxy.rule(Rule::get().times(1), Fault::Hang);
    client.wait(async {
        let s3 = client.s3.clone();
        let hanging = tokio::spawn(async move { s3.get(&Path::from("object")).await });
        while proxy.faults() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!hanging.is_finished());
        hanging.abort();
    });
    assert_eq!(proxy.requests()[0].status, None);
    assert_eq!(read(&client, "object").expect("an object").len(), 200_000);
}

/// A put that succeeded and looks failed: a client that creates an object must not mistake it for another's.
#[test]
fn a_put_that_looks_failed_is_in_the_store() {
    let (server, proxy, client) = behind();
    proxy.rule(Rule::put().times(1), Fault::DropAfterForward);
    assert!(put(&client, "new", "mine", PutMode::Create).is_err());
    assert_eq!(server.bytes(BUCKET, "new").as_deref(), Some(&b"mine"[..]));
    let again = put(&client, "new", "mine", PutMode::Create);
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
}

/// Retries of executed requests get misleading errors, which callers of `object_store` have to know.
#[test]
fn a_lost_answer_misleads_a_retry() {
    let server = Server::with_bucket(BUCKET);
    let proxy = Proxy::before(&server);
    let client = Client::new(&proxy.endpoint(), BUCKET, 3);
    let path = Path::from("parts");
    let upload = || async {
        let mut upload = client.s3.put_multipart(&path).await?;
        upload.put_part("x".into()).await?;
        upload.complete().await
    };
    // The upload of a completed object is not found.
    proxy.rule(Rule::of(&[Operation::Complete]).times(1), Fault::DropAfterForward);
    let completed = client.wait(upload());
    assert!(matches!(completed, Err(Error::NotFound { .. })), "{completed:?}\n{}", proxy.dump());
    assert_eq!(server.bytes(BUCKET, "parts").as_deref(), Some(&b"x"[..]));
    // An upload that was begun twice leaves one open.
    proxy.rule(Rule::of(&[Operation::Begin]).times(1), Fault::DropAfterForward);
    client.wait(upload()).expect("the second one");
    assert_eq!(server.uploads(BUCKET).len(), 1, "{}", proxy.dump());
    // An error of S3 within an answer of 200 is an error.
    proxy.forget();
    proxy.rule(Rule::of(&[Operation::Complete]).times(1), Fault::Answer(200, "InternalError"));
    client.wait(upload()).expect("the second time");
    assert_eq!(proxy.count(Operation::Complete), 2, "{}", proxy.dump());
    // A concurrent creation, which S3 wants retried, looks like an earlier one.
    proxy.rule(Rule::put().times(1), Fault::Status(409));
    let created = put(&client, "lock", "mine", PutMode::Create);
    assert!(matches!(created, Err(Error::AlreadyExists { .. })), "{created:?}");
    assert_eq!(server.bytes(BUCKET, "lock"), None);
}

/// A store that ignores conditions lets two clients create the same object.
#[test]
fn conditions_can_be_ignored() {
    let (server, proxy, client) = behind();
    put(&client, "lock", "first", PutMode::Create).expect("a put");
    assert!(put(&client, "lock", "second", PutMode::Create).is_err());
    proxy.rule(Rule::put().when(|request| request.is_conditional), Fault::IgnoreConditions);
    put(&client, "lock", "second", PutMode::Create).expect("nobody looks");
    proxy.heal();
    assert!(put(&client, "lock", "third", PutMode::Create).is_err());
    server.ignore_conditions();
    put(&client, "lock", "third", PutMode::Create).expect("nobody looks");
}

#[test]
fn requests_are_counted_by_kind() {
    let (server, proxy, client) = behind();
    proxy.rule(Rule::get(), Fault::Delay(Duration::from_millis(100)));
    let path = Path::from("object");
    let reads = (0..8).map(|_| client.s3.get_range(&path, 10..20));
    assert!(client.wait(futures::future::join_all(reads)).iter().all(Result::is_ok));
    assert_eq!((proxy.most_in_flight(), proxy.count(Operation::Get)), (8, 8));
    let first = &proxy.requests()[0];
    assert_eq!((first.path.as_str(), first.range.as_deref()), ("/trail/object", Some("bytes=10-19")));
    assert_eq!(first.status, Some(206));

    proxy.heal();
    proxy.forget();
    let _ = keys(&client, "some prefix");
    let odd = Path::parse("é b").expect("a key");
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    client.wait(client.s3.put_opts(&odd, "12345".into(), create)).expect("a put");
    client.wait(client.s3.head(&odd)).expect("an object");
    client.wait(client.s3.delete(&odd)).expect("gone");
    let mut upload = client.wait(client.s3.put_multipart(&Path::from("x"))).expect("an upload");
    client.wait(upload.put_part("x".into())).expect("a part");
    client.wait(upload.complete()).expect("an object");
    let mut upload = client.wait(client.s3.put_multipart(&Path::from("x"))).expect("an upload");
    client.wait(upload.abort()).expect("gone");
    let seen: Vec<Operation> = proxy.requests().iter().map(|request| request.operation).collect();
    assert_eq!(
        seen[..4],
        [Operation::List, Operation::Put, Operation::Head, Operation::DeleteMany],
        "{}",
        proxy.dump()
    );
    assert_eq!(seen[4..], [Operation::Begin, Operation::Part, Operation::Complete, Operation::Begin, Operation::Abort]);
    let put = &proxy.requests()[1];
    assert_eq!((put.path.as_str(), put.body_bytes, put.is_conditional), ("/trail/é b", 5, true));
    assert!(server.uploads(BUCKET).is_empty());
}

/// What happens to a request does not depend on the order in which requests come.
#[test]
fn random_faults_depend_on_the_seed_alone() {
    let (server, proxy, client) = behind();
    let keys: Vec<String> = (0..40).map(|at| format!("k/{at}")).collect();
    for key in &keys {
        server.put(BUCKET, key, b"x");
    }
    let failed = |seed: u64, keys: &[String]| {
        proxy.heal();
        proxy.rule(Rule::get().chance(0.5, seed), Fault::Status(500));
        let mut failed: Vec<_> = keys.iter().filter(|key| read(&client, key).is_err()).cloned().collect();
        failed.sort();
        failed
    };
    let first = failed(1, &keys);
    assert!((5..35).contains(&first.len()), "{first:?}");
    let backwards: Vec<String> = keys.iter().rev().cloned().collect();
    assert_eq!(failed(1, &backwards), first);
    assert_ne!(failed(2, &keys), first);
}

/// A client can be killed when a request has arrived, before or after the store has executed it.
#[test]
fn requests_are_held_until_the_client_is_dead() {
    let patience = Duration::from_mins(1);
    for (fault, is_stored) in [(Fault::HoldBefore, false), (Fault::HoldAfter, true)] {
        let (server, proxy, client) = behind();
        proxy.rule(Rule::put().nth(2), fault);
        put(&client, "1", "x", PutMode::Overwrite).expect("a put");
        client.wait(async {
            let s3 = client.s3.clone();
            let held = tokio::spawn(async move { s3.put(&Path::from("2"), "x".into()).await });
            assert!(tokio::task::block_in_place(|| proxy.wait_for_held(1, patience)));
            // Its connection is closed, as when a process dies.
            held.abort();
        });
        assert_eq!(server.bytes(BUCKET, "2").is_some(), is_stored);
    }
}

/// The program sees the store's variables and no others of AWS.
#[test]
fn the_program_runs_with_the_variables_of_a_store() {
    let server = Server::start();
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    for (environment, endpoint) in [(server.environment(), server.endpoint()), (proxy.environment(), proxy.endpoint())]
    {
        let run = workdir.run_in(&environment, "--version").expect(0);
        assert!(run.stdout().starts_with("trailmill ") && run.dump().contains(&endpoint), "{}", run.dump());
    }
}
