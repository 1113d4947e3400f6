"""A text that shows itself to nobody who does not ask for it by name."""

import hashlib
from typing import Final, NoReturn, final

MASK: Final = "***"


@final
class Secret:
    """The token, from where it is read to the address that is dialled. Its text is `***`, however it is asked for.

    What would copy it out unseen (pickle, copy, JSON) is refused with TypeError instead of writing a mask that
    somebody would read back as the token.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. `tests/core/test_secret.py` lists the few places that may call this."""
        return self._value

    @property
    def fingerprint(self) -> str:
        """What may be shown instead: 12 hex digits of its SHA-256. Nothing is learnt from it about a random token."""
        return hashlib.sha256(self._value.encode(errors="surrogateescape")).hexdigest()[:12]

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a secret is neither copied nor stored")


NO_SECRET: Final = Secret()
"""None at all: the seed's token is optional."""
