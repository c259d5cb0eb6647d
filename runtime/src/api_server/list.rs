//! All objects of a collection, page by page.

use http::{Method, StatusCode};
use serde_json::Value;

use super::request::JSON;
use super::{ApiServer, Reason, RequestError, path};

/// Objects of the first page, as of kubectl.
const PAGE: usize = 500;
/// The most times that a list begins again.
const RESTARTS: usize = 3;

impl ApiServer {
    /// Lists the collection at `path` and returns what `read` makes of each object. A page that exceeds the bound on a response
    /// is requested again with half as many objects. Where the API server no longer keeps the state of the first page, the list
    /// begins again.
    ///
    /// # Errors
    /// A [`RequestError`] unless the status of each page is 2xx.
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
