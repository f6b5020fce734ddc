//! Colour on a terminal, and nowhere else.

use std::env;
use std::io::IsTerminal;

use crate::cli::When;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether escape sequences are written.
    colored: bool,
}

impl Style {
    /// The style for standard output. An empty NO_COLOR does not count.
    pub fn for_stdout(when: When) -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = match when {
            When::Always => true,
            When::Never => false,
            When::Auto => !refused && std::io::stdout().is_terminal(),
        };
        Self { colored }
    }

    /// Something good.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// The name of an effect.
    pub fn name(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// Something to check.
    pub fn warning(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Something broken.
    pub fn damage(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, color: &str, text: &str) -> String {
        if self.colored { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_the_text_is_bare() {
        assert_eq!(Style::default().damage("bad"), "bad");
        assert_eq!(Style { colored: true }.damage("bad"), "\x1b[31mbad\x1b[0m");
    }
}
