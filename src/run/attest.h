// Attestations: a signed record of a publication that can be checked without the project, the
// engine or a network.
//
// The form is a DSSE envelope (Dead Simple Signing Envelope 1.0) around an in-toto Statement v1.
// Subjects are the files that hold the tables and what they were made with, by their paths in the
// lake: every data file of every version, every file of its log up to the version, the kept code
// and the publication itself. Those that a checkpoint or the signed record stands for have
// "needed": false: they may go, but not change. The predicate has the publication and each table's
// record: code, contract, inputs, positions, balance.
#ifndef SL_RUN_ATTEST_H
#define SL_RUN_ATTEST_H

#include "base/sign.h"
#include "run/publications.h"

// Hashing takes as long as reading: told after each file, and may be NULL.
struct sl_attest_progress {
    void (*on_file)(void *self, int64_t done_bytes, int64_t total_bytes);
    void *self;
};
struct sl_attest_options {
    const struct sl_publication *publication;
    const struct sl_sign_key *key; // private
    struct sl_attest_progress progress;
    struct sl_strs *unknown; // tables whose code is not kept are added to it; may be NULL
};
// The envelope, as JSON. SL_E_TABLE_VERSION if a table's version cannot be read any more,
// SL_E_CODE_DAMAGED if what one was made with is kept and is not what it was.
SL_MUST int sl_world_attest(struct sl_world *world, struct sl_session *session,
                            const struct sl_attest_options *options, json_t **ret,
                            struct sl_err *err);

struct sl_attest_fault {
    const char *name; // of the file, in the lake
    const char *what; // "its bytes are others", "it is gone", "it was not there when ..."
};
struct sl_attest_verdict {
    char key_id[65];
    json_t *statement; // to be freed
    int64_t files, bytes;
    struct sl_strs unknown; // tables whose code was not kept when they were attested
    struct sl_attest_fault *faults;
    size_t fault_count;
};
// Checks the signature, then every subject against the lake, and that the logs have no file that
// was not attested: what the versions hold follows from these. SL_E_ATTESTATION if the envelope is
// damaged or not signed by this key; faults of files are in the verdict.
SL_MUST int sl_attest_verify(const json_t *envelope, const struct sl_sign_key *key,
                             const char *lake_folder, const struct sl_attest_progress *progress,
                             struct sl_arena *arena, struct sl_attest_verdict *ret,
                             struct sl_err *err);

#endif
