"""The ledger: what is durable about sites, streams, frames and episodes, and who may read it."""
