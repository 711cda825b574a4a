package group

import (
	"maps"
	"slices"
	"time"
)

// clock holds a member's deadlines; a zero one does not run. Clocks are not in the log: a new coordinator gives everybody
// their whole time again.
type clock struct {
	session time.Time // a sign of life
	revoke  time.Time // letting go of what was asked back
	join    time.Time // joining again, of a classic member that was told to
	sync    time.Time // asking for its assignment, of a classic member that joined
}

func (c clock) earliest() time.Time {
	var first time.Time
	for _, t := range []time.Time{c.session, c.revoke, c.join, c.sync} {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// sessionTimeout is how long a member may be silent.
func (s *Shard) sessionTimeout(g *group, m *consumer) time.Duration {
	if m.classic != nil {
		return m.classic.sessionTimeout
	}
	return s.configs(g.id).SessionTimeout
}

// touch restarts a member's session.
func (s *Shard) touch(now time.Time, g *group, m *consumer) {
	c := g.clocks[m.id]
	c.session = now.Add(s.sessionTimeout(g, m))
	s.setClock(g, m.id, c)
}

func (s *Shard) setClock(g *group, id string, c clock) {
	if g.clocks == nil {
		g.clocks = map[string]clock{}
	}
	g.clocks[id] = c
	s.plan(c.earliest())
}

// timeRevocation starts or stops the clock of letting go. Classic members have the clocks of join and sync instead.
func (s *Shard) timeRevocation(now time.Time, g *group, m *consumer) {
	c := g.clocks[m.id]
	switch {
	case m.state != memberUnrevoked || m.classic != nil:
		c.revoke = time.Time{}
	case c.revoke.IsZero():
		c.revoke = now.Add(m.rebalanceTimeout)
	}
	s.setClock(g, m.id, c)
}

// startClocks gives the members of a loaded group their time.
func (s *Shard) startClocks(now time.Time, g *group) {
	for _, m := range g.consumers.members {
		s.touch(now, g, m)
		s.timeRevocation(now, g, m)
	}
}

// fireClocks takes out the members whose time is up.
func (s *Shard) fireClocks(now time.Time, g *group) {
	var late []string
	for _, id := range slices.Sorted(maps.Keys(g.clocks)) {
		if t := g.clocks[id].earliest(); !t.IsZero() && !t.After(now) {
			late = append(late, id)
		}
	}
	switch {
	case len(late) == 0:
		return
	case g.busy:
		g.overdue = true
		return
	}
	ch := s.begin(now, g)
	for _, id := range late {
		m := ch.c.members[id]
		if m == nil {
			delete(g.clocks, id)
			continue
		}
		ch.drop(m)
	}
	ch.shrink()
	ch.commit(func(now time.Time, err error) {
		if err == nil {
			s.metrics.expired.Add(float64(len(late)))
			return
		}
		for _, id := range late { // try again a little later
			if c, ok := g.clocks[id]; ok {
				s.setClock(g, id, c.postponed(now.Add(retryDelay)))
			}
		}
	})
}

// retryDelay is how long after a failed write a member that is late is looked at again.
const retryDelay = time.Second

// postponed moves every deadline before t to t.
func (c clock) postponed(t time.Time) clock {
	for _, d := range []*time.Time{&c.session, &c.revoke, &c.join, &c.sync} {
		if !d.IsZero() && d.Before(t) {
			*d = t
		}
	}
	return c
}

// nextClock is the earliest deadline of a consumer group.
func (g *group) nextClock() time.Time {
	var next time.Time
	for _, c := range g.clocks {
		if t := c.earliest(); !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}
