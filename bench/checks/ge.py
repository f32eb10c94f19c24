"""The seven claims of claims.json about Parquet files as expectations of Great Expectations: ge.py GLOB. Prints what each found as JSON."""
import json
import os
import pathlib
import sys
import time

os.environ["GX_ANALYTICS_ENABLED"] = "false"
import duckdb
import great_expectations as gx
from great_expectations import expectations as gxe

claims = json.loads((pathlib.Path(__file__).parent / "claims.json").read_text())


def expectation(claim):
    column = claim["column"]
    match claim["kind"]:
        case "not_null":
            return gxe.ExpectColumnValuesToNotBeNull(column=column)
        case "unique":
            return gxe.ExpectColumnValuesToBeUnique(column=column)
        case "range":
            return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=claim["min"], max_value=claim["max"])
        case "accepted_values":
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=claim["values"])
        case "pattern":
            return gxe.ExpectColumnValuesToMatchRegex(column=column, regex=claim["pattern"])
    raise ValueError(claim)


start = time.perf_counter()
# Only the columns it needs, and decimals as floats: pandas would make objects of them, and be slower.
connection = duckdb.connect(config={"threads": 2})
columns = sorted({claim["column"] for claim in claims})
frame = connection.execute(f"select {', '.join(columns)} from read_parquet(?)", [sys.argv[1]]).df()
connection.close()
read = time.perf_counter() - start
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
suite = gx.ExpectationSuite(name="claims", expectations=[expectation(claim) for claim in claims])
result = batch.validate(suite)
for one in result.results:
    if one.exception_info and one.exception_info.get("raised_exception"):
        sys.exit(f"{one.expectation_config}: {one.exception_info}")
print(json.dumps({"rows": len(frame), "read_s": read, "found": {claim["name"]: one.result["unexpected_count"] for claim, one in zip(claims, result.results)}}))
