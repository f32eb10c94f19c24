// Contracts by themselves, without a project around them, and what the contract commands share.
#ifndef SL_CLI_CONTRACT_FILE_H
#define SL_CLI_CONTRACT_FILE_H

#include "cli/cli.h"
#include "contract/exchange/exchange.h"
#include "spec/contract.h"

#define SL_CONTRACT_MAX_BYTES ((size_t)8 << 20)

// A contract file that is read by itself. The project is only there to hold memory and diagnostics.
struct sl_contract_file {
    struct sl_project project;
    const char *path;
    struct sl_yaml *node;         // NULL: it is no YAML
    struct sl_contract *contract; // NULL: it is no map
};
// Reads it; what is wrong with it is in project.diags.
SL_MUST int sl_contract_file_read(const char *path, struct sl_contract_file *ret,
                                  struct sl_err *err);
void sl_contract_file_clear(struct sl_contract_file *file); // for SL_AUTO
// The first error of the diagnostics as the failure; SL_E_CONTRACT if there is none.
int sl_contract_first_error(const struct sl_diags *diags, const char *path, struct sl_err *err);
// The same, and of several errors reports all.
int sl_contract_refuse(const struct sl_common *common, struct sl_diags *diags, const char *path,
                       struct sl_err *err);

// The files that words of the command line stand for: a file, or the name of a contract of the
// project, of its file ("orders" for contracts/orders.odcs.yml), of one of its tables. No words:
// all contracts of the project. Paths as the working folder has them, in the arena.
SL_MUST int sl_contract_find(const struct sl_common *common, const struct sl_strs *words,
                             struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err);

// The one file that a word stands for; SL_E_USAGE if it names several.
SL_MUST int sl_contract_choose(const struct sl_common *common, const char *word,
                               struct sl_arena *arena, const char **ret, struct sl_err *err);

// An engine session without a project.
SL_MUST int sl_contract_session(struct sl_engine **ret_engine, struct sl_session **ret,
                                struct sl_err *err);

// What stands in `path` as tables: SQL that the engine runs in a session of its own, a Parquet
// file, the folder of a Delta table.
SL_MUST int sl_contract_import_sql(struct sl_exchange *exchange, const char *path,
                                   struct sl_session *session, struct sl_yaml **ret,
                                   struct sl_err *err);
SL_MUST int sl_contract_import_parquet(struct sl_exchange *exchange, const char *path,
                                       struct sl_session *session, struct sl_yaml **ret,
                                       struct sl_err *err);
SL_MUST int sl_contract_import_delta(struct sl_exchange *exchange, const char *path,
                                     struct sl_session *session, struct sl_yaml **ret,
                                     struct sl_err *err);
// Takes out of an imported contract what the engine does not understand: patterns of another
// dialect, expressions in another SQL. They stay as quality rules of type text, and are told.
SL_MUST int sl_contract_prove(struct sl_exchange *exchange, struct sl_yaml *contract,
                              struct sl_session *session, struct sl_err *err);

#endif
