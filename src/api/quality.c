#include "api/quality.h"

#include "base/str.h"

struct word {
    const char *text;
    enum sl_dimension dimension;
};

const char *sl_dimension_name(enum sl_dimension dimension)
{
    static const char *const names[SL_DIMENSIONS] = {
        [SL_DIMENSION_TIMELINESS] = "timeliness",   [SL_DIMENSION_COMPLETENESS] = "completeness",
        [SL_DIMENSION_ACCURACY] = "accuracy",       [SL_DIMENSION_CONFORMANCE] = "conformance",
        [SL_DIMENSION_CONSISTENCY] = "consistency",
    };
    return names[dimension];
}

// docs/data-quality.md of the standard, "Valid Values for Dimension".
bool sl_dimension_parse(const char *text, enum sl_dimension *ret)
{
    static const struct word words[] = {
        {"timeliness", SL_DIMENSION_TIMELINESS},
        {"tm", SL_DIMENSION_TIMELINESS},
        {"completeness", SL_DIMENSION_COMPLETENESS},
        {"cp", SL_DIMENSION_COMPLETENESS},
        {"coverage", SL_DIMENSION_COMPLETENESS},
        {"cv", SL_DIMENSION_COMPLETENESS},
        {"accuracy", SL_DIMENSION_ACCURACY},
        {"ac", SL_DIMENSION_ACCURACY},
        {"conformance", SL_DIMENSION_CONFORMANCE},
        {"conformity", SL_DIMENSION_CONFORMANCE},
        {"cf", SL_DIMENSION_CONFORMANCE},
        {"consistency", SL_DIMENSION_CONSISTENCY},
        {"cs", SL_DIMENSION_CONSISTENCY},
        {"uniqueness", SL_DIMENSION_CONSISTENCY},
        {"uq", SL_DIMENSION_CONSISTENCY},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl_str_equal_nocase(words[i].text, text)) {
            *ret = words[i].dimension;
            return true;
        }
    return false;
}

enum sl_dimension sl_dimension_of_rule(const char *kind)
{
    static const struct word kinds[] = {
        {"required", SL_DIMENSION_COMPLETENESS}, {"type", SL_DIMENSION_CONFORMANCE},
        {"enum", SL_DIMENSION_CONFORMANCE},      {"range", SL_DIMENSION_ACCURACY},
        {"length", SL_DIMENSION_CONFORMANCE},    {"pattern", SL_DIMENSION_CONFORMANCE},
        {"format", SL_DIMENSION_CONFORMANCE},    {"expression", SL_DIMENSION_CONSISTENCY},
        {"unique", SL_DIMENSION_CONSISTENCY},    {"corrupt", SL_DIMENSION_CONFORMANCE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (sl_str_equal(kinds[i].text, kind))
            return kinds[i].dimension;
    return SL_DIMENSION_ACCURACY;
}
