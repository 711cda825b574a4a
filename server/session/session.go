// Package session is one client's settings, prepared statements, portals and result cursors.
//
// A Session is used by one goroutine at a time, its connection's; only Cancel may be called from others. It knows no statement and
// no plan: what the engine keeps for a session travels in opaque fields (Session.Work, Prepared.Plan).
package session

import (
	"context"
	"sync"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Status is where a session stands with respect to transactions, as ReadyForQuery reports it.
type Status byte

// The states of a transaction.
const (
	Idle   Status = 'I'
	Open   Status = 'T'
	Failed Status = 'E' // everything but ROLLBACK is refused with 25P02
)

// Settings are a session's values of SET and SHOW.
type Settings interface {
	// Get is the value of a setting, as SHOW prints it; false when there is none of that name.
	Get(name string) (string, bool)
	// Set changes a setting for the session. Errors: 42704 unknown, 22023 bad value, 55P02 read-only.
	Set(name, value string) error
}

// Identity says who a session belongs to and what it looks at.
type Identity struct {
	User        string
	Database    string
	Application string // application_name of the start-up packet
}

// Session is one client's state.
type Session struct {
	Identity
	Settings   Settings
	Statements Statements
	Portals    Portals
	Work       any // the engine's: the open transaction and what it has collected

	key    Key
	status Status

	mu     sync.Mutex              // guards: cancel
	cancel context.CancelCauseFunc // of the running statement; nil between statements
}

// New makes an idle session.
func New(id Identity, settings Settings) *Session {
	return &Session{Identity: id, Settings: settings, status: Idle}
}

// Status is the transaction's state.
func (s *Session) Status() Status { return s.status }

// SetStatus records a transition the engine made: BEGIN, COMMIT, ROLLBACK.
func (s *Session) SetStatus(status Status) { s.status = status }

// Fail marks an open transaction as failed; without one it does nothing. It is called for every error sent to the client.
func (s *Session) Fail() {
	if s.status == Open {
		s.status = Failed
	}
}

// Key is what a client shows to cancel a statement of this session. The zero Key cancels nothing.
func (s *Session) Key() Key { return s.key }

// SetKey gives the session its key; the listener does so before the client learns it.
func (s *Session) SetKey(key Key) { s.key = key }

// Begin derives the context of a statement, which Cancel ends with 57014. done must be called when the statement is over.
func (s *Session) Begin(ctx context.Context) (statement context.Context, done func()) {
	statement, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	return statement, func() {
		s.mu.Lock()
		s.cancel = nil
		s.mu.Unlock()
		cancel(nil)
	}
}

// Cancel ends the running statement, from any goroutine. Between statements it does nothing.
func (s *Session) Cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(sqlerr.Newf(sqlerr.QueryCanceled, 0, "canceling statement due to user request"))
	}
}

// Close ends every portal and forgets every statement.
func (s *Session) Close() {
	s.Portals.CloseAll()
	s.Statements.Clear()
}
