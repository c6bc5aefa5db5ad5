"""Readers of what others wrote, given anything: each gives a value, or the InputError that names the file."""
