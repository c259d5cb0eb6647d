//! Label and field selectors of lists and watches.

use serde_json::Value;

use crate::options::Options;
use crate::status::Refusal;

/// Which objects a list or a watch is about.
#[derive(Debug)]
pub(crate) struct Selector {
    fields: Vec<Requirement>,
    labels: Vec<Requirement>,
}

#[derive(Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl Selector {
    /// # Errors
    ///
    /// 400 for a syntax that is none, or a field that cannot be selected by.
    pub(crate) fn parse(options: &Options) -> Result<Self, Refusal> {
        let fields = requirements(options.field_selector.as_deref().unwrap_or_default())?;
        for requirement in &fields {
            if !matches!(
                requirement.key.as_str(),
                "metadata.name" | "metadata.namespace"
            ) {
                return Err(Refusal::bad_request(format!(
                    "field label not supported: {}",
                    requirement.key
                )));
            }
        }
        let labels = requirements(options.label_selector.as_deref().unwrap_or_default())?;
        Ok(Self { fields, labels })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let field = |key: &str| metadata[key.trim_start_matches("metadata.")].as_str();
        let label = |key: &str| metadata["labels"][key].as_str();
        self.fields.iter().all(|r| r.test.passes(field(&r.key)))
            && self.labels.iter().all(|r| r.test.passes(label(&r.key)))
    }
}

impl Test {
    fn passes(&self, value: Option<&str>) -> bool {
        let among = |list: &[String]| value.is_some_and(|value| list.iter().any(|v| v == value));
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(list) => among(list),
            Self::NotIn(list) => !among(list),
        }
    }
}

fn requirements(text: &str) -> Result<Vec<Requirement>, Refusal> {
    split_outside_brackets(text)
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(requirement)
        .collect()
}

/// `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b, c)`.
fn requirement(part: &str) -> Result<Requirement, Refusal> {
    let one = |value: &str| vec![value.trim().to_owned()];
    let (key, test) = if let Some(key) = part.strip_prefix('!') {
        (key, Test::Absent)
    } else if let Some((key, value)) = part.split_once("!=") {
        (key, Test::NotIn(one(value)))
    } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (key, Test::In(one(value)))
    } else if let Some((key, set)) = part.split_once(" notin ") {
        (key, Test::NotIn(set_of(set, part)?))
    } else if let Some((key, set)) = part.split_once(" in ") {
        (key, Test::In(set_of(set, part)?))
    } else {
        (part, Test::Exists)
    };
    let key = key.trim();
    if key.is_empty() || key.contains([' ', '(', ')']) {
        return Err(unparsable(part));
    }
    Ok(Requirement {
        key: key.to_owned(),
        test,
    })
}

fn set_of(set: &str, part: &str) -> Result<Vec<String>, Refusal> {
    let inner = set
        .trim()
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .ok_or_else(|| unparsable(part))?;
    Ok(inner
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect())
}

fn unparsable(part: &str) -> Refusal {
    Refusal::bad_request(format!("unable to parse requirement: {part:?}"))
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(labels: &str, fields: &str) -> bool {
        let object = json!({"metadata": {"name": "x", "labels": {"a": "1", "b": "2"}}});
        let options = Options {
            label_selector: Some(labels.to_owned()),
            field_selector: Some(fields.to_owned()),
            ..Options::default()
        };
        Selector::parse(&options).unwrap().matches(&object)
    }

    #[test]
    fn selectors_select() {
        assert!(matches("", ""));
        assert!(matches("a=1, b in (2, 3),!c, a", "metadata.name=x"));
        assert!(matches("c!=1,c notin (4)", ""));
        assert!(!matches("a=2", ""));
        assert!(!matches("", "metadata.name!=x"));
        assert!(!matches("!a", ""));
    }
}
