"""The support archive: each part by itself, bounded, scrubbed, and nothing half-written."""

import stat
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hero365_edge.errors import DeviceError, EdgeError
from hero365_edge.fleet.bundle import ALL_CHARACTERS, PART_CHARACTERS, Part, disguised, pack
from hero365_edge.fleet.secrets import keep_secret

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def text(name: str, content: str) -> Part:
    return Part(name, f"the {name}", lambda: content)


def failing(name: str, error: Exception) -> Part:
    def make() -> str:
        raise error

    return Part(name, f"the {name}", make)


def unpacked(path: Path) -> Mapping[str, str]:
    with tarfile.open(path) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive.getmembers()}
        return {name: file.read().decode() for name, file in files.items() if file is not None}


def test_parts_lie_in_a_folder_of_the_archives_name_with_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "van-7.tar.gz"
    packed = pack(path, [text("a.txt", "one"), text("b.txt", "ä")], NOW)
    files = unpacked(path)
    assert list(files) == ["van-7/a.txt", "van-7/b.txt", "van-7/MANIFEST.txt"]
    assert files["van-7/b.txt"] == "ä"
    assert "2026-11-22 20:00:00 UTC" in files["van-7/MANIFEST.txt"]
    assert "a.txt                  3 characters; the a.txt" in files["van-7/MANIFEST.txt"]
    assert [(each.name, each.problem) for each in packed] == [("a.txt", ""), ("b.txt", "")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "error", [EdgeError("nobody\nanswers"), DeviceError("nobody answers"), OSError("nobody answers")]
)
def test_a_part_that_fails_leaves_its_reason_and_the_others(error: Exception, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    packed = pack(path, [failing("a.txt", error), text("b.txt", "there")], NOW)
    files = unpacked(path)
    assert packed[0].problem == "nobody answers"
    assert files["b/a.txt"] == "not collected: nobody answers\n"
    assert "a.txt                  not collected: nobody answers; the a.txt" in files["b/MANIFEST.txt"]
    assert files["b/b.txt"] == "there"


def test_a_reason_is_scrubbed_as_well(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    pack(path, [failing("a.txt", EdgeError("wss://h/?token=canary"))], NOW)
    assert not any("canary" in content for content in unpacked(path).values())


def test_of_a_long_part_the_end_is_kept_and_a_secret_is_not_cut_in_two(tmp_path: Path) -> None:
    keep_secret("canary-at-the-edge")
    long = "canary-at-the-edge" + "x" * (PART_CHARACTERS - 8) + "the end"
    path = tmp_path / "b.tar.gz"
    (packed,) = pack(path, [text("a.txt", long)], NOW)
    content = unpacked(path)["b/a.txt"]
    assert content.startswith(f"(the last {PART_CHARACTERS} of ")
    assert content.endswith("the end")
    assert "edge" not in content
    assert packed.characters <= PART_CHARACTERS + 100


def test_the_whole_is_bounded_and_what_did_not_fit_is_told(tmp_path: Path) -> None:
    parts = [text(f"{number}.txt", "y" * PART_CHARACTERS) for number in range(ALL_CHARACTERS // PART_CHARACTERS + 2)]
    packed = pack(tmp_path / "b.tar.gz", parts, NOW)
    assert sum(each.characters for each in packed) <= ALL_CHARACTERS + 100 * len(parts)
    assert packed[-1].problem == "the bundle is full"
    assert not packed[0].problem


def test_an_archive_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_text("mine")
    with pytest.raises(EdgeError, match="cannot be written \\(File exists\\)"):
        pack(path, [], NOW)
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="No such file"):
        pack(tmp_path / "nowhere/b.tar.gz", [], NOW)


def test_what_goes_wrong_in_the_middle_leaves_no_half_archive(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    with pytest.raises(KeyError):
        pack(path, [failing("a.txt", KeyError("a bug"))], NOW)
    assert not path.exists()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('Environment="HERO365_EDGE_ANY=canary two"', 'Environment="HERO365_EDGE_ANY=***'),
        ("  Environment=A=canary", "  Environment=A=***"),
        (
            "... systemd.set_credential=hero365-edge.token:canary quiet",
            "... systemd.set_credential=hero365-edge.token:*** quiet",
        ),
        ("set_credential_binary=t:Y2FuYXJ5", "set_credential_binary=t:***"),
        ('Environment = "A=canary"', 'Environment = "A=***'),
        ("Environment=A=1 \\\n  VAULT_KEY=canary \\\n B=2", "Environment=A=***"),
        ("Environment= \\\n  VAULT_KEY=canary", "Environment=***"),
        ("Environment=A=1 \\\n# why\n  ; canary\n  VAULT_KEY=canary \\\n#\n C=canary", "Environment=A=***"),
        ("Environment=A=1\n# why", "Environment=A=***\n# why"),
        ("SetCredential=hero365-edge.token:canary quiet", "SetCredential=hero365-edge.token:***"),
        ("SetCredentialEncrypted = a.token: \\\n  canary \\\n  canary", "SetCredentialEncrypted = a.token:***"),
        ("WorkingDirectory=/run", "WorkingDirectory=/run"),
    ],
)
def test_what_people_put_into_units_and_boot_lines_is_masked(line: str, shown: str) -> None:
    assert disguised(f"[Service]\n{line}\nRestart=always") == f"[Service]\n{shown}\nRestart=always"
