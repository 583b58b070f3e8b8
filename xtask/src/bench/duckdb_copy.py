"""Copies tables with DuckDB: CREATE TABLE AS from SQLite to PostgreSQL, table by table. It converts nothing.

duckdb_copy.py --version    prints DuckDB's version where it and both extensions are installed
duckdb_copy.py JOB          reads sqlite, postgres and tables from a JSON file; prints the seconds of the copy as JSON
"""

import glob
import json
import os
import sys
import time

import duckdb
import duckdb_extension_postgres_scanner
import duckdb_extension_sqlite_scanner


def load(connection, package):
    """Loads the extension that lies in a Python package."""
    folder = os.path.dirname(package.__file__)
    [path] = glob.glob(os.path.join(folder, "extensions", "*", "*.duckdb_extension"))
    connection.execute("LOAD " + literal(path))


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def name(text):
    return '"' + text.replace('"', '""') + '"'


def main():
    connection = duckdb.connect()
    # It would go to standard output, between the figures.
    connection.execute("SET enable_progress_bar = false")
    load(connection, duckdb_extension_sqlite_scanner)
    load(connection, duckdb_extension_postgres_scanner)
    if sys.argv[1] == "--version":
        print("DuckDB " + duckdb.__version__)
        return
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    connection.execute("ATTACH " + literal(job["sqlite"]) + " AS source (TYPE sqlite, READ_ONLY)")
    connection.execute("ATTACH " + literal(job["postgres"]) + " AS target (TYPE postgres)")
    began = time.monotonic()
    for table in job["tables"]:
        connection.execute(
            "CREATE TABLE target.public." + name(table) + " AS SELECT * FROM source." + name(table)
        )
    print(json.dumps({"seconds": time.monotonic() - began}))


main()
