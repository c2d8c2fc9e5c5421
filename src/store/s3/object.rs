//! Requests for one object.
//!
//! In: a key. Out: bytes or metadata. Never: a failure before it was judged whether the object itself is the cause.

use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{Attribute, GetOptions, HeaderValue, ObjectMeta, ObjectStoreExt};

use super::access::Access;
use super::explain::own;

impl Access {
    /// Bytes of an object.
    pub(super) async fn get(&self, key: &Key, options: &GetOptions) -> object_store::Result<Bytes> {
        let request = || async { self.objects().get_opts(key, options.clone()).await?.bytes().await };
        let get = || self.in_flight.send(request());
        // It goes into a header verbatim, whatever its source.
        if options.if_match.as_deref().is_some_and(|tag| HeaderValue::from_str(tag).is_err()) {
            return Err(own("it is asked for by a tag that no object has"));
        }
        let got = self.checked(key, || self.ask_for_one(key, get)).await?;
        self.note_read(key, got.len() as u64);
        Ok(got)
    }

    /// The metadata of an object.
    pub(super) async fn head(&self, key: &Key) -> object_store::Result<ObjectMeta> {
        let object = self.checked(key, || self.ask_for_one(key, || self.objects().head(key))).await?;
        self.note_read(key, object.size);
        Ok(object)
    }

    /// The user metadata of an object.
    pub(super) async fn metadata(&self, key: &Key, etag: Option<&str>) -> object_store::Result<Vec<(String, String)>> {
        let options = GetOptions { head: true, if_match: etag.map(str::to_owned), ..GetOptions::default() };
        let head = || self.objects().get_opts(key, options.clone());
        let object = self.checked(key, || self.ask_for_one(key, head)).await?;
        self.note_read(key, object.meta.size);
        let of_user = object.attributes.iter().filter_map(|(name, value)| match name {
            Attribute::Metadata(name) => Some((name.clone().into_owned(), value.as_ref().to_owned())),
            _ => None,
        });
        Ok(of_user.collect())
    }
}
