"""Each way to say no has its remedy; the tables, and that every number finds one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.remedy import (
    LATER_S,
    LONGEST_WAIT_S,
    RESTART_S,
    Remedy,
    close_error,
    door_error,
    of_code,
    of_status,
)
from hero365_edge.errors import LinkError, LinkRefused, LinkTooBig

WHERE = "wss://h/ws"


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1010, 1011, 1014, 1015, 3008, 4000, 4999])
def test_a_link_that_ended_for_no_fault_of_ours_is_dialled_again(code: int) -> None:
    error = close_error(code)
    assert (type(error), error.retry_after_s, error.cause) == (LinkError, None, "lost")
    assert str(code) in str(error)


@pytest.mark.parametrize("code", [1008, 3000, 3003, 4401, 4403])
def test_a_code_that_means_the_token_waits_for_another(code: int) -> None:
    error = close_error(code)
    assert isinstance(error, LinkRefused)
    assert error.cause == "refused"
    assert "token" in str(error)


@pytest.mark.parametrize(("code", "least_s"), [(1012, RESTART_S), (1013, LATER_S), (4429, LATER_S)])
def test_a_backend_that_asks_for_patience_gets_it(code: int, least_s: float) -> None:
    error = close_error(code)
    assert (error.retry_after_s, error.cause) == (least_s, "busy")


@pytest.mark.parametrize("code", [1009, 4413])
def test_what_was_too_big_goes_in_smaller_pieces(code: int) -> None:
    assert isinstance(close_error(code), LinkTooBig)


@given(st.integers(0, 65_535))
def test_what_we_said_ourselves_when_we_hung_up_asks_for_nothing(code: int) -> None:
    error = close_error(code, by_backend=False)
    assert (type(error), error.retry_after_s, error.by_backend) == (LinkError, None, False)


@given(st.integers(0, 65_535))
def test_a_goodbye_of_the_backend_is_told_as_its_own(code: int) -> None:
    assert close_error(code).by_backend


@given(st.integers(0, 65_535))
def test_every_code_has_a_remedy(code: int) -> None:
    assert isinstance(of_code(code).remedy, Remedy)
    assert isinstance(close_error(code), LinkError)


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_at_the_door_is_told_as_such(status: int) -> None:
    error = door_error(WHERE, status, retry_after_s=30.0)
    assert isinstance(error, LinkRefused)
    assert WHERE in str(error)


@pytest.mark.parametrize("status", [200, 204 + 96, 301, 302, 307, 308, 400, 404, 405, 407, 410, 426, 511])
def test_what_is_not_the_backend_is_said_so_and_dialled_again(status: int) -> None:
    error = door_error(WHERE, status, None)
    assert (type(error), error.cause) == (LinkError, "no_backend")
    assert str(error) != f"{WHERE} answered HTTP {status}", "a person is told more than the number"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 418])
@pytest.mark.parametrize("retry_after_s", [None, 7.0])
def test_a_server_in_trouble_is_dialled_again_when_it_wants(status: int, retry_after_s: float | None) -> None:
    error = door_error(WHERE, status, retry_after_s)
    assert (type(error), error.retry_after_s, error.cause) == (LinkError, retry_after_s, "lost")


@pytest.mark.parametrize(("told_s", "waited_s"), [(None, LATER_S), (0.0, 0.0), (60.0, 60.0), (1e9, LONGEST_WAIT_S)])
def test_too_many_requests_are_fewer_from_then_on(told_s: float | None, waited_s: float) -> None:
    assert door_error(WHERE, 429, told_s).retry_after_s == waited_s


@pytest.mark.parametrize("status", range(400, 600))
def test_a_private_code_named_after_a_status_means_the_same(status: int) -> None:
    assert of_code(4000 + status) == of_status(status)
