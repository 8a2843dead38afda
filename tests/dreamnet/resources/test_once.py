import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dreamnet.resources.once import Once


def test_who_asks_at_the_same_moment_shares_one_answer():
    once, asked, all_here = Once(), [], threading.Barrier(8)

    def ask():
        asked.append(1)
        return object()

    def question(_):
        all_here.wait(timeout=5)
        return once.get(("list", "vpc"), ask)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(question, range(8)))
    assert len(answers) == len(asked) == 1
    assert once.get(("list", "subnet"), ask) not in answers


def test_a_refusal_is_everybodys():
    once, asked = Once(), []

    def ask():
        asked.append(1)
        raise LookupError("refused")

    for _ in range(2):
        with pytest.raises(LookupError, match="refused"):
            once.get("x", ask)
    assert len(asked) == 1
