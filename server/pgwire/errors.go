package pgwire

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Severities of errors. Notices have theirs in package session.
const (
	severityError = "ERROR"
	severityFatal = "FATAL" // the connection ends
)

// idleSessionTimeout is the SQLSTATE of a session closed for silence.
const idleSessionTimeout sqlerr.Code = "57P05"

// flatten makes an error for the wire of what a statement failed with. A context that ended has the reason as its cause.
func flatten(ctx context.Context, err error) *sqlerr.Error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		var known *sqlerr.Error
		if cause := context.Cause(ctx); errors.As(cause, &known) {
			return known
		}
		return sqlerr.Wrap(err, sqlerr.QueryCanceled, "canceling statement: %s", err.Error())
	}
	return sqlerr.From(err)
}

// errorResponse is an error as a message. text is what its position refers to.
func errorResponse(severity string, e *sqlerr.Error, text string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{
		Severity: severity, SeverityUnlocalized: severity, Code: string(e.Code), Message: e.Message,
		Detail: e.Detail, Hint: e.Hint, Position: position(text, e.Pos),
	}
}

func noticeResponse(m *session.Message) *pgproto3.NoticeResponse {
	return (*pgproto3.NoticeResponse)(errorResponse(string(m.Severity), &m.Error, ""))
}

// position counts characters from 1, as clients do; 0 is unknown.
func position(text string, pos sqlerr.Pos) int32 {
	if !pos.Known() || pos.Offset() > len(text) {
		return 0
	}
	return int32(utf8.RuneCountInString(text[:pos.Offset()])) + 1
}
