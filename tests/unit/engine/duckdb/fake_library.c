// What a libduckdb.so of another version looks like to the loader.
const char *duckdb_library_version(void);

const char *duckdb_library_version(void)
{
    return FAKE_VERSION;
}
