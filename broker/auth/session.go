package auth

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Ways an authentication ends a connection or is refused.
var (
	// ErrIllegalState: a message that has no place in the present state.
	ErrIllegalState = errors.New("request is not valid in the present SASL state")
	// ErrMechanism: a mechanism that isn't offered.
	ErrMechanism = errors.New("SASL mechanism is not offered")
	// ErrExpired: the session's time is over and the client has not authenticated anew (KIP-368).
	ErrExpired = errors.New("session has expired and the client has not authenticated anew")
)

// FailedError is an authentication that failed.
type FailedError struct {
	// Text is what the client is told, in Kafka's words: nothing of what was wrong.
	Text string
	// Cause is for the log.
	Cause error
}

// Error implements error.
func (e *FailedError) Error() string { return e.Cause.Error() }

// Unwrap gives the cause.
func (e *FailedError) Unwrap() error { return e.Cause }

// Session is a connection's state of authentication; one goroutine owns it, but for what it returns.
type Session struct {
	credentials *Credentials
	lifetime    func() time.Duration

	exchange  Exchange
	mechanism string
	principal Principal
	finished  bool      // authenticated at least once
	until     time.Time // zero: for ever
}

// NewSession makes a session that has to authenticate by SASL; lifetime tells how long an authentication holds, 0 for
// ever; nil is for ever too.
func NewSession(c *Credentials, lifetime func() time.Duration) *Session {
	if lifetime == nil {
		lifetime = func() time.Duration { return 0 }
	}
	return &Session{credentials: c, lifetime: lifetime}
}

// Done tells whether the client has authenticated at least once.
func (s *Session) Done() bool { return s.finished }

// Principal is who is authenticated; the zero Principal before Done.
func (s *Session) Principal() Principal { return s.principal }

// Expired tells whether the authentication holds no longer.
func (s *Session) Expired(now time.Time) bool { return !s.until.IsZero() && now.After(s.until) }

// Handshake begins an authentication, the first or, where sessions end, another one by the same mechanism.
func (s *Session) Handshake(mechanism string) error {
	if s.exchange != nil || (s.finished && s.until.IsZero()) {
		return ErrIllegalState
	}
	if !slices.Contains(s.credentials.Mechanisms(), mechanism) {
		return fmt.Errorf("%w: %q", ErrMechanism, mechanism)
	}
	if s.finished && mechanism != s.mechanism {
		return fmt.Errorf("%w: a session of %s can't go on with %s", ErrIllegalState, s.mechanism, mechanism)
	}
	s.exchange, s.mechanism = s.credentials.NewExchange(mechanism), mechanism
	return nil
}

// Pending tells whether messages of a mechanism are expected.
func (s *Session) Pending() bool { return s.exchange != nil }

// failure is what Kafka tells a client whose authentication failed. Source: SaslServerAuthenticator, PlainSaslServer.
func (s *Session) failure(err error) string {
	if s.mechanism == Plain && errors.Is(err, ErrDenied) {
		return "Authentication failed: Invalid username or password"
	}
	during := "authentication"
	if s.finished {
		during = "re-authentication"
	}
	return "Authentication failed during " + during + " due to invalid credentials with SASL mechanism " + s.mechanism
}

// dotted spells a principal as Kafka's message about changed ones does.
func dotted(p Principal) string { return p.Type + "." + p.Name }

// Authenticate takes a message of the mechanism at an instant and gives the answer, and once the authentication is done how long it holds (0: for ever).
func (s *Session) Authenticate(message []byte, now time.Time) (answer []byte, lifetime time.Duration, err error) {
	if s.exchange == nil {
		return nil, 0, ErrIllegalState
	}
	answer, done, err := s.exchange.Step(message)
	if err != nil {
		s.exchange = nil
		return nil, 0, &FailedError{Text: s.failure(err), Cause: err}
	}
	if !done {
		return answer, 0, nil
	}
	principal := s.exchange.Principal()
	s.exchange = nil
	if s.finished && principal != s.principal {
		return nil, 0, &FailedError{
			Text:  fmt.Sprintf("Cannot change principals during re-authentication from %s: %s", dotted(s.principal), dotted(principal)),
			Cause: fmt.Errorf("%w: a session of %s can't go on as %s", ErrDenied, s.principal, principal),
		}
	}
	s.principal, s.finished, s.until = principal, true, time.Time{}
	if lifetime = s.lifetime(); lifetime > 0 {
		s.until = now.Add(lifetime)
	}
	return answer, lifetime, nil
}
