"""The archive job: sources -> plan -> segments -> shards, receipts and labels, on any executor."""
