"""The study as one page: sections of tables, figures and what they say."""
