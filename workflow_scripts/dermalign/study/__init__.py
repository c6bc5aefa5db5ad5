"""The study before any job runs: configuration, groups, batches, digests of code, map sources, and what a run prints."""
