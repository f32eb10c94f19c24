// sluice contract diff: what changed between two contracts, for whoever reads the tables.
#include "cli/contract_file.h"
#include "contract/change.h"

struct diff_options {
    struct sl_common common;
    const char *before, *now;
};

static const struct sl_opt diff_rows[] = {
    {"before", SL_OPT_STRING, offsetof(struct diff_options, before), NULL,
     "The contract as it was.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "OLD"},
    {"now", SL_OPT_STRING, offsetof(struct diff_options, now), NULL, "The contract as it is.",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "NEW"},
    SL_COMMON_ROWS,
    {0},
};

static int read_contract(const char *path, struct sl_contract_file *file, struct sl_err *err)
{
    SL_TRY(sl_contract_file_read(path, file, err));
    if (!file->contract || file->project.diags.error_count)
        return sl_contract_first_error(&file->project.diags, path, err);
    return SL_OK;
}

static const struct sl_contract_table *find_table(const struct sl_contract *contract,
                                                  const char *name)
{
    for (size_t i = 0; i < contract->table_count; i++)
        if (sl_str_equal(contract->tables[i].name, name))
            return &contract->tables[i];
    return NULL;
}

static int diff_table(const struct sl_contract_table *before, const struct sl_contract_table *now,
                      struct sl_contract_diff *diff, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *old = NULL;
    SL_AUTO(sl_json_free) json_t *new = NULL;
    if (before)
        SL_TRY(sl_contract_state(before, diff->arena, &old, err));
    if (now)
        SL_TRY(sl_contract_state(now, diff->arena, &new, err));
    SL_TRY(sl_contract_diff_table(old, new, diff, err));
    return before && now ? sl_contract_diff_claims(before, now, diff, err) : SL_OK;
}

static int compare(const struct sl_contract *before, const struct sl_contract *now,
                   struct sl_contract_diff *diff, struct sl_err *err)
{
    for (size_t i = 0; i < before->table_count; i++)
        SL_TRY(diff_table(&before->tables[i], find_table(now, before->tables[i].name), diff, err));
    for (size_t i = 0; i < now->table_count; i++)
        if (!find_table(before, now->tables[i].name))
            SL_TRY(diff_table(NULL, &now->tables[i], diff, err));
    return SL_OK;
}

// "1.4.2" and what the change calls for: 2.0.0, 1.5.0, 1.4.3. "1.4" is 1.4.0.
struct version {
    int parts[3];
    bool is_known;
};

static struct version read_version(const char *text)
{
    struct version version = {0};
    const char *at = text && *text == 'v' ? text + 1 : text;
    version.is_known = at != NULL;
    for (int i = 0; i < 3 && version.is_known; i++) {
        char *end;
        long part = strtol(at, &end, 10);
        version.is_known =
            *at >= '0' && *at <= '9' && part < 1000000 && (*end == '.' ? i < 2 : !*end);
        version.parts[i] = (int)part;
        if (!*end)
            break;
        at = end + 1;
    }
    return version;
}

static struct version raise(struct version version, enum sl_contract_level level)
{
    int raised = level == SL_CONTRACT_BREAKING ? 0 : level == SL_CONTRACT_SAME ? 2 : 1;
    version.parts[raised]++;
    for (int i = raised + 1; i < 3; i++)
        version.parts[i] = 0;
    return version;
}

static bool is_below(const struct version *a, const struct version *b)
{
    for (int i = 0; i < 3; i++)
        if (a->parts[i] != b->parts[i])
            return a->parts[i] < b->parts[i];
    return false;
}

struct verdict {
    const char *called_for; // NULL: any, as nothing changed, or one that is a number
    bool is_too_low, is_old_known;
};

static int judge(const struct sl_contract *before, const struct sl_contract *now,
                 const struct sl_contract_diff *diff, struct verdict *ret, struct sl_err *err)
{
    struct version old = read_version(before->version), new = read_version(now->version);
    struct version least = diff->count ? raise(old, diff->level) : old;
    bool is_same = sl_str_equal(before->version, now->version);
    *ret = (struct verdict){.is_old_known = old.is_known};
    if (!diff->count && (is_same || !old.is_known || (new.is_known && !is_below(&new, &old))))
        return SL_OK;
    if (!old.is_known) {
        ret->is_too_low = !new.is_known;
        return SL_OK;
    }
    ret->called_for =
        sl_arena_printf(diff->arena, "%d.%d.%d", least.parts[0], least.parts[1], least.parts[2]);
    SL_TRY_NEW(ret->called_for, err);
    ret->is_too_low = !new.is_known || is_below(&new, &least);
    return SL_OK;
}

static int print_json(const struct sl_contract *before, const struct sl_contract *now,
                      const struct sl_contract_diff *diff, const struct verdict *verdict,
                      struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:b, s:o}", "schema", "sluice.contract.diff/1",
                  "level", sl_contract_level_name(diff->level), "version_before", before->version,
                  "version", now->version, "version_called_for", verdict->called_for,
                  "is_version_too_low", verdict->is_too_low, "differences", list);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < diff->count; i++) {
        const struct sl_contract_difference *item = &diff->items[i];
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s}", "level",
                                                  sl_contract_level_name(item->level), "table",
                                                  item->table, "column", item->column, "what",
                                                  item->what)) != 0)
            return sl_fail_memory(err);
    }
    return sl_print_json(root, err);
}

static void print_text(const struct sl_contract *now, const struct sl_contract_diff *diff,
                       const struct verdict *verdict)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct sl_contract_difference *item = &diff->items[i];
        printf("%-9s %s%s%s: %s\n", sl_contract_level_name(item->level), item->table,
               item->column ? "." : "", item->column ? item->column : "", item->what);
    }
    if (!diff->count)
        puts("no difference that a reader of the tables could notice");
    if (!diff->count && verdict->is_too_low)
        printf("the version was %s, and is %s now: it must not go back\n", verdict->called_for,
               now->version ? now->version : "none");
    else if (!diff->count)
        return;
    else if (!verdict->is_old_known && verdict->is_too_low)
        printf("%s: it calls for a version that is a number, such as 1.0.0, and is %s\n",
               sl_contract_level_name(diff->level), now->version ? now->version : "none");
    else if (!verdict->is_old_known)
        printf("%s; the version before is no number, %s is one\n",
               sl_contract_level_name(diff->level), now->version);
    else
        printf("%s: it calls for version %s, and is %s\n", sl_contract_level_name(diff->level),
               verdict->called_for, now->version ? now->version : "none");
}

static int run_diff(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct diff_options *options = self;
    SL_AUTO(sl_contract_file_clear) struct sl_contract_file before = {0};
    SL_AUTO(sl_contract_file_clear) struct sl_contract_file now = {0};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_contract_diff diff = {.arena = &arena};
    struct verdict verdict;
    sl_arena_init(&arena, 0);
    SL_TRY(read_contract(options->before, &before, err));
    SL_TRY(read_contract(options->now, &now, err));
    SL_TRY(compare(before.contract, now.contract, &diff, err));
    SL_TRY(judge(before.contract, now.contract, &diff, &verdict, err));
    if (verdict.is_too_low)
        *ret_exit = 3;
    if (options->common.json)
        return print_json(before.contract, now.contract, &diff, &verdict, err);
    print_text(now.contract, &diff, &verdict);
    return SL_OK;
}

static const char *const diff_examples[] = {
    "git show main:contracts/orders.odcs.yml > /tmp/old.yml; sluice contract diff /tmp/old.yml "
    "contracts/orders.odcs.yml",
    NULL};

const struct sl_command sl_command_contract_diff = {
    .name = "contract diff",
    .summary = "Tell what changed between two contracts, and the version number that it calls for.",
    .details =
        "Breaking (a column or member gone, another type, key or protection, values that may be "
        "missing now, a column that is personal\n"
        "now) calls for a higher first number; what is weaker (values may come that could not "
        "before, a check gone) or additive for a\n"
        "higher second; all else for a higher third. The exit code is 3 if the version is lower "
        "than that, goes back, or is no number,\n"
        "so that a pipeline of changes can refuse it. The drift policy stands in the source's "
        "file: `sluice plan --why` tells "
        "its "
        "changes.",
    .rows = diff_rows,
    .options_bytes = sizeof(struct diff_options),
    .examples = diff_examples,
    .run = run_diff,
};
