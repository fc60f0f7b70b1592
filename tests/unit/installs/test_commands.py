"""What the lines of Dockerfiles and scripts install: forms in the style of real files, and what holds for any line."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.work import TOO_FAST, growth
from watcher.installs.recognise import commands
from watcher.installs.recognise.texts import TooMuchError
from watcher.model.pack import Pack, PackKind

GITHUB = "https://github.com"
CLONE = "git clone"
ADD = "ADD"
SCRIPT = "comfy-node-install"
NODE = "comfy node"
MANAGER = "cm-cli"


def _read(text: str, *, is_script: bool = False) -> tuple[Pack, ...]:
    return commands.read(text.encode(), is_script=is_script)


def _shown(pack: Pack) -> str:
    """Return a row: `line id@version`, the line and a repository, or the line and the tool of what is not known."""
    if pack.kind is PackKind.UNKNOWN:
        return f"{pack.line} ? {pack.folder}"
    version = f"@{pack.version}" if pack.version else ""
    return f"{pack.line} {pack.repository or pack.id}{version}"


def _rows(text: str, *, is_script: bool = False) -> list[str]:
    return [_shown(pack) for pack in _read(text, is_script=is_script)]


FORMS: dict[str, list[str]] = {
    # comfy-node-install, of worker images
    "RUN comfy-node-install a@1.0.0 b": ["1 a@1.0.0", "1 b"],
    "RUN /usr/local/bin/comfy-node-install a || true": ["1 a"],
    "RUN comfy-node-install \\\n    a@1.0.0 \\\n\n    # masks\n    b \\\n#   c \\\n    d": ["2 a@1.0.0", "5 b", "7 d"],
    "RUN comfy-node-install a >/tmp/a.log 2>&1; comfy-node-install b&& true": ["1 a", "1 b"],
    "RUN xargs -n 1 comfy-node-install < /nodes.txt": [f"1 ? {SCRIPT}"],
    "COPY scripts/comfy-node-install.sh /usr/local/bin/comfy-node-install": [f"1 ? {SCRIPT}"],
    'RUN [ "/usr/local/bin/comfy-node-install", \\\n      "a", \\\n      "b" ]': ["2 a", "3 b"],
    # comfy-cli
    "RUN comfy node install --exit-on-fail a@1.0.0 --mode remote": ["1 a@1.0.0"],
    "run cd /root/comfy/ComfyUI && comfy --here node install a && rm -rf /root/.cache": ["1 a"],
    "RUN --mount=type=cache,target=/root/.cache comfy node install a": ["1 a"],
    'RUN ["comfy", "node", "install", "--exit-on-fail", "a@1.0.0"]': ["1 a@1.0.0"],
    'RUN ["/bin/bash","-c","comfy node install a && echo done"]': ["1 a"],
    "RUN bash -lc 'comfy node install a@1.0.0 && comfy node install b'": ["1 a@1.0.0", "1 b"],
    'RUN su comfy -c "comfy node install a" -s /bin/bash': ["1 a"],
    "RUN PIP_NO_CACHE_DIR=1 uv run comfy.exe node install a": ["1 a"],
    "RUN yes | python3 -m comfy_cli node install a": ["1 a"],
    "RUN OUT=$(comfy node install a) b": ["1 a"],
    "RUN comfy node install ann/Glow a@latest": [f"1 {GITHUB}/ann/Glow", "1 a"],
    "RUN comfy node install a $EXTRA b": ["1 a", f"1 ? {NODE}"],
    "RUN comfy node install ./packs/glow": [f"1 ? {NODE}"],
    "RUN comfy node restore-snapshot /s.json && comfy node disable a": [f"1 ? {NODE}"],
    "RUN pip install comfy-cli cm-cli-x && comfy --skip-prompt install && comfy nodes; cp comfyui node /x": [],
    "RUN comfy install `\n    --cpu\nRUN comfy node install `\n    a": [f"3 ? {NODE}"],
    'RUN comfy --workspace="$(cd /x && pwd)" node install a': ["1 a"],
    "RUN comfy node install b && comfy '--workspace=a;b' node install a": ["1 b", "1 a"],
    "RUN comfy " + "--x=y " * 200 + "node install a": ["1 a"],
    "RUN ${COMFY:-comfy} node install a && $NODE node server.js": ["1 a"],
    'RUN "$C" node install a\nRUN $C node update b\nRUN $C node restore-snapshot c\nRUN $C node registry-install d': [
        "1 a", *(f"{line} ? {NODE}" for line in (2, 3, 4)),
    ],
    '# syntax=x\n#ESCAPE = `\nRUN copy "C:\\`\n b # c" && comfy `\n    node install `\n    a': ["6 a"],
    "# x\n# escape=`\nRUN comfy \\\n    node install a": ["4 a"],
    # the Manager's own
    "RUN cm-cli install a@1.0.0 b@nightly --channel default --user-directory /u": ["1 a@1.0.0", "1 b"],
    'RUN $PY "/c/ComfyUI-Manager/cm-cli.py" install "a@1.0.0" \'b\'': ["1 a@1.0.0", "1 b"],
    "RUN python C:\\ComfyUI\\custom_nodes\\ComfyUI-Manager\\cm-cli.py install a": ["1 a"],
    "RUN python -m cm_cli reinstall a \\\n git@github.com:ann/glow.git": ["1 a", "2 git@github.com:ann/glow.git"],
    "RUN python3 cm-cli.py update all && python3 cm-cli.py save-snapshot": [f"1 ? {MANAGER}"],
    "RUN python -m comfyui_manager.cm_cli install a": ["1 a"],
    f"RUN cm-cli install {GITHUB}/Comfy-Org/ComfyUI": [f"1 {GITHUB}/Comfy-Org/ComfyUI"],
    # git
    f"RUN git clone {GITHUB}/ann/Glow": [f"1 {GITHUB}/ann/Glow"],
    f"RUN git clone {GITHUB}/a/x && \\\n    git clone --recursive {GITHUB}/b/y && \\\n    pip install -r r.txt": [
        f"1 {GITHUB}/a/x", f"2 {GITHUB}/b/y",
    ],
    f"RUN git -C /x clone '{GITHUB}/ann/Glow' && cd Glow && git checkout 0123abc": [f"1 {GITHUB}/ann/Glow"],
    "RUN git clone https://me:hunter2@gitlab.example.org/a/b.git": ["1 https://gitlab.example.org/a/b.git"],
    "RUN git clone https://${TOKEN}@github.com/ann/Glow": [f"1 {GITHUB}/ann/Glow"],
    f'RUN git -c "http.extraheader=a; b" clone {GITHUB}/ann/Glow': [f"1 {GITHUB}/ann/Glow"],
    f"RUN git -C `ls | head -1` clone {GITHUB}/ann/Glow": [f"1 {GITHUB}/ann/Glow"],
    f"RUN bash -c 'git -c \"a; b\" clone {GITHUB}/ann/Glow'": [f"1 {GITHUB}/ann/Glow"],
    f"RUN git -C /opt/comfy -c x=my-git clone {GITHUB}/ann/Glow": [f"1 {GITHUB}/ann/Glow"],
    "RUN git clone me@git.example.org:a/b.git; git clone h.org:a/c": ["1 git.example.org:a/b.git", "1 h.org:a/c"],
    "RUN git config x y \\\n    git clone $X \\\n    comfy node install a": [f"2 ? {CLONE}", "3 a"],
    'RUN git clone "$REPOSITORY" /x': [f"1 ? {CLONE}"],
    f"RUN git clone {GITHUB}/comfyanonymous/ComfyUI.git /app": [],
    f"RUN git clone -b master {GITHUB}/Comfy-Org/ComfyUI && cd ComfyUI && git checkout v0.3.40": [],
    f"ADD {GITHUB}/ann/Glow.git#v2 /custom_nodes/glow": [f"1 {GITHUB}/ann/Glow.git"],
    "ADD --keep-git-dir=true git@github.com:ann/Glow.git /x": ["1 git@github.com:ann/Glow.git"],
    "ADD git@github.com:ann/Glow.git#v2:sub /x": ["1 git@github.com:ann/Glow.git"],
    f'ADD ["{GITHUB}/ann/Glow.git","/x"]': [f"1 {GITHUB}/ann/Glow.git"],
    "ADD https://github.com/$OWNER/Glow.git /x": [f"1 ? {ADD}"],
    "ADD git://h.org/a SSH://h.org/b https://h.org/c.git?ref=v me@h.org:d.git /x": [
        "1 git://h.org/a", "1 ssh://h.org/b", "1 https://h.org/c.git", "1 h.org:d.git",
    ],
    "onbuild add ${REPOSITORY}.git /x": [f"1 ? {ADD}"],
    f"RUN dir C:\\\\\nADD {GITHUB}/ann/Glow.git /x": [f"2 {GITHUB}/ann/Glow.git"],
    "ADD https://models.example.org/a.safetensors /models/": [],
    # variables
    "ARG NODE=a\nENV V=1.0.0 W=2\nRUN comfy node install ${NODE}@$V b@$W": ["3 a@1.0.0", "3 b@2"],
    'ENV NODES="a b@1.0.0"\nRUN comfy node install $NODES': ["2 a", "2 b@1.0.0"],
    'ENV NODES="a \\\n    b@1.0.0"\nRUN comfy node install $NODES': ["3 a", "3 b@1.0.0"],
    'ENV N="a"b\nRUN comfy node install $N': [f"2 ? {NODE}"],
    "ENV A=x\nENV REPO=https://github.com/$A/Glow\nRUN git clone $REPO": [f"3 {GITHUB}/x/Glow"],
    '# x\n ENV N "a b"\nRUN comfy node install $N c': ["3 a", "3 b", "3 c"],
    "ARG V\nRUN comfy node install a@$V": [f"2 ? {NODE}"],
    "ENV V=1\nENV V=2\nRUN comfy node install a@$V": [f"3 ? {NODE}"],
    "ENV V=1\nRUN for V in 2 3; do comfy node install a@$V; done": [f"2 ? {NODE}"],
    "RUN comfy node install a@${V:-1.0.0}": [f"1 ? {NODE}"],
    # written for later, printed, or shown
    "RUN cat <<EOF > /x.sh\ncomfy-node-install a\nEOF": ["2 a"],
    "COPY <<EOF /x.sh\n# comfy-node-install c\ncomfy node install a \\\n b\nEOF": ["3 a", "4 b"],
    "RUN echo 'comfy node install a' > /x.sh": ["1 a"],
    'RUN printf "x\\ncomfy node install a\\n" > /x.sh': [f"1 ? {NODE}"],
    # comments
    "# RUN comfy-node-install a": [],
    "RUN true # comfy-node-install a": [],
    "RUN true \\\n    # git clone https://github.com/a/b \\\n    && comfy node install a": ["3 a"],
    'RUN echo "it is #1" && comfy node install a': ["1 a"],
    "RUN [ $# = 0 ] || comfy node install a": ["1 a"],
    "RUN bash -c 'a \\\n    b # c' && comfy node install a": ["2 a"],
}  # fmt: skip


@pytest.mark.parametrize("text", FORMS)
def test_forms(text: str) -> None:
    """Each form, in the style of real files, gives these rows and no others."""
    assert _rows(f"{text}\n") == FORMS[text]
    assert _rows(f"\ufeff{text}".replace("\n", "\r\n")) == FORMS[text]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_encodings(mark: str, encoding: str) -> None:
    """A file is read as Windows may have written it."""
    text = f"{mark}# comfy node install b\nRUN comfy node install a\n"
    (pack,) = commands.read(text.encode(encoding), is_script=False)
    assert _shown(pack) == "2 a"


SCRIPTS: dict[str, list[str]] = {
    "#!/bin/bash\nset -e\ncomfy node install a@1.0.0\n": ["3 a@1.0.0"],
    "comfy node install \\\n  a \\\n\ncomfy node install b\n": ["2 a", "4 b"],
    "comfy node install a \\\n# b\ncd c\n": ["1 a"],
    "comfy node install a # b \\\ncomfy node install c": ["1 a", "2 c"],
    "# escape=`\ncomfy \\\n node install a": ["3 a"],
    'add() { comfy node install "$1"; }\nadd a': [f"1 ? {NODE}"],
    "NODES=(a b)\ncomfy node install ${NODES[@]}": [f"2 ? {NODE}"],
    "NODES=(a b)\ncomfy node install $NODES": [f"2 ? {NODE}"],
    'NODES="\na\n"\ncomfy node install $NODES': [f"4 ? {NODE}"],
    "X=a\nX+=b\ncomfy node install $X": [f"3 ? {NODE}"],
    "V=$(cat v)\ncomfy node install a@$V": [f"2 ? {NODE}"],
    'CMD="comfy node install"\n$CMD a': [f"1 ? {NODE}", "2 a"],
    f"[ -d glow ] || git clone {GITHUB}/ann/Glow; git -C glow pull": [f"1 {GITHUB}/ann/Glow"],
}  # fmt: skip


@pytest.mark.parametrize("text", SCRIPTS)
def test_scripts(text: str) -> None:
    """A script is read by the same rules, but that a comment or an empty line ends a command."""
    assert _rows(text, is_script=True) == SCRIPTS[text]


_TOOLS = (
    "$COMFY node install",
    "python -m comfyui_manager.cm_cli",
    'git -c "a; b" clone',
    "comfy --workspace $(a && b) node",
    "comfy-node-install",
    "./comfy-node-install.sh",
    "comfy node",
    "comfy --here node install",
    "/venv/bin/comfy-cli node update",
    "cm-cli",
    "python cm-cli.py install",
    "python -m cm_cli",
    "git clone",
    "git -C /x clone --depth 1",
)
_PIECES = st.sampled_from(
    [
        *("a", "$X", '"', "'", "(", ")", "\\", "&&", ";", "|", "> x", "--y", "b@1"),
        *("{", "`", "https://h/p", "install", "=", ",", "[", "]", "$(", "\t", "*"),
    ]
)
_JUNK = st.lists(_PIECES, max_size=6).map(" ".join)


@given(_JUNK, st.sampled_from(_TOOLS), _JUNK, st.booleans(), st.integers(0, 3))
def test_every_line_that_names_a_tool_gives_a_row(
    before: str, tool: str, after: str, is_script: bool, lines: int
) -> None:
    """Whatever stands around it, a line with a tool is never passed over; and its row has its line."""
    assume(not after.rstrip().endswith("\\"))  # the line would go on
    # A quote that nothing closes turns the tool's own quotes inside out.
    assume(not {*"\"'`("} & {*before} or not {*";&"} & {*tool})
    text = "true\n" * lines + f"{before} {tool} {after}\ntrue\n"
    found = _read(text, is_script=is_script)
    assert lines + 1 in {pack.line for pack in found}


@given(_JUNK, st.sampled_from(_TOOLS), _JUNK, st.booleans())
def test_what_a_comment_says_gives_none(
    before: str, tool: str, after: str, is_script: bool
) -> None:
    """A comment on a line of its own, or behind a command, names nothing."""
    comment = f"# {before} {tool} {after}"
    text = f"{comment}\nRUN true {comment}\n  {comment}\nRUN true\n"
    assert _read(text, is_script=is_script) == ()


@pytest.mark.parametrize("word", ["a@latest", "a@nightly", "a@unknown", "a@", "a"])
def test_what_is_not_pinned(word: str) -> None:
    """A name that stands for no version is a reference without one."""
    [pack] = _read(f"RUN comfy node install {word}")
    assert (pack.id, pack.version, pack.is_unpinned) == ("a", None, True)


_PARTS = (
    *("comfy node install && ", "comfy x ", "git x ", '"', "\\", "\\\n", "[", ","),
    *("a=", "for ", "$", "$(a", '"git x; comfy y" ', '\\"a" ', "ENV A=$A\n"),
)


@pytest.mark.parametrize("part", _PARTS)
@pytest.mark.parametrize("begin", ["RUN ", "RUN comfy "])
def test_a_file_that_is_made_to_take_long(begin: str, part: str) -> None:
    """The time to read a line grows no faster than the line."""
    taken = growth(lambda size: _read(begin + part * (size // len(part))), 1_000)
    assert taken < TOO_FAST


def test_too_much() -> None:
    """A file that is too large, or names more packs than anybody installs, is refused."""
    with pytest.raises(TooMuchError, match="is larger than 256 KB"):
        _read("#" * (commands.LIMIT + 1))
    with pytest.raises(TooMuchError, match="has more in its variables than is read"):
        _read("ENV A=" + "x" * 1_000 + "\nRUN git clone " + "$A" * 90_000)
    with pytest.raises(TooMuchError, match="has more than 5,000 packs"):
        _read("RUN comfy-node-install " + " ".join(f"a{n}" for n in range(5_001)))
