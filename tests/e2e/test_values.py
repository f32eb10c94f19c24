"""Values that are easily mishandled on their way into a table's log."""
import deltalake
import duckdb


def test_a_text_with_a_nul_character_is_found_by_filters(project):
    project.write("sluice.yml", "name: nul\nchecks: {requirements: off}\n")
    project.write("models/n.sql", "select 'a' || chr(0) || 'b' as t, 1 as x")
    project.run("run")
    assert project.json("query", "select x from curated.n where t > 'a'")["rows"] == [[1]]
    found = deltalake.DeltaTable(str(project.table_folder("curated.n"))).to_pyarrow_dataset()
    assert duckdb.sql("select x from found where t > 'a'").fetchall() == [(1,)]


def test_a_nul_character_in_a_partition_is_refused_and_nothing_is_published(project):
    project.write("sluice.yml", "name: nul\nchecks: {requirements: off}\n")
    project.write("models/n.sql", "/* sluice\nwrite: partition\npartition_by: [t]\n*/\nselect 'a' || chr(0) as t, 1 as x")
    assert "NUL" in project.run("run", exit_code=1).stderr
    assert not list((project.table_folder("curated.n") / "_delta_log").glob("*.json"))
