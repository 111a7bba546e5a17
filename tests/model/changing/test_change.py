"""Changes: each does what its formula says, where it says, and leaves nothing behind."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable
from assay.model import Engine
from assay.model.changing import change as c
from assay.model.changing.change import Change, changed
from assay.model.reading.read import read
from assay.model.sites.site import Site
from tests.model.tiny import TEXTS, tiny_engine

STREAM = ("embed", "resid_pre.1", "resid_mid.1", "attn_in.0", "mlp_hidden.1", "resid_post.2")
SITES = (*STREAM, "z.1", "z.2.1", "v.1.1", "q.0")


@pytest.fixture(params=["llama", "gpt2", "gemma2"], scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Random models, with passes small enough that texts are sorted and split."""
    engine = tiny_engine(request.param)
    engine.batch_tokens = 24
    return engine


def logits(engine: Engine) -> Tensor:
    """The logits of all texts."""
    return read(engine, engine.tokens(TEXTS), ["logits"])["logits"]


@pytest.mark.parametrize("site", SITES)
def test_replacing_a_value_by_itself_changes_no_bit(engine: Engine, site: str) -> None:
    """What another run of the same texts had at a site can be put back, at every kind of site."""
    before = logits(engine)
    own = read(engine, engine.tokens(TEXTS), [site])
    with changed(engine, c.swap(site, own, at=slice(0, None))):
        assert torch.equal(logits(engine), before)


def by_hand(x: Tensor, name: str, u: Tensor, w: Tensor) -> Tensor:
    """The literal twin of each change, one vector at a time in double precision."""
    a, b = u.double() / u.double().norm(), w.double()
    b = b - (b @ a) * a
    b = b / b.norm()
    y = x.double()
    return {
        "add": lambda: y + 2 * u.double(),
        "assign": u.double,
        "scale": lambda: 0.5 * y,
        "project_out": lambda: y - (y @ a) * a - (y @ b) * b,
        "clamp": lambda: y + (min(max(float(y @ a), -0.1), 0.2) - y @ a) * a,
        "rotate": lambda: y - (y @ a) * a - (y @ b) * b - (y @ b) * a + (y @ a) * b,  # 90 degrees
    }[name]()


def changes(site: str, u: Tensor, w: Tensor) -> dict[str, Callable[[Any], Change]]:
    """One change of each kind, at positions still to be said."""
    return {
        "add": lambda at: c.add(site, u, 2, at),
        "assign": lambda at: c.assign(site, u, at),
        "scale": lambda at: c.scale(site, 0.5, at),
        "project_out": lambda at: c.project_out(site, torch.stack([u, w]), at),
        "clamp": lambda at: c.clamp(site, u, -0.1, 0.2, at),
        "rotate": lambda at: c.rotate(site, torch.stack([u, w]), 90, at),
    }


@pytest.mark.parametrize("name", ["add", "assign", "scale", "project_out", "clamp", "rotate"])
@pytest.mark.parametrize("site", ["resid_post.1", "z.1.2"])
def test_each_change_equals_its_formula_where_it_is_made(engine: Engine, name: str, site: str) -> None:
    """Only the last token of each text changes, by the formula; the site's other values keep every bit."""
    tokens = engine.tokens(TEXTS)
    before = read(engine, tokens, [site])[site]
    u, w = torch.randn(2, before.shape[-1], generator=torch.Generator().manual_seed(0))
    with changed(engine, changes(site, u, w)[name](-1)):
        after = read(engine, tokens, [site])[site]
    for row, n in enumerate(tokens.lengths.tolist()):
        assert torch.equal(after[row, : n - 1], before[row, : n - 1])
        wanted = by_hand(before[row, n - 1], name, u, w)
        torch.testing.assert_close(after[row, n - 1].double(), wanted, rtol=1e-4, atol=1e-5)


def test_order_is_that_of_the_list_and_then_from_outside_in(engine: Engine) -> None:
    """Doubling then adding is not adding then doubling, in one list or in nested scopes."""
    one, site = torch.ones(engine.width), "resid_post.0"
    tokens = engine.tokens(TEXTS[:1])
    plain = read(engine, tokens, [site])[site]
    double, shift = c.scale(site, 2.0), c.add(site, one)
    with changed(engine, double, shift):
        torch.testing.assert_close(read(engine, tokens, [site])[site], 2 * plain + 1)
    with changed(engine, shift), changed(engine, double):
        torch.testing.assert_close(read(engine, tokens, [site])[site], 2 * (plain + 1))


def test_positions_by_text_mask_range_and_rule(engine: Engine) -> None:
    """All ways of saying where agree, whatever order the texts are computed in."""
    tokens, site = engine.tokens(TEXTS), "resid_pre.1"
    wanted = torch.zeros(tokens.ids.shape, dtype=torch.bool)
    wanted[torch.arange(len(TEXTS)), tokens.lengths - 1] = True
    ways: list[Any] = [
        -1,
        tokens.lengths - 1,
        wanted,
        slice(-1, None),
        lambda moment: moment.positions == moment.lengths[:, None] - 1,
    ]
    seen: list[Tensor] = []
    for at in ways:
        with changed(engine, c.scale(site, 0.0, at)):
            values = read(engine, tokens, [site])[site]
            assert torch.equal((values.abs().sum(-1) == 0) & tokens.mask(), wanted)
            seen.append(logits(engine))
    assert all(torch.equal(other, seen[0]) for other in seen[1:])


def test_values_belong_to_their_texts(engine: Engine) -> None:
    """A value per text reaches its own text although texts are computed sorted by length."""
    tokens = engine.tokens(TEXTS)
    values = torch.arange(len(TEXTS)).float()[:, None].expand(-1, engine.width)
    with changed(engine, c.assign("resid_post.1", values)):
        after = read(engine, tokens, ["resid_post.1"], at=-1)["resid_post.1"]
    assert torch.equal(after, values)


@pytest.mark.parametrize("at", [None, 2, slice(3, None)])
def test_replies_are_written_under_changes(engine: Engine, at: Any) -> None:
    """With a cache, left padding and shrinking batches a reply is what full passes under the change write."""
    vector = 3 * torch.randn(engine.width, generator=torch.Generator().manual_seed(1))
    texts = [text for text in TEXTS if len(text.split()) > 2]
    with changed(engine, c.add("resid_post.1", vector, at=at)):
        written = engine.generate(texts, 8)
        slow: list[str] = []
        for text in texts:
            ids = engine.encode([text])[0]
            start = len(ids)
            for _ in range(8):
                best = int(engine.next_logprobs([str(engine.tokenizer.decode(ids[1:]))])[0].argmax())
                if best == 2:
                    break
                ids = [*ids, best]
            slow.append("".join(f" {engine.tokenizer.convert_ids_to_tokens(i)}" for i in ids[start:]))
    assert written == slow
    assert written != engine.generate(texts, 8)


def test_nothing_stays_after_an_error(engine: Engine) -> None:
    """An exception inside leaves no hook, and the model answers as before."""
    before = logits(engine)
    with pytest.raises(RuntimeError, match="broken"), changed(engine, c.scale("mlp_out.1", 0.0)):
        raise RuntimeError("broken")
    assert torch.equal(logits(engine), before)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in engine.model.modules())  # pyright: ignore[reportPrivateUsage]


def test_gradients_flow_through_changes(engine: Engine) -> None:
    """The gradient at a layer is taken with the change in force."""
    free = engine.gradients(TEXTS, 1)
    with changed(engine, c.scale("resid_post.2", 0.0)):
        assert all(float(values.abs().max()) == 0 for values in engine.gradients(TEXTS, 1))
    assert any(float(values.abs().max()) > 0 for values in free)


def test_what_does_not_fit_is_named(engine: Engine) -> None:
    """Shapes, positions and directions that cannot be used get one clear sentence."""
    tokens = engine.tokens(TEXTS)
    wrong: list[tuple[Change, str]] = [
        (c.add("resid_post.1", torch.ones(7)), r"\(7,\) does not fit resid_post.1: it takes 32 numbers"),
        (c.assign("resid_post.1", torch.ones(2, 32)), r"shape \(2, 32\) does not fit"),
        (c.scale("resid_post.1", 0.0, at=5), "position 5 lies outside text"),
        (c.assign("resid_post.1", torch.ones(len(TEXTS), 2, 32)), "for 2 positions"),
        (c.scale("resid_post.1", 0.0, at=slice(0, None, 2)), "give a mask"),
    ]
    for change, words in wrong:
        with pytest.raises(BadOption, match=words), changed(engine, change):
            read(engine, tokens, ["logits"])
    with pytest.raises(BadOption, match="independent"):
        c.project_out("resid_post.1", torch.ones(2, 32))
    nowhere = Change(Site("resid_post", 9), lambda x, _: x)
    with pytest.raises(BadOption, match="no site"), changed(engine, nowhere):
        pass
    with pytest.raises(NotApplicable, match="bare model"), changed(engine, c.scale("resid_post.1", 0.0)):
        engine.model(input_ids=tokens.ids)
