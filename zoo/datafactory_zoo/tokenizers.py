"""Text to token ids behind one interface: bytes (needs nothing), or a pretrained tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from datafactory.errors import MissingPartError, SpecError

BYTES = "bytes"
PAD, BEGIN, END, UNKNOWN = 256, 257, 258, 259


class Tokenizer(Protocol):
    """Turns texts into padded token ids.

    Attributes:
        name: ``bytes`` or the path it was read from; makes it again through :func:`tokenizer`.
        vocabulary: Number of ids.
    """

    name: str
    vocabulary: int

    def encode(self, texts: Sequence[str], length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids (B, length) int64 and which of them are text (B, length) bool."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids."""
        ...


class ByteTokenizer:
    """UTF-8 bytes between a begin and an end token; longer texts are cut."""

    name = BYTES
    vocabulary = 260

    def encode(self, texts: Sequence[str], length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids (B, length) int64 and which of them are text (B, length) bool."""
        if length < 3:
            raise SpecError(f"texts of {length} tokens", why="begin, one byte and end need three")
        ids = torch.full((len(texts), length), PAD, dtype=torch.int64)
        for row, text in zip(ids, texts, strict=True):
            tokens = [BEGIN, *text.encode()[: length - 2], END]
            row[: len(tokens)] = torch.tensor(tokens)
        return ids, ids != PAD

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; special tokens are left out."""
        return bytes(i for i in ids if i < PAD).decode(errors="replace")


class PretrainedTokenizer:
    """A tokenizer of the ``transformers`` library, read from a folder."""

    def __init__(self, path: str) -> None:
        if not Path(path).is_dir():
            raise SpecError(
                f"there is no tokenizer in '{path}'", why="it is not a folder",
                remedy="name a folder that holds a tokenizer, or use 'bytes'",
            )  # fmt: skip
        try:
            from transformers import AutoTokenizer
        except ImportError as error:
            raise MissingPartError(
                "a pretrained tokenizer needs the library transformers", where=path,
                remedy="pip install 'datafactory[zoo-full]'",
            ) from error  # fmt: skip
        self._made: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
        if self._made.pad_token is None:
            self._made.pad_token = self._made.eos_token
        self.name = path
        self.vocabulary = len(self._made)

    def encode(self, texts: Sequence[str], length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids (B, length) int64 and which of them are text (B, length) bool."""
        made = self._made(
            list(texts), padding="max_length", truncation=True, max_length=length,
            return_tensors="pt",
        )  # fmt: skip
        return made["input_ids"], made["attention_mask"].bool()

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; special tokens are left out."""
        return str(self._made.decode(list(ids), skip_special_tokens=True))


def tokenizer(name: str) -> Tokenizer:
    """Makes a tokenizer: ``bytes``, or the folder of a pretrained one.

    Raises:
        SpecError: There is no such folder.
        MissingPartError: The library it needs is not installed.
    """
    return ByteTokenizer() if name == BYTES else PretrainedTokenizer(name)
