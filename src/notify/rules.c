#include "notify/rules.h"

#include "base/buf.h"
#include "base/map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sl_alert_event_name(enum sl_alert_event event)
{
    static const char *const names[] = {"none", "raised", "repeated", "resolved"};
    return names[event];
}

// --- judging

struct judge {
    const struct sl_alerts *alerts;
    const struct sl_subject *subject;
    struct sl_arena *arena;
    struct sl_findings *findings;
    struct sl_err *err;
};

static int add(struct judge *judge, enum sl_alert_kind kind, bool is_bad, const char *summary)
{
    const struct sl_subject *subject = judge->subject;
    struct sl_finding finding = {.kind = kind,
                                 .subject = subject->name,
                                 .owner = subject->owner ? subject->owner : "",
                                 .is_bad = is_bad,
                                 .summary = summary,
                                 .code = ""};
    SL_TRY_NEW(summary, judge->err);
    if (kind == SL_ALERT_FAILURE && is_bad && subject->code)
        finding.code = subject->code;
    finding.is_event = kind == SL_ALERT_SCHEMA_CHANGE;
    if (!SL_PUSH(judge->arena, judge->findings->items, judge->findings->count, finding))
        return sl_fail_memory(judge->err);
    return SL_OK;
}

static int add_well(struct judge *judge, enum sl_alert_kind kind)
{
    return add(judge, kind, false, "");
}

static int judge_failure(struct judge *judge)
{
    const struct sl_subject *subject = judge->subject;
    switch (subject->outcome) {
    case SL_SEEN_NOT:
        return SL_OK;
    case SL_SEEN_WELL:
        return add_well(judge, SL_ALERT_FAILURE);
    case SL_SEEN_FAILED:
        break;
    }
    if (subject->said)
        return add(judge, SL_ALERT_FAILURE, true, subject->said);
    return add(judge, SL_ALERT_FAILURE, true,
               sl_arena_printf(judge->arena, "%s%s failed: %s",
                               subject->is_run ? "the run of " : "", subject->name,
                               subject->message ? subject->message : "no reason was given"));
}

// Of a run its deadline, of a table its freshness: never both.
static int judge_sla(struct judge *judge)
{
    const struct sl_subject *subject = judge->subject;
    char is[32], may[32];
    if (subject->is_run) {
        if (subject->deadline == SL_SEEN_NOT)
            return SL_OK;
        if (subject->deadline == SL_SEEN_WELL)
            return add_well(judge, SL_ALERT_SLA);
        return add(judge, SL_ALERT_SLA, true,
                   sl_arena_printf(
                       judge->arena, "the run of %s took longer than its deadline%s%s",
                       subject->name, subject->deadline_s > 0 ? " of " : "",
                       subject->deadline_s > 0 ? sl_str_duration(subject->deadline_s, may) : ""));
    }
    if (subject->freshness_s < 0 || subject->age_s < 0)
        return SL_OK;
    if (subject->age_s <= subject->freshness_s)
        return add_well(judge, SL_ALERT_SLA);
    return add(judge, SL_ALERT_SLA, true,
               sl_arena_printf(judge->arena, "%s is %s old, and may be %s", subject->name,
                               sl_str_duration(subject->age_s, is),
                               sl_str_duration(subject->freshness_s, may)));
}

static int compare_numbers(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

// Of an even count the lower one of the two in the middle: less is told.
static int64_t median(const struct sl_subject *subject)
{
    int64_t sorted[SL_MOST_PAST];
    memcpy(sorted, subject->past, subject->past_count * sizeof *sorted);
    qsort(sorted, subject->past_count, sizeof *sorted, compare_numbers);
    return sorted[(subject->past_count - 1) / 2];
}

static int judge_row_drop(struct judge *judge, double share)
{
    const struct sl_subject *subject = judge->subject;
    if (share < 0 || subject->rows < 0 || subject->past_count < SL_LEAST_PAST)
        return SL_OK;
    int64_t usual = median(subject);
    if (usual <= 0 || (double)subject->rows >= (double)usual * (1 - share))
        return add_well(judge, SL_ALERT_ROW_DROP);
    return add(judge, SL_ALERT_ROW_DROP, true,
               sl_arena_printf(judge->arena,
                               "%s: %" PRId64 " rows, %.0f %% fewer than the %" PRId64
                               " that are usual (the median of the last %zu runs)",
                               subject->name, subject->rows,
                               100 * (1 - (double)subject->rows / (double)usual), usual,
                               subject->past_count));
}

static int judge_quarantine(struct judge *judge, double share)
{
    const struct sl_subject *subject = judge->subject;
    if (share < 0 || subject->rows_in <= 0)
        return SL_OK;
    double is = (double)subject->rows_rejected / (double)subject->rows_in;
    if (is <= share)
        return add_well(judge, SL_ALERT_QUARANTINE);
    return add(judge, SL_ALERT_QUARANTINE, true,
               sl_arena_printf(
                   judge->arena,
                   "%s: %" PRId64 " of %" PRId64 " rows were rejected, %.3g %%, and may be %.3g %%",
                   subject->name, subject->rows_rejected, subject->rows_in, 100 * is, 100 * share));
}

static int judge_lag(struct judge *judge, int64_t most_s)
{
    const struct sl_subject *subject = judge->subject;
    char buffer[32];
    if (most_s <= 0 || subject->lag_s < 0)
        return SL_OK;
    if (subject->lag_s <= most_s)
        return add_well(judge, SL_ALERT_LAG);
    return add(judge, SL_ALERT_LAG, true,
               sl_arena_printf(judge->arena, "%s has been behind %s for %s", subject->name,
                               subject->lags_behind ? subject->lags_behind : "its inputs",
                               sl_str_duration(subject->lag_s, buffer)));
}

int sl_alerts_judge(const struct sl_alerts *alerts, const struct sl_subject *subject,
                    struct sl_arena *arena, struct sl_findings *ret, struct sl_err *err)
{
    struct judge judge = {alerts, subject, arena, ret, err};
    struct sl_thresholds when = sl_alerts_thresholds(alerts, subject->name);
    SL_TRY(judge_failure(&judge));
    SL_TRY(judge_sla(&judge));
    SL_TRY(judge_row_drop(&judge, when.row_drop));
    SL_TRY(judge_quarantine(&judge, when.quarantine_share));
    SL_TRY(judge_lag(&judge, when.lag_s));
    if (subject->columns && when.has_schema_change)
        SL_TRY(add(&judge, SL_ALERT_SCHEMA_CHANGE, true,
                   sl_arena_printf(arena, "%s has other columns than before: %s", subject->name,
                                   subject->columns)));
    return SL_OK;
}

int sl_findings_settle(struct sl_findings *findings, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map kept = {0}; // "kind subject" -> struct sl_finding *
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const struct sl_finding finding = findings->items[i];
        const char *key = sl_arena_printf(arena, "%d %s", (int)finding.kind, finding.subject);
        SL_TRY_NEW(key, err);
        struct sl_finding *other = sl_map_get(&kept, key);
        if (other && finding.is_bad && !other->is_bad)
            *other = finding;
        if (other)
            continue;
        findings->items[count] = finding;
        SL_TRY(sl_map_set(&kept, key, &findings->items[count++], err));
    }
    findings->count = count;
    return SL_OK;
}

// --- deciding

static bool is_silenced(const struct sl_circumstances *c, const struct sl_finding *finding)
{
    const struct sl_silence *own = c->alerts->silences.items;
    for (size_t i = 0; i < c->alerts->silences.count; i++)
        if (own[i].until_us > c->now_us &&
            sl_alerts_match(own[i].match, finding->kind, finding->subject))
            return true;
    for (size_t i = 0; i < c->silence_count; i++)
        if (c->silences[i].until_us > c->now_us &&
            sl_alerts_match(c->silences[i].match, finding->kind, finding->subject))
            return true;
    return false;
}

static bool fits_one(const struct sl_strs *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (sl_str_glob(patterns->items[i], text))
            return true;
    return patterns->count == 0;
}

static int find_channels(const struct sl_alerts *alerts, const struct sl_finding *finding,
                         struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_channel *channels = alerts->channels.items;
    const struct sl_alert_route *routes = alerts->routes.items;
    for (size_t i = 0; alerts->routes.count == 0 && i < alerts->channels.count; i++)
        SL_TRY(sl_strs_add(ret, arena, channels[i].name, err));
    for (size_t i = 0; i < alerts->routes.count; i++) {
        const struct sl_alert_route *route = &routes[i];
        if ((route->on.count > 0 && !sl_strs_has(&route->on, sl_alert_kind_name(finding->kind))) ||
            !fits_one(&route->owner, finding->owner) ||
            !fits_one(&route->subject, finding->subject))
            continue;
        for (size_t n = 0; n < route->to.count; n++)
            if (!sl_strs_has(ret, route->to.items[n]))
                SL_TRY(sl_strs_add(ret, arena, route->to.items[n], err));
        if (!route->goes_on)
            break;
    }
    return SL_OK;
}

// "ops pager" as a list, without the channels that are there no more.
static int told_channels(const struct sl_alerts *alerts, const char *text, struct sl_arena *arena,
                         struct sl_strs *ret, struct sl_err *err)
{
    char *copy = sl_arena_strdup(arena, text), *rest;
    SL_TRY_NEW(copy, err);
    for (const char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
        if (sl_alerts_channel(alerts, name))
            SL_TRY(sl_strs_add(ret, arena, name, err));
    return SL_OK;
}

static int join(const struct sl_strs *names, struct sl_arena *arena, const char **ret,
                struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (size_t i = 0; i < names->count; i++)
        sl_buf_addf(&text, "%s%s", i ? " " : "", names->items[i]);
    SL_TRY(sl_buf_check(&text, err));
    *ret = sl_arena_strdup(arena, text.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// What became well, or has left: told to those who were told that it was not well.
static int decide_over(const struct sl_circumstances *c, const struct sl_finding *finding,
                       const struct sl_alert_row *open, struct sl_arena *arena,
                       struct sl_decision *ret, struct sl_err *err)
{
    char buffer[32];
    if (!open)
        return SL_OK;
    ret->is_kept = true;
    ret->alert = *open;
    ret->alert.closed_us = c->now_us;
    if (!open->told_us)
        return SL_OK;
    ret->event = SL_EVENT_RESOLVED;
    int64_t lasted_s = (c->now_us - open->opened_us) / 1000000;
    const char *lasted = sl_str_duration(lasted_s, buffer);
    ret->alert.summary =
        finding->has_left
            ? sl_arena_printf(arena,
                              "%s is no longer in the project: its alert (%s) is closed after %s",
                              open->subject, open->kind, lasted)
            : sl_arena_printf(arena, "%s is well again after %s (%s)", open->subject, lasted,
                              open->kind);
    SL_TRY_NEW(ret->alert.summary, err);
    return told_channels(c->alerts, open->channels, arena, &ret->channels, err);
}

static enum sl_alert_event event_of(const struct sl_circumstances *c,
                                    const struct sl_alert_row *alert)
{
    int64_t repeat_us = c->alerts->repeat_after_s * 1000000;
    if (!alert->told_us)
        return SL_EVENT_RAISED;
    return repeat_us > 0 && c->now_us - alert->told_us >= repeat_us ? SL_EVENT_REPEATED
                                                                    : SL_EVENT_NONE;
}

int sl_alerts_decide(const struct sl_circumstances *c, const struct sl_finding *finding,
                     const struct sl_alert_row *open, struct sl_arena *arena,
                     struct sl_decision *ret, struct sl_err *err)
{
    *ret = (struct sl_decision){.event = SL_EVENT_NONE};
    if (!finding->is_bad)
        return decide_over(c, finding, open, arena, ret, err);
    ret->is_kept = true;
    ret->alert = open ? *open
                      : (struct sl_alert_row){.environment = c->environment,
                                              .kind = sl_alert_kind_name(finding->kind),
                                              .subject = finding->subject,
                                              .channels = "",
                                              .opened_us = c->now_us};
    struct sl_alert_row *alert = &ret->alert;
    alert->owner = finding->owner;
    alert->summary = finding->summary;
    alert->code = finding->code;
    alert->run_id = c->run_id;
    alert->seen_us = c->now_us;
    alert->times++;
    if (finding->is_event)
        alert->closed_us = c->now_us;
    enum sl_alert_event event = event_of(c, alert);
    if (event == SL_EVENT_NONE || is_silenced(c, finding))
        return SL_OK;
    SL_TRY(find_channels(c->alerts, finding, arena, &ret->channels, err));
    if (ret->channels.count == 0)
        return SL_OK;
    ret->event = event;
    alert->told_us = c->now_us;
    return join(&ret->channels, arena, &alert->channels, err);
}
