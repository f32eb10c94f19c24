// Columns of raw that a contract of before protected, and that of now does not know, or reads as it
// is under another name: they would stand in quarantine as they came, and in clean too where new
// columns come through or such a column is.
#include "contract/alias.h"
#include "contract/drift.h"
#include "contract/personal.h"
#include "run/bind.h"
#include "run/kept_codes.h"
#include "run/lineage.h"
#include "run/lineage_files.h"
#include "step/schema.h"

struct looker {
    struct sl_world *world;
    struct sl_session *session; // opened by the first log that needs one
    struct sl_diags *diags;
    struct sl_kept_codes codes; // read for the first column that is unknown
    bool only_due;
};

// At one table.
struct look {
    struct looker *looker;
    const struct sl_node *node;
    struct sl_strs unknown;    // columns of raw that the contract has no name for
    struct sl_strs built_with; // fingerprints of commits; read where that matters
    bool has_changed;          // since the table was built
    bool *is_told;             // per column of the contract
};

// A table of raw or clean as it stands; version -1: there is none that can be read.
static int load(struct look *look, enum sl_layer layer, struct sl_delta_snapshot *ret,
                struct sl_err *err)
{
    struct sl_world *world = look->looker->world;
    struct sl_err trouble = {0};
    bool is_borrowed, is_needed = false;
    const char *folder =
        sl_table_source(world->project, layer, look->node->bare, &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    *ret = (struct sl_delta_snapshot){.version = -1};
    if (sl_delta_needs_session(folder, &is_needed, &trouble) == SL_OK && is_needed &&
        !look->looker->session)
        SL_TRY(sl_world_session(world, &look->looker->session, err));
    int code =
        sl_delta_load_schema(folder, -1, look->looker->session, &world->arena, ret, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        *ret = (struct sl_delta_snapshot){.version = -1};
    return SL_OK;
}

// Those that the contract protects by what they are called are none.
static int list_unknown(struct look *look, struct sl_err *err)
{
    const struct sl_contract_table *contract = look->node->contract;
    struct sl_delta_snapshot raw;
    SL_TRY(load(look, SL_LAYER_RAW, &raw, err));
    for (size_t i = 0; raw.version >= 0 && i < raw.column_count; i++)
        if (sl_drift_may_be_unknown(contract, &raw.columns[i]) &&
            !sl_alias_find(contract, raw.columns[i].name, NULL) &&
            !sl_personal_of_raw(contract, raw.columns[i].name))
            SL_TRY(
                sl_strs_add(&look->unknown, &look->looker->world->arena, raw.columns[i].name, err));
    return SL_OK;
}

// Whether the contract reads a column of raw by this name or as an old one.
static bool reads(const struct sl_contract_column *column, const char *raw)
{
    if (sl_str_equal_nocase(column->source_name, raw))
        return true;
    for (size_t i = 0; i < column->alias_count; i++)
        if (sl_str_equal_nocase(column->aliases[i].name, raw))
            return true;
    return false;
}

static bool is_named(const json_t *column, const char *name)
{
    const json_t *aliases = json_object_get(column, "aliases");
    if (sl_str_equal_nocase(sl_json_text(column, "source", ""), name))
        return true;
    for (size_t i = 0; i < json_array_size(aliases); i++)
        if (sl_str_equal_nocase(sl_json_text(json_array_get(aliases, i), "name", ""), name))
            return true;
    return false;
}

static const struct sl_contract_column *find(const struct sl_contract_table *table,
                                             const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

// Whether the column reads what the kept one was read from.
static bool reads_same(const struct sl_contract_column *column, const json_t *kept)
{
    const json_t *aliases = json_object_get(kept, "aliases");
    if (reads(column, sl_json_text(kept, "source", "")))
        return true;
    for (size_t i = 0; i < json_array_size(aliases); i++)
        if (reads(column, sl_json_text(json_array_get(aliases, i), "name", "")))
            return true;
    return false;
}

// A column that the contract still has, without protection and read from where it was, was given
// free on purpose.
static bool is_given_free(const struct sl_contract_table *table, const json_t *kept)
{
    const struct sl_contract_column *column = find(table, sl_json_text(kept, "name", ""));
    return column && column->personal.as == SL_PERSONAL_NONE &&
           (column->personal.is_given_free || reads_same(column, kept));
}

static enum sl_severity severity_of(const struct looker *looker)
{
    return looker->world->project->personal_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR
                                                                    : SL_SEVERITY_WARNING;
}

static int tell_unknown(struct look *look, const char *raw, const json_t *kept, struct sl_err *err)
{
    struct sl_arena *arena = &look->looker->world->arena;
    const struct sl_node *node = look->node;
    const char *name = sl_json_text(kept, "name", "");
    const struct sl_contract_column *column = find(node->contract, name);
    bool is_alias = !sl_str_equal_nocase(sl_json_text(kept, "source", ""), raw);
    const char *hint =
        is_alias || column
            ? sl_arena_printf(arena,
                              "keep '%s' in 'sluice.aliases' of '%s', with a day that is over "
                              "if it is not to be read any more: it protects what came under it",
                              raw, name)
            : sl_arena_printf(arena,
                              "keep the property '%s', with 'sluice.personal: {as: drop}' if "
                              "clean is not to have it any more",
                              name);
    SL_TRY_NEW(hint, err);
    sl_diag(look->looker->diags, severity_of(look->looker), SL_E_PERSONAL,
            column ? column->place : node->contract->place, hint,
            "raw.%s has '%s', %s the protected column '%s', and the contract does not name it any "
            "more: rejected rows would keep it as it came",
            node->bare, raw, is_alias ? "which was another name of" : "which was read as", name);
    return SL_OK;
}

// That it is read as it comes under another name.
static int tell_renamed(struct look *look, size_t index, const json_t *kept, struct sl_err *err)
{
    const struct sl_contract_column *column = &look->node->contract->columns[index];
    const char *as = sl_json_text(json_object_get(kept, "personal"), "as", "");
    const char *hint = sl_arena_printf(&look->looker->world->arena,
                                       "give '%s' its 'sluice.personal' again, which was {as: %s}; "
                                       "if it is to be free, say so: {as: none}",
                                       column->name, as);
    SL_TRY_NEW(hint, err);
    look->is_told[index] = true;
    sl_diag(look->looker->diags, severity_of(look->looker), SL_E_PERSONAL, column->place, hint,
            "column '%s' of %s is read from where the protected column '%s' was, and does not "
            "protect it: clean and quarantine would keep it as it came",
            column->name, look->node->name, sl_json_text(kept, "name", ""));
    return SL_OK;
}

static bool is_renamed(const struct look *look, size_t index, const json_t *kept)
{
    const struct sl_contract_column *column = &look->node->contract->columns[index];
    return !look->is_told[index] && column->personal.as == SL_PERSONAL_NONE &&
           !column->personal.is_given_free && reads_same(column, kept);
}

static bool names_any(const struct look *look, const json_t *kept)
{
    if (!json_object_get(kept, "personal") || is_given_free(look->node->contract, kept))
        return false;
    for (size_t i = 0; i < look->unknown.count; i++)
        if (is_named(kept, look->unknown.items[i]))
            return true;
    for (size_t i = 0; look->has_changed && i < look->node->contract->column_count; i++)
        if (is_renamed(look, i, kept))
            return true;
    return false;
}

// A contract may be called otherwise by now: then the commits of the tables tell. They are read
// only where that matters.
static int is_of(struct look *look, const struct sl_kept_contract *kept, bool *ret,
                 struct sl_err *err)
{
    *ret = sl_str_equal(sl_json_text(kept->state, "name", NULL), look->node->contract->name);
    if (*ret)
        return SL_OK;
    if (!look->built_with.count)
        SL_TRY(sl_built_with(look->looker->world, look->node->bare, &look->built_with, err));
    *ret = sl_strs_has(&look->built_with, kept->fingerprint);
    return SL_OK;
}

static int hold_column(struct look *look, const json_t *kept, struct sl_err *err)
{
    struct sl_strs *unknown = &look->unknown;
    for (size_t k = unknown->count; k-- > 0;) {
        if (!is_named(kept, unknown->items[k]))
            continue;
        SL_TRY(tell_unknown(look, unknown->items[k], kept, err));
        unknown->items[k] = unknown->items[--unknown->count]; // once
    }
    for (size_t i = 0; look->has_changed && i < look->node->contract->column_count; i++)
        if (is_renamed(look, i, kept))
            SL_TRY(tell_renamed(look, i, kept, err));
    return SL_OK;
}

static int hold_against(struct look *look, const struct sl_kept_contract *kept, struct sl_err *err)
{
    bool is_own = false;
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(kept->state, "columns"), i, column) {
        if (!names_any(look, column))
            continue;
        if (!is_own)
            SL_TRY(is_of(look, kept, &is_own, err));
        if (!is_own)
            return SL_OK;
        SL_TRY(hold_column(look, column, err));
    }
    return SL_OK;
}

// What the last commit of a table was built with; NULL: nobody knows.
static int find_fingerprint(struct look *look, enum sl_layer layer, const char **ret,
                            struct sl_err *err)
{
    struct sl_world *world = look->looker->world;
    const char *folder;
    struct sl_delta_head head;
    struct sl_record record = {0};
    struct sl_err trouble = {0};
    bool is_borrowed;
    int code = sl_step_input(world->project, layer, look->node->bare, NULL, &world->arena, &folder,
                             &head, &record, &is_borrowed, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    *ret = code == SL_OK && sl_step_is_fingerprint(record.fingerprint) ? record.fingerprint : NULL;
    return SL_OK;
}

// Whether the table was built with another contract than that of now, which is not kept any more.
static int is_forgotten(struct look *look, enum sl_layer layer, bool *ret, struct sl_err *err)
{
    const char *fingerprint;
    SL_TRY(find_fingerprint(look, layer, &fingerprint, err));
    *ret = fingerprint && !sl_str_equal(fingerprint, look->node->fingerprint) &&
           !sl_strs_has(&look->looker->codes.fingerprints, fingerprint);
    return SL_OK;
}

static int tell_forgotten(struct look *look, enum sl_layer layer, bool has_new, struct sl_err *err)
{
    const struct sl_node *node = look->node;
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    for (size_t i = 0; i < look->unknown.count; i++)
        sl_buf_addf(&names, "%s'%s'", i ? ", " : "", look->unknown.items[i]);
    SL_TRY(sl_buf_check(&names, err));
    sl_diag(
        look->looker->diags, severity_of(look->looker), SL_E_PERSONAL, node->contract->place,
        "put '_code' of the lake back, or make them properties, the personal ones with "
        "'sluice.personal: {as: drop}' and the others with {as: none}; if none is personal, "
        "you may also run once with 'personal: {check: warn}'",
        "the contract that %s.%s was built with is not in '_code' of the lake any more, and "
        "raw.%s has columns that the contract of now does not name%s: %s; what was protected of "
        "them is not known, and rejected rows would keep it as it came",
        sl_layer_name(layer), node->bare, node->bare, has_new ? ", or reads into new columns" : "",
        names.text);
    return SL_OK;
}

static bool has_column(const struct sl_delta_snapshot *table, const char *name)
{
    return table->version >= 0 && sl_column_find(table->columns, table->column_count, name);
}

// Columns of raw that properties read which clean does not have yet: they may have another name
// there, or have been dropped.
static int add_new(struct look *look, struct sl_err *err)
{
    const struct sl_contract_table *contract = look->node->contract;
    struct sl_delta_snapshot raw, clean;
    SL_TRY(load(look, SL_LAYER_RAW, &raw, err));
    SL_TRY(load(look, SL_LAYER_CLEAN, &clean, err));
    for (size_t i = 0; clean.version >= 0 && i < contract->column_count; i++) {
        const struct sl_contract_column *column = &contract->columns[i];
        if (column->personal.as == SL_PERSONAL_NONE && !column->personal.is_given_free &&
            !has_column(&clean, column->name) && has_column(&raw, column->source_name))
            SL_TRY(
                sl_strs_add(&look->unknown, &look->looker->world->arena, column->source_name, err));
    }
    return SL_OK;
}

static int look_for_forgotten(struct look *look, struct sl_err *err)
{
    static const enum sl_layer layers[] = {SL_LAYER_CLEAN, SL_LAYER_QUARANTINE};
    bool is_gone = false;
    size_t i = 0;
    while (i < sizeof layers / sizeof *layers && !is_gone)
        SL_TRY(is_forgotten(look, layers[i++], &is_gone, err));
    if (!is_gone)
        return SL_OK;
    size_t unknown_count = look->unknown.count;
    SL_TRY(add_new(look, err));
    return look->unknown.count
               ? tell_forgotten(look, layers[i - 1], look->unknown.count > unknown_count, err)
               : SL_OK;
}

// Two columns that are read from one of raw, of which only one protects it.
static int look_for_twins(struct look *look, struct sl_err *err)
{
    const struct sl_contract_table *contract = look->node->contract;
    for (size_t i = 0; i < contract->column_count; i++) {
        const struct sl_contract_column *column = &contract->columns[i];
        if (column->personal.as != SL_PERSONAL_NONE || column->personal.is_given_free)
            continue;
        const struct sl_contract_column *twin = sl_personal_of_raw(contract, column->source_name);
        for (size_t k = 0; k < column->alias_count && !twin; k++)
            twin = sl_personal_of_raw(contract, column->aliases[k].name);
        if (!twin)
            continue;
        const char *hint =
            sl_arena_printf(&look->looker->world->arena,
                            "give '%s' a 'sluice.personal' too; if clean is to have it as it "
                            "comes, say so: {as: none}",
                            column->name);
        SL_TRY_NEW(hint, err);
        look->is_told[i] = true;
        sl_diag(look->looker->diags, severity_of(look->looker), SL_E_PERSONAL, column->place, hint,
                "column '%s' of %s keeps as it comes what column '%s' protects: both are read from "
                "'%s' of raw",
                column->name, look->node->name, twin->name, column->source_name);
    }
    return SL_OK;
}

// A table that is built with this contract was found good, or accepted, when that was done.
static int has_changed(struct look *look, struct sl_err *err)
{
    const char *fingerprint = NULL;
    if (look->looker->only_due)
        SL_TRY(find_fingerprint(look, SL_LAYER_CLEAN, &fingerprint, err));
    look->has_changed = !sl_str_equal(fingerprint, look->node->fingerprint);
    return SL_OK;
}

static int look_at(struct looker *looker, const struct sl_node *node, struct sl_err *err)
{
    struct look look = {.looker = looker, .node = node};
    look.is_told = SL_NEW_ARRAY(&looker->world->arena, bool, node->contract->column_count + 1);
    SL_TRY_NEW(look.is_told, err);
    SL_TRY(look_for_twins(&look, err));
    SL_TRY(list_unknown(&look, err));
    SL_TRY(has_changed(&look, err));
    if (!look.unknown.count && !look.has_changed)
        return SL_OK;
    SL_TRY(sl_kept_codes_read(looker->world, &looker->codes, err));
    for (size_t i = 0; i < looker->codes.contract_count; i++)
        SL_TRY(hold_against(&look, &looker->codes.contracts[i], err));
    return look_for_forgotten(&look, err);
}

// Whether something that will run reads raw past the contract.
static bool is_raw_read(const struct sl_world *world, const struct sl_node *cleanse)
{
    for (size_t i = 0; i < cleanse->upstream_count; i++) {
        const struct sl_node *ingest = &world->graph.nodes[cleanse->upstream[i]];
        for (size_t k = 0; ingest->kind == SL_NODE_INGEST && k < ingest->downstream_count; k++) {
            const struct sl_node *reader = &world->graph.nodes[ingest->downstream[k]];
            if (reader->kind != SL_NODE_CLEANSE && sl_node_is_due(reader))
                return true;
        }
    }
    return false;
}

// The same of a model that reads the files of the source, or of its tables.
static int is_file_read(struct sl_world *world, const struct sl_node *cleanse, bool *ret,
                        struct sl_err *err)
{
    *ret = false;
    for (size_t i = 0; i < world->graph.count && !*ret; i++) {
        const struct sl_node *reader = &world->graph.nodes[i];
        if (reader->kind == SL_NODE_MODEL && reader->query->files.count && sl_node_is_due(reader))
            SL_TRY(sl_lineage_reads_files(world, &reader->query->files, cleanse, ret, err));
    }
    return SL_OK;
}

static int look_if_due(struct looker *looker, const struct sl_node *node, struct sl_err *err)
{
    bool is_needed = !looker->only_due || sl_node_is_due(node) || is_raw_read(looker->world, node);
    if (!is_needed)
        SL_TRY(is_file_read(looker->world, node, &is_needed, err));
    return is_needed ? look_at(looker, node, err) : SL_OK;
}

int sl_world_check_once_protected(struct sl_world *world, bool only_due, struct sl_diags *diags,
                                  struct sl_err *err)
{
    struct looker looker = {.world = world, .diags = diags, .only_due = only_due};
    int code = SL_OK;
    if (world->project->personal_level == SL_LEVEL_OFF || !world->has_graph)
        return SL_OK;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind == SL_NODE_CLEANSE)
            code = look_if_due(&looker, node, err);
    }
    sl_kept_codes_clear(&looker.codes);
    sl_session_close(&looker.session);
    return code;
}
