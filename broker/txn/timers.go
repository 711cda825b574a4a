package txn

import (
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// plan makes sure that Tick looks at an ongoing transaction in time.
func (s *Shard) plan(t *txn) {
	if t.state == Ongoing {
		s.nextTimeout = earlier(s.nextTimeout, t.expires())
	}
}

// planAdditions makes sure that Tick looks at the additions that wait.
func (s *Shard) planAdditions(t *txn) {
	if len(t.additions) > 0 {
		s.nextAddition = earlier(s.nextAddition, t.additions[0].until)
	}
}

// earlier gives the earlier of two times, of which the first may be zero for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// Tick implements coordinator.Machine: it aborts what takes too long, and fences its producer; it sends away those who have
// waited enough, and forgets ids nobody uses.
func (s *Shard) Tick(now time.Time) (next time.Time) {
	if due(s.nextTimeout, now) {
		if again := s.lastTimeout.Add(s.options().AbortInterval); now.Before(again) {
			s.nextTimeout = again
		} else {
			s.timeOut(now)
		}
	}
	if due(s.nextRecord, now) {
		s.recordAgain(now)
	}
	if due(s.nextAddition, now) {
		s.sendAway(now)
	}
	if s.nextExpiry.IsZero() && len(s.txns) > 0 {
		s.nextExpiry = now.Add(s.options().ExpireInterval)
	}
	if due(s.nextExpiry, now) {
		s.expireIDs(now)
	}
	for _, at := range []time.Time{s.nextTimeout, s.nextRecord, s.nextAddition, s.nextExpiry} {
		if !at.IsZero() {
			next = earlier(next, at)
		}
	}
	return next
}

// timeOut aborts the transactions whose time is over.
func (s *Shard) timeOut(now time.Time) {
	s.nextTimeout, s.lastTimeout = time.Time{}, now
	for _, id := range slices.Sorted(maps.Keys(s.txns)) {
		t := s.txns[id]
		switch {
		case t.busy: // looked at again when the write under way is through
		case t.state == Ongoing && !t.expires().After(now):
			s.metrics.timedOut.Inc()
			s.abort(now, t, nil)
		default:
			s.plan(t)
		}
	}
}

// recordAgain tries what failed: to write that a transaction is complete.
func (s *Shard) recordAgain(now time.Time) {
	s.nextRecord = time.Time{}
	for _, id := range slices.Sorted(maps.Keys(s.txns)) {
		switch t := s.txns[id]; {
		case !t.unrecorded:
		case t.notBefore.After(now):
			s.nextRecord = earlier(s.nextRecord, t.notBefore)
		default:
			t.unrecorded = false
			s.recordComplete(now, t)
		}
	}
}

// sendAway tells those who have waited long enough to ask again.
func (s *Shard) sendAway(now time.Time) {
	s.nextAddition = time.Time{}
	for _, id := range slices.Sorted(maps.Keys(s.txns)) {
		t := s.txns[id]
		n := 0
		for n < len(t.additions) && !t.additions[n].until.After(now) {
			n++
		}
		over := t.additions[:n:n]
		if t.additions = t.additions[n:]; len(t.additions) == 0 {
			t.additions = nil
		}
		for _, a := range over {
			a.reply(coordinator.ConcurrentTransactions)
		}
		s.planAdditions(t)
	}
}

// expireIDs forgets ids that have had no transaction for long.
func (s *Shard) expireIDs(now time.Time) {
	s.nextExpiry = time.Time{}
	before := now.Add(-s.options().IDExpiration)
	for _, id := range slices.Sorted(maps.Keys(s.txns)) {
		t := s.txns[id]
		if t.busy || t.state == Ongoing || t.prepared() || t.update.After(before) {
			continue
		}
		t.busy = true
		s.out.Write(coordinator.Write{
			Records: []coordinator.Record{tombstone(id)},
			Done: func(now time.Time, err error) {
				t.busy = false
				if err == nil {
					delete(s.txns, id)
					s.metrics.expired.Inc()
				}
				s.free(now, t) // those who waited find it gone, or begin it anew
			},
		})
	}
}
