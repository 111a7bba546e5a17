"""Dictionaries that go out in SAELens' format and come back, and those that others wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from assay.core.errors import BadOption, NotApplicable, StoreError
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.rules import Above, Gate, KeepLargest, Rule
from assay.techniques.dictionaries.saelens import hook_name, load, save

F, D, N = 30, 8, 200


def noise(*shape: int, seed: int) -> Tensor:
    """The same numbers each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


X = noise(N, D, seed=0)
RULES: dict[str, Rule] = {
    "topk": KeepLargest(4),
    "jumprelu": Above(2.5 + noise(F, seed=1).abs()),
    "gated": Gate(0.2 * noise(F, seed=2), -3 + noise(F, seed=3), noise(F, seed=4)),
}


def made(rule: Rule) -> Dictionary:
    """A random dictionary with some rule."""
    bias = rule.shift if isinstance(rule, Gate) else noise(F, seed=5)
    return Dictionary(noise(F, D, seed=6), noise(F, D, seed=7), bias, noise(D, seed=8), rule)


def l0(dictionary: Dictionary) -> float:
    """Latents on in a row of the sample."""
    return len(dictionary.code(X).values) / N


def theirs(folder: Path, x: Tensor) -> Tensor:
    """What the published reader computes from a folder, as its source has it."""
    config, w = json.loads((folder / "cfg.json").read_text()), load_file(folder / "sae_weights.safetensors")
    inside = x - w["b_dec"] * config["apply_b_dec_to_input"]
    if config["architecture"] == "gated":
        gate = (inside @ w["W_enc"] + w["b_gate"] > 0).float()
        f = gate * (inside @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"]).relu()
        return f @ w["W_dec"] + w["b_dec"]
    z, length = inside @ w["W_enc"] + w["b_enc"], torch.ones(len(w["W_dec"]))
    if config.get("rescale_acts_by_decoder_norm"):
        length = w["W_dec"].norm(dim=-1)
        z = z * length
    if config["architecture"] == "topk":
        values, places = z.topk(config["k"], dim=-1)
        f = torch.zeros_like(z).scatter(-1, places, values.relu())
    elif config["architecture"] == "jumprelu":
        f = z.relu() * (z > w["threshold"])
    else:
        f = z.relu()
    return (f / length) @ w["W_dec"] + w["b_dec"]


def changed(folder: Path, parts: dict[str, Tensor] | None = None, /, **config: Any) -> Path:
    """The folder with other settings and weights."""
    settings = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps({**settings, **config}))
    file = folder / "sae_weights.safetensors"
    save_file({**load_file(file), **(parts or {})}, file)
    return folder


@pytest.mark.parametrize("name", RULES)
def test_out_and_back(name: str, tmp_path: Path) -> None:
    """The same reconstruction from ours, from ours read back, and from the published reader's formula."""
    ours = made(RULES[name])
    save(ours, tmp_path, l0=l0(ours), model="gpt2", site="resid_post.3")
    again = load(tmp_path, X, site="resid_post.3")
    torch.testing.assert_close(again.reconstructed(X), ours.reconstructed(X))
    torch.testing.assert_close(theirs(tmp_path, X), ours.reconstructed(X), rtol=1e-4, atol=1e-5)
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == name
    assert (config["d_in"], config["d_sae"]) == (D, F)
    assert config["metadata"]["hook_name"] == "blocks.3.hook_resid_post"


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("setting", ["apply_b_dec_to_input", "rescale_acts_by_decoder_norm"])
def test_other_conventions_mean_the_same(name: str, setting: str, tmp_path: Path) -> None:
    """A bias that is not taken off the input, and activations in units of the decoder's rows."""
    if setting == "rescale_acts_by_decoder_norm" and name != "topk":
        pytest.skip("only TopK dictionaries have this setting")
    ours = made(RULES[name])
    save(ours, tmp_path, l0=l0(ours))
    changed(tmp_path, **{setting: setting.startswith("rescale")}, metadata={})
    if name != "topk":
        changed(tmp_path, metadata={"l0": l0_of(tmp_path)})
    torch.testing.assert_close(load(tmp_path, X).reconstructed(X), theirs(tmp_path, X), rtol=1e-4, atol=1e-4)


def l0_of(folder: Path) -> float:
    """Latents on in a row, by the published reader's formula, without our own."""
    w = load_file(folder / "sae_weights.safetensors")
    if "b_gate" in w:
        amount = X @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"]
        return float(((X @ w["W_enc"] + w["b_gate"] > 0) & (amount > 0)).sum()) / N
    return float((X @ w["W_enc"] + w["b_enc"] > w["threshold"]).sum()) / N


def test_a_topk_dictionary_taken_for_relu_is_refused(tmp_path: Path) -> None:
    """Where the kind has gone missing, many times more latents are on than the file says."""
    ours = made(KeepLargest(2))
    save(ours, tmp_path, l0=2.0)
    changed(tmp_path, architecture="standard", k=None)
    with pytest.raises(BadOption, match=r"of 30 latents are on in a row .*and 2 are stated"):
        load(tmp_path, X)


def test_older_files_tell_topk_by_the_activation(tmp_path: Path) -> None:
    """Before version 6 the kind was 'standard', and k stood among the function's arguments."""
    ours = made(KeepLargest(4))
    save(ours, tmp_path, l0=4.0)
    changed(
        tmp_path, architecture="standard", k=None, activation_fn_str="topk", activation_fn_kwargs={"k": 4}
    )
    assert load(tmp_path, X).rule == KeepLargest(4)


def test_factors_of_latents_are_taken_into_the_decoder(tmp_path: Path) -> None:
    """Some older files hold one for each latent, by which it is multiplied before it is decoded."""
    ours, factors = made(KeepLargest(4)), 1 + noise(F, seed=9).abs()
    save(ours, tmp_path, l0=4.0)
    changed(tmp_path, {"scaling_factor": factors})
    torch.testing.assert_close(load(tmp_path, X).decoder, ours.decoder * factors[:, None])


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    """Another width or site, missing and broken files, kinds and scalings that are not known."""
    save(made(KeepLargest(4)), tmp_path / "good", l0=4.0, site="resid_post.3")
    with pytest.raises(BadOption, match="do not fit a dictionary for rows of 8 numbers"):
        load(tmp_path / "good", noise(5, 9, seed=0))
    with pytest.raises(BadOption, match=r"for blocks.3.hook_resid_post, not for resid_post.2"):
        load(tmp_path / "good", X, site="resid_post.2")
    with pytest.raises(BadOption, match="1 of 5 rows hold NaN or infinity, the first of them row 2"):
        load(tmp_path / "good", torch.where(torch.arange(5)[:, None] == 2, torch.nan, X[:5]))
    with pytest.raises(StoreError, match="no such folder"):
        load(tmp_path / "nowhere", X)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match=r"lacks cfg.json.*there: nothing"):
        load(tmp_path / "empty", X)
    for wrong, said in (
        ({"architecture": "temporal"}, "kind 'temporal' is not known; known are standard, topk"),
        ({"normalize_activations": "layer_norm"}, "normalised by 'layer_norm'"),
    ):
        save(made(KeepLargest(4)), tmp_path / "odd", l0=4.0)
        with pytest.raises(NotApplicable, match=said):
            load(changed(tmp_path / "odd", **wrong), X)
    save(made(KeepLargest(4)), tmp_path / "odd", l0=4.0)
    with pytest.raises(StoreError, match="lacks 'threshold', which a dictionary of kind 'jumprelu' has"):
        load(changed(tmp_path / "odd", architecture="jumprelu"), X)
    (tmp_path / "odd" / "cfg.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        load(tmp_path / "odd", X)


def test_the_hub_is_asked_for_a_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``owner/repository:folder`` names the two files of one folder; a hub that is not there is told."""
    asked: list[Any] = []

    def download(repository: str, allow_patterns: list[str]) -> str:
        asked.append((repository, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr("assay.techniques.dictionaries.saelens.snapshot_download", download)
    save(made(KeepLargest(4)), tmp_path / "blocks.3", l0=4.0)
    load("someone/dictionaries:blocks.3", X)
    assert asked == [("someone/dictionaries", ["blocks.3/cfg.json", "blocks.3/sae_weights.safetensors"])]

    def unreachable(*_: Any, **__: Any) -> str:
        raise OSError("no route to the hub")

    monkeypatch.setattr("assay.techniques.dictionaries.saelens.snapshot_download", unreachable)
    with pytest.raises(StoreError, match=r"could not be had from the hub .no route"):
        load("someone/dictionaries", X)


def test_sites_have_their_names_there() -> None:
    """Kinds of site that both know."""
    assert hook_name("z.2") == "blocks.2.attn.hook_z"
    assert hook_name("mlp_hidden.0") == "blocks.0.mlp.hook_post"
    assert hook_name("q.2") == "q.2"
