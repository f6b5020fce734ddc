//! Damage is no power cut: it is refused by name, and nothing is changed.
