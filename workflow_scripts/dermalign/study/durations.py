"""Times in words, for what a run prints and what its index says."""


def duration(seconds: float) -> str:
    """Return a time in words: 3.2 s, 4 min 10 s, 2 h 05 min."""
    if seconds < 59.95:
        return f"{max(seconds, 0):.1f} s"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
