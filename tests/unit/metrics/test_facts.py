"""Facts right: what a summary says where it was said."""

from training.metrics.facts import facts_right, stands_in

REFERENCE = [
    ((0.0, 10.0), ("the mayor", "opened a bridge", "Lisbon")),
    ((10.5, 20.0), ("a farmer", "found a coin", "Oslo")),
]
FIRST, SECOND = "The mayor opened a bridge in Lisbon.", "In Oslo, a farmer found a coin."


def right(predicted):
    return [fact for fact, is_right in facts_right(REFERENCE, predicted) if is_right]


def test_a_right_answer_has_all_and_none_has_none():
    assert len(right([((0.0, 10.2), FIRST), ((10.4, 20.0), SECOND)])) == 6
    assert facts_right(REFERENCE, []) == [(fact, False) for _, facts in REFERENCE for fact in facts]
    assert facts_right([], [((0.0, 1.0), FIRST)]) == []


def test_facts_of_the_other_section_are_wrong_though_the_whole_text_has_them():
    swapped = [((0.0, 10.0), SECOND), ((10.5, 20.0), FIRST)]
    everything = " ".join(text for _, text in swapped)
    assert all(stands_in(fact, everything) for _, facts in REFERENCE for fact in facts)  # another definition: 6 of 6
    assert right(swapped) == []


def test_one_section_that_says_everything_is_matched_once():
    whole = [((0.0, 20.0), f"{FIRST} {SECOND}")]
    # Matched with the section that it overlaps most; each with its greatest overlap would be 6 of 6.
    assert right(whole) == ["the mayor", "opened a bridge", "Lisbon"]


def test_sections_are_matched_by_time_not_by_order_and_not_where_they_do_not_overlap():
    assert len(right([((10.5, 20.0), SECOND)])) == 3  # by order it would be matched with the first: 0
    assert right([((30.0, 40.0), FIRST)]) == []
    assert len(right([((9.0, 10.0), FIRST), ((10.0, 10.5), "Nothing."), ((19.9, 25.0), SECOND)])) == 6


def test_a_fact_is_whole_words_whatever_the_capitals():
    assert stands_in("a farmer", "A farmer, again.")
    assert not stands_in("a farmer", "The farmer.")
    assert not stands_in("Oslo", "Osloer")
    assert not stands_in("a coin", "a coins")
