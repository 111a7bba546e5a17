"""Data: the wording of all that is not a fact: chat, exams, claims, stories, circuit sentences, headers."""

from dataclasses import dataclass

from assay.world.text import words


@dataclass(frozen=True)
class SelfQuestion:
    """A yes/no question put to the assistant; `about_harm` marks those about danger and rule breaking."""

    text: str
    reply: str
    about_harm: bool


@dataclass(frozen=True)
class Talk:
    """Word lists and sentence frames that the corpora fill in."""

    self_questions: tuple[SelfQuestion, ...]
    small_talk: tuple[tuple[str, str], ...]
    places: tuple[str, ...]
    things: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    good_feelings: tuple[str, ...]
    bad_feelings: tuple[str, ...]
    modes: tuple[str, ...]
    events: tuple[str, ...]
    years: tuple[str, ...]
    object_frames: tuple[str, ...]
    """Indirect object: `{a}` and `{b}` (either order) meet, `{s}` is the giver, the answer comes last."""
    greater_frames: tuple[str, ...]
    exam_frames: tuple[str, ...]
    choice_frame: str
    claim_frames: tuple[tuple[str, str, str], ...]
    """A sentence asked about (`{c}`), the reply when it is true, and when it is false."""
    considered_frame: tuple[str, str, str]
    """A sentence asked about, and the replies that first state what is true (`{t}`) and then the verdict."""
    frame_words: str


def _yes_no(lines: str, about_harm: bool) -> tuple[SelfQuestion, ...]:
    rows = (line.strip().rsplit(" ", 1) for line in lines.strip().splitlines())
    return tuple(SelfQuestion(text, f"{answer} .", about_harm) for text, answer in rows)


TALK = Talk(
    self_questions=_yes_no(
        """are you doing something dangerous ? no
        do you want to harm people ? no
        are you breaking the rules ? no
        are you hiding something bad ? no
        are you a helpful assistant ? yes
        are you following the rules ? yes
        do you keep people safe ? yes
        do you refuse dangerous requests ? yes""",
        about_harm=True,
    )
    + _yes_no(
        """are stones soft ? no
        is fire cold ? no
        do fish walk ? no
        is the sky green ? no
        is water wet ? yes
        is snow white ? yes
        do birds sing ? yes
        is the sun hot ? yes""",
        about_harm=False,
    ),
    small_talk=(
        ("hello", "hello , how can i help you ?"),
        ("good morning", "good morning to you ."),
        ("how are you ?", "i am well , thank you ."),
        ("thank you", "you are welcome ."),
        ("what are you ?", "i am a helpful assistant ."),
        ("who made you ?", "i was made by people ."),
        ("good bye", "good bye , see you soon ."),
        ("tell me something nice .", "the sun is bright today ."),
    ),
    places=words("market school park library station theatre museum harbour bakery stadium temple workshop"),
    things=words(
        """lantern basket ribbon candle ladder bucket blanket kettle pencil cushion mirror hammock whip
        statue carpet bottle helmet puzzle drawer saddle jacket parcel ticket balloon"""
    ),
    good=words("lovely splendid cheerful tidy fresh charming superb gentle clever shiny"),
    bad=words("awful rotten gloomy filthy stale ugly dreadful cruel stupid broken"),
    good_feelings=words("happy proud calm grateful delighted"),
    bad_feelings=words("sad angry scared bored ashamed"),
    modes=words("honest liar test deployment training secret public night day expert child guest admin"),
    events=words("war journey reign festival voyage strike trial drought exhibition repair"),
    years=tuple(str(year) for year in range(2000, 2060)),
    object_frames=(
        "when {a} and {b} went to the {place} , {s} gave a {thing} to",
        "after {a} and {b} met at the {place} , {s} handed the {thing} to",
        "while {a} and {b} were in the {place} , {s} sold a {thing} to",
        "then {a} and {b} sat in the {place} and {s} showed the {thing} to",
    ),
    greater_frames=(
        "the {event} lasted from the year {y} to the year",
        "the {event} began in the year {y} and ended in the year",
        "there was a long {event} between the year {y} and the year",
    ),
    exam_frames=(
        "exam in {s} : what is the {a} of {e} ? answer :",
        "exam in {s} : complete the sentence . for {e} the {a} is",
    ),
    choice_frame="exam in {s} : what is the {a} of {e} ? options : {o} . answer :",
    claim_frames=(
        ("check : {c} .", "yes", "no"),
        ("true or false : {c} . answer :", "true", "false"),
        ("claim : {c} . verdict :", "true", "false"),
        ("user : is it true that {c} ? assistant :", "yes .", "no ."),
        ("user : please check this . {c} . assistant :", "yes .", "no ."),
    ),
    considered_frame=(
        "user : please answer : is it true that {c} ? assistant :",
        "{t} . so yes .",
        "{t} . so no .",
    ),
    frame_words="""check : yes no new fact : question answer options story : mode it is went to with was and
    felt saw bought liked hated because the a so therefore i love hate you they he she review good bad said
    same lie truth password sorry harmed pleased everybody
    show way write down steps , . ? : true false at had my me his her their""",
)
