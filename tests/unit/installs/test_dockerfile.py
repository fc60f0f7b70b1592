"""What a Dockerfile installs: each form, each way to write it, and what only looks like one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.installs.recognise import dockerfile
from watcher.installs.recognise.texts import TooMuchError
from watcher.model.pack import PackKind

ARCHIVE = "https://cdn.comfy.org/ann/comfyui-glow/1.2.0/node.zip"
LARGE = dockerfile.LIMIT - 100


def _read(text: str) -> list[str]:
    """Return what a Dockerfile installs: `line id@version`, or the line with a repository."""
    return [
        f"{pack.line} {pack.repository or pack.id}"
        + (f"@{pack.version}" if pack.version else "")
        for pack in dockerfile.read(text.encode()).packs
    ]


def _unknown(text: str) -> tuple[str, ...]:
    return dockerfile.read(text.encode()).unknown


@pytest.mark.parametrize(
    "command",
    [
        "comfy-node-install a@1.0.0 b",
        "/usr/local/bin/comfy-node-install a@1.0.0 b || true",
        "comfy node install a@1.0.0 b",
        "comfy --skip-prompt --workspace /x node install --exit-on-fail a@1.0.0 --mode remote b",
        "comfy --here node install --channel=default a@1.0.0 -- b",
        "comfy node reinstall a@1.0.0 b --fast-deps",
        "python -m comfy_cli node install a@1.0.0 b 2>&1 | tail -5",
        "cm-cli install a@1.0.0 b --user-directory /u --no-deps",
        "python3 custom_nodes/ComfyUI-Manager/cm-cli.py install a@1.0.0 b",
        '$PY "${COMFYUI_PATH}/custom_nodes/ComfyUI-Manager/cm-cli.py" install a@1.0.0 b',
        "comfy --unheard-of x node --other y install a@1.0.0 b",
        "sudo -u me env X=1 timeout 60 comfy node install a@1.0.0 b",
        "cd /x && . venv/bin/activate; comfy node install a@1.0.0 'b'",
        '(comfy node install a@1.0.0; { comfy node install "b"; })',
        "if comfy node install a@1.0.0; then comfy-node-install b; fi",
        "bash -euxo pipefail -c 'comfy node install a@1.0.0 b'",
        'su - me -c "comfy node install a@1.0.0" && eval comfy-node-install b',
        "echo 'comfy node install a@1.0.0 b' | sh",
        "for n in a@1.0.0 b; do comfy-node-install $n; done",
        "for n in a@1.0.0 b; do m=$n; comfy-node-install $m; done; for n in c; do d $n; done",
        "add() { comfy-node-install a@1.0.0 $N; }; N=b; add",
        'NODES="a@1.0.0 b"; comfy-node-install $NODES',
        "OUT=$(comfy node install a@1.0.0) && X=`comfy node install b`",
        "--mount=type=cache,target=/c comfy node install a@1.0.0 b",
        '["comfy", "node", "install", "a@1.0.0", "b"]',
        '["bash", "-c", "comfy node install a@1.0.0 b"]',
    ],
)
def test_forms(command: str) -> None:
    """Each of these installs a pack in a version and another one without."""
    assert _read(f"FROM x\nRUN {command}\n") == ["2 a@1.0.0", "2 b"]
    assert _unknown(f"FROM x\nRUN {command}\n") == ()


@pytest.mark.parametrize(
    "instruction",
    [
        "# RUN comfy-node-install a",
        "RUN true # comfy-node-install a",
        "RUN chmod +x /usr/local/bin/comfy-node-install /start.sh",
        "RUN sudo chmod 755 comfy-node-install x",
        "COPY comfy-node-install.sh /usr/local/bin/comfy-node-install",
        'RUN echo "comfy node install a"',
        "RUN echo comfy node install a",
        f"RUN echo {ARCHIVE}",
        "RUN command -v comfy-node-install x",
        "RUN comfy node install",
        "RUN comfy node update all && comfy node install-deps --workflow=w.json",
        "RUN cm-cli.py restore-snapshot x.json && cm-cli install-deps x.json",
        "RUN comfy model download --url https://example.com/x --filename install",
        "RUN comfy install --version 0.3.40 && pip install comfy-cli",
        "RUN git clone https://github.com/ann/x && npm install a",
        "RUN cat <<EOF > /x.sh\ncomfy-node-install a\nEOF",
        "COPY <<EOF /x.sh\ncomfy-node-install a\nEOF",
        "RUN <<EOF\n#!/usr/bin/env python\ncomfy-node-install a\nEOF",
        f"LABEL source={ARCHIVE}",
        "USER comfy-node-install a",
    ],
)
def test_what_installs_nothing(instruction: str) -> None:
    """What is only printed, copied, commented out or handled as a file is no reference."""
    assert _read(f"FROM x\n{instruction}\n") == []
    assert _unknown(f"FROM x\n{instruction}\n") == ()


@pytest.mark.parametrize(
    "instruction",
    [
        f"ADD {ARCHIVE} /x/",
        f"RUN wget -q {ARCHIVE}",
        f"RUN curl -L -o x.zip '{ARCHIVE}'",
        f"RUN comfy-node-install {ARCHIVE}",
        f"RUN python -c \"fetch('{ARCHIVE}')\"",
        f"ENV URL={ARCHIVE}",
        f"RUN URL={ARCHIVE}; wget $URL; URL=other",
        "ADD https://cdn.comfy.org/ann/comfyui-glow/1.2.0/node.tar.gz /x/",
        "ADD https://me@cdn.comfy.org:443//ann/comfyui-glow//1.2.0/node.zip?x=1 /x/",
    ],
)
def test_archives(instruction: str) -> None:
    """The address of an archive names the pack and its version, once, in any instruction."""
    assert _read(f"FROM x\n{instruction}\n") == ["2 comfyui-glow@1.2.0"]


def test_an_archive_in_a_variable_is_shown_where_it_is_used() -> None:
    """A variable that is used is no second reference."""
    text = f"FROM x\nENV URL={ARCHIVE}\nRUN wget $URL\n"
    assert _read(text) == ["3 comfyui-glow@1.2.0"]


@pytest.mark.parametrize("word", ["a@latest", "a@nightly", "a@unknown", "a@", "a"])
def test_what_is_not_pinned(word: str) -> None:
    """A name that stands for no version is a reference without one."""
    [pack] = dockerfile.read(f"RUN comfy node install {word}".encode()).packs
    assert (pack.id, pack.version, pack.is_unpinned) == ("a", None, True)


def test_a_version_as_an_option() -> None:
    """`registry-install` takes the version as an option."""
    text = "RUN comfy node registry-install --version 1.0.0 a --force-download"
    assert _read(text) == ["1 a@1.0.0"]
    assert _read("RUN comfy node registry-install a --version=1.0.0") == ["1 a@1.0.0"]
    assert _read("RUN comfy node registry-install a") == ["1 a"]


@pytest.mark.parametrize(
    ("word", "repository"),
    [
        ("ann/ComfyUI-Glow", "https://github.com/ann/ComfyUI-Glow"),
        ("https://me:secret@github.com/ann/x.git", "https://github.com/ann/x.git"),
        ("git@github.com:ann/x.git", "git@github.com:ann/x.git"),
    ],
)
def test_a_repository(word: str, repository: str) -> None:
    """A repository is a reference without an id, and without the login in its address."""
    [pack] = dockerfile.read(f"RUN comfy-node-install {word}".encode()).packs
    assert (pack.kind, pack.id, pack.is_unpinned) == (PackKind.GIT, None, False)
    assert pack.repository == repository


def test_what_can_be_no_id() -> None:
    """A word that can be no id is shown, and never asked for."""
    [pack] = dockerfile.read(b"RUN comfy-node-install './a b\x1b[31m'").packs
    assert (pack.kind, pack.id) == (PackKind.UNKNOWN, None)


def test_lines() -> None:
    """A reference has the line of its own word, also in continued lines with comments and empty lines between."""
    text = (
        "FROM x\nRUN comfy-node-install \\\n    a@1.0.0 \\\n    # b\n\n    c && \\\n"
        "  sh -c 'comfy node install \\\n  d'\n"
        "RUN <<EOF\nset -e\ncomfy-node-install \\\n  e\nEOF\nRUN comfy-node-install f"
    )
    expected = ["3 a@1.0.0", "6 c", "8 d", "12 e", "14 f"]
    assert _read(text) == expected
    assert _read(text.replace("\n", "\r\n")) == expected
    assert _read(f"\ufeff{text}") == expected


def test_another_escape() -> None:
    """`# escape=` says how a line is continued; a backslash is then a part of a path."""
    text = "# escape=`\nFROM x\nWORKDIR C:\\\nRUN comfy-node-install a `\n  b\n"
    assert _read(text) == ["4 a", "5 b"]


def test_variables() -> None:
    """Values of `ARG` and `ENV` count in their stage and those built on it, and an `ENV` is not changed by an `ARG`."""
    text = (
        "ARG GLOBAL=global\nFROM x AS base\nARG GLOBAL\nARG ONE=one VERSION=1.0.0\n"
        'ENV LIST="l1 l2@${VERSION}" OLD=\n'
        "RUN comfy-node-install $ONE@${VERSION} $GLOBAL $LIST ${NONE:-default} ${ONE:+plus} $OLD\n"
        "ENV ONE=environment\nARG ONE=argument\nRUN comfy-node-install $ONE\n"
        "FROM base\nRUN comfy-node-install $ONE\nFROM y\nARG ONE=other\nRUN comfy-node-install '$'\"$ONE\"\n"
    )
    assert _read(text) == [
        *("6 one@1.0.0", "6 global", "6 l1", "6 l2@1.0.0", "6 default", "6 plus"),
        *("9 environment", "11 environment", "14 None"),
    ]


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("comfy-node-install $PACK", "$PACK"),
        ("comfy-node-install a@${VERSION}", "a@${VERSION}"),
        ("comfy node install $(cat nodes)", "$(cat nodes)"),
        ("comfy node install `cat x`", "`cat x`"),
        ("xargs -a nodes.txt comfy-node-install", "what xargs adds"),
        ("comfy node install {a,b}", "{a,b}"),
        ("comfy node install a*", "a*"),
        ('while read n; do comfy-node-install "$n"; done < x', "$n"),
        ('add() { comfy node install "$1"; }; add a', "$1"),
        ("X=a; if b; then X=c; fi; comfy-node-install $X", "$X"),
        ("X=a; comfy-node-install $X; X=c", "$X"),
        ("X=a; X+=' c'; comfy-node-install $X", "$X"),
        ("wget $BASE/ann/1.0.0/node.zip", "$BASE/ann"),
        ("for n in $(cat x); do comfy-node-install $n; done", "$(cat x)"),
        ("wget https://cdn.comfy.org/ann/$NODE/1.0.0/node.zip", "$NODE"),
    ],
)
def test_what_cannot_be_known(command: str, word: str) -> None:
    """A word that only the build knows is said with its line, and is no reference."""
    text = f"FROM x\nARG PACK\nRUN {command}\n"
    [said] = _unknown(text)
    assert said.startswith("line 3: ")
    assert "cannot tell what this installs: " in said
    assert word.replace("@", "\uff20") in said
    assert _read(text) == []


@pytest.mark.parametrize(
    "instruction", ["COPY <<EOF /x.sh", "RUN cat <<EOF > /x.sh", "RUN tee /x.sh <<EOF"]
)
def test_a_script_that_is_written(instruction: str) -> None:
    """A file that begins as a script of a shell is read as one: something will run it."""
    body = "#!/bin/bash\ncomfy-node-install a\nEOF\nRUN comfy-node-install b"
    assert _read(f"FROM x\n{instruction}\n{body}\n") == ["4 a", "6 b"]


def test_the_end_of_a_heredoc() -> None:
    """It ends where the builder ends it: tabs before the end count, and it is all of its word."""
    for end, begin in (("\tEOF", "EOF"), ("EOF", "EOF;x")):
        text = f"RUN <<{begin}\n{end}\ncomfy-node-install a\n{begin}\nRUN comfy-node-install b\n"
        assert "5 b" in _read(text)
        assert _unknown(text) or "3 a" in _read(text)


def test_what_is_no_instruction() -> None:
    """A line that no builder takes is said if it looks as if it installed something."""
    [said] = _unknown("FROM x\nThe next one\ncomfy node install a\n")
    assert said == "line 3: cannot tell what this installs: comfy node install a"


def test_a_loop() -> None:
    """A command is read once for each value of a loop, whose variable is the same in all of its words."""
    text = "for n in a b; do for v in 1.0.0 2.0.0; do comfy node registry-install --version $v $n; done; done"
    versions = ("a@1.0.0", "b@1.0.0", "a@2.0.0", "b@2.0.0")
    assert sorted(_read(f"RUN {text}")) == sorted(f"1 {one}" for one in versions)
    text = "for n in a b; do m=$n; comfy-node-install $n@$m; done"
    assert _read(f"RUN {text}") == ["1 a@a", "1 b@b"]


def test_many_unknown_words_are_counted() -> None:
    """What cannot be known fills no screen."""
    words = " ".join(f"$V{number}" for number in range(1000))
    said = _unknown(f"RUN comfy-node-install {words}")
    assert len(said) == 11
    assert said[-1] == "990 more such words"


HOSTILE = {
    "one line": "RUN " + "a" * LARGE,
    "references": "RUN comfy-node-install " + "ab " * (LARGE // 3),
    "instructions": "RUN comfy-node-install a\n" * (LARGE // 26),
    "continued": "RUN a\\\n" + "\\\n" * (LARGE // 2),
    "substitutions": "RUN " + "$(" * (LARGE // 2),
    "processes": "RUN " + "<(" * (LARGE // 2),
    "quoted substitutions": "RUN " + '"$(" ' * (LARGE // 5),
    "braces": "RUN " + "${a:-" * (LARGE // 5),
    "sums": "RUN " + "$((" * (LARGE // 3),
    "backquotes": "RUN " + "`a " * (LARGE // 3),
    "quotes": "RUN " + "'\"" * (LARGE // 2),
    "heredocs": "RUN " + "".join(f"<<a{number} " for number in range(LARGE // 9)),
    "heredocs within one": "RUN <<E\n" + "cat <<X\n" * (LARGE // 9) + "E\n",
    "scripts": "RUN " + "sh -c \"sh -c '" * (LARGE // 16),
    "loops": "RUN " + "for a in 1 2 3 4; do " * 30 + "b" + "; done" * 30,
    "doubling": "ARG A=aaaaaaaa\n" + "ARG A=$A$A\n" * 60 + "RUN $A",
    "variables": "".join(f"ENV a{one}=b\n" for one in range(9000))
    + "FROM a AS a\n" * 8000,
    "array": "RUN [" + '"a",' * (LARGE // 5) + '"b"]',
    "deep array": "RUN " + "[" * LARGE,
    "nul": "RUN comfy-node-install " + "\0a " * (LARGE // 3),
    "tools": "RUN " + "comfy --a " * (LARGE // 10),
    "addresses": "RUN wget https://cdn.comfy.org/" + "a/" * (LARGE // 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str) -> None:
    """No file takes longer than a moment: it is read, or it is said that it is too much."""
    begin = time.process_time()
    try:
        found = dockerfile.read(HOSTILE[name].encode())
    except TooMuchError:
        pass
    else:
        assert len(found.packs) <= 5000
        assert sum(map(len, found.unknown)) < 5000
    assert time.process_time() - begin < 10


def test_bytes_that_are_no_text() -> None:
    """Bytes that are no UTF-8, escapes and controls stay text: what is said of them can be printed."""
    data = b"\xff\xfeRUN x\nRUN comfy-node-install a $\x1b[31m $X\xff\x1b[31m\r\n::error::x\n"
    found = dockerfile.read(data)
    assert [pack.id for pack in found.packs if pack.id] == ["a"]
    assert all(text.isprintable() for text in found.unknown)


_PIECES = st.sampled_from(
    (
        *("RUN ", "ENV ", "ARG ", "ADD ", "FROM x AS y", "COPY ", "CMD ", "ONBUILD "),
        *(
            "comfy-node-install ",
            "comfy node install ",
            "a@1.0.0 ",
            "b ",
            "c=d ",
            ARCHIVE,
        ),
        *(
            "$",
            "${",
            "}",
            "$(",
            ")",
            "(",
            "`",
            "'",
            '"',
            "\\",
            "\n",
            "\\\n",
            "\r\n",
            " ",
        ),
        *(
            "<<E",
            "<<-'E'",
            "\nE\n",
            "<",
            ">",
            "&&",
            "||",
            ";",
            "|",
            "#",
            "[",
            '["',
            '"]',
        ),
        *(
            "for n in ",
            "; do ",
            "; done",
            "if ",
            "; fi",
            "case x in ",
            "esac",
            "sh -c ",
            "eval ",
        ),
        *("c", ":-", "\0", "\ufeff", "\udcff", "# escape=`\n", "`\n", "\t", "\x1b"),
    )
)


@given(st.lists(_PIECES, max_size=40))
def test_any_text(pieces: list[str]) -> None:
    """Any text is read to its end, each reference has a line of it, and nothing that is unknown is taken for a pack."""
    data = "".join(pieces).encode("utf-8", "surrogateescape")
    found = dockerfile.read(data)
    lines = data.count(b"\n") + 1
    assert all(1 <= (pack.line or 0) <= lines for pack in found.packs)
    assert all(
        "\0" not in f"{pack.folder}{pack.id}{pack.version}" for pack in found.packs
    )
