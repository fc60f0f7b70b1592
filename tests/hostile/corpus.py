"""What anybody may write: texts, reasons, node ids and reviewers' addresses that try to be more than text.

Nearly every text has the word `CANARY` in it: wherever it shows outside a quotation, a text has escaped.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

CANARY = "evil"
REVIEWER = ("jane", "reviewer")
"""The words of a reviewer's address, of which none may be passed on; without dots, which are rewritten wherever they
show.
"""

NEWLINES = (
    "\n",
    "\r",
    "\r\n",
    "\v",
    "\f",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\n\n\n",
)

MENTIONS = (
    "@everyone evil @here",
    "evil <@1234> <@!1234> <@&5> <#99>",
    "<!channel> evil <!here|x> <!everyone> <!subteam^S123|evil>",
    "evil [~evil] [~accountid:5]",
    "https://matrix.to/#/@evil:evil.example evil @room",
    "@evil:evil.example",
    '<at user_id="all">evil</at> <at>evil</at>',
    "(met)all(met) (met)evil(met)",
    "<users/all> evil <users/123>",
    "@**all** evil @_**evil|7** #**evil>topic**",
    "@channel evil @all @online @team",
    "\uff20everyone \ufe6bhere evil",
    "@\u200beveryone evil <\u200b@1> <\u2060!channel>",
    "&#64;everyone &commat;here &lt;!channel&gt; evil",
    "\\@everyone evil \\<!channel>",
    "<!date^1392734382^evil {date}^https://evil.example/|evil>",
)

MARKDOWN = (
    "[evil](https://evil.example)",
    "[https://registry.comfy.org/nodes/x](https://evil.example 'evil')",
    "[evil][1]\n\n[1]: https://evil.example",
    "[evil]: https://registry.comfy.org.evil.example\n\n[evil]",
    "![evil](https://evil.example/x.png =500x500)",
    "<https://evil.example> <evil@evil.example>",
    "<https://evil.example|registry> <mailto:a@evil.example|evil>",
    "https://evil.example www.evil.example evil.com/x HTTPS://EVIL.EXAMPLE ftp://evil.example",
    "https://registry.comfy.org@evil.example/evil",
    "//evil.example/x javascript:evil() data:text/html,evil file:///evil",
    "**evil** __evil__ *evil* _evil_ ***evil*** ~~evil~~ ~evil~ ||evil|| ==evil== ^evil^",
    "`evil` ``evil`` ```evil``` ` evil `",
    "```\nevil\n```",
    "~~~\nevil\n~~~",
    "````evil````\n`````",
    "evil`",
    "`evil",
    "evil \\",
    "\\`evil\\` \\\\`evil",
    "# evil\n## evil\nevil\n===\nevil\n---",
    "> evil\n>>> evil\n-# evil",
    "- evil\n* evil\n+ evil\n1. evil\n- [x] evil",
    "evil|x\n---|---\n1|2",
    "    evil indented\n\tevil",
    "***\n---\n___\nevil",
    "evil[^1]\n\n[^1]: evil",
    "$$\nevil\n$$ $evil$ \\(evil\\)",
    ":skull: :evil: <t:0:R> </evil:1> <a:evil:1> <id:customize>",
    "[evil](tg://user?id=1) ![evil](tg://emoji?id=1)",
    "*evil _evil [evil ](x",
    "[evil](http:16909060) [evil](//1.2.3.4) [evil](tel:1) ![evil](mailto:x)",
    "evil {color:red}evil{color} {{evil}} [evil|https://evil.example]",
)

HTML = (
    "<script>evil()</script>",
    "</code></li></ul></p><b>evil</b>",
    "</samp></pre><h1>evil</h1>",
    "<a href='https://evil.example'>registry.comfy.org</a>",
    '<a href="tg://user?id=1">evil</a><tg-spoiler>evil</tg-spoiler>',
    "<img src=x onerror=evil()>",
    "<!-- evil -->",
    "<![CDATA[evil]]><!DOCTYPE evil><?evil?>",
    "&lt;b&gt;evil&lt;/b&gt; &#60;script&#62;evil",
    '" onmouseover=evil() x=" \' evil',
    "<mx-reply>evil</mx-reply><font color=red>evil</font>",
    "<b>evil",
    "evil <",
    "</evil",
)

TERMINAL = (
    "\x1b[2J\x1b[31mevil\x1b[0m",
    "\x1b]8;;https://evil.example\x07evil\x1b]8;;\x07",
    "\x1b]8;;https://evil.example\x1b\\evil\x1b]8;;\x1b\\",
    "\x9b31mevil\x9b0m",
    "\x9d8;;https://evil.example\x9cevil\x9d8;;\x9c",
    "\x1b]0;evil\x07 \x1b]52;c;ZXZpbA==\x07 \x1bPevil\x1b\\",
    "\x08\x08\x08evil\x7f\x07",
    "evil\rovil",
    "\x1b(0evil\x0e\x0f",
    "ev\x00il",
    "evil\x1b",
)

UNSEEN = (
    "\u202eevil\u202c gnp.exe",
    "\u2066evil\u2069 \u2067evil\u2068 \u061c\u200e\u200f",
    "e\u200bv\u200ci\u200dl\u2060\ufeff\u00ad",
    "evil" + "".join(chr(0xE0000 + ord(char)) for char in "@everyone"),
    "evil\ufe0f\ufe0e\U000e0101\u180b\u034f",
    "\u3164evil\u115f\u1160\uffa0\u2800",
    "\u2062\u2063\u206aevil\ufff9x\ufffa\ufffb",
    "evil\ue000\U000f0000\ufffe\uffff\U0010ffff",
    "\U0001d173evil\U0001bca0",
    "#\u200b#[error]evil :\u200b:error::evil",
)

HOSTS = (
    "evil\u3002example evil\uff0eexample evil\uff61example",
    "\uff48\uff54\uff54\uff50\uff53\uff1a\uff0f\uff0fevil.example",
    "https:\u2215\u2215evil.example https:\u2044\u2044evil.example",
    "\u0435vil.example registry.comfy.\u043erg evil",
    "evil.xn--p1ai xn--evil-9ta.example",
    "https:\\\\evil.example https:/evil.example http:evil.example",
    "registry.comfy.org.evil.example registry\u2024comfy\u2024org evil",
    "https://\u202eevil.example evil.\u200bexample",
    "evil.example:8080/x?y=z#q",
    "evil.भारत evil.कॉम evil.ভারত evil.ලංකා evil.சிங்கப்பூர் evil.ไทย",
    "evilहिन्दी.com evil❤.com evil💩.com evi\u0301l\u0323.com evil\u0323.com",
)

WORKFLOW = (
    "::set-output name=evil::x",
    "::add-mask::evil",
    "  ::error file=evil::evil",
    "\u00a0::warning::evil",
    "##[error]evil",
    "x ##[add-mask]evil ###[group]evil",
    "##\n[error]evil ##\u00ad[error]evil",
    "::stop-commands::evil",
    "%0A::error::evil %0D%0A##[error]evil",
    "\uff1a\uff1aerror\uff1a\uff1aevil",
)

FORGED = (
    *(f"x{newline}error: evil: evil" for newline in NEWLINES),
    *(f"x{newline}::error::evil" for newline in NEWLINES),
    *(
        f'x{newline}{{"level": "error", "event": "evil", "timestamp": "2026"}}'
        for newline in NEWLINES[:3]
    ),
    "x\n2026-01-01T00:00:00.000000Z [error    ] evil",
    '", "level": "error", "event": "evil',
    "\\u0022, \\u0022level\\u0022: \\u0022evil",
    "evil' level=error event='evil",
    "evil\tevil  banned  evil",
    "%s %n %(evil)s {evil} {0.__class__} ${evil}",
)

_ZALGO = "".join(chr(code) for code in range(0x300, 0x370) if code != 0x34F)

FLOODS = (
    "evil" * 500_000,
    "evil " * 400_000,
    "".join(f"{char}{_ZALGO * 5}" for char in "evil"),
    "\ufdfd" * 10_000 + "evil",
    # After some letters: a rule that begins with these is shown by its digest alone, without its mark.
    "evil " * 6 + "\u200b" * 600_000 + "evil",
    # In all fields of two findings, escaped twice, this makes a reason of 22 MB; more than 32 MB are not read.
    "evil" + "\n" * 400_000 + "evil",
    "@" * 100_000 + "evil",
    "`" * 100_000 + "evil",
    "[" * 100_000 + "evil",
    "<" * 100_000 + "evil",
    "evil." * 100_000,
    "evil@evil." * 100_000,
    "&" * 100_000 + "evil",
)

TEXTS = (
    *MENTIONS, *MARKDOWN, *HTML, *TERMINAL, *UNSEEN, *HOSTS, *WORKFLOW, *FORGED, *FLOODS, "", " ", "\n", "\u200b",
)  # fmt: skip
"""Every kind of text that a row of a listing can carry."""

BROKEN = ("evil\ud800", "\udc00evil\ud83d", "evil \ud83d\ud83d")
"""Texts that JSON can spell and UTF-8 cannot: a field with one of them is unreadable, an error's message is not."""

ADDRESSES = (
    "by jane.reviewer@comfy.example",
    "JANE.REVIEWER@COMFY.EXAMPLE",
    "jane.reviewer+ban@mail.comfy.example.",
    "<jane.reviewer@comfy.example>",
    "mailto:jane.reviewer@comfy.example?subject=evil",
    "jane.reviewer\uff20comfy.example",
    "jane.reviewer\ufe6bcomfy.example",
    "jane.reviewer%40comfy.example",
    "jane.reviewer&#64;comfy.example jane.reviewer&#x40;comfy.example jane.reviewer&commat;comfy.example",
    "jane.reviewer\\u0040comfy.example",
    "jane.reviewer@com\u200bfy.example",
    "jane.\u00adreviewer@comfy.exam\u2060ple",
    "jane.reviewer@b\u00fccher.example",
    "jane.reviewer@xn--bcher-kva.example",
    "jane.reviewer@comfy\u3002example",
    "jane.reviewer@comfy\uff0eexample",
    "jane.reviewer@[192.0.2.1]",
    "jane.reviewer @ comfy.example",
    "jane.reviewer (at) comfy.example",
    "jane.reviewer[at]comfy[dot]example",
    "jane.reviewer{at}comfy.example",
    "jane.reviewer(@)comfy.example",
    "by jane.reviewer @comfy.example",
    "by jane.reviewer@ comfy.example",
    "by janereviewer@\ncomfy.example",
    "by janereviewer\r\n @\tcomfy.example",
    "jane.reviewer@comfy&#46;example janereviewer@comfy&#x2E;example",
    "jane.reviewer@comfy%2Eexample janereviewer%40comfy%2eexample",
    "jane[.]reviewer@comfy[.]example jane&#46;reviewer&#64;comfy&period;example",
    "jane.reviewer\\u0040comfy\\u002eexample",
    "janereviewer@co\u0301mfy.example",
    '"jane.reviewer"@comfy.example',
    "a,jane.reviewer@comfy.example;jane.reviewer@comfy.example|x",
    "https://comfy.example/?by=jane.reviewer@comfy.example&x=1",
    "https://comfy.example/?by=jane.reviewer%2540comfy.example",
    "\u202ejane.reviewer@comfy.example",
    "x" * 280 + " jane.reviewer@comfy.example",
    "x " * 2000 + "jane.reviewer@comfy.example",
    "\u200b" * 4076 + "jane.reviewer@comfy.example",
    "\u200b" * 3985 + " janereviewer @ comfy.example",
    "[" + "\n" * 3980 + "jane.reviewer@comfy.example",
    "[" + " " * 99_983 + "jane.reviewer@comfy.example",
    *(
        "\u200b" * (65_536 - cut) + "jane.reviewer @ comfy.example"
        for cut in (14, 16, 22)
    ),
)
"""A reviewer's address, written in every way in which it can still be read."""

HALVES = tuple(
    "by x " * 816
    + "\u200b" * 50
    + "jane.reviewer( at )comfy.example"[:cut]
    + "\n" * 70_000
    for cut in (14, 16, 22)
)
"""What is left of an address where a text was cut; for places that show no more than the start of a text."""

NODE_IDS = (
    "evil_node",
    "evil__node__",
    "x-_evil_-y",
    "evil.example",
    "www.evil.example",
    "EVIL.Example.ORG",
    "xn--evil-",
    "evil.py",
    "snapshot.json",
    "lock",
    "evil.tmp",
    "evil.",
    "evil..",
    "e..vil",
    "evil_",
    "evil-",
    "evil--x",
    "0evil",
    "0",
    "1e9",
    "null",
    "nan",
    "con",
    "aux.txt",
    "api.evil.example",
    "evil" * 25,
)
"""Node ids that the settings let pass."""


def reasons(text: str) -> tuple[str, ...]:
    """Return the text as a version's reason in each of its forms, each also cut off in the middle."""
    history = {
        "status": "NodeVersionStatusBanned",
        "message": text,
        "by": "jane.reviewer@comfy.example",
    }
    ban = {
        "message": text,
        "by": "jane.reviewer@comfy.example",
        "statusHistory": [history],
        "batchId": text,
    }
    finding = {
        "issue_type": text,
        "severity": text,
        "scanner": text,
        "description": text,
        "file_path": text,
        "line_number": text,
        "code_snippet": f"import evil # {text} jane.reviewer@comfy.example",
        "admin_tags": [text],
    }
    older = {"type": text, "severity": "critical", "path": text, "line": 7}
    forms = (
        ban,
        {**ban, "message": ""},
        {"message": json.dumps(ban)},
        [finding, older, finding],
        [text, text],
    )
    whole = [json.dumps(form) for form in forms]
    return (
        text,
        *whole,
        whole[0][:-30],
        whole[3][: len(whole[3]) * 2 // 3],
        f"{whole[1][:-40]}",
    )


ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    10**17,
    10**400,
    float("inf"),
    1.5,
    [],
    {"evil": ["evil"]},
    ["::error::evil"],
    "\ud800",
    "1\n::error::evil",
    "\u0661",
    "9" * 5000,
)
"""What may stand where a finding has a line, or any text."""
_DEEP = "[" * 50_000
_SHORT = 60


def findings(form: int, rule: str, severity: str, file: str) -> str:
    """Return a reason that is findings with these texts, in one of `FORMS` forms, whole or cut off.

    Of very many findings each has the beginnings of the texts only.
    """
    told = {
        "issue_type": rule,
        "severity": severity,
        "scanner": "yara_scan",
        "description": "evil",
        "file_path": file,
        "line_number": 7,
        "code_snippet": "import evil  # jane.reviewer@comfy.example",
        "admin_tags": ["evil"],
        "metadata": {"matched_patterns": ["evil"]},
    }
    older = {"error_type": rule, "severity": severity, "file": file, "line": "7"}
    few = {"type": rule[:_SHORT], "severity": severity[:_SHORT], "path": file[:_SHORT]}
    by = {"by": "jane.reviewer@comfy.example"}
    whole = json.dumps([told])
    match form:
        case 0:
            return whole
        case 1:
            names = ("issue_type", "severity", "file_path", "line_number")
            odd = [dict.fromkeys(names, value) for value in ODD]
            return json.dumps([*odd, *(few | {"line": value} for value in ODD), told])
        case 2:
            return json.dumps([*ODD, older])
        case 3:
            return json.dumps([few | {"line": number} for number in range(20_001)])
        case 4:
            return json.dumps([told | {"code_snippet": "evil " * 400_000}])
        case 5:
            return json.dumps([told | {"code_snippet": 0}]).replace(
                '"code_snippet": 0', f'"code_snippet": {_DEEP}'
            )
        case 6:
            return json.dumps([told, {"code_snippet": "x"}]).replace('"x"', _DEEP)
        case 7:
            return json.dumps({"message": json.dumps({"message": whole}), **by})
        case 8:
            history = {"status": "NodeVersionStatusFlagged", "message": whole, **by}
            return json.dumps({"message": "evil", "statusHistory": [history]})
        case _:
            return whole[:-60]


FORMS = 10
"""How many forms `findings` has."""
LARGE = (3, 4)
"""Those of megabytes."""


_PIECES: tuple[Callable[[random.Random], str], ...] = (
    lambda dice: dice.choice([text for text in TEXTS if len(text) < 200]),
    lambda dice: dice.choice("`*_~|<>[]()!#-=\\&;:@/.%\"'{}$^+"),
    lambda dice: dice.choice(
        (
            "::",
            "##[",
            "://",
            "<!",
            "<@",
            "](",
            "```",
            "\n",
            "\r",
            "\u2028",
            "www.",
            "%40",
            "]:",
        )
    ),
    lambda dice: dice.choice(
        "\u200b\u202e\u2066\ufe0f\u0301\x1b\x9b\x00\u3164\uff20\ufe6b\u3002\uff0e"
    ),
    lambda dice: dice.choice(
        (" evil ", "evil", "example", ".com", "everyone", "1", " ")
    ),
)


def made_up(dice: random.Random) -> Iterator[str]:
    """Make up texts without end, of pieces that are dangerous together."""
    while True:
        yield "evil" + "".join(
            dice.choice(_PIECES)(dice) for _ in range(dice.randint(1, 14))
        )
