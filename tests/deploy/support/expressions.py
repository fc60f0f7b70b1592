"""The expressions of GitHub's workflow files, as far as action.yml uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TEMPLATE = re.compile(r"\$\{\{(.*?)\}\}")
_NAME = re.compile(r"[a-z_][\w-]*(?:\.[\w-]+)+")
_STATUS = re.compile(r"\b(?:always|success|failure|cancelled)\(\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """What expressions can see: `values` by the context's name, and whether a step has `failed`."""

    values: Mapping[str, Any]
    failed: bool = False

    def fill(self, text: str) -> str:
        """Return a text with its `${{ … }}` replaced."""
        return _TEMPLATE.sub(lambda found: str(self._value(found[1].strip())), text)

    def holds(self, condition: str | None) -> bool:
        """Return whether a step runs. Unless its condition asks for the status, no step may have failed before it."""
        terms = [term.strip() for term in (condition or "success()").split("&&")]
        if not any(_STATUS.search(term) for term in terms):
            terms.append("success()")
        return all(self._is_true(term) for term in terms)

    def _is_true(self, term: str) -> bool:
        left, equal, right = (part.strip() for part in term.partition("=="))
        if equal:
            return str(self._value(left)) == str(self._value(right))
        return bool(self._value(term))

    def _value(self, word: str) -> object:
        if word in ("always()", "success()"):
            return word == "always()" or not self.failed
        if re.fullmatch(r"'[^']*'", word):
            return word[1:-1]
        if not _NAME.fullmatch(word):
            raise ValueError(
                f"this simulation of a runner does not know the expression {word}"
            )
        found: Any = self.values
        for name in word.split("."):
            found = found.get(name, "")  # as GitHub does: what is not there is empty
            if found == "":
                break
        return found
