//! Lists all objects of a collection, page by page.

use http::{Method, StatusCode};
use serde_json::Value;

use super::request::JSON;
use super::{ApiServer, Reason, RequestError, path};

/// The maximum number of objects in a page, as in kubectl. A page that is too large is requested again with fewer objects.
const PAGE: usize = 500;
/// The maximum number of times that listing starts over.
const RESTARTS: usize = 3;

impl ApiServer {
    /// Lists the collection at `path`, and returns the values that `read` returns for its objects. If a page exceeds the maximum
    /// size of a response, requests it again with half as many objects. If the continue token has expired, starts over.
    ///
    /// # Errors
    /// Returns a [`RequestError`] unless the status of each page is 2xx.
    pub async fn list<T>(
        &self,
        path: &str,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<Vec<T>, RequestError> {
        let (mut limit, mut restarts) = (PAGE, 0);
        let mut found = Vec::new();
        let mut next = String::new();
        loop {
            let mut page = match self.page(path, limit, &next).await {
                Ok(page) => page,
                Err(error) if limit > 1 && matches!(error.reason, Reason::TooLarge(_)) => {
                    limit /= 2;
                    continue;
                }
                Err(error) if error.code() == Some(StatusCode::GONE) && restarts < RESTARTS => {
                    restarts += 1;
                    found.clear();
                    next.clear();
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Value::Array(items) = page["items"].take() {
                found.extend(items.into_iter().filter_map(&read));
            }
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => token.clone_into(&mut next),
                _ => return Ok(found),
            }
        }
    }

    async fn page(&self, path: &str, limit: usize, next: &str) -> Result<Value, RequestError> {
        let mut url = format!("{path}?limit={limit}");
        if !next.is_empty() {
            url += &format!("&continue={}", path::segment(next));
        }
        self.call(Method::GET, &url, JSON, None).await
    }
}
