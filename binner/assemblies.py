"""Contigs of several assemblies: from several files or from one, told apart by what their names begin with.

A name is that of the assembly, a separator and that of the contig in it. SemiBin2 writes ':' (S1:contig_1), VAMB 'C'
(S1Ccontig_1), and the reads of each sample are mapped to all of these contigs.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from binner import fasta, inputs
from binner.config import assembly_name
from binner.data import Assemblies, Contigs
from binner.errors import InputError, OptionError

logger = logging.getLogger(__name__)

SEPARATORS = (":", "C")  # SemiBin2's, VAMB's
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")  # what an assembly may be called: bins are called after it


@contextmanager
def readable(files: Sequence[Path], folder: Path, *, separator: str | None) -> Iterator[Path]:
    """The contigs as one file that can be read more than once.

    Several files are joined in `folder` for a while. Their contigs are called as `tell_apart` wants it: as they are, if
    the names of each file begin with an assembly of its own, or else after the file. Raises InputError and OptionError.
    """
    if len(files) == 1:
        with inputs.readable(files[0], folder) as source:
            yield source
        return
    prefixes = [""] * len(files)
    if not _are_told_apart(files, separator):
        prefixes = _prefixes(files, separator or SEPARATORS[0])
        logger.info("contigs are called after their files, as in '%s...'", prefixes[0])
    joined = fasta.join(files, folder / "contigs.fa", prefixes=prefixes)
    try:
        yield joined
    finally:
        joined.unlink(missing_ok=True)


def tell_apart(contigs: Contigs, *, separator: str | None, source: str) -> Assemblies:
    """The assembly that each name begins with, in the order in which they come; up to the first `separator`.

    None: the first of SEPARATORS that is in all names. Raises InputError for a name without it, and for an assembly
    that cannot be the name of a file; it says that the contigs are of `source`.
    """
    if separator is None:
        separator = next((known for known in SEPARATORS if not _without(contigs.names, known)), None)
        if separator is None:
            raise InputError(
                f"{source}: contig '{_without(contigs.names, SEPARATORS[0])}' is not called <assembly>:<contig> or"
                " <assembly>C<contig>: name what stands between the two with --separator, or give a file for each"
                " assembly"
            )
    elif lacking := _without(contigs.names, separator):
        raise InputError(
            f"{source}: contig '{lacking}' is not called <assembly>{separator}<contig>: give another --separator, or a"
            " file for each assembly"
        )
    number: dict[str, int] = {}
    of = [number.setdefault(name.partition(separator)[0], len(number)) for name in contigs.names]
    for name in number:
        if not FILE_NAME.fullmatch(name):
            raise InputError(
                f"{source}: assembly '{name}' goes into names of files: letters, digits, '_', '.' and '-' (up to 100);"
                " rename its contigs, or give another --separator"
            )
    logger.info("%d contigs of %d assemblies, told by '%s' in their names", len(contigs), len(number), separator)
    if len(number) == 1:
        logger.warning("all contigs are of one assembly, '%s' (--separator '%s')", *number, separator)
    return Assemblies(tuple(number), np.array(of, np.int32), multi=True)


def _without(names: Sequence[str], separator: str) -> str | None:
    """The first name that does not have something on either side of the separator."""
    for name in names:
        first, _, rest = name.partition(separator)
        if not (first and rest):
            return name
    return None


def _are_told_apart(files: Sequence[Path], separator: str | None) -> bool:
    """Whether the names of each file begin with one assembly, which no other file has."""
    known = SEPARATORS if separator is None else (separator,)
    found: dict[str, list[str]] = {each: [] for each in known}
    for file in files:
        names = list(fasta.names(file))
        for each in known:
            own = {name.partition(each)[0] for name in names}
            if len(own) == 1 and not _without(names, each):
                found[each] += own
    return any(len(set(found[each])) == len(files) for each in known)


def _prefixes(files: Sequence[Path], separator: str) -> list[str]:
    names = [assembly_name(file) for file in files]
    for file, name in zip(files, names, strict=True):
        if not FILE_NAME.fullmatch(name) or separator in name:
            raise OptionError(
                f"{file}: its contigs would be called '{name}{separator}...': letters, digits, '_', '.' and '-' (up"
                f" to 100) without the separator '{separator}' are possible; rename the file, or give another"
                " --separator"
            )
        if names.count(name) > 1:
            raise OptionError(f"{file}: another file is called '{name}' too, and so would be its contigs; rename one")
    return [f"{name}{separator}" for name in names]
