"""Putting values in place of refs, at the last moment before a step is carried out."""

from collections.abc import Mapping, Sequence
from typing import Any

from provision.errors import ActionFailed
from provision.model.actions import Ref, Word
from provision.model.secret_text import SecretText


def text_of(value: str | Ref, values: Mapping[Ref, str]) -> str:
    """The text itself, or what was captured under the ref."""
    if isinstance(value, str):
        return value
    if value not in values:
        raise ActionFailed(
            f"{value} is not known yet",
            why="the step that produces it has not run or gave nothing",
        )
    return values[value]


def words_of(words: Sequence[Word], values: Mapping[Ref, str]) -> tuple[str, ...]:
    """An argv; a secret must not stand in one, where `ps` shows it."""
    for word in words:
        if isinstance(word, Ref) and word.secret:
            raise ActionFailed(f"{word} is secret and may not stand on a command line")
    return tuple(text_of(word, values) for word in words)


def data_of(data: Any, values: Mapping[Ref, str]) -> Any:
    """JSON-like *data* with every ref replaced and every secret revealed, however deep."""
    if isinstance(data, Ref):
        return text_of(data, values)
    if isinstance(data, SecretText):
        return data.reveal()
    if isinstance(data, Mapping):
        return {key: data_of(value, values) for key, value in data.items()}
    if isinstance(data, (list, tuple, set, frozenset)):
        return [data_of(value, values) for value in data]
    return data
