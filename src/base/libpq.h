// libpq, loaded when the first connection to PostgreSQL is opened, so that commands without one
// start without it.
#ifndef SL_BASE_LIBPQ_H
#define SL_BASE_LIBPQ_H

#include "base/err.h"

#include <libpq-fe.h>

#define SL_LIBPQ_FUNCTIONS(X)    \
    X(PQconninfoParse)           \
    X(PQconninfoFree)            \
    X(PQfreemem)                 \
    X(PQconnectdb)               \
    X(PQfinish)                  \
    X(PQstatus)                  \
    X(PQerrorMessage)            \
    X(PQexec)                    \
    X(PQexecParams)              \
    X(PQclear)                   \
    X(PQresultStatus)            \
    X(PQresultErrorField)        \
    X(PQresultErrorMessage)      \
    X(PQntuples)                 \
    X(PQgetvalue)                \
    X(PQcmdTuples)               \
    X(PQputCopyData)             \
    X(PQputCopyEnd)              \
    X(PQgetCopyData)             \
    X(PQgetResult)               \
    X(PQconnectionUsedPassword)  \
    X(PQconnectionNeedsPassword) \
    X(PQsetNoticeProcessor)      \
    X(PQconnectdbParams)         \
    X(PQprepare)                 \
    X(PQexecPrepared)            \
    X(PQgetisnull)               \
    X(PQreset)                   \
    X(PQtransactionStatus)       \
    X(PQsocket)                  \
    X(PQconsumeInput)            \
    X(PQisBusy)                  \
    X(PQsendQuery)               \
    X(PQsendPrepare)             \
    X(PQsendQueryPrepared)       \
    X(PQnotifies)

struct sl_libpq {
    void *handle;
#define SL_LIBPQ_FIELD(name) __typeof__(name) *name;
    SL_LIBPQ_FUNCTIONS(SL_LIBPQ_FIELD)
#undef SL_LIBPQ_FIELD
};

// SL_E_TARGET_LIBRARY if libpq.so.5 is not installed.
SL_MUST int sl_libpq_load(struct sl_libpq *ret, struct sl_err *err);
void sl_libpq_unload(struct sl_libpq *libpq);
// With a message of libpq, without its last line's end.
SL_MUST int sl_libpq_fail(const char *message, enum sl_code code, struct sl_err *err);
// A '/' or '@' in the password of a URL ends it: the rest would be quoted as a host or a port.
bool sl_libpq_is_torn(const PQconninfoOption *options);

#endif
