//! What holds for every picture.
