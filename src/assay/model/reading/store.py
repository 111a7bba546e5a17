"""Activations of a whole corpus on the disk: one memory-mapped file per site, one row per token.

A folder holds store.json (whose activations these are, and how many texts are done), starts.bin (the first
row of each text, 64-bit) and <site>.bin for each site: bare rows of float32, or of the bits of bfloat16.
"""

import hashlib
import json
import os
import sys
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.codec import build, dumps
from assay.core.errors import BadOption, CannotWrite, ModelError, OldSchema, StoreError
from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.sites.site import Site
from assay.model.tokens import Tokens

SCHEMA = 1
_TEXTS, _BATCHES = 256, 64
"""Texts tokenized at once to plan the files; full batches of rows between two records of progress."""
# numpy has no bfloat16, so its maps hold the bits
_DTYPES = {"float32": (np.dtype("<f4"), torch.float32), "bfloat16": (np.dtype("<i2"), torch.bfloat16)}
_LOCAL = ("transformers_version", "_name_or_path", "architectures", "dtype")
"""What a configuration says about files and versions and not about the model."""


def stream(
    engine: Engine,
    texts: Sequence[str],
    sites: Sequence[str | Site],
    folder: Path | str,
    *,
    dtype: Literal["float32", "bfloat16"] = "float32",
    with_prefix: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> "Store":
    """Write the values of sites at every token of every text into a folder, holding only a part at a time.

    Rows follow the texts and their tokens. Padding has none, nor have the tokens that the tokenizer puts in
    front by default, unless ``with_prefix``. A run that was ended goes on when called again, with the batches
    it began with, and ends with the same bytes as an undisturbed one. Changes in force show in what is stored
    but are not among what a later call is compared by. ``progress`` is told how many texts are safely stored.

    Raises:
        BadOption: a site or dtype that cannot be stored, texts without any token, or a folder that holds
            activations of another model, other texts or other sites.
        ContextExceeded: a text longer than the model's context.
        CannotWrite: the folder cannot be written, or has no room for all rows.
        StoreError: the folder holds a damaged store, or one of another version (``OldSchema``).
    """
    if dtype not in _DTYPES:
        raise BadOption(f"dtype '{dtype}' cannot be stored; give one of {', '.join(_DTYPES)}")
    shapes, prefix = _shapes(engine, texts, sites), 0 if with_prefix else len(engine.prefix)
    (starts, identity), folder = _plan(engine, texts, prefix), Path(folder)
    sizes = len(texts), int(starts[-1]), engine.batch_tokens
    asked = _Manifest(_fingerprint(engine), identity, shapes, dtype, prefix, *sizes)
    here = asked.resumed(folder) if (folder / "store.json").exists() else asked.begun(folder, starts)
    while here.done < here.count:
        part = range(here.done, _stop(starts, here.done, _BATCHES * here.batch_tokens))
        pace = _fill(engine, texts, part, starts, folder, here)
        here = replace(here, done=part.stop, batch_tokens=pace)
        here.record(folder)
        if progress:
            progress(part.stop, len(texts))
    return Store.open(folder)


@final
@dataclass(frozen=True)
class Activations:
    """The rows of one site, read when they are asked for; those of heads have "head size" in place of "d".

    >>> activations = Activations(np.arange(6, dtype=np.float32).reshape(3, 2))
    >>> activations.rows([2, 0]).tolist(), [len(batch) for batch in activations.shuffled(batch=2, seed=0)]
    ([[4.0, 5.0], [0.0, 1.0]], [2, 1])
    """

    values: np.ndarray
    dtype: torch.dtype = torch.float32

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, indices: Sequence[int] | Int[Tensor, " k"]) -> Float[Tensor, "k d"]:
        """Some rows, in the order asked for and as they are stored; raises BadOption for one not there."""
        return torch.from_numpy(np.take(self.values, _checked(indices, len(self)), axis=0)).view(self.dtype)

    def shuffled(self, batch: int, seed: int) -> Iterator[Float[Tensor, "batch d"]]:
        """Every row once, in batches that the seed decides; the last one may be smaller.

        Inside a batch the order is that of the file, which reads faster. The plan takes 8 bytes of memory per
        row. Raises BadOption for batches without rows.
        """
        if batch < 1:
            raise BadOption(f"batches of {batch} rows; give at least 1")
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        return (self.rows(part.sort().values) for part in order.split(batch))


@final
class Store:
    """Stored activations: ``store["resid_post.3"]`` has the rows of a site, of the same tokens for all."""

    def __init__(self, folder: Path, manifest: "_Manifest") -> None:
        """Use ``stream`` or ``Store.open``."""
        self.folder, self._manifest = folder, manifest
        self._starts = np.memmap(folder / "starts.bin", "<i8", "r")

    @classmethod
    def open(cls, folder: Path | str) -> "Store":
        """Open a finished store; raises StoreError where there is none, a damaged or a half-written one."""
        here = _Manifest.read(Path(folder))
        if here.done < here.count:
            done = f"{here.done} of {here.count} texts"
            raise StoreError(f"{folder} is half-written ({done}); call stream again as before to finish it")
        return cls(Path(folder), here)

    def __len__(self) -> int:
        return self._manifest.rows

    def __getitem__(self, name: str | Site) -> Activations:
        site, here = str(Site.parse(name)), self._manifest
        if site not in here.sites:
            raise BadOption(f"site {site} is not in {self.folder}; stored are {', '.join(here.sites)}")
        return Activations(here.map(self.folder, site, "r", range(here.rows)), _DTYPES[here.dtype][1])

    def places(self, rows: Sequence[int] | Int[Tensor, " k"]) -> Int[Tensor, "k 2"]:
        """For each row its text and its token there, counted as in ``engine.encode``; raises BadOption."""
        wanted = _checked(rows, len(self))
        texts = np.searchsorted(self._starts, wanted, side="right") - 1
        positions = wanted - self._starts[texts] + self._manifest.prefix
        return torch.from_numpy(np.stack([texts, positions], axis=1))


@dataclass(frozen=True)
class _Manifest:
    model: str
    texts: str
    sites: dict[str, tuple[int, ...]]
    dtype: Literal["float32", "bfloat16"]
    prefix: int  # tokens left out in front of each text
    count: int
    rows: int
    batch_tokens: int
    done: int = 0
    schema: int = SCHEMA

    def sizes(self) -> dict[str, int]:
        item = _DTYPES[self.dtype][0].itemsize
        sizes = {f"{site}.bin": self.rows * prod(shape) * item for site, shape in self.sites.items()}
        return {"starts.bin": 8 * (self.count + 1), **sizes}

    def map(self, folder: Path, site: str, mode: Literal["r", "r+"], rows: range) -> np.memmap[Any, Any]:
        stored, shape = _DTYPES[self.dtype][0], self.sites[site]
        offset = rows.start * prod(shape) * stored.itemsize
        return np.memmap(folder / f"{site}.bin", stored, mode, offset, (len(rows), *shape))

    @classmethod
    def read(cls, folder: Path) -> "_Manifest":
        try:
            data = json.loads((folder / "store.json").read_bytes())
            if data["schema"] != SCHEMA:
                raise OldSchema(f"{folder} has schema {data['schema']}, not {SCHEMA}; use another folder")
            here = build(cls, data)
            wrong = [name for name, size in here.sizes().items() if (folder / name).stat().st_size != size]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{folder} holds no whole store ({error}); make one with stream") from error
        if wrong:
            raise StoreError(f"{folder / wrong[0]} has lost a part; remove {folder} and stream again")
        return here

    def record(self, folder: Path) -> None:
        with _writing(folder), (folder / "store.json.new").open("w", encoding="utf-8") as file:
            file.write(dumps(self))
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, folder / "store.json")

    def resumed(self, folder: Path) -> "_Manifest":
        here, same = self.read(folder), ("model", "texts", "sites", "dtype", "prefix")
        if other := [name for name in same if getattr(here, name) != getattr(self, name)]:
            raise BadOption(f"{folder} was made with other {', '.join(other)}; use another folder")
        return here

    def begun(self, folder: Path, starts: np.ndarray) -> "_Manifest":
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                for name, size in self.sizes().items():
                    with (folder / name).open("wb") as file:
                        file.truncate(size)
                        # a map whose blocks the disk lacks would kill the process that writes into it
                        if sys.platform == "linux":
                            os.posix_fallocate(file.fileno(), 0, size)
            except OSError:
                for name in self.sizes():
                    (folder / name).unlink(missing_ok=True)
                raise
            (folder / "starts.bin").write_bytes(starts.tobytes())
        self.record(folder)
        return self


def _checked(rows: Sequence[int] | Tensor, count: int) -> np.ndarray:
    wanted = torch.as_tensor(rows, dtype=torch.long).cpu().numpy()
    if len(wrong := wanted[(wanted < 0) | (wanted >= count)]):
        raise BadOption(f"row {wrong[0]} is not stored; rows are numbered 0 to {count - 1}")
    return wanted


def _shapes(engine: Engine, texts: Sequence[str], sites: Sequence[str | Site]) -> dict[str, tuple[int, ...]]:
    """Shape of one row of each site, found by running one text."""
    wanted = list(dict.fromkeys(map(Site.parse, sites)))
    if not wanted or any(site.kind == "pattern" for site in wanted):
        raise BadOption("name at least one site, and no pattern: it has no row of one size for every token")
    with engine.inference():
        seen = engine.body.capture(engine.tokens(texts[:1]), wanted)
    return {str(site): tuple(seen[site].shape[2:]) for site in wanted}


def _plan(engine: Engine, texts: Sequence[str], prefix: int) -> tuple[np.ndarray, str]:
    """The first row of each text, then the number of all rows; and what identifies their tokens."""
    digest, counts = hashlib.blake2b(digest_size=16), array("q", [0])
    for first in range(0, len(texts), _TEXTS):
        try:
            ids = engine.encode(texts[first : first + _TEXTS])
        except (BadOption, ModelError) as error:  # it numbers the texts of this slice
            raise type(error)(f"texts[{first}:{first + _TEXTS}]: {error}") from error
        digest.update(np.fromiter(chain.from_iterable(ids), np.int64).tobytes())
        counts.extend(len(row) - prefix for row in ids)
    starts = np.cumsum(np.asarray(counts), dtype="<i8")
    if not starts[-1]:
        raise BadOption("there is no token to store; give at least one text that has some")
    digest.update(starts.tobytes())
    return starts, digest.hexdigest()


def _fingerprint(engine: Engine) -> str:
    """What identifies configuration and weights; every byte counts, for an edit may touch a single vector."""
    config = {key: value for key, value in engine.model.config.to_dict().items() if key not in _LOCAL}
    digest = hashlib.blake2b(json.dumps(config, sort_keys=True, default=str).encode(), digest_size=16)
    for name, weight in engine.model.state_dict().items():
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.contiguous().reshape(-1).view(torch.uint8).cpu().numpy())
    return digest.hexdigest()


def _stop(starts: np.ndarray, first: int, rows: int) -> int:
    """Where the part that begins with a text ends: about so many rows further, and never without any."""
    some = starts[starts.searchsorted(starts[first], side="right")]
    # a text without rows goes with the text before it, the first ones with the text behind them
    mark = min(max(starts[first] + rows, some), starts[-1])
    return int(starts.searchsorted(mark, side="right")) - 1


@dataclass
class _Pace:
    """The size of the passes of one run, which need not be that of the engine."""

    batch_tokens: int


def _fill(
    engine: Engine, texts: Sequence[str], part: range, starts: np.ndarray, folder: Path, here: _Manifest
) -> int:
    """Read some of the texts and bring their rows to the disk; gives the tokens that a pass could hold."""
    ids = dict(zip(part, engine.encode(texts[part.start : part.stop]), strict=True))
    base = int(starts[part.start])
    with _writing(folder):  # only these rows are mapped: what is finished need not stay in memory
        rows = range(base, int(starts[part.stop]))
        maps = {Site.parse(name): here.map(folder, name, "r+", rows) for name in here.sites}
    targets = {site: torch.from_numpy(there).view(_DTYPES[here.dtype][1]) for site, there in maps.items()}

    def see(group: list[int]) -> None:
        tokens = Tokens.of([ids[number] for number in group], engine.device, group)
        for site, values in engine.body.capture(tokens, list(targets)).items():
            # on a CPU the copy into the map converts; from a GPU the fewer bytes are brought in one go
            near = values if values.device.type == "cpu" else values.to(targets[site].dtype).cpu()
            for number, row in zip(group, near, strict=True):
                first, stop = int(starts[number]) - base, int(starts[number + 1]) - base
                targets[site][first:stop] = row[here.prefix : here.prefix + stop - first]

    pace = _Pace(here.batch_tokens)
    with engine.inference():
        in_groups(pace, {number: len(row) for number, row in ids.items()}, see)
    if pace.batch_tokens < here.batch_tokens:
        engine.batch_tokens = min(engine.batch_tokens, pace.batch_tokens)
    with _writing(folder):
        for there in maps.values():
            there.flush()
    return pace.batch_tokens


@contextmanager
def _writing(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise CannotWrite(f"cannot write {folder}: {reason}; make room or choose another folder") from error
