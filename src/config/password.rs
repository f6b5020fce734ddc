//! The password: kept as a digest, never shown. Digests are compared in constant time.

use std::fmt;

use sha2::{Digest, Sha256};

/// Prefix of a digest in the configuration, in place of a password.
const DIGEST_PREFIX: &str = "sha256:";
/// The text that is shown in place of a password.
const MASK: &str = "(hidden)";

/// A password that clients must give, or none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Password {
    /// SHA-256 of the password; `None` if none is required.
    digest: Option<[u8; 32]>,
}

impl Password {
    /// Reads a password or its digest, `sha256:` and 64 hexadecimal digits. Empty means that none is required.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self { digest: None };
        }
        let text = std::str::from_utf8(bytes).ok();
        let digest = text.and_then(|text| text.strip_prefix(DIGEST_PREFIX)).and_then(parse_hex);
        Self { digest: Some(digest.unwrap_or_else(|| Self::digest_of(bytes))) }
    }

    /// Like [`Password::from_bytes`].
    pub fn from_text(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }

    /// Whether clients must give a password.
    pub fn is_set(&self) -> bool {
        self.digest.is_some()
    }

    /// SHA-256 of the password; `None` if none is required.
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }

    /// SHA-256 of what a client gives as the password.
    pub fn digest_of(attempt: &[u8]) -> [u8; 32] {
        Sha256::digest(attempt).into()
    }

    /// A text that shows whether a password is set, and nothing of it.
    pub fn masked(&self) -> &'static str {
        if self.is_set() { MASK } else { "" }
    }

    /// The digest as it is written in a configuration file; empty if no password is set.
    pub fn digest_text(&self) -> String {
        match self.digest {
            None => String::new(),
            Some(digest) => {
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{DIGEST_PREFIX}{hex}")
            }
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "Password(hidden)" } else { "Password(none)" })
    }
}

/// 32 bytes from 64 hexadecimal digits.
fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_stands_for_its_password_and_nothing_shows_it() {
        let password = Password::from_text("secret");
        assert_eq!(password.digest(), Some(Password::digest_of(b"secret")));
        assert_eq!(Password::from_text(&password.digest_text()), password);
        assert_eq!(format!("{password:?}"), "Password(hidden)");
        assert_eq!(password.masked(), "(hidden)");
        assert!(!Password::from_text("").is_set());
        assert_eq!(Password::from_text("").digest_text(), "");
    }

    #[test]
    fn what_only_looks_like_a_digest_is_a_password() {
        for text in ["sha256:tooshort", "sha256:", &format!("sha256:{}", "g".repeat(64)), &"a".repeat(64)] {
            assert_eq!(
                Password::from_text(text).digest(),
                Some(Password::digest_of(text.as_bytes())),
                "{text}"
            );
        }
    }
}
