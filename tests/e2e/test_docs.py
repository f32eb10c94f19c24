"""What the documents name is there: links and their headings, files of the source tree, targets of the Makefile, commands of the program."""
import re
import subprocess

import pytest

from conftest import ROOT

TRACKED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True).stdout.split()
DOCUMENTS = sorted(TRACKED or (path.relative_to(ROOT).as_posix() for folder in (".", "docs", "docs/reference", "examples", "examples/flights")
                               for path in (ROOT / folder).glob("*.md")))
CODE = re.compile(r"\.(c|h|def|py|sh)$")


def anchors(path):
    """The names of a document's headings, as web pages of git repositories make them."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def links(name):
    return re.findall(r"\]\(([^)\s]+)\)", (ROOT / name).read_text())


def test_there_are_documents_and_they_have_links():
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/project.md"} <= set(DOCUMENTS)
    assert sum(len(links(name)) for name in DOCUMENTS) > 20


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name):
    lost = []
    for link in links(name):
        path, _, heading = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        if not target.exists() or (heading and heading not in anchors(target)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_of_the_code_that_is_named_exists(name):
    named = {word for word in re.findall(r"`([\w./-]+/[\w.-]+)`", (ROOT / name).read_text()) if CODE.search(word)}
    assert [word for word in sorted(named) if not (ROOT / word).exists() and not (ROOT / "src" / word).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/measurements.md"])
def test_every_target_of_make_that_is_named_exists(name):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^ {4})make ([a-z][a-z-]*)", (ROOT / name).read_text(), re.MULTILINE))
    assert named <= targets


def test_every_command_of_the_readme_has_a_reference(sluice_bin):
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    words = [words for row in rows for words in re.findall(r"`([a-z]+(?: [a-z]+)?)", row)]
    assert len(words) > 30
    for command in words:
        done = subprocess.run([sluice_bin, *command.split(), "--help"], capture_output=True, text=True)
        assert (done.returncode, done.stdout.split("\n")[0].startswith(f"usage: sluice {command}")) == (0, True), command


def test_every_benchmark_is_listed_and_what_is_listed_exists():
    text = (ROOT / "bench" / "run.py").read_text()
    listed = re.findall(r"^    ([a-z0-9_]+) +\S", text.split('"""')[1], re.MULTILINE)
    text += (ROOT / "bench" / "orchestrator.py").read_text()
    assert listed and sorted(listed) == sorted(re.findall(r"^def bench_(\w+)", text, re.MULTILINE))
    named = {name for document in DOCUMENTS for name in re.findall(r"`bench/run\.py ([a-z0-9_]+)", (ROOT / document).read_text())}
    assert named and named <= set(listed)
