package session

import (
	"crypto/rand"
	"encoding/binary"
	"sync"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Key names a session to a CancelRequest: an id, which is public, and a secret.
type Key struct{ ID, Secret uint32 }

// Sessions are the sessions of a server: at most so many, found by their keys. It is safe for concurrent use.
type Sessions struct {
	max int

	mu   sync.Mutex // guards: next, live
	next uint32
	live map[uint32]*Session
}

// NewSessions makes an empty set for at most so many sessions.
func NewSessions(most int) *Sessions {
	return &Sessions{max: most, live: map[uint32]*Session{}}
}

// Add takes a session in and gives it a key. Errors: 53300 when there are too many.
func (s *Sessions) Add(sess *Session) error {
	var secret [4]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) >= s.max {
		return sqlerr.Newf(sqlerr.TooManyConnections, 0, "sorry, too many clients already").
			WithDetail("%d sessions are open, the most this server takes", s.max)
	}
	for s.next++; s.next == 0 || s.live[s.next] != nil; s.next++ {
	}
	sess.key = Key{ID: s.next, Secret: binary.BigEndian.Uint32(secret[:])}
	s.live[s.next] = sess
	return nil
}

// Remove takes a session out.
func (s *Sessions) Remove(sess *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[sess.key.ID] == sess {
		delete(s.live, sess.key.ID)
	}
}

// Cancel ends the running statement of the session that has the key; a wrong key does nothing, silently, as Postgres does.
func (s *Sessions) Cancel(key Key) {
	s.mu.Lock()
	sess := s.live[key.ID]
	s.mu.Unlock()
	if sess != nil && sess.key == key {
		sess.Cancel()
	}
}

// Count is the number of open sessions.
func (s *Sessions) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live)
}
