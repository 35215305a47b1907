//! A simulator of the parts of Azure that acs-operator talks to: a pure model, with HTTP as a skin.
