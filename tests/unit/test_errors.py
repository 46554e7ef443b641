"""The error tree of the model."""

import pickle

from model.errors import AudioTooLong, MissingWeights, TimeAudioError


def test_errors_are_pickled_with_their_fields():
    error = AudioTooLong(limit_s=150.0, duration_s=200.04, setting="LIMIT")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.limit_s, copy.duration_s) == (AudioTooLong, str(error), 150, 200.04)
    assert str(copy) == "Send at most 150 s; this recording is 200.0 s (limit: LIMIT)."


def test_the_tree_in_the_docstring_names_every_error():
    import model.errors

    def names(kind):
        return {kind.__name__}.union(*(names(k) for k in kind.__subclasses__() if k.__module__ == "model.errors"))

    assert all(name in model.errors.__doc__ for name in names(TimeAudioError))
    assert MissingWeights(["a"], where="f").keys == ("a",)
