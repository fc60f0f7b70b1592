"""What every renderer makes of the samples: one text for each golden file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from tests.golden.samples import EVENTS, MESSAGES
from tests.support.factories import poll_report
from watcher.alerts.digest import compose
from watcher.alerts.render import Format, Rendered, plainest, render
from watcher.cli import report
from watcher.model.event import Event

FOLDER = Path(__file__).parent


def _message(message: Rendered) -> str:
    left = f"\n({len(message.left)} left)" if message.left else ""
    return f"{message.title or '(no title)'}\n\n{message.body}{left}"


def _rendered(
    events: tuple[Event, ...],
    form: Format,
    limit: int = 3000,
    lines: int | None = None,
    part: int = 0,
) -> str:
    return _message(render(compose(events, part), form, limit, 100, lines))


def _table(events: tuple[Event, ...]) -> str:
    lines = report.lines(poll_report(*events), dry_run=False)
    return "\n".join(map(click.unstyle, lines[:-1]))


RENDERERS: dict[str, Callable[[tuple[Event, ...]], str]] = {
    **{
        form.value.replace(" ", "-"): partial(_rendered, form=form)
        for form in Format
        if form is not Format.PLAINEST
    },
    "titles": lambda events: "\n".join(compose(events).titles),
    "further": partial(_rendered, form=Format.TEXT, part=1),
    "tight": partial(_rendered, form=Format.TEXT, limit=110),
    "short": partial(_rendered, form=Format.ASCII, limit=160),
    "pop-up": partial(_rendered, form=Format.TEXT, limit=1000, lines=2),
    "one-line": partial(_rendered, form=Format.TEXT, limit=300, lines=1),
    "plainest": lambda events: _message(plainest(compose(events))),
    "table": _table,
}
"""By the name of the golden file."""


def text_of(name: str) -> str:
    """Return what a golden file has to hold."""
    samples = {title: (event,) for title, event in EVENTS.items()} | MESSAGES
    make = RENDERERS[name]
    blocks = (f"## {title}\n\n{make(events)}\n" for title, events in samples.items())
    return "\n".join(blocks)


def path_of(name: str) -> Path:
    """Return the path of a golden file."""
    return FOLDER / f"{name}.txt"
