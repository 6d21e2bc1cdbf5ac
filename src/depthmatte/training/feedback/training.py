"""Train the matte network on feedback, compare it with the current one, adopt it or keep it aside.

The training starts from the current network and uses the ordinary loop. Its samples are feedback
and replay: old data, and unlabeled photos whose truth is the current network's own matte. The
exported file, not the checkpoint, is compared. Nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from ... import __version__
from ...canvas import to_canvas
from ...errors import InputError, WeightsError
from ...feedback.sample_list import FeedbackSample, feedback_folder, list_samples
from ...networks.adopted import (
    AdoptedNetwork,
    adopt_network,
    adopted_folder,
    keep_network,
    list_reports,
)
from ...networks.network import Network
from ...networks.registry import NetworkEntry, file_sha256, network_entry
from ...system.folder_lock import folder_lock
from ...system.printable_text import label
from ...system.user_folders import make_private_folder
from ..data.folders import LabeledPhoto
from ..export import ModelCard, export_onnx
from ..loop import train
from ..recipe import Recipe
from ..tasks.matte import MatteSamples
from ..tasks.registry import TRAINING_TASKS
from ..tasks.task import MaterialOptions, Validator, as_batch, to_network_input
from .decision import AdoptionDecision, PairedScores, decide_adoption
from .material import (
    ReplayMaterial,
    hash_feedback,
    label_replay_photos,
    list_feedback,
    measure_ious,
    mix_samples,
    read_replay,
    split_by_hash,
    split_feedback,
)
from .options import FeedbackRecipe

_NAME = "matte"
_FEEDBACK_LINE = "corrected masks of a user"
"""What a network's card calls feedback."""

_STEPS_PER_VALIDATION = 200
"""Steps after which the run is validated and its checkpoint written, at most."""

_MAX_VALIDATION_PHOTOS = 32
"""Photos on which each epoch is validated, for the log only."""


@dataclass(frozen=True)
class FeedbackOutcome:
    """What became of a training on feedback.

    Attributes
    ----------
    network : AdoptedNetwork or None
        The new network in its folder, adopted or not. None where no feedback was new.
    decision : AdoptionDecision
        Whether it was adopted, and why.
    """

    network: AdoptedNetwork | None
    decision: AdoptionDecision


@dataclass
class _Material:
    """Everything that a training on feedback reads."""

    samples: list[FeedbackSample]
    trained: list[LabeledPhoto]
    held_out: list[LabeledPhoto]
    replay: ReplayMaterial
    unlabeled: list[LabeledPhoto]
    """Kept photos without masks, with the current network's mattes."""

    @property
    def judged(self) -> list[LabeledPhoto]:
        """The feedback on which the networks are compared."""
        return self.held_out or self.trained


def train_on_feedback(
    options: FeedbackRecipe, report: Callable[[str], None] = print
) -> FeedbackOutcome:
    """Train on all feedback of a store, and adopt the new network if it is better.

    Parameters
    ----------
    options : FeedbackRecipe
        How to train, and when to adopt.
    report : callable
        Called with each line of the report.

    Returns
    -------
    FeedbackOutcome
        The new network and the decision. Both stand in its report.json.

    Raises
    ------
    InputError
        For feedback or data that cannot be used, and while another such training runs.
    WeightsError
        When the current network is damaged.

    Example
    -------
    >>> train_on_feedback(FeedbackRecipe(data=("old",), steps=300))  # doctest: +SKIP
    """
    cv2.setNumThreads(1)  # loader processes are forked: a thread pool would hang in them
    home = make_private_folder(adopted_folder(_NAME))
    with folder_lock(home, ".training", busy="another training on feedback is running"):
        samples = list_samples(options.store)
        if not samples:
            store = options.store or feedback_folder()
            raise InputError(
                f"{label(store)}: holds no feedback; add some with depthmatte feedback add"
            )
        digest = hash_feedback(samples)
        reports = list_reports(_NAME)
        if reports and reports[-1].get("feedback_digest") == digest and not options.again:
            reason = "no feedback is new since the last training; --again trains all the same"
            report(reason)
            return FeedbackOutcome(None, AdoptionDecision(False, (reason,)))
        with _run_folder(home, options.out) as out:
            return _train_and_decide(options, samples, digest, out, report)


def _train_and_decide(
    options: FeedbackRecipe,
    samples: list[FeedbackSample],
    digest: str,
    out: Path,
    report: Callable[[str], None],
) -> FeedbackOutcome:
    start = network_entry(_NAME)
    assert start is not None
    threads = options.threads or None
    current = Network(start.path(), threads)
    material = _read_material(options, samples, current, out)
    for line in _describe_material(material, options, start):
        report(line)
    checkpoint = _train(options, material, start.path(), out, report)
    file: Path | None = out / f"{_NAME}.onnx"
    facts: dict[str, Any] = {}
    try:
        parity = export_onnx(
            checkpoint, out / f"{_NAME}.onnx", _make_card(current, options, samples)
        )
    except WeightsError as error:
        file, decision = None, AdoptionDecision(False, (f"it cannot be exported: {error}",))
    else:
        fresh = Network(out / f"{_NAME}.onnx", threads)
        facts, decision = _judge(current, fresh, material, options, report)
        facts |= {"sha256": file_sha256(out / f"{_NAME}.onnx"), "parity": parity}
    stored = keep_network(
        _NAME,
        file,
        {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "adopted": decision.adopted,
            "reasons": decision.reasons,
            "sha256": "",
            "version": __version__,
            "start": {"source": start.source, "sha256": start.expected_sha256},
            "feedback_digest": digest,
            "material": _material_json(material, options),
            "options": _options_json(options),
            **facts,
        },
    )
    if decision.adopted:
        adopt_network(stored)
    report(("adopted: " if decision.adopted else "kept aside: ") + "; ".join(decision.reasons))
    report(f"network and report: {stored.folder}")
    return FeedbackOutcome(stored, decision)


def _make_card(
    current: Network, options: FeedbackRecipe, samples: Sequence[FeedbackSample]
) -> ModelCard:
    """The new network's card: what the current one learned from, and feedback."""
    before = [line for line in current.contract.data if not line.startswith(_FEEDBACK_LINE)]
    return ModelCard(
        command="train matte --feedback",
        data=(*before, f"{_FEEDBACK_LINE}: {len(samples)}"),
        numbers={"steps": options.steps, "feedback": len(samples)},
    )


def _judge(
    current: Network,
    fresh: Network,
    material: _Material,
    options: FeedbackRecipe,
    report: Callable[[str], None],
) -> tuple[dict[str, Any], AdoptionDecision]:
    """Compare both networks; the figures for the report, and the decision."""
    scores = {
        "kept": _compare(current, fresh, material.replay.kept),
        "agreement": _compare(current, fresh, material.unlabeled),
        "feedback": _compare(current, fresh, material.judged),
    }
    for name, pairs in scores.items():
        if len(pairs):
            report(f"{name}: {pairs.describe()}")
    decision = decide_adoption(
        **scores, tolerance=options.tolerance, min_agreement=options.agreement
    )
    facts: dict[str, Any] = {name: pairs.to_json() for name, pairs in scores.items()}
    return facts | {"feedback_held_out": bool(material.held_out)}, decision


def _read_material(
    options: FeedbackRecipe, samples: list[FeedbackSample], current: Network, out: Path
) -> _Material:
    """Read everything that can be wrong before the first step."""
    trained, held_out = split_feedback(list_feedback(samples))
    replay = read_replay(options.data)
    unlabeled: list[LabeledPhoto] = []
    if options.replay_photos is not None:
        taught = label_replay_photos(options.replay_photos, current, out / "mattes")
        learned, unlabeled = split_by_hash(taught)
        replay.items += learned
        replay.shares += [1.0] * len(learned)
    return _Material(samples, trained, held_out, replay, unlabeled)


def _describe_material(
    material: _Material, options: FeedbackRecipe, start: NetworkEntry
) -> Iterator[str]:
    """Yield what is learned from, what is replayed and what is kept, one line each."""
    kind = start.source if start.is_adopted else "the shipped network"
    yield f"start: {kind}, sha256 {start.expected_sha256[:12]}"
    yield f"feedback: {len(material.trained)} trained, {len(material.held_out)} held out"
    if not material.held_out:
        yield "feedback: too little to hold some out; it is judged on what was trained"
    if material.replay.items:
        yield (
            f"replay: {len(material.replay.items)} photos, {options.replay:.0%} of the samples, "
            f"from {' and '.join(_replay_sources(options))}"
        )
    else:
        yield "replay: none, only varied feedback; --data or --replay-photos guard old abilities"
    yield (
        f"check: {len(material.replay.kept)} kept photos with masks, "
        f"{len(material.unlabeled)} without"
    )


def _replay_sources(options: FeedbackRecipe) -> list[str]:
    sources = [label(path) for path in options.data]
    if options.replay_photos is not None:
        sources.append(f"{label(options.replay_photos)} (mattes of the current network)")
    return sources


@dataclass(frozen=True)
class _GivenSamples:
    """Makes a run learn from samples that are there already, not from its data folder."""

    samples: MatteSamples

    def from_options(self, _: MaterialOptions) -> MatteSamples:
        return self.samples


def _train(
    options: FeedbackRecipe,
    material: _Material,
    start: Path,
    out: Path,
    report: Callable[[str], None],
) -> Path:
    """Run the ordinary loop on the mixed samples; returns the checkpoint."""
    recipe = Recipe(
        task=_NAME,
        data=(options.store or feedback_folder(),),
        out=out / "run",
        steps=options.steps,
        validate_every=min(options.steps, _STEPS_PER_VALIDATION),
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        preset=options.preset,
        strength=options.strength,
        seed=options.seed,
        threads=options.threads,
        workers=options.workers,
        start=str(start),
    )
    samples = mix_samples(
        material.trained, material.replay, options, options.steps * options.batch_size
    )
    judged = material.judged[:_MAX_VALIDATION_PHOTOS]
    task = replace(
        TRAINING_TASKS[_NAME],
        samples=_GivenSamples(samples),  # type: ignore[arg-type]
        validator=lambda _: _iou_validator(judged, options),
        predictor=None,  # the report's photos would be those of a data folder
    )
    return train(recipe, report, task=task)


def _iou_validator(items: Sequence[LabeledPhoto], options: FeedbackRecipe) -> Validator:
    """1 - mean IoU on given photos, on the canvas of the training."""

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()
        scores = []
        for item in items:
            rgb, mask = item.read()
            fit, image = to_network_input(rgb, options.preset)
            truth = to_canvas(mask, fit)[fit.content_slices] > 127
            logits = network(as_batch(network, image)).matte[0, 0].cpu().numpy()
            guess = logits[fit.content_slices] > 0
            scores.append((guess & truth).sum() / max(1, (guess | truth).sum()))
        return 1 - float(np.mean(scores))

    return validate


def _compare(current: Network, fresh: Network, items: Sequence[LabeledPhoto]) -> PairedScores:
    names = tuple(item.photo.name for item in items)
    return PairedScores(names, measure_ious(current, items), measure_ious(fresh, items))


def _material_json(material: _Material, options: FeedbackRecipe) -> dict[str, Any]:
    return {
        "feedback": [one.id for one in material.samples],
        "held_out": [item.photo.stem for item in material.held_out],
        "replay_photos": len(material.replay.items),
        "replay_share": options.replay if material.replay.items else 0.0,
        "replay_from": _replay_sources(options),
    }


def _options_json(options: FeedbackRecipe) -> dict[str, Any]:
    plain = ("steps", "batch_size", "learning_rate", "strength", "seed", "tolerance", "agreement")
    return {name: getattr(options, name) for name in plain} | {"preset": list(options.preset)}


@contextlib.contextmanager
def _run_folder(home: Path, out: Path | None) -> Iterator[Path]:
    """Where checkpoint and log lie during the run: `out`, or a folder that is deleted at its end.

    The caller holds the lock, so what is left of a killed run is deleted first.
    """
    if out is not None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{label(out)}: is not empty; give a new folder as --out")
        yield make_private_folder(out)
        return
    folder = home / ".run"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield make_private_folder(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
