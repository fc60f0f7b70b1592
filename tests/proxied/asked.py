"""One request to a service, and what the service reads out of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came. Names of headers are in lower case."""

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """What the body is said to be, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def said(self) -> Any:
        """The body by its content type: JSON, a form's fields, the leaves of XML. ValueError if it is not that.

        A form may be sent as the parameters of the address, without a body.
        """
        if self.content_type == "application/x-www-form-urlencoded":
            pairs = parse_qsl(
                self.body.decode("utf-8") or self.query,
                keep_blank_values=True,
                strict_parsing=True,
            )
            fields = dict(pairs)
            if len(fields) != len(pairs):
                raise ValueError("a field comes twice")
            return fields
        if self.content_type in ("application/xml", "text/xml"):
            try:
                tree = ET.fromstring(self.body)
            except ET.ParseError as error:
                raise ValueError(str(error)) from None
            return {
                leaf.tag.rpartition("}")[2]: leaf.text or ""
                for leaf in tree.iter()
                if not len(leaf)
            }
        return json.loads(self.body.decode("utf-8"))
