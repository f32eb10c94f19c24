"""Read Delta tables with Spark, for the tests: spark_tables.py JARS_FOLDER, run by the python of the Spark environment.

Takes one JSON request a line, {"table": folder, "version": number or null, "out": file}, writes the rows as one Parquet file to
`out` and answers with one JSON line: {"rows": number} or {"error": text}.
"""
import json
import pathlib
import sys

from pyspark.sql import SparkSession


def start(jars, work):
    builder = SparkSession.builder.master("local[1]").appName("sluice-tests")
    settings = {
        "spark.jars": ",".join(str(jar) for jar in sorted(jars.glob("*.jar"))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(work / "warehouse"),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def answer(spark, request):
    reader = spark.read.format("delta")
    if request.get("version") is not None:
        reader = reader.option("versionAsOf", request["version"])
    frame = reader.load(request["table"])
    folder = request["out"] + ".d"
    frame.coalesce(1).write.mode("overwrite").parquet(folder)
    parts = list(pathlib.Path(folder).glob("part-*.parquet"))
    parts[0].rename(request["out"])
    return {"rows": frame.count()}


def main():
    jars, work = pathlib.Path(sys.argv[1]), pathlib.Path.cwd()
    spark = start(jars, work)
    print(json.dumps({"ready": spark.version}), flush=True)
    for line in sys.stdin:
        try:
            reply = answer(spark, json.loads(line))
        except Exception as error:  # whatever Spark throws is the test's to judge
            reply = {"error": str(error)}
        print(json.dumps(reply), flush=True)
    spark.stop()


main()
