// Rollback: the tables and positions of a publication, all of them, as new versions.
//
// Each table gets a commit that makes it what the published version was, with the record that
// version had: so it is known again which files and versions it was built from, now under the
// numbers of the new versions. Readers of publications see the old state until all tables are back.
// A rollback that was killed is done again: what is back already stays.
#ifndef SL_RUN_ROLLBACK_H
#define SL_RUN_ROLLBACK_H

#include "run/publications.h"

struct sl_rolled_back {
    const char *table;
    int64_t from, to;           // versions
    int64_t version;            // the new one; -1: none is needed, or a dry run
    bool is_needed;             // the table is not what it was, or does not say so
    bool is_orphan;             // of no step of the project any more
    int64_t rows_from, rows_to; // -1: not counted
};
struct sl_lost {
    const char *table, *because; // "its files were vacuumed"
};
struct sl_rollback {
    const struct sl_publication *target;
    const char *run_id; // of the rollback
    int64_t now_us;
    bool dry_run;
    // Filled in, in the world's arena:
    struct sl_rolled_back *tables;
    size_t table_count;
    // Tables that were not published then, and stay as they are; and what targets that wait for
    // publications hold of them ("target.out.revenue").
    struct sl_strs left;
    struct sl_lost *lost; // published then, of no step of the project any more, and cannot go back
    size_t lost_count;
    int64_t number; // of the publication that the rollback has made; 0: none
};
// SL_E_LOCKED if a run is at work. SL_E_TABLE_VERSION if a table cannot go back, because its log or
// files are gone or it was made anew, SL_E_TABLE_FEATURE if it cannot be written here: then none
// has, for all of them are looked at first. SL_E_ROLLBACK_HALF if what came in between was seen too
// late: done again, it goes on. Tables that were published and are of no step any more go back too;
// those that cannot are named in `lost`.
SL_MUST int sl_world_rollback(struct sl_world *world, struct sl_session *session,
                              struct sl_rollback *rollback, struct sl_err *err);

#endif
