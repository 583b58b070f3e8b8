//! A migration that dies at every point there is, and goes on: the phases, the ledger and the schedule together, against a model
//! of the target in which a transaction is there whole or not at all.
