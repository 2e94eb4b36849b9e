"""A checkpoint's own tokenizer.json, without the padding and the truncation that it may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from tokenizers import Tokenizer as Backend

from binner.data import I32, N_CODE, U8
from binner.errors import InputError

TOKENIZER = "tokenizer.json"
_FORWARD, _REVERSE = bytes.maketrans(b"\0\1\2\3", b"ACGT"), bytes.maketrans(b"\0\1\2\3", b"TGCA")


def text(codes: U8, *, reverse: bool = False) -> str:
    """The bases of `codes`, upper-case; those of the other strand if `reverse`.

    Single N are left out: no token contains one, and the [UNK] that each would become was never trained. No window
    spans a gap (`binner.windows`).

    >>> text(np.array([0, 0, 4, 1, 3], np.uint8)), text(np.array([0, 0, 4, 1, 3], np.uint8), reverse=True)
    ('AACT', 'AGTT')
    """
    turned, letters = (codes[::-1], _REVERSE) if reverse else (codes, _FORWARD)
    return turned.tobytes().translate(letters, bytes([N_CODE])).decode()


class Tokenizer:
    """Upper-case sequences to token ids with [CLS] and [SEP]; can be sent to other processes."""

    def __init__(self, backend: Backend, pad_id: int) -> None:
        self.backend = backend
        self.pad_id = pad_id

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `folder`/tokenizer.json; raises InputError."""
        path = folder / TOKENIZER
        try:
            content = path.read_text()
            backend = Backend.from_str(content)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: {error}; name a folder with a trained encoder") from error
        except Exception as error:  # tokenizers raises bare Exceptions
            raise InputError(f"{path}: not a tokenizer ({error})") from error
        backend.no_padding()
        backend.no_truncation()
        pad = backend.token_to_id("[PAD]")
        if pad is None:
            raise InputError(f"{path}: has no token [PAD], which every DNA tokenizer of this kind has")
        return cls(backend, pad)

    def __len__(self) -> int:
        """Rows that a table of its tokens needs: ids may have gaps."""
        return max(self.backend.get_vocab().values()) + 1

    def encode(self, sequences: list[str]) -> list[I32]:
        """Ids (S,) of each sequence, [CLS] and [SEP] included."""
        return [np.array(found.ids, np.int32) for found in self.backend.encode_batch_fast(sequences)]
