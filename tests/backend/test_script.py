"""The script's small talk."""

import pytest

from hero365_edge.backend.script import PHRASES, Conversation, nearest


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("What's next on my schedule?", "Next is the Miller job"),
        ("what is next on schedule", "Next is the Miller job"),
        ("Show me today's schedule", "You have three jobs today"),
        ("show me to day schedule", "You have three jobs today"),
        ("What is the address for this job?", "The address is"),
        ("Call the customer.", "Calling Anna Miller"),
        ("call that customer", "Calling Anna Miller"),
        ("Mark the job complete", "Done."),
        ("mark this job is complete", "Done."),
        ("Create an estimate", "What is the estimate for?"),
        (None, "Sorry, I didn't catch that"),
        ("", "Sorry, I didn't catch that"),
        ("How tall is the Eiffel tower?", "I heard: How tall is the Eiffel tower. What would you like me to do?"),
    ],
)
def test_each_question_has_its_answer(said: str | None, answer: str) -> None:
    assert answer in Conversation().reply(said)


def test_an_estimate_takes_two_steps() -> None:
    talk = Conversation()
    talk.reply("create an estimate")
    assert talk.reply("Replace the water heater.") == "I created the estimate for: Replace the water heater."
    assert "I heard" in talk.reply("Replace the water heater.")


def test_another_question_ends_the_estimate() -> None:
    talk = Conversation()
    talk.reply("create an estimate")
    assert "Oak Street" in talk.reply("What's the address?")
    assert "I heard" in talk.reply("Replace the water heater.")


def test_every_phrase_is_nearest_to_itself() -> None:
    assert [found and found[0] for found in map(nearest, PHRASES)] == list(PHRASES)


@pytest.mark.parametrize(
    "said",
    [
        "what is the miller you",
        "the no the what's",
        "call for the an",
        "complete the what is today",
        "thank you create today show",
        "the mark the address me you thank you address complete",
        "schedule an appointment with the dentist for tomorrow afternoon",
    ],
)
def test_a_salad_of_the_script_s_words_is_none_of_its_phrases(said: str) -> None:
    assert nearest(said) is None


def test_a_long_speech_is_not_repeated_in_full() -> None:
    assert len(Conversation().reply("blah " * 500)) < 200
