"""Print the wordings that `timeaudio find` reads: `python -m training.data.vocabulary > timeaudio/archive/kinds.json`.

The light package cannot import `training`, so it has a copy. A contract test fails when the copy is out of date.
"""

import json

from training.data.vocabulary import groups, vocabulary


def archive_kinds() -> str:
    """Return the wordings of every kind and the queries of every group, as JSON."""
    kinds = {
        kind: {"keywords": wording.keywords, "captions": wording.captions, "queries": wording.queries}
        for kind, wording in vocabulary().items()
    }
    named = {name: {"kinds": group.kinds, "queries": group.queries} for name, group in sorted(groups().items())}
    return json.dumps({"kinds": kinds, "groups": named}, indent=1) + "\n"


if __name__ == "__main__":
    print(archive_kinds(), end="")
