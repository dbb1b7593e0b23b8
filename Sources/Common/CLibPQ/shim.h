#include <postgresql/libpq-fe.h>

/* Character macros do not reach Swift. */
static const int diag_sqlstate = PG_DIAG_SQLSTATE;
static const int diag_message = PG_DIAG_MESSAGE_PRIMARY;
static const int diag_constraint = PG_DIAG_CONSTRAINT_NAME;
static const int diag_detail = PG_DIAG_MESSAGE_DETAIL;
