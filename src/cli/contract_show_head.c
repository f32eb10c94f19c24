// The parts of a contract that are about all of its tables.
#include "cli/contract_show.h"

#include "base/fs.h"

static bool is_there(const struct sl_yaml *part)
{
    return part && part->kind != SL_YAML_NULL && (part->kind == SL_YAML_SCALAR || part->count);
}

// The first line of a part has `lead` in front: the name of a server, a member, a channel.
static void add_entry(const struct sl_yaml *entry, const char *lead, struct sl_buf *text)
{
    const struct sl_yaml *name = lead ? sl_yaml_get(entry, lead) : NULL;
    if (!is_there(entry))
        return;
    sl_buf_add(text, "  ");
    if (!name || entry->kind != SL_YAML_MAP) {
        sl_contract_words(entry, NULL, text);
        sl_buf_add_char(text, '\n');
        return;
    }
    sl_contract_words(name, NULL, text);
    sl_contract_more(": ", entry, (const char *const[]){lead, NULL}, text);
    sl_buf_add_char(text, '\n');
}

static void add_entries(const struct sl_yaml *part, const char *lead, struct sl_buf *text)
{
    if (part && part->kind != SL_YAML_LIST)
        add_entry(part, lead, text);
    for (size_t i = 0; part && part->kind == SL_YAML_LIST && i < part->count; i++)
        add_entry(part->items[i], lead, text);
}

static void add_part(const struct sl_contract *contract, const char *key, const char *head,
                     const char *lead, struct sl_buf *text)
{
    const struct sl_yaml *part = sl_yaml_get(contract->node, key);
    if (!is_there(part))
        return;
    sl_buf_addf(text, "\n%s\n", head);
    add_entries(part, lead, text);
}

// v3.1 has a map with members, v3.0 a list of them.
static void add_team(const struct sl_contract *contract, struct sl_buf *text)
{
    static const char *const own[] = {"members", NULL};
    const struct sl_yaml *team = sl_yaml_get(contract->node, "team");
    if (!is_there(team))
        return;
    sl_buf_add(text, "\nteam\n");
    if (team->kind != SL_YAML_MAP) {
        add_entries(team, "username", text);
        return;
    }
    size_t before = text->length;
    sl_contract_more("  ", team, own, text);
    sl_buf_add(text, text->length > before ? "\n" : "");
    add_entries(sl_yaml_get(team, "members"), "username", text);
}

// "latency: 4 d, element orders.day"
static void add_levels(const struct sl_contract *contract, struct sl_buf *text)
{
    static const char *const told[] = {"property", "value", "valueExt", "unit", NULL};
    const struct sl_yaml *part = sl_yaml_get(contract->node, "slaProperties");
    if (!part || part->kind != SL_YAML_LIST || !part->count)
        return;
    sl_buf_add(text, "\nservice level\n");
    for (size_t i = 0; i < part->count; i++) {
        const struct sl_yaml *entry = part->items[i];
        sl_buf_add(text, "  ");
        sl_contract_words(sl_yaml_get(entry, "property"), NULL, text);
        sl_buf_add(text, ": ");
        sl_contract_words(sl_yaml_get(entry, "value"), NULL, text);
        sl_contract_more(" to ", sl_yaml_get(entry, "valueExt"), NULL, text);
        sl_contract_more(" ", sl_yaml_get(entry, "unit"), NULL, text);
        sl_contract_more(", ", entry, told, text);
        sl_buf_add_char(text, '\n');
    }
}

static void add_line(const char *name, const struct sl_yaml *value, struct sl_buf *text)
{
    if (!is_there(value))
        return;
    sl_buf_addf(text, "%s: ", name);
    sl_contract_words(value, NULL, text);
    sl_buf_add_char(text, '\n');
}

static void add_identity(const struct sl_contract *contract, struct sl_buf *text)
{
    static const struct {
        const char *key, *name;
    } lines[] = {{"domain", "domain"},
                 {"tenant", "tenant"},
                 {"dataProduct", "data product"},
                 {"tags", "tags"},
                 {"contractCreatedTs", "created"},
                 {"slaDefaultElement", "default element of service levels"}};
    const char *name = sl_str_is_empty(contract->name) ? contract->id : contract->name;
    sl_buf_add(text, sl_color(stdout, SL_COLOR_BOLD));
    sl_add_plain(text, !sl_str_is_empty(name) ? name : sl_path_name(contract->file), SIZE_MAX);
    sl_buf_add(text, sl_color(stdout, SL_COLOR_NONE));
    if (contract->version) {
        sl_buf_add(text, ", version ");
        sl_add_plain(text, contract->version, SIZE_MAX);
    }
    if (contract->status) {
        sl_buf_add(text, ", ");
        sl_add_plain(text, contract->status, SIZE_MAX);
    }
    sl_buf_add_char(text, '\n');
    sl_add_plain(text, contract->file, SIZE_MAX);
    sl_buf_add(text, ", ODCS ");
    sl_add_plain(text, contract->api_version ? contract->api_version : "of no version", SIZE_MAX);
    sl_buf_add_char(text, '\n');
    add_line("id", sl_yaml_get(contract->node, "id"), text);
    if (contract->owner) {
        sl_buf_add(text, "owner: ");
        sl_add_plain(text, contract->owner, SIZE_MAX);
        sl_buf_add_char(text, '\n');
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        add_line(lines[i].name, sl_yaml_get(contract->node, lines[i].key), text);
}

// v3.0 allows one text as well.
static void add_description(const struct sl_contract *contract, struct sl_buf *text)
{
    const struct sl_yaml *part = sl_yaml_get(contract->node, "description");
    if (!is_there(part))
        return;
    sl_buf_add_char(text, '\n');
    if (part->kind != SL_YAML_MAP) {
        add_line("description", part, text);
        return;
    }
    for (size_t i = 0; i < part->count; i++) {
        if (!is_there(part->items[i]))
            continue;
        sl_contract_key_words(part->keys[i]->text, text);
        add_line("", part->items[i], text);
    }
}

void sl_contract_show_head(const struct sl_contract *contract, struct sl_buf *text)
{
    const struct sl_yaml *price = sl_yaml_get(contract->node, "price");
    add_identity(contract, text);
    add_description(contract, text);
    add_team(contract, text);
    add_part(contract, "roles", "roles", "role", text);
    add_part(contract, "servers", "servers", "server", text);
    add_part(contract, "support", "support", "channel", text);
    if (is_there(price) && price->kind == SL_YAML_MAP) {
        static const char *const told[] = {"priceAmount", "priceCurrency", "priceUnit", NULL};
        sl_buf_add(text, "\nprice\n ");
        for (size_t i = 0; told[i]; i++)
            sl_contract_more(i == 2 ? " a " : " ", sl_yaml_get(price, told[i]), NULL, text);
        sl_buf_add_char(text, '\n');
    } else
        add_part(contract, "price", "price", NULL, text);
    add_levels(contract, text);
    add_part(contract, "authoritativeDefinitions", "see also", NULL, text);
    add_part(contract, "customProperties", "custom properties", NULL, text);
}
