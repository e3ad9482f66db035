"""Equality with the recorded outputs of HiPER's released function."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiper_agents.advantages import HAEConfig, Masks, Preset, ShapingConfig, TurnMarks, Turns, compute_advantages

TOLERANCE = 1e-9


def read_batches(path: Path) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    archive = np.load(path, allow_pickle=False)
    columns = {name: archive[name] for name in archive if name != "cfg_json"}
    settings = json.loads(str(archive["cfg_json"]))
    batches = []
    for position, setting in enumerate(settings):
        if not (setting["mid_done"] or setting["_dup"]):
            rows = columns["in_batch"] == position
            batches.append((setting, {name: values[rows] for name, values in columns.items()}))
    return batches


def make_preset(setting: dict[str, Any]) -> Preset:
    truncation = "released" if setting["bootstrap_truncated"] else "none"
    return Preset(
        HAEConfig(setting["gamma"], setting["lam_turn"], setting["lam_seg"], truncation),
        ShapingConfig(
            keep_reward=setting["keep_penalty"],
            keep_mode=setting["keep_penalty_mode"],
            invalid_penalty=setting["invalid_action_penalty_coef"],
            consistency_reward=setting["keep_consistency_penalty"],
            consistency_needs_both=setting["keep_consistency_requires_both"],
        ),
        normalises=setting["norm_adv"],
    )


def make_turns(setting: dict[str, Any], batch: dict[str, np.ndarray]) -> Turns:
    return Turns(
        episode=batch["in_traj"],
        turn=batch["in_turn"],
        switch=batch["in_switch"],
        terminated=batch["in_done"],
        reward=batch["in_reward"],
        value_low=batch["in_v_low"],
        value_high=batch["in_v_low"] if setting["single_head"] else batch["in_v_high"],
        value_switch=batch["in_v_term"] if setting["has_term"] else None,
    )


def make_owners(setting: dict[str, Any], batch: dict[str, np.ndarray]) -> Masks:
    owns_high = batch["in_subgoal"] >= 0
    if setting["assign_high_to_switch"]:
        owns_high = owns_high | batch["in_has_switch"]
    owns_switch = batch["in_has_switch"] & setting["assign_term_to_switch"]
    return Masks(action=batch["in_has_action"], subgoal=owns_high, switch=owns_switch)


def assert_same(ours: np.ndarray, recorded: np.ndarray, what: str) -> None:
    np.testing.assert_allclose(ours, recorded, rtol=0, atol=TOLERANCE, equal_nan=True, err_msg=what)


def test_recorded_batches(shared: Path) -> None:
    batches = read_batches(shared / "gold" / "hae" / "hae.npz")
    assert len(batches) > 50
    for setting, batch in batches:
        turns, masks, preset = make_turns(setting, batch), make_owners(setting, batch), make_preset(setting)
        marks = TurnMarks(valid=batch["in_valid"], subgoal=batch["in_subgoal"])
        raw = compute_advantages(turns, Preset(preset.hae, preset.shaping, normalises=False), marks, masks)
        final = compute_advantages(turns, preset, marks, masks)
        np.testing.assert_array_equal(raw.boundary, batch["gold_boundary"])
        for ours, theirs in (("low", "low"), ("high", "high"), ("switch", "term")):
            what = f"{ours} with {setting}"
            assert_same(getattr(raw, f"advantage_{ours}"), batch[f"gold_adv_{theirs}_raw_f64"], f"raw {what}")
            assert_same(getattr(final, f"advantage_{ours}"), batch[f"gold_adv_{theirs}_out_f64"], f"final {what}")
            assert_same(getattr(final, f"return_{ours}"), batch[f"gold_ret_{theirs}_f64"], f"return {what}")


def test_malformed_batches_are_refused(shared: Path) -> None:
    archive = np.load(shared / "gold" / "hae" / "hae.npz", allow_pickle=False)
    settings = json.loads(str(archive["cfg_json"]))
    sentences = {"mid_done": "goes on after it", "_dup": "more than once"}
    for mark, sentence in sentences.items():
        for position in [index for index, setting in enumerate(settings) if setting[mark]]:
            rows = archive["in_batch"] == position
            batch = {name: archive[name][rows] for name in archive if name != "cfg_json"}
            with pytest.raises(ValueError, match=sentence):
                make_turns(settings[position], batch)
