"""Faults of disks, clocks and users: runs that are killed, files that were changed, folders that are full."""
