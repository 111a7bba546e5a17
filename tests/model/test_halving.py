"""Batches that shrink until they fit: nothing is lost, and the user is told."""

import warnings
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ModelError
from assay.model import Engine
from assay.model.attribution.attribute import attribute, integrated_gradients
from assay.model.batching import batches
from assay.model.generate import Sampling
from assay.model.halving import BatchHalved, at_once, in_groups
from assay.model.patching.effects import logit_difference
from assay.model.patching.patch import patch
from assay.model.patching.paths import patch_paths
from assay.model.reading.read import read
from assay.model.reading.store import Store, stream
from tests.model.tiny import TEXTS, tiny_engine

SAME = ["the cat sat", "the dog ran", "user : hello", "hello big mat"]
"""Texts of one length, as patching wants them."""
EFFECT = logit_difference(torch.tensor([5, 6, 7, 8]), torch.tensor([9, 9, 9, 9]))
Call = Callable[[Engine], Any]


class Sized:
    """Holds the size of a pass and nothing else."""

    def __init__(self, batch_tokens: int) -> None:
        self.batch_tokens = batch_tokens


def sweep(engine: Engine) -> torch.Tensor:
    """All patches of one text's values into another."""
    base, other = engine.tokens(SAME), engine.tokens(SAME[::-1])
    sites = ["resid_pre.1", "z.1", "z.1.0", "mlp_out.1", "attn_out.1"]
    return patch(engine, base, read(engine, other, sites), sites, [0, -1], EFFECT).patched


def paths(engine: Engine) -> torch.Tensor:
    """A few paths."""
    base, other = engine.tokens(SAME), engine.tokens(SAME[::-1])
    senders = ["embed", "attn_out.0", "mlp_out.0", "mlp_out.1"]
    return patch_paths(engine, base, read(engine, other, senders), senders, ["q.2", "logits"], EFFECT).patched


CALLS: dict[str, Call] = {
    "generate": lambda e: e.generate(TEXTS, 5, temperature=1.0, seed=3),
    "replies": lambda e: e.replies(TEXTS, Sampling(6)),
    "next_logprobs": lambda e: e.next_logprobs(TEXTS),
    "token_logprobs": lambda e: e.token_logprobs(TEXTS),
    "continuation_logprobs": lambda e: e.continuation_logprobs(TEXTS, [" the cat", " .", "", " ran", " ?"]),
    "forks": lambda e: e.continuation_logprobs(
        [text for text in TEXTS for _ in range(4)], [" the cat", " .", " ran and sat", " ?"] * 5
    ),
    "activations": lambda e: e.activations(TEXTS, [0, 2]),
    "sequence_activations": lambda e: e.sequence_activations(TEXTS, 2),
    "gradients": lambda e: e.gradients(TEXTS, 1),
    "read": lambda e: read(e, e.tokens(TEXTS), ["pattern.1", "z.0", "logits"]).values,
    "read at": lambda e: read(e, e.tokens(TEXTS), ["resid_post.2"], at=-1).values,
}
COPIES: dict[str, Call] = {"patch": sweep, "patch_paths": paths}


@contextmanager
def memory(engine: Engine, tokens: int, error: Callable[[], Exception] | None = None) -> Generator[list[int]]:
    """A machine on which no more than so many tokens go through the embedding at once; yields what did."""
    went: list[int] = []

    def check(_: Any, args: tuple[Any, ...]) -> None:
        if args[0].numel() > tokens:
            raise error() if error else torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        went.append(args[0].numel())

    hook = engine.model.get_input_embeddings().register_forward_pre_hook(check)
    try:
        yield went
    finally:
        hook.remove()


def fresh(batch_tokens: int = 512) -> Engine:
    """A random Llama."""
    engine = tiny_engine()
    engine.batch_tokens = batch_tokens
    return engine


@given(
    st.lists(st.integers(1, 30), max_size=30),
    st.integers(1, 400),
    st.integers(30, 300),
    st.one_of(st.none(), st.integers(1, 5)),
    st.integers(1, 8),
)
def test_every_text_is_done_once_whatever_fits(
    lengths: list[int], limit: int, room: int, rows: int | None, times: int
) -> None:
    """Groups that fit partition the texts within the bounds; what fails is tried at half its rectangle."""
    pace, done, failed = Sized(limit), list[list[int]](), list[int]()

    def work(group: list[int]) -> None:
        rectangle = len(group) * max(lengths[n] for n in group)
        if rectangle > room:
            failed.append(rectangle)
            raise torch.OutOfMemoryError
        assert not failed or len(group) == 1 or rectangle <= failed[-1] // 2
        done.append(group)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        in_groups(pace, dict(enumerate(lengths)), work, rows=rows, times=times)
    assert sorted(n for group in done for n in group) == list(range(len(lengths)))
    assert len(told) == len(failed)
    assert pace.batch_tokens == min([limit, *(max(rectangle // 2 // times, 1) for rectangle in failed)])
    if not failed:
        assert done == batches(lengths, times * limit, rows)[::-1]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_results_are_those_of_a_run_with_small_batches(name: str) -> None:
    """Every method ends with the numbers of an undisturbed run at the size that fitted, to the bit."""
    engine, other = fresh(), fresh()
    with memory(engine, 44) as went, pytest.warns(BatchHalved):
        found = CALLS[name](engine)
    assert max(went) <= 44
    other.batch_tokens = engine.batch_tokens
    with memory(other, 44), warnings.catch_warnings():
        warnings.simplefilter("error")
        wanted = CALLS[name](other)
    if name in ("generate", "replies"):
        assert found == wanted
    else:
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    assert engine.batch_tokens < 512


@pytest.mark.parametrize("name", sorted(COPIES))
def test_copies_of_all_texts_are_halved_too(name: str) -> None:
    """Patches go fewer at a time through the model, and find the same."""
    engine = fresh()
    wanted = COPIES[name](engine)
    with memory(engine, 32) as went, pytest.warns(BatchHalved):
        found = COPIES[name](engine)
    assert max(went) <= 32
    torch.testing.assert_close(found, wanted)


ERRORS: dict[str, Callable[[], Exception]] = {
    "torch": lambda: torch.OutOfMemoryError("CUDA out of memory."),
    "Linux": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 72 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "Windows": lambda: RuntimeError(
        "DefaultCPUAllocator: not enough memory: you tried to allocate 72 bytes."
    ),
    "Apple": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB)"),
    "cuBLAS": lambda: RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "Python": MemoryError,
}


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_way_of_running_out_is_known(name: str) -> None:
    """Devices and systems say it in their own words."""
    engine = fresh()
    with memory(engine, 44, ERRORS[name]), pytest.warns(BatchHalved):
        found = engine.activations(TEXTS, [1])
    torch.testing.assert_close(found, fresh().activations(TEXTS, [1]))


def test_what_the_allocator_says_here_is_known() -> None:
    """A tensor larger than any machine is refused in words that count."""
    with pytest.raises(ModelError, match="these texts do not fit into memory"):
        at_once(lambda: torch.empty(2**60))


def test_other_errors_pass() -> None:
    """What has another cause is not tried again."""
    engine = fresh()
    with memory(engine, 44, lambda: RuntimeError("broken")), pytest.raises(RuntimeError, match="broken"):
        engine.activations(TEXTS, [1])
    assert engine.batch_tokens == 512


def test_the_user_is_told_once_per_halving() -> None:
    """One sentence for each, with the size that failed, the one that is tried and the setting."""
    engine = fresh()
    longest = max(engine.lengths(TEXTS))
    with memory(engine, 30), pytest.warns(BatchHalved) as told:
        engine.activations(TEXTS, [1])
    failed = 5 * longest
    assert str(told[0].message) == (
        f"a batch of {failed} tokens did not fit into memory, so batches of {failed // 2} are tried; "
        f"batch_tokens went from 512 to {failed // 2}"
    )
    assert len(told) == len({str(warning.message) for warning in told}) == 2
    with memory(engine, 30), warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.next_logprobs(TEXTS)  # the size is remembered


@pytest.mark.parametrize("name", sorted(CALLS))
def test_one_text_that_does_not_fit_is_told(name: str) -> None:
    """The message names the text, its length and what can be done; it holds no tensors of the pass."""
    engine = fresh(1)
    with (
        memory(engine, 10),
        pytest.raises(ModelError, match=r"text [28] \(counting from 0\) does not fit.*bfloat16") as caught,
    ):
        CALLS[name](engine)
    assert caught.value.__context__ is None


def test_a_pass_that_cannot_be_divided_is_told() -> None:
    """Base runs of patching and gradients of all texts have no smaller form."""
    engine = fresh()
    base, source = engine.tokens(SAME), read(engine, engine.tokens(SAME[::-1]), ["resid_pre.1"])
    passes: list[Callable[[], Any]] = [
        lambda: patch(engine, base, source, ["resid_pre.1"], [0], EFFECT),
        lambda: attribute(engine, base, ["resid_pre.1"], EFFECT),
        lambda: integrated_gradients(engine, base, "resid_pre.1", EFFECT, source),
    ]
    for one in passes:
        one()
        with memory(engine, 10), pytest.raises(ModelError, match="do not fit into memory in one pass"):
            one()


def test_tensors_of_the_failed_pass_are_gone_before_the_next() -> None:
    """The traceback, which holds them, is dropped first."""
    kept: list[weakref.ref[torch.Tensor]] = []

    def work(group: list[int]) -> None:
        assert not any(reference() is not None for reference in kept)
        large = torch.zeros(len(group))
        kept.append(weakref.ref(large))
        if len(group) > 1:
            raise torch.OutOfMemoryError

    with pytest.warns(BatchHalved):
        in_groups(Sized(64), dict.fromkeys(range(8), 4), work)
    assert len(kept) == 3 + 8


def test_stores_halve_and_remember(tmp_path: Path) -> None:
    """Rows are those of small batches; a run that is killed and taken up again ends with the same bytes."""
    texts = [text for n in range(30) for text in (TEXTS[n % 5], TEXTS[n % 3])]
    sites = ["resid_pre.1", "resid_post.2"]

    def killer(done: int, of: int) -> None:
        raise KeyboardInterrupt

    def stored(folder: Path, progress: Callable[[int, int], None] | None = None) -> Store:
        engine = fresh(64)
        with memory(engine, 22), warnings.catch_warnings():
            warnings.simplefilter("ignore", BatchHalved)
            return stream(engine, texts, sites, folder, progress=progress)

    with pytest.warns(BatchHalved), memory(engine := fresh(64), 22):
        stream(engine, texts, sites, tmp_path / "whole")
    assert engine.batch_tokens < 64
    with pytest.raises(KeyboardInterrupt):
        stored(tmp_path / "killed", killer)
    stored(tmp_path / "killed")
    whole, killed = ({f.name: f.read_bytes() for f in (tmp_path / n).iterdir()} for n in ("whole", "killed"))
    assert whole == killed
    plain = stream(fresh(64), texts, sites, tmp_path / "plain")
    rows = Store.open(tmp_path / "whole")[sites[1]].rows(range(len(plain)))
    torch.testing.assert_close(rows, plain[sites[1]].rows(range(len(plain))))
