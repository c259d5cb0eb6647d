//! The users of a rig.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of restricted users. It is fixed, because kube-apiserver reads the tokens only at startup.
const RESTRICTED: usize = 100;

/// A user with a bearer token.
#[derive(Debug, Clone)]
pub struct User {
    /// The user name, as used in RBAC.
    pub name: String,
    /// The user's bearer token.
    pub token: String,
}

/// All users of one rig.
#[derive(Debug)]
pub(crate) struct Accounts {
    admin: User,
    restricted: Vec<User>,
    taken: AtomicUsize,
}

impl Accounts {
    /// Generates the users and writes `tokens.csv` into the rig's directory.
    ///
    /// The tokens differ between rigs. They need not be secret, because the server listens on loopback and the directory is
    /// private.
    pub(crate) fn create(folder: &Path) -> Result<Self, String> {
        let rig = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let user = |name: String| User {
            token: format!("{name}-of-{rig}"),
            name,
        };
        let admin = user("admin".to_owned());
        let restricted: Vec<User> = (0..RESTRICTED).map(|i| user(format!("user-{i}"))).collect();
        let mut lines = format!(
            "{},{},{},system:masters\n",
            admin.token, admin.name, admin.name
        );
        for User { name, token } in &restricted {
            lines.push_str(&format!("{token},{name},{name}\n"));
        }
        fs::write(folder.join("tokens.csv"), lines)
            .map_err(|error| format!("tokens.csv: {error}"))?;
        Ok(Self {
            admin,
            restricted,
            taken: AtomicUsize::new(0),
        })
    }

    pub(crate) fn admin(&self) -> &User {
        &self.admin
    }

    pub(crate) fn next(&self) -> User {
        let next = self.taken.fetch_add(1, Ordering::Relaxed);
        self.restricted
            .get(next)
            .expect("the rig should have enough users")
            .clone()
    }
}
