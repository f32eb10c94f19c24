// `alerts` of sluice.yml: checks, and what is asked of it.
#include "spec/load.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MOST_REPEAT_S ((int64_t)366 * 86400)
#define LEAST_SECRET 16 // characters of a path: a shorter one is a name

#define KIND_NAME(id, name, before) name,
static const char *const kinds[] = {SL_ALERT_KIND_TABLE(KIND_NAME)};
static const char *const types[] = {"slack", "email", "pagerduty", "webhook"};

const char *sl_alert_kind_name(enum sl_alert_kind kind)
{
    return kinds[kind];
}

bool sl_alert_kind_find(const char *name, enum sl_alert_kind *ret)
{
    for (size_t i = 0; i < SL_ALERT_KINDS; i++)
        if (strcmp(kinds[i], name) == 0) {
            *ret = (enum sl_alert_kind)i;
            return true;
        }
    return false;
}

const struct sl_channel *sl_alerts_channel(const struct sl_alerts *alerts, const char *name)
{
    const struct sl_channel *channels = alerts->channels.items;
    for (size_t i = 0; i < alerts->channels.count; i++)
        if (strcmp(channels[i].name, name) == 0)
            return &channels[i];
    return NULL;
}

struct sl_thresholds sl_alerts_thresholds(const struct sl_alerts *alerts, const char *table)
{
    struct sl_thresholds ret = alerts->when;
    const struct sl_thresholds *tables = alerts->tables.items;
    bool has_drop = false, has_share = false, has_lag = false, has_schema = false;
    for (size_t i = 0; i < alerts->tables.count; i++) {
        const struct sl_thresholds *own = &tables[i];
        if (!sl_str_glob(own->table, table))
            continue;
        if (!has_drop && sl_load_has(own->node, "row_drop"))
            has_drop = (ret.row_drop = own->row_drop, true);
        if (!has_share && sl_load_has(own->node, "quarantine_share"))
            has_share = (ret.quarantine_share = own->quarantine_share, true);
        if (!has_lag && sl_load_has(own->node, "lag"))
            has_lag = (ret.lag_s = own->lag_s, true);
        if (!has_schema && sl_load_has(own->node, "schema_change"))
            has_schema = (ret.has_schema_change = own->has_schema_change, true);
    }
    return ret;
}

// "failure raw.*": a kind, a pattern, or both. *ret_kind is NULL for all.
static void split_match(const char *match, char ret_first[32], const char **ret_rest)
{
    size_t length = strcspn(match, " ");
    ret_first[0] = '\0';
    *ret_rest = match;
    if (length < 32) {
        memcpy(ret_first, match, length);
        ret_first[length] = '\0';
    }
    enum sl_alert_kind ignored;
    if (!sl_alert_kind_find(ret_first, &ignored)) {
        ret_first[0] = '\0';
        return;
    }
    *ret_rest = match + length + strspn(match + length, " ");
}

bool sl_alerts_match(const char *match, enum sl_alert_kind kind, const char *subject)
{
    char first[32];
    const char *rest;
    split_match(match, first, &rest);
    if (first[0] && strcmp(first, kinds[kind]) != 0)
        return false;
    return !*rest || sl_str_glob(rest, subject);
}

const char *sl_alerts_match_trouble(const char *match)
{
    char first[32];
    const char *rest;
    split_match(match, first, &rest);
    if (!*match)
        return "it is an empty text";
    if (strchr(rest, ' '))
        return "it is neither a kind, nor a subject, nor a kind and a subject";
    return NULL;
}

bool sl_url_is_local(const char *url)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t length = strcspn(host, "/?#");
    for (size_t i = 0; i < length; i++)
        if (host[i] == '@') { // user:password@host
            length -= i + 1;
            host += i + 1;
            i = (size_t)-1;
        }
    for (size_t i = 0; i < 3; i++) {
        size_t of_host = strlen(hosts[i]);
        if (length >= of_host && strncmp(host, hosts[i], of_host) == 0 &&
            (length == of_host || host[of_host] == ':'))
            return true;
    }
    return false;
}

// --- checks

static void refuse(struct sl_load *load, struct sl_place place, const char *hint,
                   const char *message)
{
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place, hint, "%s",
            message);
}

static bool is_reference(const struct sl_load *load, const char *text)
{
    return !load->resolver && text && strstr(text, "${");
}

// A URL of one of two schemes; the second is refused where the host is another machine, unless
// `plain_is_fine`. The URL itself may be secret and is not said.
static void check_url(struct sl_load *load, const struct sl_channel *channel, const char *key,
                      const char *url, bool plain_is_fine)
{
    struct sl_place place = sl_yaml_place(channel->node, key);
    bool is_plain = url && sl_str_starts(url, "http://");
    if (!url || is_reference(load, url))
        return;
    if (!is_plain && !sl_str_starts(url, "https://"))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place,
                "it begins with https://", "'%s' of channel '%s' is no URL", key, channel->name);
    else if (is_plain && !plain_is_fine && !sl_url_is_local(url))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place,
                "write https://", "'%s' of channel '%s' would be sent without TLS", key,
                channel->name);
}

static bool has_control(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static bool is_address(const char *text)
{
    const char *at = strchr(text, '@');
    return at && at != text && at[1] && !strpbrk(text, " <>,;") && !has_control(text);
}

static void check_email(struct sl_load *load, const struct sl_channel *channel)
{
    const struct sl_email *email = &channel->email;
    const struct sl_yaml *map = sl_yaml_get(channel->node, "email");
    struct sl_diags *diags = &load->project->diags;
    static const char *const keys[] = {"to", "from", "smtp"};
    for (size_t i = 0; i < 3; i++)
        if (!sl_load_has(map, keys[i]))
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING,
                    map ? map->place : channel->node->place, NULL,
                    "key '%s' is missing in 'email' of channel '%s'", keys[i], channel->name);
    for (size_t i = 0; i < email->to.count; i++)
        if (!is_reference(load, email->to.items[i]) && !is_address(email->to.items[i]))
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, "to"),
                    "such as data@shop.example", "'to' of channel '%s' has no mail address",
                    channel->name);
    if (email->from && !is_reference(load, email->from) && !is_address(email->from))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, "from"),
                "such as sluice@shop.example", "'from' of channel '%s' is no mail address",
                channel->name);
    if (email->smtp && !is_reference(load, email->smtp) &&
        ((!sl_str_starts(email->smtp, "smtp://") && !sl_str_starts(email->smtp, "smtps://")) ||
         strchr(email->smtp, '@') || has_control(email->smtp)))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, "smtp"),
                "such as smtps://mail.shop.example:465; user and password have keys of their own",
                "'smtp' of channel '%s' is no mail server", channel->name);
}

// The one of `slack`, `email`, ... that it has.
static void find_type(struct sl_load *load, struct sl_channel *channel)
{
    size_t found = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (sl_load_has(channel->node, types[i])) {
            channel->type = (int)i;
            found++;
        }
    if (found != 1)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                channel->node ? channel->node->place : (struct sl_place){0},
                "it has one of slack, email, pagerduty, webhook", "channel '%s' has %s",
                channel->name, found ? "several places to send to" : "no place to send to");
}

// What only some channels have is refused in others, where it would silently do nothing.
static void check_strays(struct sl_load *load, const struct sl_channel *channel)
{
    static const struct {
        const char *key;
        int type;
    } keys[] = {{"url", SL_CHANNEL_PAGERDUTY},
                {"headers", SL_CHANNEL_WEBHOOK},
                {"secret", SL_CHANNEL_WEBHOOK}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (sl_load_has(channel->node, keys[i].key) && channel->type != keys[i].type)
            sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    sl_yaml_place(channel->node, keys[i].key), NULL,
                    "'%s' goes with '%s', and channel '%s' is of '%s'", keys[i].key,
                    types[keys[i].type], channel->name, types[channel->type]);
}

static bool is_header_name(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-_", *text))
            return false;
    return true;
}

static int read_header(struct sl_load *load, const char *name, const struct sl_yaml *value,
                       struct sl_strs *into, struct sl_err *err)
{
    struct sl_project *project = load->project;
    const char *text = value->text;
    struct sl_err problem = {0};
    if (value->kind != SL_YAML_SCALAR || !is_header_name(name)) {
        refuse(load, value->place, "such as {X-Team: data}", "this is no header");
        return SL_OK;
    }
    if (load->resolver && strstr(text, "${")) {
        int code =
            load->resolver->resolve(load->resolver->self, text, &project->arena, &text, &problem);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        if (code != SL_OK) {
            sl_diag_err(&project->diags, SL_SEVERITY_ERROR, &problem, value->place);
            return SL_OK;
        }
    }
    if (has_control(text)) {
        refuse(load, value->place, "it is one line", "the header has control characters");
        return SL_OK;
    }
    const char *line = sl_arena_printf(&project->arena, "%s: %s", name, text);
    SL_TRY_NEW(line, err);
    return sl_strs_add(into, &project->arena, line, err);
}

int sl_load_headers(struct sl_load *load, const struct sl_yaml *map, struct sl_strs *ret,
                    struct sl_err *err)
{
    if (map && map->kind == SL_YAML_MAP) {
        for (size_t i = 0; i < map->count; i++)
            SL_TRY(read_header(load, map->keys[i]->text, map->items[i], ret, err));
    } else if (map && map->kind != SL_YAML_NULL) {
        refuse(load, map->place, "such as {X-Team: data}", "'headers' is no map");
    }
    return SL_OK;
}

// Servers like to repeat the path that they were asked for, where the secret is.
static void hide_path(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;
    const char *path = host ? strchr(host + 3, '/') : NULL;
    if (path && strlen(path) >= LEAST_SECRET)
        sl_log_hide(path);
}

static int read_channel(struct sl_load *load, struct sl_channel *channel, struct sl_err *err)
{
    struct sl_project *project = load->project;
    find_type(load, channel);
    check_strays(load, channel);
    if (sl_load_has(channel->node, "email"))
        check_email(load, channel);
    hide_path(channel->slack);
    hide_path(channel->webhook);
    check_url(load, channel, "slack", channel->slack, false);
    check_url(load, channel, "webhook", channel->webhook, true);
    check_url(load, channel, "url", channel->url, false);
    if (channel->ca_file && !is_reference(load, channel->ca_file)) {
        channel->ca_file = sl_path_join(&project->arena, project->folder, channel->ca_file);
        SL_TRY_NEW(channel->ca_file, err);
        if (!sl_fs_exists(channel->ca_file))
            sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_FILE_MISSING,
                    sl_yaml_place(channel->node, "ca_file"),
                    "a path is relative to the folder of sluice.yml", "there is no file '%s'",
                    channel->ca_file);
    }
    return sl_load_headers(load, channel->headers_node, &channel->headers, err);
}

static int read_route(struct sl_load *load, const struct sl_alerts *alerts,
                      const struct sl_alert_route *route, struct sl_err *err)
{
    struct sl_project *project = load->project;
    const struct sl_channel *channels = alerts->channels.items;
    struct sl_strs names = {0};
    enum sl_alert_kind kind;
    for (size_t i = 0; i < alerts->channels.count; i++)
        SL_TRY(sl_strs_add(&names, &project->arena, channels[i].name, err));
    for (size_t i = 0; i < route->to.count; i++)
        if (!sl_strs_has(&names, route->to.items[i])) {
            const char *hint =
                sl_did_you_mean(&project->arena, route->to.items[i], names.items, names.count);
            sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    sl_yaml_place(route->node, "to"), hint ? hint : "see `channels`",
                    "there is no channel '%s'", route->to.items[i]);
        }
    for (size_t i = 0; i < route->on.count; i++)
        if (!sl_alert_kind_find(route->on.items[i], &kind)) {
            const char *hint =
                sl_did_you_mean(&project->arena, route->on.items[i], kinds, SL_ALERT_KINDS);
            sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    sl_yaml_place(route->node, "on"),
                    hint ? hint : "there are " SL_ALERT_KIND_NAMES,
                    "there is no kind '%s' of alerts", route->on.items[i]);
        }
    return SL_OK;
}

// "50%", "0.5". -1: nothing is said.
static double read_share(struct sl_load *load, const struct sl_yaml *map, const char *key,
                         const char *text)
{
    double value;
    char number[32];
    if (!text)
        return -1;
    size_t length = strlen(text);
    bool is_percent = length > 0 && text[length - 1] == '%';
    if (length < sizeof number) {
        memcpy(number, text, length + 1);
        number[length - is_percent] = '\0';
        if (sl_str_to_double(number, &value)) {
            value = is_percent ? value / 100 : value;
            if (value >= 0 && value <= 1)
                return value;
        }
    }
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, key),
            "such as 50%", "'%s' is '%s', expected a share from 0%% to 100%%", key, text);
    return -1;
}

static void read_thresholds(struct sl_load *load, struct sl_thresholds *it)
{
    it->row_drop = read_share(load, it->node, "row_drop", it->row_drop_text);
    it->quarantine_share = read_share(load, it->node, "quarantine_share", it->quarantine_text);
    if (!sl_load_has(it->node, "schema_change"))
        it->has_schema_change = true;
}

static void read_silence(struct sl_load *load, struct sl_silence *silence)
{
    const char *trouble = silence->match ? sl_alerts_match_trouble(silence->match) : NULL;
    if (trouble)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(silence->node, "match"), "such as failure, raw.*, or failure raw.*",
                "'match' is '%s': %s", silence->match, trouble);
    if (silence->until && sl_clock_parse(silence->until, &silence->until_us) != 0)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(silence->node, "until"), "such as 2026-12-01",
                "'until' is '%s', expected a date or timestamp", silence->until);
}

static void check_seconds(struct sl_load *load, const struct sl_yaml *map, const char *key,
                          int64_t least, int64_t *value)
{
    if (*value >= least && *value <= MOST_REPEAT_S)
        return;
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, key),
            NULL, "'%s' must be from %s to 366d", key, least ? "1s" : "0s");
    *value = least;
}

int sl_load_alerts(struct sl_load *load, const struct sl_yaml *map, struct sl_alerts *alerts,
                   struct sl_err *err)
{
    struct sl_channel *channels = alerts->channels.items;
    const struct sl_alert_route *routes = alerts->routes.items;
    struct sl_silence *silences = alerts->silences.items;
    struct sl_thresholds *tables = alerts->tables.items;
    load->project->alerts = NULL;
    if (!sl_load_has(map, "alerts"))
        return SL_OK;
    map = sl_yaml_get(map, "alerts");
    for (size_t i = 0; i < alerts->channels.count; i++)
        SL_TRY(read_channel(load, &channels[i], err));
    for (size_t i = 0; i < alerts->routes.count; i++)
        SL_TRY(read_route(load, alerts, &routes[i], err));
    for (size_t i = 0; i < alerts->silences.count; i++)
        read_silence(load, &silences[i]);
    read_thresholds(load, &alerts->when);
    for (size_t i = 0; i < alerts->tables.count; i++)
        read_thresholds(load, &tables[i]);
    check_seconds(load, map, "repeat_after", 0, &alerts->repeat_after_s);
    check_seconds(load, map, "give_up_after", 1, &alerts->give_up_after_s);
    struct sl_alerts *kept = SL_NEW(&load->project->arena, struct sl_alerts);
    SL_TRY_NEW(kept, err);
    *kept = *alerts;
    load->project->alerts = kept;
    return SL_OK;
}
