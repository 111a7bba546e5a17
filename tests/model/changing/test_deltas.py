"""Weight edits: what is added is what was asked for, and taking it off leaves no bit behind."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from assay.core.errors import BadOption
from assay.model.changing.applying import applied, apply
from assay.model.changing.deltas import Delta, Part, between, compose, low_rank, sparse, summed
from assay.model.changing.parameters import base_hash
from tests.model.tiny import tiny_engine, tiny_model

UP, DOWN = "model.layers.0.mlp.up_proj.weight", "model.layers.1.mlp.down_proj.weight"  # (48, 32) and (32, 48)
WTE, HEAD, ATTN = "transformer.wte.weight", "lm_head.weight", "transformer.h.0.attn.c_attn.weight"


def state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters under all their names."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def bits(tensor: Tensor) -> bytes:
    """The content of a tensor, signs of zeros and payloads of NaN included."""
    return tensor.detach().contiguous().view(torch.uint8).numpy().tobytes()


def same(model: nn.Module, before: dict[str, Tensor]) -> bool:
    """Whether every parameter is what it was, to the bit."""
    return all(bits(tensor) == bits(before[name]) for name, tensor in model.state_dict().items())


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers, the same for the same seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def raised(weight: Tensor, index: int) -> Tensor:
    """The tensor with one entry raised by one."""
    out = weight.detach().clone()
    out.view(-1)[index] += 1
    return out


def factors(model: nn.Module, name: str = UP, seed: int = 0, rank: int = 2) -> Delta:
    """A low-rank delta of one matrix, at home on the model as it is."""
    rows, columns = model.get_parameter(name).shape
    pair = random(rows, rank, seed=seed), random(rank, columns, seed=seed + 1)
    return low_rank({name: pair}, base=base_hash(model), note=f"factors {seed}")


def shifted(model: nn.Module, seed: int = 5) -> Delta:
    """A dense delta of one matrix, made by ``between`` on the model as it is."""
    after = state(model)
    after[UP] = after[UP] + random(48, 32, seed=seed).to(after[UP].dtype)
    return between(model, after, note=f"shift {seed}")


@pytest.mark.parametrize(("family", "name"), [("llama", UP), ("gpt2", ATTN)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_form_adds_what_a_hand_would_add(family: str, name: str, dtype: torch.dtype) -> None:
    """All forms, and negated ones, equal float32 sums rounded at the end, to the bit, whatever the layout."""
    model = tiny_model(family).to(dtype)
    weight, home = model.get_parameter(name).detach().float(), base_hash(model)
    rows, columns = shape = (48, 32) if name == UP else (32, 96)  # Conv1D stores (in, out)
    dense, left, right = random(*shape), random(rows, 3), random(3, columns)
    full = Delta(home, {name: (Part("dense", shape, (dense.clone(),)),)}, "all")
    indices, values, by_entry = torch.tensor([7, 0, 1535]), torch.tensor([0.5, -3.0, 1e-3]), weight.clone()
    for index, value in zip(indices.tolist(), values.tolist(), strict=True):
        by_entry[index // columns, index % columns] += value
    cases = (
        (full, weight + dense),
        (-full, weight - dense),
        (low_rank({name: (left, right)}, base=home), weight + left @ right),
        (-low_rank({name: (left, right)}, base=home), weight - left @ right),
        (sparse({name: (shape, indices, values)}, base=home), by_entry),
        (-sparse({name: (shape, indices[:1], -torch.ones(1))}, base=home), raised(weight, 7)),
    )
    for given in (left, right, values, indices):
        given.zero_()  # deltas keep what they were given
    for delta, expected in cases:
        with applied(model, delta):
            assert torch.equal(model.get_parameter(name), expected.to(dtype))
    assert ((-full).base, (-full).note) == (home, "all")
    rounded_first = weight.to(dtype) + dense.to(dtype)  # in bfloat16 another sum
    assert torch.equal(rounded_first, (weight + dense).to(dtype)) == (dtype == torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_between_leads_from_one_state_to_the_other_to_the_bit(dtype: torch.dtype) -> None:
    """Even where the states are of quite different sizes, and with negative zeros that stay."""
    sizes = 10.0 ** torch.linspace(-6, 3, 60, dtype=torch.float64)
    # + 0.0 because half precision rounds some of them to a zero with a sign
    before = {"w": (random(50, 60) * sizes).to(dtype) + 0.0, "b": random(4).to(dtype)}
    after = {"w": (random(50, 60, seed=1) * sizes.flip(0)).to(dtype) + 0.0, "b": before["b"].clone()}
    before["w"][0, :30] = after["w"][0, :30] = -0.0
    model, delta = nn.ParameterDict(deepcopy(before)), between(before, after)
    assert list(delta.changes) == ["w"]
    assert {part.tensors[-1].dtype for part in delta.changes["w"]} == {dtype}
    apply(model, delta)
    assert same(model, after)
    assert base_hash(model) == base_hash(after)


def test_between_is_sparse_where_little_changed() -> None:
    """The form is the smaller one, and the entries around a sparse change keep even the sign of zero."""
    before = {"few": random(20, 20), "many": random(20, 20), "none": random(3)}
    before["few"][5] = -0.0
    after = deepcopy(before)
    after["few"][0, :5] += 1
    after["many"][:10] += 1
    delta, model = between(before, after), nn.ParameterDict(deepcopy(before))
    forms = {name: [part.form for part in parts] for name, parts in delta.changes.items()}
    assert forms == {"few": ["sparse"], "many": ["dense"]}
    assert delta.changes["few"][0].tensors[0].tolist() == [0, 1, 2, 3, 4]
    apply(model, delta)
    assert same(model, after)


def test_rank_keeps_the_leading_terms_and_tells_the_rest() -> None:
    """The error is the norm of the singular values left out; vectors and small matrices stay exact."""
    shapes = {"matrix": (20, 30), "vector": (20,), "small": (3, 3), "same": (20, 30)}
    before = {name: random(*shape) for name, shape in shapes.items()}
    after = {name: before[name] + random(*shape, seed=1) * (name != "same") for name, shape in shapes.items()}
    delta = between(before, after, rank=2)
    forms = {name: parts[0].form for name, parts in delta.changes.items()}
    assert forms == {"matrix": "low_rank", "vector": "dense", "small": "dense"}
    rest = torch.linalg.svdvals(after["matrix"] - before["matrix"])[2:].norm()
    assert delta.errors == {"matrix": pytest.approx(float(rest), rel=1e-4)}
    assert [tuple(factor.shape) for factor in delta.changes["matrix"][0].tensors] == [(20, 2), (2, 30)]
    assert compose(delta, -delta).errors["matrix"] == 2 * delta.errors["matrix"]
    with pytest.raises(BadOption, match="rank 0 keeps nothing"):
        between(before, after, rank=0)


def literal_four_bits(change: Tensor) -> Tensor:
    """Value by value: in steps of a seventh of the largest among the 32 that lie beside it."""
    flat = change.flatten().tolist()
    for start in range(0, len(flat), 32):
        group = flat[start : start + 32]
        step = float(torch.tensor(max(map(abs, group)) / 7).bfloat16())
        flat[start : start + 32] = [
            step * max(-7, min(7, round(value / step))) if step else 0.0 for value in group
        ]
    return torch.tensor(flat).view(change.shape)


@pytest.mark.parametrize("shape", [(20, 30), (7, 5), (64, 32)])
def test_four_bits_keep_every_value_to_half_a_step(shape: tuple[int, ...]) -> None:
    """As the literal twin does it; an eighth of the bytes, vectors exact, and the error is told."""
    before = {"m": random(*shape), "v": random(9)}
    after = {"m": random(*shape, seed=1), "v": random(9, seed=2)}
    after["m"][:2] = before["m"][:2]  # whole groups without a change
    delta = between(before, after, four_bits=True)
    change = after["m"] - before["m"]
    made = delta.changes["m"][0].added_to(torch.zeros(shape))
    torch.testing.assert_close(made, literal_four_bits(change), rtol=1e-6, atol=1e-7)
    assert delta.errors == {"m": pytest.approx(float((change - made).norm()), rel=1e-5)}
    assert 0 < delta.errors["m"] < 0.12 * float(change.norm())
    codes, steps = delta.changes["m"][0].tensors
    assert codes.nbytes + steps.nbytes <= 18 * -(-change.numel() // 32)
    assert torch.equal(summed(before["v"], delta.changes["v"]), after["v"])
    turned = (-delta).changes["m"][0].added_to(torch.zeros(shape))
    assert torch.equal(turned, -made)
    with pytest.raises(BadOption, match="give rank or four_bits"):
        between(before, after, rank=2, four_bits=True)


def test_codes_that_do_not_fit_their_shape_are_refused() -> None:
    """Too few groups would leave part of the parameter without a change."""
    with pytest.raises(BadOption, match="make no four_bits change"):
        Part("four_bits", (8, 8), (torch.zeros(1, 16, dtype=torch.uint8), torch.zeros(1)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_come_back_to_the_bit(dtype: torch.dtype) -> None:
    """After leaving, after an exception, and after training inside; NaN and negative zeros included."""
    model = tiny_model().to(dtype)
    weight = model.get_parameter(UP)
    with torch.no_grad():
        weight[0, :3] = torch.tensor([float("nan"), -0.0, float("inf")])
    before, delta = state(model), factors(model)
    with pytest.raises(ZeroDivisionError), applied(model, delta):
        raise ZeroDivisionError
    assert same(model, before)
    with applied(model, delta):
        assert not same(model, before)
        weight.sum().backward()  # gradients are taken inside as ever
        with torch.no_grad():
            weight -= 0.1
    assert same(model, before)


def test_nested_deltas_come_off_one_after_the_other() -> None:
    """Each exit leads to what its entry met, and the inner delta is checked against the outer's weights."""
    model = tiny_model()
    before, outer = state(model), factors(model)
    with applied(model, outer):
        halfway, inner = state(model), shifted(model)
        with pytest.raises(KeyError), applied(model, inner):
            raise KeyError
        assert same(model, halfway)
        with pytest.raises(BadOption, match="belongs to base"), applied(model, outer):
            pass
    assert same(model, before)


def test_a_stack_is_checked_against_the_weights_that_each_delta_meets() -> None:
    """A then B passes, whatever B touches; B alone, A twice and the wrong order are refused untouched."""
    model = tiny_model()
    before, first = state(model), shifted(model, 1)
    with applied(model, first):
        second = factors(model, DOWN)
        with applied(model, second):
            third = shifted(model, 2)
            with applied(model, third):
                reached = state(model)
    with applied(model, first, second, third):
        assert same(model, reached)
    stacks = ([second], [first, first], [second, first], [first, third], [first, second, third, third])
    for stack, named in zip(stacks, (second, first, second, third, third), strict=True):
        with pytest.raises(BadOption, match=f"the delta '{named.note}' belongs to base {named.base}"):
            apply(model, *stack)
        assert same(model, before)
    apply(model, first, second, third)
    assert same(model, reached)


def test_what_a_delta_does_not_fit_is_named() -> None:
    """Another base, or a parameter that is not there or made otherwise, is refused; nothing changes."""
    model, other = tiny_model(), tiny_model(seed=1)
    before, home = state(model), base_hash(model)
    words = f"'factors 0' belongs to base {base_hash(other)}, and these weights are {home}"
    with pytest.raises(BadOption, match=words):
        apply(model, factors(other))
    for delta, words in (
        (low_rank({"layer.9": (torch.ones(2, 1), torch.ones(1, 2))}, base=home), "lacks layer.9"),
        (low_rank({UP: (torch.ones(32, 1), torch.ones(1, 48))}, base=home), r"\(32, 48\), .* \(48, 32\)"),
        (sparse({UP: ((9, 9), torch.tensor([3]), torch.ones(1))}, base=home), rf"{UP} as .* \(9, 9\)"),
    ):
        with pytest.raises(BadOption, match=words):
            apply(model, shifted(model), delta, any_base=True)
        assert same(model, before)
    whole = nn.ParameterDict({"w": nn.Parameter(torch.zeros(2, dtype=torch.int8), requires_grad=False)})
    with pytest.raises(BadOption, match=r"here it is torch.int8"):
        apply(whole, sparse({"w": ((2,), torch.tensor([0]), torch.ones(1))}, base=base_hash(whole)))


def test_tensors_that_make_no_change_are_refused() -> None:
    """Factors that do not fit, indices outside, and values that are not as many as indices."""
    ones = torch.ones
    for make in (
        lambda: low_rank({"w": (ones(2, 3), ones(2, 3))}, base="b"),
        lambda: low_rank({"w": (ones(2), ones(2, 3))}, base="b"),
        lambda: sparse({"w": ((2, 3), torch.tensor([6]), ones(1))}, base="b"),
        lambda: sparse({"w": ((2, 3), torch.tensor([-1]), ones(1))}, base="b"),
        lambda: sparse({"w": ((2, 3), torch.tensor([1, 2]), ones(1))}, base="b"),
        lambda: Part("dense", (3, 2), (ones(2, 3),)),
    ):
        with pytest.raises(BadOption, match=r"make no (low_rank|sparse|dense) change of shape"):
            make()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_composed_equals_one_after_the_other(dtype: torch.dtype) -> None:
    """To the bit for parts that stay apart, within rounding where factors are joined."""
    model = tiny_model().to(dtype)
    dense = shifted(model)
    with applied(model, dense):
        small = between(model, {**state(model), UP: raised(model.get_parameter(UP), 3)})
    lone = factors(model, DOWN)
    with applied(model, dense, small, lone, any_base=True):
        expected = state(model)
    together = compose(dense, small, lone)
    assert [part.form for part in together.changes[UP]] == ["dense", "sparse"]
    assert (compose(dense, small).base, together.note) == (base_hash(model), "shift 5; factors 0")
    with applied(model, together):
        assert same(model, expected)
    one, two = factors(model, seed=1, rank=1), factors(model, seed=3, rank=4)
    assert len(compose(one, two).changes[UP]) == 1
    with applied(model, one, two, any_base=True):
        expected = state(model)
    with applied(model, compose(one, two)):
        slack = 1e-5 if dtype == torch.float32 else 3e-2
        torch.testing.assert_close(model.get_parameter(UP).detach(), expected[UP], rtol=slack, atol=slack)
    with pytest.raises(BadOption, match=rf"{UP} as floats of shape \(32, 48\)"):
        apply(model, compose(one, low_rank({UP: (torch.ones(32, 1), torch.ones(1, 48))}, base="b")))
    with pytest.raises(BadOption, match="nothing to compose"):
        compose()


def test_tied_embeddings_are_changed_once() -> None:
    """Under either name and under both, and where two share memory; what pulls them apart is refused."""
    model = tiny_model("gpt2")
    before, home = state(model), base_hash(model)
    pair = random(len(before[WTE]), 1), random(1, 32)
    for names in ([WTE], [HEAD], [WTE, HEAD]):
        with applied(model, low_rank(dict.fromkeys(names, pair), base=home)):
            assert torch.equal(model.get_parameter(WTE), before[WTE] + pair[0] @ pair[1])
            assert model.get_parameter(HEAD) is model.get_parameter(WTE)
            assert list(between(before, model).changes) == list(between(model, before).changes) == [WTE]
            assert between(before, model).base == home
        assert same(model, before)
    apart = low_rank({WTE: pair, HEAD: (pair[0], 2 * pair[1])}, base=home)
    with pytest.raises(BadOption, match=f"{HEAD} is tied to a parameter that the delta changes otherwise"):
        apply(model, apart)
    with pytest.raises(BadOption, match="tied on one side only"):
        between(model, {**before, HEAD: before[HEAD] + 1})
    once = {name: tensor for name, tensor in before.items() if name != HEAD}
    assert base_hash(model) == base_hash(once) == base_hash(model.state_dict())
    other = nn.ParameterDict({"a": nn.Parameter(random(3, 3)), "b": nn.Parameter(torch.zeros(3, 3))})
    other["b"].data = other["a"].data  # one memory, two objects
    start, ones = other["a"].detach().clone(), (torch.ones(3, 1), torch.ones(1, 3))
    with applied(other, low_rank({"a": ones, "b": ones}, base=base_hash(other))):
        assert torch.equal(other["a"], start + 1)
    assert torch.equal(other["b"], start)
    assert base_hash({"a": start, "b": start.T}) == base_hash({"a": start, "b": start.T.clone()})


def test_engines_and_strided_weights_are_taken() -> None:
    """An engine stands for its model, and a weight that lies transposed in memory is like any other."""
    engine = tiny_engine()
    assert base_hash(engine) == base_hash(engine.model)
    clean, delta = engine.next_logprobs(["the cat"]), factors(engine.model)
    engine.model.get_parameter(UP).data = engine.model.get_parameter(UP).data.T.contiguous().T
    few = sparse({UP: ((48, 32), torch.tensor([7]), torch.ones(1))}, base="elsewhere")
    with applied(engine, delta, few, any_base=True):
        assert not torch.allclose(engine.next_logprobs(["the cat"]), clean, atol=1e-2)
    torch.testing.assert_close(engine.next_logprobs(["the cat"]), clean)
    assert not engine.model.get_parameter(UP).is_contiguous()


def test_the_hash_depends_on_every_byte_and_on_nothing_else() -> None:
    """Names, shapes, dtypes and each byte count; order, strides and buffers do not."""
    tensors = {"a": random(3, 4), "b": random(2).to(torch.bfloat16), "scalar": torch.tensor(2.0)}
    home = base_hash(tensors)
    assert base_hash(dict(reversed(tensors.items()))) == home
    assert base_hash({**tensors, "a": tensors["a"].T.contiguous().T}) == home
    others = [
        {**tensors, "a": tensors["a"].reshape(4, 3)},
        {**tensors, "b": tensors["b"].view(torch.float16)},
        {"aa" if name == "a" else name: tensor for name, tensor in tensors.items()},
        {**tensors, "empty": torch.empty(0)},
    ]
    for name, tensor in tensors.items():
        for place in range(tensor.nbytes):
            flipped = tensor.clone()
            flipped.view(-1).view(torch.uint8)[place] ^= 1
            others.append({**tensors, name: flipped})
    assert len({home, *map(base_hash, others)}) == 1 + 4 + 48 + 4 + 4
    model = nn.BatchNorm1d(3)
    assert base_hash(model) == base_hash(dict(model.named_parameters())) != base_hash(model.state_dict())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_hash_is_the_same_on_a_gpu() -> None:
    """Moving a model changes nothing, and a delta made on the CPU is applied there."""
    model = tiny_model()
    home, delta = base_hash(model), compose(factors(model), shifted(model))
    assert base_hash(model.to("cuda")) == home
    with applied(model, delta):
        assert base_hash(model) != home
    assert base_hash(model) == home


def test_states_that_are_not_of_one_model_are_refused() -> None:
    """Other names, shapes and dtypes, and numbers that no sum can lead to, with or without a rank."""
    before = {"w": torch.ones(5, 5)}
    for after, words in (
        ({"v": torch.ones(5, 5)}, "v is there on one side only"),
        ({"w": torch.ones(3)}, r"w is torch.float32 of shape \(5, 5\) before and .* \(3,\) after"),
        ({"w": torch.ones(5, 5).half()}, "torch.float16 of shape"),
        ({"w": torch.full((5, 5), float("nan"))}, "w: the change is no finite number"),
    ):
        for rank in (None, 1):
            with pytest.raises(BadOption, match=words):
                between(before, after, rank=rank)
