// Package session is one client's settings, prepared statements, portals and result cursors.
//
// A Session is used by one goroutine at a time, its connection's; only Cancel may be called from others. It knows no statement
// and no plan: what the engine keeps for a session travels in opaque fields (Session.Work, Prepared.Plan).
package session

import (
	"context"
	"sync"

	"github.com/freshetdb/freshet/sql/settings"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// Status is where a session stands with respect to transactions, as ReadyForQuery reports it.
type Status byte

// The states of a transaction.
const (
	Idle   Status = 'I'
	Open   Status = 'T'
	Failed Status = 'E' // everything but ROLLBACK is refused with 25P02
)

// Identity says who a session belongs to and what it looks at.
type Identity struct {
	User        string
	Database    string
	Application string // application_name of the start-up packet
}

// Session is one client's state.
type Session struct {
	Identity
	Settings   *settings.Values
	Statements Statements
	Portals    Portals
	Style      vector.Style // how values print: the session's time zone
	Work       any          // the engine's: the open transaction and what it has collected

	key     Key
	status  Status
	reports []Parameter

	mu     sync.Mutex              // guards: cancel, missed
	cancel context.CancelCauseFunc // of the running statement; nil between statements
	missed bool                    // a cancel came between two statements
}

// New makes an idle session.
func New(id Identity, values *settings.Values) *Session {
	return &Session{Identity: id, Settings: values, status: Idle}
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

// Parameter is a setting the client is told about when it changes (ParameterStatus).
type Parameter struct{ Name, Value string }

// Report tells the client of a parameter's value before its next ReadyForQuery.
func (s *Session) Report(name, value string) { s.reports = append(s.reports, Parameter{name, value}) }

// TakeReports gives what Report collected, once.
func (s *Session) TakeReports() []Parameter {
	r := s.reports
	s.reports = nil
	return r
}

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

// Cancel ends the running statement, from any goroutine. Between statements it does nothing, unless an endless portal is open:
// drivers fetch those in small pieces, and a cancel that falls between two of them ends the portal at its next fetch.
func (s *Session) Cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(canceled())
		return
	}
	s.missed = true
}

func canceled() *sqlerr.Error {
	return sqlerr.Newf(sqlerr.QueryCanceled, 0, "canceling statement due to user request")
}

// Open adds a portal. Errors: 42P03, 53400; the portal is then closed.
func (s *Session) Open(p *Portal) error {
	if p.Result.Live() {
		s.takeMissed()
	}
	return s.Portals.put(p)
}

// Fetch is Portal.Fetch with an ear for cancels that came between fetches of an endless portal.
func (s *Session) Fetch(ctx context.Context, p *Portal, limit int, yield Yield) (rows int, done bool, err error) {
	if p.Result.Live() && s.takeMissed() {
		p.err = canceled()
	}
	return p.fetch(ctx, limit, yield)
}

func (s *Session) takeMissed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.missed
	s.missed = false
	return was
}

// Close ends every portal and forgets every statement.
func (s *Session) Close() {
	s.Portals.CloseAll()
	s.Statements.Clear()
}
