"""Models of huggingface.co, by the name that the user gave: from the local cache, else over the network."""

from __future__ import annotations

import logging
from pathlib import Path

from binner.encoders.error_law import ERROR_LAW
from binner.encoders.tokenizer import TOKENIZER
from binner.errors import InputError

logger = logging.getLogger(__name__)

NEEDED = ("config.json", TOKENIZER)
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there


def resolve(name: str) -> Path:
    """The folder with the files of a model. What is in the cache is not asked for again, nor is the cache written to.

    Raises InputError where it is neither in the cache nor to be had.
    """
    return _cached(name) or _downloaded(name)


def _cached(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(name, file) for file in NEEDED]
        weights = [try_to_load_from_cache(name, file) for file in WEIGHTS]
    except HFValidationError as error:
        raise InputError(f"--encoder {name}: {error}") from error
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(NEEDED) and any(isinstance(path, str) for path in weights) else None


def _downloaded(name: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def fetch(file: str) -> Path | None:
        try:
            return Path(hf_hub_download(name, file))
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError:
            return None

    logger.info("Fetching %s from huggingface.co", name)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it warns of each attempt, and one line says all
    try:
        folders = [path.parent for file in NEEDED if (path := fetch(file))]
        if len(folders) < len(NEEDED) or not any(fetch(file) for file in WEIGHTS):
            raise InputError(f"--encoder {name}: holds no {', '.join(NEEDED)} and {' or '.join(WEIGHTS)}")
        fetch(ERROR_LAW)
    except InputError:
        raise
    except Exception as error:  # the HTTP library's own, which differ between versions of huggingface_hub
        raise InputError(
            f"--encoder {name}: no such folder here, not in the cache of huggingface_hub, and huggingface.co gave"
            f" nothing ({_short(error)}); download the model where there is a network and name its folder"
        ) from error
    return folders[0]


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
