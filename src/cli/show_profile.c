// sluice show --profile: per column how many values, which, and how they are spread.
#include "base/clock.h"
#include "cli/profile.h"
#include "cli/watch.h"
#include "step/profile.h"

#include <stdlib.h>
#include <string.h>

#define BAR_WIDTH 24
#define VALUE_WIDTH 40

static const char *const quantile_names[] = {"5 %", "25 %", "median", "75 %", "95 %"};

void sl_profile_add_bar(int64_t count, int64_t greatest, size_t width, bool is_utf8,
                        struct sl_buf *text)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (count <= 0 || greatest <= 0)
        return;
    size_t parts = (size_t)((double)count / (double)greatest * (double)width * 8 + 0.5);
    if (!is_utf8)
        parts = (parts + 4) / 8 * 8;
    if (parts == 0)
        parts = is_utf8 ? 1 : 8;
    for (size_t i = 0; i < parts / 8; i++)
        sl_buf_add(text, is_utf8 ? "█" : "#");
    sl_buf_add(text, eighths[parts % 8]);
}

static bool is_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (!sl_str_is_empty(value))
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8") ||
                   strstr(value, "utf-8");
    }
    return false;
}

static int64_t greatest_of(const int64_t *counts, size_t count)
{
    int64_t greatest = 0;
    for (size_t i = 0; i < count; i++)
        greatest = counts[i] > greatest ? counts[i] : greatest;
    return greatest;
}

static int add_bar_row(struct sl_grid *grid, const char *label, int64_t count, int64_t greatest,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf bar = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf cut = SL_BUF_INIT;
    char number[32];
    sl_buf_add(&cut, "  ");
    sl_add_short(&cut, *label ? label : "''", VALUE_WIDTH);
    sl_profile_add_bar(count, greatest, BAR_WIDTH, is_utf8(), &bar);
    SL_TRY(sl_buf_check(&cut, err));
    SL_TRY(sl_buf_check(&bar, err));
    const char *cells[] = {cut.text, sl_str_count(count, number), bar.text};
    return sl_grid_row(grid, cells, err);
}

// Of the values that come most often, or of the bins.
static int print_bars(const struct sl_profile_column *column, struct sl_arena *arena,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_grid grid;
    const char *head[] = {column->bin_count ? "  from" : "  value", "rows", ""};
    sl_grid_init(&grid, arena, 3, 2);
    SL_TRY(sl_grid_row(&grid, head, err));
    int64_t greatest = column->bin_count   ? greatest_of(column->bins, column->bin_count)
                       : column->top_count ? column->tops[0].count
                                           : 0;
    for (size_t i = 0; i < column->bin_count; i++) {
        char label[40];
        sl_profile_bin_label(column, i, label);
        SL_TRY(add_bar_row(&grid, label, column->bins[i], greatest, err));
    }
    for (size_t i = 0; i < column->top_count && !column->bin_count; i++)
        SL_TRY(add_bar_row(&grid, column->tops[i].value, column->tops[i].count, greatest, err));
    if (sl_grid_is_empty(&grid))
        return SL_OK;
    SL_TRY(sl_grid_text(&grid, 0, &text, err));
    sl_print_masked(text.text, stdout);
    return SL_OK;
}

static void print_value(const char *name, const char *value, bool is_first)
{
    if (!value)
        return;
    printf("%s%s ", is_first ? "  " : "  · ", name);
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_add_short(&text, value, VALUE_WIDTH);
    sl_print_masked(text.text, stdout);
}

static void print_range(const struct sl_profile *profile, const struct sl_profile_column *column)
{
    print_value("min", column->min, true);
    for (size_t i = 0; i < SL_PROFILE_QUANTILES; i++)
        if (column->quantiles[i]) {
            char name[16];
            snprintf(name, sizeof name, "%s%s", profile->is_exact ? "" : "~", quantile_names[i]);
            print_value(name, column->quantiles[i], false);
        }
    print_value("max", column->max, false);
    putchar('\n');
}

// More digits than anyone reads are for JSON.
static const char *round_text(const struct sl_profile_column *column, const char *text,
                              char buffer[32])
{
    double value;
    if (!text || column->kind != SL_PROFILE_NUMBER || !sl_str_to_double(text, &value))
        return text;
    snprintf(buffer, 32, "%.10g", value);
    return buffer;
}

static void print_spread(const struct sl_profile_column *column)
{
    char shortest[32], longest[32], mean[32], deviation[32];
    if (column->kind == SL_PROFILE_WORDS)
        printf("  length %s to %s, mean %s\n", sl_str_count(column->shortest, shortest),
               sl_str_count(column->longest, longest), column->mean_length);
    if (!column->mean)
        return;
    print_value("mean", round_text(column, column->mean, mean), true);
    print_value("stddev", round_text(column, column->deviation, deviation), false);
    putchar('\n');
}

// Bars of numbers show how they are spread; the most frequent ones, if they are, stand in a line.
static void print_tops(const struct sl_profile_column *column)
{
    if (!column->bin_count || !column->top_count)
        return;
    for (size_t i = 0; i < column->top_count; i++) {
        char number[32];
        printf("%s%s (%s)", i ? ", " : "  most frequent ", column->tops[i].value,
               sl_str_count(column->tops[i].count, number));
    }
    putchar('\n');
}

static int print_column(const struct sl_profile *profile, const struct sl_profile_column *column,
                        struct sl_arena *arena, struct sl_err *err)
{
    char values[32], nulls[32], distinct[32];
    int64_t missing = profile->row_count - column->values;
    putchar('\n');
    fputs(sl_color(stdout, SL_COLOR_BOLD), stdout);
    sl_put_plain(stdout, column->name);
    printf("%s  %s\n  values %s  · nulls %s (%.1f %%)  · distinct %s%s\n",
           sl_color(stdout, SL_COLOR_NONE), column->type, sl_str_count(column->values, values),
           sl_str_count(missing, nulls),
           profile->row_count ? 100.0 * (double)missing / (double)profile->row_count : 0.0,
           profile->is_exact ? "" : "~", sl_str_count(column->distinct, distinct));
    if (column->kind == SL_PROFILE_OTHER || !column->values)
        return SL_OK;
    print_range(profile, column);
    print_spread(column);
    print_tops(column);
    return print_bars(column, arena, err);
}

static int print_text(const struct sl_profile_options *options, const struct sl_profile *profile,
                      const struct sl_kept_profile *kept, struct sl_arena *arena,
                      struct sl_err *err)
{
    char count[64];
    printf("%s%s%s, version %lld, %s%s\n", sl_color(stdout, SL_COLOR_BOLD), options->table,
           sl_color(stdout, SL_COLOR_NONE), (long long)options->version,
           options->sample ? "a sample of " : "", sl_count_of(profile->row_count, "row", count));
    if (kept->is_there && kept->version == options->version)
        printf("profiled by the run of %s\n", kept->at);
    else if (kept->is_there)
        printf("profiled by the run of %s at version %lld, which has the same rows\n", kept->at,
               (long long)kept->version);
    if (!profile->is_exact)
        puts("what is marked with ~ is an estimate");
    for (size_t i = 0; i < profile->column_count; i++)
        SL_TRY(print_column(profile, &profile->columns[i], arena, err));
    return SL_OK;
}

// Where a profile was kept: of which version, and when that was.
static json_t *kept_json(const struct sl_kept_profile *kept)
{
    return kept->is_there ? json_pack("{s:I, s:s, s:s}", "version", (json_int_t)kept->version, "at",
                                      kept->at, "run_id", kept->run_id)
                          : json_null();
}

static int print_json(const struct sl_profile_options *options, const struct sl_profile *profile,
                      const struct sl_kept_profile *kept, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:I, s:I, s:b, s:b, s:o, s:o}", "schema",
                             "sluice.profile/1", "table", options->table, "version",
                             (json_int_t)options->version, "rows", (json_int_t)profile->row_count,
                             "is_sample", options->sample > 0, "is_exact", profile->is_exact,
                             "kept", kept_json(kept), "columns", sl_profile_columns_json(profile));
    SL_TRY_NEW(root, err);
    return sl_print_json(root, err);
}

// --- What is profiled ---

static int pick_column(const struct sl_profile_options *options, const char *name,
                       struct sl_arena *arena, struct sl_column *ret, struct sl_err *err)
{
    struct sl_strs names = {0};
    for (size_t i = 0; i < options->column_count; i++) {
        if (sl_str_equal_nocase(options->columns[i].name, name)) {
            *ret = options->columns[i];
            return SL_OK;
        }
        SL_TRY(sl_strs_add(&names, arena, options->columns[i].name, err));
    }
    const char *nearest = sl_str_nearest(name, names.items, names.count);
    (void)sl_fail(err, SL_E_USAGE, "%s has no column '%s'", options->table, name);
    return nearest ? sl_err_hint(err, "did you mean '%s'?", nearest)
                   : sl_err_hint(err, "`sluice show %s` lists them", options->table);
}

static int pick_columns(const struct sl_profile_options *options, struct sl_arena *arena,
                        struct sl_profile_input *input, struct sl_err *err)
{
    input->columns = options->columns;
    input->column_count = options->column_count;
    if (!options->wanted.count)
        return SL_OK;
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, options->wanted.count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < options->wanted.count; i++)
        SL_TRY(pick_column(options, options->wanted.items[i], arena, &columns[i], err));
    input->columns = columns;
    input->column_count = options->wanted.count;
    return SL_OK;
}

// Drawn once, because it is looked at twice.
static int draw_sample(struct sl_lake *lake, const struct sl_profile_options *options,
                       struct sl_profile_input *input, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _profile_sample as select * from %s using sample "
                "reservoir(%lld rows)",
                options->view, (long long)options->sample);
    SL_TRY(sl_buf_check(&sql, err));
    input->from = "_profile_sample";
    if (input->rows < 0 || input->rows > options->sample)
        input->rows = options->sample;
    return lake->session->kind->exec(lake->session, sql.text, NULL, err);
}

static int take_profile(struct sl_lake *lake, const struct sl_profile_options *options,
                        struct sl_profile_input *input, struct sl_profile *ret, struct sl_err *err)
{
    SL_AUTO(sl_watch_end) struct sl_watch watch = {0};
    sl_watch_begin(&watch, options->common, lake->session, "counting");
    if (options->sample)
        SL_TRY(draw_sample(lake, options, input, err));
    SL_TRY(sl_profile_read(lake->session, input, &lake->world.arena, ret, err));
    sl_watch_end(&watch);
    return SL_OK;
}

static const struct sl_profile_column *column_in(const struct sl_profile *profile,
                                                 const struct sl_column *wanted)
{
    for (size_t i = 0; i < profile->column_count; i++)
        if (sl_str_equal(profile->columns[i].name, wanted->name) &&
            sl_str_equal(profile->columns[i].type, wanted->type))
            return &profile->columns[i];
    return NULL;
}

// Of the columns asked for. Nothing is there if one of them is missing.
static int narrow(struct sl_kept_profile *kept, const struct sl_profile_input *input,
                  struct sl_arena *arena, struct sl_err *err)
{
    struct sl_profile_column *columns =
        SL_NEW_ARRAY(arena, struct sl_profile_column, input->column_count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < input->column_count && kept->is_there; i++) {
        const struct sl_profile_column *found = column_in(&kept->profile, &input->columns[i]);
        kept->is_there = found != NULL;
        if (found)
            columns[i] = *found;
    }
    kept->profile.columns = columns;
    kept->profile.column_count = input->column_count;
    return SL_OK;
}

static int find_kept(const struct sl_profile_options *options, const struct sl_profile_input *input,
                     struct sl_arena *arena, struct sl_kept_profile *ret, struct sl_err *err)
{
    *ret = (struct sl_kept_profile){0};
    if (options->sample)
        return SL_OK;
    SL_TRY(sl_profile_find(options->folder, options->table_id, options->version, arena, ret, err));
    return ret->is_there ? narrow(ret, input, arena, err) : SL_OK;
}

int sl_profile_show(struct sl_lake *lake, const struct sl_profile_options *options,
                    struct sl_err *err)
{
    struct sl_arena *arena = &lake->world.arena;
    struct sl_profile_input input = {.from = options->view, .rows = options->rows};
    struct sl_profile profile;
    struct sl_kept_profile kept;
    SL_TRY(pick_columns(options, arena, &input, err));
    SL_TRY(find_kept(options, &input, arena, &kept, err));
    if (kept.is_there)
        profile = kept.profile;
    else
        SL_TRY(take_profile(lake, options, &input, &profile, err));
    return options->common->json ? print_json(options, &profile, &kept, err)
                                 : print_text(options, &profile, &kept, arena, err);
}
