"""The settings `tls` on their way to the link."""

from pathlib import Path

import pytest

from hero365_edge.cli.trust import trust
from hero365_edge.devices.tls import Trust
from hero365_edge.errors import ConfigError
from hero365_edge.settings import Backend, Settings, Tls
from tests.authority import Authority


def test_every_setting_arrives(tmp_path: Path) -> None:
    file = str(Authority(tmp_path).root.file)
    wanted = {"ca_file": file, "client_cert_file": file, "client_key_file": file, "pins": ("x", "y")}
    tls = Tls(**wanted, pins_report_only=True)  # type: ignore[arg-type]  # as they are named
    assert set(Tls.__struct_fields__) == {*wanted, "pins_report_only"}, "a new setting has to be passed on too"
    assert trust(Settings(tls=tls)) == Trust(**wanted, pins_report_only=True)  # type: ignore[arg-type]  # as above


def test_a_file_that_is_missing_is_told_before_anything_is_dialled_and_only_where_tls_is_used() -> None:
    tls = Tls(ca_file="/no/such/file")
    with pytest.raises(ConfigError, match=r"tls\.ca_file: /no/such/file cannot be read"):
        trust(Settings(tls=tls))
    trust(Settings(tls=tls, backend=Backend(url="ws://127.0.0.1:1/v1")))
