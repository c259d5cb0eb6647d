//! Formats an error and its causes as one line.

use std::error::Error;

/// Returns an error's message followed by the messages of its causes. Omits the message of a cause if the text already contains
/// it.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let message = cause.to_string();
        if !chain.contains(&message) {
            chain.push_str(": ");
            chain.push_str(&message);
        }
        next = cause.source();
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        #[source]
        cause: Option<Box<Self>>,
    }

    #[test]
    fn an_already_quoted_cause_is_not_repeated() {
        let link = |text, cause: Option<Link>| Link {
            text,
            cause: cause.map(Box::new),
        };
        let chain = link("a: b", Some(link("b", Some(link("c", None)))));
        assert_eq!(error_chain(&chain), "a: b: c");
    }
}
