"""Classifiers that a study brings along: checked without running their code, looked into, and adopted."""
