"""Kinds of parameters: what a request may say at all."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import Field, StringConstraints

LONGEST_S = 10_000_000.0  # a third of a year

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
QueryText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
    Field(
        description="A word, the key of a picture (image:...), or a spoken example (like:12:1:345.20).",
        examples=["dog", "like:1:1:2.50"],
    ),
]
PlaceText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,9}:[0-9]{1,4}:[0-9]{1,7}(\.[0-9]{1,6})?$"),
    Field(description="Recording, channel and seconds.", examples=["1:1:2.50"]),
]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[1])]
Channel = Annotated[int, Query(ge=1, le=1000, description="From 1 on.")]
# That it is there is checked before anything is read; here it is told.
Ours = Annotated[str, Header(alias="X-Earmark", pattern="^1$", description="Says that the request is the page's own.")]
