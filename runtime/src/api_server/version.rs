//! The version of the API server.

use serde_json::Value;

use super::{ApiServer, RequestError};

/// The version of an API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The major and the minor version.
    pub number: (u32, u32),
    /// The full version, such as `v1.36.0`.
    pub name: String,
}

impl ApiServer {
    /// Returns the API server's version, or `None` if the response does not contain a version.
    ///
    /// # Errors
    /// A [`RequestError`] unless the status is 2xx or 404.
    pub async fn version(&self) -> Result<Option<Version>, RequestError> {
        let version = self.get("/version").await?.unwrap_or_default();
        Ok(parse(&version))
    }
}

/// Parses a version such as `{"major": "1", "minor": "29+"}`. Some distributions append a plus sign.
fn parse(version: &Value) -> Option<Version> {
    let number = |field: &str| {
        let text = version[field].as_str()?;
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    };
    let number = (number("major")?, number("minor")?);
    let name = version["gitVersion"].as_str();
    let name = name.map_or_else(|| format!("v{}.{}", number.0, number.1), str::to_owned);
    Some(Version { number, name })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plus_sign_after_the_minor_version_is_ignored() {
        let of = |major: &str, minor: &str| {
            let version = parse(&json!({"major": major, "minor": minor}));
            version.map(|version| (version.number, version.name))
        };
        assert_eq!(of("1", "29+"), Some(((1, 29), "v1.29".to_owned())));
        assert_eq!(of("", ""), None);
        assert_eq!(parse(&json!({})), None);
        let version = json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"});
        assert_eq!(parse(&version).unwrap().name, "v1.36.2");
    }
}
