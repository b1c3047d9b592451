"""Settings of blocks and stages: the fields a kind declares, and the frozen values they take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

Scalar = bool | int | float | str


class Settings(Mapping[str, Scalar]):
    """A mapping that cannot change: hashable, picklable, and JSON-serialisable by pydantic."""

    __slots__ = ("_items",)
    _items: dict[str, Scalar]

    def __init__(self, values: Mapping[str, Scalar] | None = None) -> None:
        object.__setattr__(self, "_items", dict(values or {}))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("Settings are frozen; make new ones with .replace()")

    def __getitem__(self, key: str) -> Scalar:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(tuple(self._items.items()))

    def __repr__(self) -> str:
        return f"Settings({self._items!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Settings, (self._items,))

    def replace(self, **changes: Scalar) -> Settings:
        """A copy with some values changed."""
        return Settings({**self._items, **changes})

    def integer(self, name: str) -> int:
        """The value of an integer field."""
        return int(self._items[name])

    def number(self, name: str) -> float:
        """The value of a numeric field."""
        return float(self._items[name])

    def text(self, name: str) -> str:
        """The value of a choice or text field."""
        return str(self._items[name])

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        scalar = core_schema.union_schema(
            [
                core_schema.bool_schema(strict=True),
                core_schema.int_schema(strict=True),
                core_schema.float_schema(strict=True),
                core_schema.str_schema(strict=True, max_length=4096),
            ]
        )
        from_mapping = core_schema.no_info_after_validator_function(
            cls, core_schema.dict_schema(core_schema.str_schema(), scalar)
        )
        return core_schema.json_or_python_schema(
            json_schema=from_mapping,
            python_schema=core_schema.union_schema(
                [core_schema.is_instance_schema(cls), from_mapping]
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda settings: dict(settings)
            ),
        )


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a kind: its name in the file, its label in the inspector, its legal values.

    ``when`` names another setting and the value at which this one matters; elsewhere it is kept
    but not shown.
    """

    name: str
    label: str
    type: Literal["int", "float", "bool", "choice"]
    default: Scalar
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    hint: str = ""
    when: tuple[str, Scalar] | None = None

    def matters(self, settings: Mapping[str, Scalar]) -> bool:
        """Whether it has an effect beside these settings."""
        return self.when is None or settings.get(self.when[0]) == self.when[1]

    def validate(self, value: Scalar) -> Scalar:
        """The value, in the field's own type. Raises ValueError with a sentence."""
        if self.type == "bool":
            if not isinstance(value, bool):
                raise ValueError(f"{self.name!r} must be true or false, not {value!r}")
            return value
        if self.type == "choice":
            if value not in self.choices:
                raise ValueError(
                    f"{self.name!r} must be one of {', '.join(self.choices)}, not {value!r}"
                )
            return value
        return self._number(value)

    def _number(self, value: Scalar) -> Scalar:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self.name!r} must be a number, not {value!r}")
        if not (self.minimum <= value <= self.maximum and _is_finite(value)):
            raise ValueError(
                f"{self.name!r} must lie between {self.minimum:g} and {self.maximum:g}, "
                f"not {value!r}"
            )
        if self.type == "int" and value != int(value):
            raise ValueError(f"{self.name!r} must be a whole number, not {value!r}")
        return int(value) if self.type == "int" else float(value)


def _is_finite(value: float) -> bool:
    """Whether it is a number that a float can hold: a whole number may be too large for one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def complete(fields: tuple[Field, ...], given: Mapping[str, Scalar]) -> Settings:
    """The given values validated, and defaults for the rest, in the fields' own order.

    Raises ValueError naming the first field that is unknown or out of range.
    """
    known = {field.name: field for field in fields}
    for name in given:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise ValueError(f"unknown setting {name!r} (known: {allowed})")
    return Settings({f.name: f.validate(given.get(f.name, f.default)) for f in fields})
