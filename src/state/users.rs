//! The users. There is one, `default`, whose password is the directive `requirepass`.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, RwLock};

use subtle::ConstantTimeEq;

use crate::config::Password;

/// The user of a client that has not authenticated.
pub const DEFAULT: &str = "default";

/// A user and its password.
pub struct User {
    /// The name.
    name: Box<str>,
    /// Whether there is a password. The data path only reads this.
    has_password: AtomicBool,
    /// SHA-256 of the password.
    password_digest: RwLock<Option<[u8; 32]>>,
}

impl User {
    /// A user without a password.
    fn new(name: &str) -> Self {
        Self { name: name.into(), has_password: AtomicBool::new(false), password_digest: RwLock::new(None) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this user needs a password.
    #[inline]
    pub fn has_password(&self) -> bool {
        self.has_password.load(Relaxed)
    }

    /// SHA-256 of the password, if there is one.
    pub fn password_digest(&self) -> Option<[u8; 32]> {
        *self.password_digest.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sets the SHA-256 of the password, or `None` for no password. Clients that have authenticated stay authenticated.
    pub fn set_password_digest(&self, digest: Option<[u8; 32]>) {
        let mut stored = self.password_digest.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        *stored = digest;
        self.has_password.store(digest.is_some(), Relaxed);
    }

    /// Whether `password` is right, compared in constant time. Without a password, any is.
    fn takes(&self, password: &[u8]) -> bool {
        let given = Password::digest_of(password);
        self.password_digest().is_some_and(|digest| bool::from(digest.ct_eq(&given))) | !self.has_password()
    }
}

/// All users.
pub struct Users {
    /// The user of a client that has not authenticated.
    default: Arc<User>,
}

impl Default for Users {
    fn default() -> Self {
        Self { default: Arc::new(User::new(DEFAULT)) }
    }
}

impl Users {
    /// The user of a client that has not authenticated.
    pub fn default_user(&self) -> &Arc<User> {
        &self.default
    }

    /// All users.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Arc<User>> {
        std::iter::once(&self.default)
    }

    /// The user of this name.
    pub fn find(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.all().find(|user| user.name.as_bytes() == name)
    }

    /// The user of this name, if the password is right. This takes the same time for unknown users as for known ones.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<Arc<User>> {
        let known = self.find(name);
        let is_right = known.unwrap_or(&self.default).takes(password);
        known.filter(|_| is_right).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_set_password_is_accepted() {
        let users = Users::default();
        let user = users.default_user();
        let is_let_in = |name: &[u8], password: &[u8]| users.authenticate(name, password).is_some();
        assert!(!user.has_password() && is_let_in(b"default", b"any") && !is_let_in(b"other", b"any"));
        user.set_password_digest(Some(Password::digest_of(b"secret")));
        assert!(user.has_password() && is_let_in(b"default", b"secret"));
        assert!(!is_let_in(b"default", b"wrong") && !is_let_in(b"other", b"secret"));
        user.set_password_digest(None);
        assert!(!user.has_password() && is_let_in(b"default", b"wrong"));
    }
}
