"""Values as YAML: one way of writing all descriptions, which are read again as they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

# PyYAML writes this line break of Unicode as it is outside double quotes, and reads it as a space.
NEXT_LINE = "\x85"


class _Dumper(yaml.SafeDumper):
    """PyYAML's own, but for strings that it would not read again as they were."""


def _represent_str(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if NEXT_LINE in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_str)


def to_yaml(values: Mapping[str, Any]) -> str:
    """A mapping of plain values as YAML, in its own order and with all scripts readable.

    >>> to_yaml({"name": "ọmọ", "keywords": ["ajá"]})
    'name: ọmọ\\nkeywords:\\n- ajá\\n'
    """
    return yaml.dump(dict(values), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
