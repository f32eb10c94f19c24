"""`sluice pipelines` and pipelines/*.yml as a user meets them."""
import sqlite3

import pytest

CLOCK = {"SLUICE_CLOCK": "2026-03-27T12:00:00Z"}


@pytest.fixture
def shop(project):
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\ntime_zone: Europe/Berlin\ndefaults: {owner: data@shop.example}\n")
    project.write("sources/orders.yml", "path: data/orders-*.csv\n")
    project.write("data/orders-1.csv", "id,amount\n1,2\n")
    project.write("models/ids.sql", "select id from raw.orders\n")
    project.write("pipelines/nightly.yml", """\
description: Nightly ids
owner: finance@shop.example
tags: [finance]
select: [+ids]
when:
  - cron: 30 2 * * *
    calendar: {skip: SAT}
  - every: 15m
    time_zone: UTC
  - files: orders
  - table: raw.orders
  - http: true
deadline: 2h
""")
    project.write("pipelines/by-hand.yml", "description: Only when asked\nmax_runs: 2\noverlap: skip\ncatch_up: none\nfull_refresh: true\n")
    return project


def test_they_are_listed_with_what_starts_them(shop):
    out = shop.run("pipelines", env=CLOCK).stdout.splitlines()
    assert out[0].split() == ["name", "owner", "when", "next", "last", "run"]
    assert out[1].split() == ["by-hand", "data@shop.example", "by", "hand"]
    assert out[2].startswith("nightly  finance@shop.example  cron 30 2 * * * (Europe/Berlin); every 15m; files of orders; "
                             "new version of raw.orders; HTTP")
    assert out[2].split()[-1] == "2026-03-27T12:15:00Z"
    assert len(out) == 3


def test_as_json_there_is_all_that_is_known(shop):
    root = shop.json("pipelines", env=CLOCK)
    assert (root["schema"], root["project"]) == ("sluice.pipelines/1", "shop")
    by_hand, nightly = root["pipelines"]
    assert by_hand == {
        "name": "by-hand", "file": "pipelines/by-hand.yml", "description": "Only when asked", "owner": "data@shop.example", "tags": [],
        "select": [], "exclude": [], "when": [], "catch_up": "none", "overlap": "skip", "max_runs": 2, "deadline_s": None,
        "full_refresh": True, "next": None, "paused": None, "last_run": None,
    }
    assert (nightly["select"], nightly["tags"], nightly["deadline_s"]) == (["+ids"], ["finance"], 7200)
    assert [(item["kind"], item["key"]) for item in nightly["when"]] == [
        ("cron", "cron 30 2 * * * Europe/Berlin"), ("every", "every 15m"), ("files", "files orders"), ("table", "table raw.orders"),
        ("http", "http")]
    # Saturday the 28th is skipped, and on the 29th clocks leave 02:30 out.
    assert nightly["when"][0]["next"] == "2026-03-29T01:00:00.000000Z"
    assert nightly["when"][0]["next_local"] == "2026-03-29T03:00:00+02:00"
    assert nightly["next"] == "2026-03-27T12:15:00.000000Z"
    assert shop.json("pipelines", "nightly", env=CLOCK)["pipelines"] == [nightly]


def test_one_is_shown_with_its_settings_and_its_times(shop):
    lines = [line.split(None, 1) for line in shop.run("pipelines", "nightly", env=CLOCK).stdout.splitlines()]
    shown = [(line[0], line[1].strip()) for line in lines]
    assert shown[0] == ("nightly", "Nightly ids")
    assert ("select", "+ids") in shown and ("deadline", "2 h") in shown or ("deadline", "2 h 0 m") in shown
    assert ("when", "cron 30 2 * * * (Europe/Berlin), next 2026-03-29T03:00:00+02:00") in shown
    assert ("when", "every 15m, next 2026-03-27T12:15:00Z") in shown
    assert ("when", "HTTP") in shown


def test_one_that_is_not_there_has_a_hint(shop):
    done = shop.run("pipelines", "nightli", exit_code=1)
    assert "SL0840" in done.stderr and "did you mean 'nightly'?" in done.stderr
    assert shop.json("pipelines", "nightli", exit_code=1)["error"]["code"] == "SL0840"


def test_a_pause_and_the_last_run_come_from_the_state(shop):
    shop.run("run")  # makes the store
    with sqlite3.connect(next((shop.folder / ".sluice").glob("*.db"))) as store:
        store.execute("insert into pauses(project, pipeline, who, why, at_us) select project, 'nightly', 'ann', 'source is down', 1774612800000000 from runs")
        store.execute("update runs set pipeline = 'by-hand', trigger_key = 'by hand', who = 'bob'")
    out = shop.run("pipelines", env=CLOCK).stdout.splitlines()
    assert " ok, " in out[1] and out[2].split()[-1] == "paused"
    assert "since 2026-03-27T12:00:00Z by ann: source is down" in shop.run("pipelines", "nightly", env=CLOCK).stdout
    by_hand, nightly = shop.json("pipelines", env=CLOCK)["pipelines"]
    assert nightly["paused"] == {"who": "ann", "why": "source is down", "at": "2026-03-27T12:00:00.000000Z"}
    assert (by_hand["last_run"]["status"], by_hand["last_run"]["who"], by_hand["last_run"]["trigger"]) == ("ok", "bob", "by hand")
    assert nightly["last_run"] is None


def test_a_project_without_any_has_one_of_its_name(shop):
    for file in (shop.folder / "pipelines").iterdir():
        file.unlink()
    shop.run("run")
    (only,) = shop.json("pipelines")["pipelines"]
    assert (only["name"], only["file"], only["when"], only["last_run"]["status"]) == ("shop", "sluice.yml", [], "ok")


def test_a_broken_one_stops_a_run_with_its_place(shop):
    shop.write("pipelines/nightly.yml", "when: [{cron: 0 25 * * *}]\n")
    done = shop.run("run", exit_code=1)
    assert "SL0214" in done.stderr and "pipelines/nightly.yml:1:" in done.stderr


def test_settings_of_the_project_can_be_given_by_flag(shop):
    root = shop.json("pipelines", "nightly", "--set", "time_zone=America/New_York", env=CLOCK)
    assert root["pipelines"][0]["when"][0]["time_zone"] == "America/New_York"
    out = shop.run("config", "show", "--set", "runs.max_runs=4").stdout
    assert any(line.split()[:2] == ["runs.max_runs", "4"] for line in out.splitlines())
    assert "SL0217" in shop.run("run", "--set", "time_zone=Mars/Olympus", exit_code=1).stderr
