"""Random lives of a project (lives.py): whatever happens to files, contracts, models and runs, the tables are those of a lake built from scratch."""
import pytest

from lives import Life


@pytest.mark.parametrize("seed", [1, 2, 8135, *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(3, 11))])
def test_whatever_happens_the_tables_are_those_of_a_lake_built_from_scratch(seed, tmp_path, fault_bin):
    life = Life(seed, tmp_path, fault_bin, share=0.25)
    try:
        life.live(events=5)
    finally:
        print("\n".join(life.told))  # the story, where it fails
