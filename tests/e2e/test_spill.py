"""An input of ten times the memory limit is ingested, cleansed and modelled by spilling, and every count is the planted one."""
import json
import os
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT, Project

ORDERS = ROOT / "bench" / "orders"
ROWS = 25_000_000  # 2.3 GB
MEMORY_MB = 230


@pytest.mark.heavy
def test_an_input_of_ten_times_the_memory_finishes_by_spilling(tmp_path, sluice_bin):
    data = tmp_path / "data"
    data.mkdir()
    subprocess.run([sys.executable, ORDERS / "generate.py", data, str(ROWS)], check=True, stdout=subprocess.DEVNULL)
    assert (data / "orders.csv").stat().st_size > 9.9 * MEMORY_MB * 1_000_000
    planted = json.loads((data / "planted.json").read_text())
    project = Project(tmp_path / "project", sluice_bin)
    shutil.copytree(ORDERS / "project", project.folder, dirs_exist_ok=True)
    project.write("sluice.yml", f"name: spill\nchecks: {{requirements: off}}\nengine: {{memory: {MEMORY_MB}MB}}\n")
    (project.folder / "data").symlink_to(data)
    result = project.json("run", timeout=1800)
    rows = next(step for step in result["steps"] if step["table"] == "clean.orders")["rows"]
    assert rows["quarantined"] == planted["quarantined_rows"]
    assert rows["deduplicated"] == planted["deduplicated_rows"]
    assert rows["in"] == ROWS
    assert rows["out"] == ROWS - planted["quarantined_rows"] - planted["deduplicated_rows"]
    spill = project.folder / ".sluice" / "spill"
    assert not spill.exists() or not os.listdir(spill)
