"""What pages of HTML have in common: templates that escape every name, and policies that allow no request elsewhere."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


def page_template(folder: str | Path, name: str) -> Template:
    """Return a template of a folder. What is put in is escaped, unless the template says it is HTML."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def policy(*parts: str) -> str:
    """Return a Content-Security-Policy that allows these parts and no request to anywhere."""
    return "; ".join(["default-src 'none'", *parts, "base-uri 'none'", "form-action 'none'"])


def digest_source(text: str) -> str:
    """Return what a policy calls a script or style of this text within the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
