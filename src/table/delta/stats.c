#include "table/delta/partition.h"

#include "base/clock.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

// Columns that get statistics: delta.dataSkippingNumIndexedCols of the reference implementation.
#define INDEXED_COLUMNS 32
// Characters of a text that are kept: its length there too.
#define KEPT_CHARACTERS 32
// The greatest character, U+10FFFF. Behind a cut maximum it makes a bound above whatever was cut.
#define GREATEST "\xF4\x8F\xBF\xBF"

enum bound { MIN, MAX };

static const struct sl_column_stats *find_stats(const struct sl_staged_file *file, const char *name)
{
    for (size_t i = 0; i < file->stats_count; i++)
        if (strcmp(file->stats[i].name, name) == 0)
            return &file->stats[i];
    return NULL;
}

// The grammar of JSON, so that the digits are taken over as they are.
static bool is_json_number(const char *text)
{
    text += *text == '-';
    if (!isdigit((unsigned char)*text) || (*text == '0' && isdigit((unsigned char)text[1])))
        return false;
    text += strspn(text, "0123456789");
    if (*text == '.') {
        if (!isdigit((unsigned char)text[1]))
            return false;
        text += 1 + strspn(text + 1, "0123456789");
    }
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '+' || text[1] == '-');
        if (!isdigit((unsigned char)*text))
            return false;
        text += strspn(text, "0123456789");
    }
    return *text == '\0';
}

// Bytes of the first KEPT_CHARACTERS characters.
static size_t prefix_length(const char *text)
{
    size_t characters = 0;
    size_t length = 0;

    for (; text[length]; length++) {
        characters += ((unsigned char)text[length] & 0xC0) != 0x80;
        if (characters > KEPT_CHARACTERS)
            break;
    }
    return length;
}

// "String columns are cut off at a fixed prefix length": a cut minimum is still below, a cut
// maximum needs a greater end.
static bool add_text(struct sl_buf *json, const char *text, enum bound bound)
{
    char kept[KEPT_CHARACTERS * 4 + sizeof GREATEST];
    size_t length = prefix_length(text);
    bool is_cut = text[length] != '\0';

    // Invalid UTF-8 (no text of the engine's) could run longer than 4 bytes a character.
    if (length > KEPT_CHARACTERS * 4 ||
        (is_cut && bound == MAX && sl_str_starts(text + length, GREATEST)))
        return false;
    memcpy(kept, text, length);
    kept[length] = '\0';
    if (is_cut && bound == MAX)
        strcat(kept, GREATEST);
    sl_buf_add_json_string(json, kept);
    return true;
}

// Microseconds are kept: readers that expect them cut to milliseconds only widen the bound. BC,
// five-digit years and infinity do not parse and are left out.
static bool add_time(struct sl_buf *json, const char *text, bool has_zone)
{
    char buffer[32];
    int64_t time_us;

    if (sl_clock_parse(text, &time_us) != 0)
        return false;
    sl_clock_format(time_us, buffer);
    if (!has_zone)
        buffer[strlen(buffer) - 1] = '\0';
    sl_buf_addf(json, "\"%s\"", buffer);
    return true;
}

static bool add_date(struct sl_buf *json, const char *text)
{
    int64_t time_us;

    if (sl_clock_parse(text, &time_us) != 0)
        return false;
    sl_buf_addf(json, "\"%s\"", text);
    return true;
}

static bool is_number(const char *type)
{
    static const char *const numbers[] = {"TINYINT", "SMALLINT", "INTEGER",
                                          "BIGINT",  "FLOAT",    "DOUBLE"};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(type, numbers[i]) == 0)
            return true;
    return sl_str_starts(type, "DECIMAL(") && !strchr(type, '[');
}

// False if nothing was added. Booleans and blobs have no bounds in other writers' statistics
// either.
static bool add_value(struct sl_buf *json, const char *type, const char *text, enum bound bound)
{
    if (strcmp(type, "VARCHAR") == 0)
        return add_text(json, text, bound);
    if (strcmp(type, "DATE") == 0)
        return add_date(json, text);
    if (strcmp(type, "TIMESTAMP") == 0 || strcmp(type, "TIMESTAMP WITH TIME ZONE") == 0)
        return add_time(json, text, strcmp(type, "TIMESTAMP") != 0);
    if (!is_number(type) || !is_json_number(text))
        return false;
    sl_buf_add(json, text);
    return true;
}

// Bounds of any text. Where a text column that has values is given none, some readers (delta-rs)
// take the missing bound for one that nothing fulfils, and leave the file out.
#define LEAST_TEXT ""
#define GREATEST_TEXT \
    "\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF\U0010FFFF"

static const char *text_of(const struct sl_column *column, const struct sl_column_stats *stats,
                           int64_t row_count, enum bound bound)
{
    const char *text = bound == MIN ? stats->min : stats->max;
    bool has_values = stats->null_count >= 0 && stats->null_count < row_count;

    if (text || strcmp(column->type, "VARCHAR") != 0 || !has_values)
        return text;
    return bound == MIN ? LEAST_TEXT : GREATEST_TEXT;
}

static void add_bound(struct sl_buf *json, const struct sl_column *column,
                      const struct sl_column_stats *stats, int64_t row_count, enum bound bound)
{
    const char *text = text_of(column, stats, row_count, bound);
    size_t start = json->length;

    if (!text || stats->has_nan)
        return;
    if (json->text[start - 1] != '{')
        sl_buf_add_char(json, ',');
    sl_buf_add_json_string(json, column->name);
    sl_buf_add_char(json, ':');
    if (!add_value(json, column->type, text, bound) && !json->has_failed) {
        json->length = start;
        json->text[start] = '\0';
    }
}

static void add_null_count(struct sl_buf *json, const struct sl_column *column,
                           const struct sl_column_stats *stats)
{
    if (stats->null_count < 0)
        return;
    if (json->text[json->length - 1] != '{')
        sl_buf_add_char(json, ',');
    sl_buf_add_json_string(json, column->name);
    sl_buf_addf(json, ":%lld", (long long)stats->null_count);
}

static bool is_partition(const struct sl_delta_partition_set *partitions, const char *name)
{
    for (size_t i = 0; i < partitions->column_count; i++)
        if (strcmp(partitions->columns[i].name, name) == 0)
            return true;
    return false;
}

void sl_delta_stats_print(const struct sl_staged_file *file, const struct sl_column *columns,
                          size_t column_count, const struct sl_delta_partition_set *partitions,
                          struct sl_buf *json)
{
    static const char *const parts[] = {",\"minValues\":{", "},\"maxValues\":{",
                                        "},\"nullCount\":{"};

    sl_buf_addf(json, "{\"numRecords\":%lld", (long long)file->row_count);
    if (json->has_failed)
        return;
    for (size_t part = 0; part < 3; part++) {
        size_t indexed = 0;

        sl_buf_add(json, parts[part]);
        for (size_t i = 0; i < column_count && indexed < INDEXED_COLUMNS; i++) {
            const struct sl_column_stats *stats = find_stats(file, columns[i].name);

            if (is_partition(partitions, columns[i].name))
                continue;
            indexed++;
            if (stats && part == 2)
                add_null_count(json, &columns[i], stats);
            else if (stats)
                add_bound(json, &columns[i], stats, file->row_count, part == 0 ? MIN : MAX);
        }
    }
    sl_buf_add(json, "}}");
}
