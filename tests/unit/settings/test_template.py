"""The sample that `init` writes: it is valid and complete, shows the defaults and overwrites nothing."""

from __future__ import annotations

import os
import re
import resource
import tomllib
from pathlib import Path

import pytest

from watcher.errors import ConfigError, UsageError
from watcher.model.event import Kind
from watcher.model.version import STATUSES
from watcher.settings import parsing, template
from watcher.settings.loading import load
from watcher.settings.model import Settings
from watcher.settings.places import Folders
from watcher.settings.tables import ChannelTable

EXAMPLES = {
    "heartbeat_url",
    "nodes",
    "installs",
    "publishers",
    "accept",
    "alert_urls",
    "channels",
    "publish_dir",
}
"""Settings that the sample shows by an example; their default is empty, and said to be."""


def _uncommented(text: str) -> str:
    return re.sub(r"^#(?=[a-z_]+ = |\[\[)", "", text, flags=re.MULTILINE)


def _load(path: Path) -> Settings:
    return load(
        config=path,
        overrides={},
        environ={},
        cwd=path.parent,
        container_secrets=path.parent / "none",
    ).settings


def test_the_sample_validates(tmp_path: Path) -> None:
    """The file as written is valid and private, and sets nothing: what to watch is for its owner to choose."""
    path = tmp_path / "absent" / "comfy-watch.toml"
    template.write(path)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert tomllib.loads(path.read_text("utf-8")) == {}
    assert _load(path).all_installs() == ()
    assert path.stat().st_mode & 0o777 == 0o600  # it will hold secrets


def test_every_setting_is_in_it_with_its_default(tmp_path: Path) -> None:
    """With every comment sign before a setting removed it has every setting, and each at its default or an example."""
    path = tmp_path / "comfy-watch.toml"
    # What says whom the published files may show has to be chosen.
    text = _uncommented(template.text()).replace(
        "publish_installs = false", "publish_installs = true"
    )
    path.write_text(text, "utf-8")
    written = tomllib.loads(path.read_text("utf-8"))
    assert written.keys() == Settings.model_fields.keys()
    assert written["channels"][0].keys() == ChannelTable.model_fields.keys()
    loaded, defaults = _load(path), Settings()
    for name in (
        Settings.model_fields.keys() - EXAMPLES - {"state_dir", "publish_installs"}
    ):
        assert getattr(loaded, name) == getattr(defaults, name), name
    assert loaded.state_dir == tmp_path / defaults.state_dir
    assert len(loaded.all_channels()) == 3


def test_every_word_is_named() -> None:
    """Every event kind and every status is named in it."""
    assert not [word for word in (*Kind, *STATUSES) if word not in template.text()]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file, a folder or a dangling link that is there stays as it is; a folder that cannot be made is named."""
    file, folder, link = (tmp_path / name for name in ("file", "folder", "link"))
    file.write_text("mine")
    folder.mkdir()
    link.symlink_to(tmp_path / "target")
    for path in (file, folder, link):
        with pytest.raises(ConfigError, match=r"exists already(?s:.*)hint: edit it"):
            template.write(path)
    assert file.read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == [file, folder, link]
    with pytest.raises(ConfigError, match="x cannot be made: Not a directory"):
        template.write(Path("/dev/null/x/comfy-watch.toml"))


def test_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A file that could not be written whole is taken away again."""
    path = tmp_path / "comfy-watch.toml"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            template.write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not path.exists()


def test_the_systems_sample(tmp_path: Path) -> None:
    """It has every setting but the secrets, which have no place there, and the state where a service's is."""
    system = Folders(settings=tmp_path / "etc", state=tmp_path / "var")
    text = _uncommented(template.text(system))
    written = tomllib.loads(text)
    assert written.keys() == Settings.model_fields.keys() - parsing.SECRET
    assert written["state_dir"] == str(system.state)
    for name in parsing.SECRET:
        assert f"# Not here: put it into {system.settings / name}, " in text
    assert "://" not in text.replace("https://api.comfy.org", "")
    written_for = Folders(
        settings=Path("/etc/comfy-watch"), state=Path("/var/lib/comfy-watch")
    )
    assert max(map(len, template.text(written_for).splitlines())) <= 120


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root writes the system's settings",
)
def test_the_systems_files(tmp_path: Path) -> None:
    """All can read the settings and root alone the credential, whatever is masked."""
    system = Folders(settings=tmp_path / "etc", state=tmp_path / "var")
    os.seteuid(1)
    try:
        with pytest.raises(UsageError, match="which only root may"):
            template.write_system(system)
    finally:
        os.seteuid(0)
    before = os.umask(0o077)
    try:
        template.write_system(system)
    finally:
        os.umask(before)
    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (system.settings, *system.settings.iterdir())
    }
    assert modes == {"etc": 0o755, "comfy-watch.toml": 0o644, "alert_urls": 0o600}
    assert (system.settings / "alert_urls").read_text() == ""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root writes the system's settings",
)
def test_the_systems_files_are_never_overwritten(tmp_path: Path) -> None:
    """Settings that are there stop it before anything is written; alert URLs that are there are kept."""
    system = Folders(settings=tmp_path / "etc", state=tmp_path / "var")
    system.settings.mkdir(mode=0o700)
    (system.settings / "comfy-watch.toml").write_text("mine")
    with pytest.raises(ConfigError, match="exists already, and was left as it is"):
        template.write_system(system)
    assert [path.name for path in system.settings.iterdir()] == ["comfy-watch.toml"]
    (system.settings / "comfy-watch.toml").unlink()
    (system.settings / "alert_urls").write_text("json://h")
    template.write_system(system)
    assert (system.settings / "alert_urls").read_text() == "json://h"
    assert system.settings.stat().st_mode & 0o777 == 0o700


def test_a_file_of_the_user_says_where_its_state_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the user's settings folder the file names the state folder that holds for it; elsewhere the one beside it."""
    folders = {name: tmp_path / name for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    for name, folder in folders.items():
        monkeypatch.setenv(name, str(folder))
    own = folders["XDG_CONFIG_HOME"] / "comfy-watch"
    for folder, state in (
        (own, folders["XDG_STATE_HOME"] / "comfy-watch"),
        (tmp_path, tmp_path / "state"),
    ):
        template.write(folder / "comfy-watch.toml")
        assert f'\n#state_dir = "{state}"\n' in (folder / "comfy-watch.toml").read_text(
            "utf-8"
        )
