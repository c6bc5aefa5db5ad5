"""The study before any job: configuration, groups, batches, digests of code, map sources; what a run prints."""
