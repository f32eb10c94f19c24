// Parts of the standard that say something about the data but nothing about its rows: team,
// servers, support, price, ... Kept as they are; their keys are those of the standard.
#include "spec/contract_file.h"

#define KEY(key)                                                                          \
    {                                                                                     \
        .name = (key), .type = SL_OPT_NODE, .summary = "Kept, not used by Sluice itself." \
    }
#define PART(key, below)                                     \
    {                                                        \
        .name = (key), .type = SL_OPT_NODE, .rows = (below), \
        .summary = "Kept, not used by Sluice itself."        \
    }

const struct sl_opt sl_odcs_definition_rows[] = {
    KEY("id"), KEY("url"), KEY("type"), KEY("description"), {0},
};

static const struct sl_opt custom_rows[] = {
    KEY("id"), KEY("property"), KEY("value"), KEY("description"), {0},
};

const struct sl_opt sl_odcs_description_rows[] = {
    KEY("purpose"),
    KEY("usage"),
    KEY("limitations"),
    PART("authoritativeDefinitions", sl_odcs_definition_rows),
    PART("customProperties", custom_rows),
    {0},
};

static const struct sl_opt member_rows[] = {
    KEY("id"),
    KEY("username"),
    KEY("name"),
    KEY("description"),
    KEY("role"),
    KEY("dateIn"),
    KEY("dateOut"),
    KEY("replacedByUsername"),
    KEY("tags"),
    PART("customProperties", custom_rows),
    PART("authoritativeDefinitions", sl_odcs_definition_rows),
    {0},
};

// v3.1 has a map with members, v3.0 a list of them.
const struct sl_opt sl_odcs_team_rows[] = {
    KEY("id"),
    KEY("name"),
    KEY("description"),
    PART("members", member_rows),
    KEY("tags"),
    PART("customProperties", custom_rows),
    PART("authoritativeDefinitions", sl_odcs_definition_rows),
    KEY("username"),
    KEY("role"),
    KEY("dateIn"),
    KEY("dateOut"),
    KEY("replacedByUsername"),
    {0},
};

const struct sl_opt sl_odcs_role_rows[] = {
    KEY("id"),
    KEY("role"),
    KEY("description"),
    KEY("access"),
    KEY("firstLevelApprovers"),
    KEY("secondLevelApprovers"),
    PART("customProperties", custom_rows),
    {0},
};

const struct sl_opt sl_odcs_server_rows[] = {
    KEY("id"),
    KEY("server"),
    KEY("type"),
    KEY("description"),
    KEY("environment"),
    PART("roles", sl_odcs_role_rows),
    PART("customProperties", custom_rows),
    // Of one type of server or another:
    KEY("account"),
    KEY("catalog"),
    KEY("database"),
    KEY("dataset"),
    KEY("delimiter"),
    KEY("endpointUrl"),
    KEY("format"),
    KEY("host"),
    KEY("location"),
    KEY("path"),
    KEY("port"),
    KEY("project"),
    KEY("region"),
    KEY("regionName"),
    KEY("schema"),
    KEY("serviceName"),
    KEY("stagingDir"),
    KEY("stream"),
    KEY("warehouse"),
    {0},
};

const struct sl_opt sl_odcs_support_rows[] = {
    KEY("id"),   KEY("channel"), KEY("url"),           KEY("description"),
    KEY("tool"), KEY("scope"),   KEY("invitationUrl"), PART("customProperties", custom_rows),
    {0},
};

const struct sl_opt sl_odcs_price_rows[] = {
    KEY("id"), KEY("priceAmount"), KEY("priceCurrency"), KEY("priceUnit"), {0},
};
