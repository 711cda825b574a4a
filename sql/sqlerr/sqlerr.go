// Package sqlerr is the error a client can act on: SQLSTATE, message, detail, hint and position in the statement.
//
// An Error is built once, where the knowledge is, and flattened once, at the wire. Messages are lower case, have no full
// stop and quote names. Source: PostgreSQL, appendix A (error codes) and "Error and Notice Message Fields".
package sqlerr

import (
	"errors"
	"fmt"
)

// Pos is a place in a statement's text: the 0-based byte offset plus one, so that the zero value means "unknown".
type Pos int32

// At turns a 0-based byte offset into a Pos.
func At(offset int) Pos { return Pos(offset + 1) }

// Known tells whether p names a place.
func (p Pos) Known() bool { return p > 0 }

// Offset is the 0-based byte offset, or -1 when unknown.
func (p Pos) Offset() int { return int(p) - 1 }

// Error is one error for a client. It is immutable once returned; the With methods copy.
type Error struct {
	Code    Code   // five-character SQLSTATE
	Message string // one line, lower case, no full stop
	Detail  string
	Hint    string // a way out, when we know one
	Pos     Pos    // in the statement's text; zero when unknown
	cause   error
}

// Error implements error: the message, then the cause.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause, when there is one.
func (e *Error) Unwrap() error { return e.cause }

// Newf builds an error of a class at a place.
func Newf(code Code, pos Pos, format string, args ...any) *Error {
	return &Error{Code: code, Pos: pos, Message: fmt.Sprintf(format, args...)}
}

// Unsupported says that a feature is understood but cannot be run: 0A000.
func Unsupported(pos Pos, feature string) *Error {
	return Newf(FeatureNotSupported, pos, "%s is not supported yet", feature)
}

// WithHint returns a copy with a hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithDetail returns a copy with a detail.
func (e *Error) WithDetail(format string, args ...any) *Error {
	c := *e
	c.Detail = fmt.Sprintf(format, args...)
	return &c
}

// WithPos returns a copy at pos, unless the error already knows its place.
func (e *Error) WithPos(pos Pos) *Error {
	if e.Pos.Known() {
		return e
	}
	c := *e
	c.Pos = pos
	return &c
}

// Wrap keeps cause for errors.Is and errors.As behind a message of a class.
func Wrap(cause error, code Code, format string, args ...any) *Error {
	e := Newf(code, 0, format, args...)
	e.cause = cause
	return e
}

// From finds the Error inside err, or makes an internal error (XX000) of it. It returns nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Wrap(err, Internal, "%s", err.Error())
}
