// Inside of attestations: what their maker and their check agree on.
#ifndef SL_RUN_ATTEST_FORM_H
#define SL_RUN_ATTEST_FORM_H

#include "run/attest.h"

#define SL_ATTEST_PAYLOAD_TYPE "application/vnd.in-toto+json"
#define SL_ATTEST_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define SL_ATTEST_PREDICATE_TYPE "urn:sluice:attestation:2"
#define SL_ATTEST_PREDICATE_TYPE_1 "urn:sluice:attestation:1" // did not cover the logs

// "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body (DSSE, protocol.md, "Signature Definition").
SL_MUST int sl_attest_encode(const void *body, size_t length, struct sl_buf *ret,
                             struct sl_err *err);
void sl_attest_tell(const struct sl_attest_progress *progress, int64_t done, int64_t total);

#endif
