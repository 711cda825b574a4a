package group

import (
	"maps"
	"slices"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// sweepInterval is how often a shard looks for what is too old (Kafka's `offsets.retention.check.interval.ms`).
const sweepInterval = 10 * time.Minute

func (s *Shard) planSweep() { s.plan(s.swept.Add(sweepInterval)) }

// sweep forgets positions that are older than their retention, and groups of which nothing is left. A position's age counts
// from its commit, or from when its group lost its last member if that is later, or, while members read other topics,
// from its commit alone (KIP-211).
func (s *Shard) sweep(now time.Time) {
	if now.Sub(s.swept) < sweepInterval {
		s.planSweep()
		return
	}
	s.swept = now
	s.planSweep()
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[id]
		if g.busy {
			continue
		}
		if len(g.offsets) == 0 && g.abandoned(now) {
			s.bury(now, g, func(error) {})
			continue
		}
		s.forget(g, g.expired(now, s.options().OffsetsRetention), func(error) {})
	}
}

// abandoned tells whether a group has been without members and anything else for a while.
func (g *group) abandoned(now time.Time) bool {
	return g.state == Empty && len(g.members) == 0 && len(g.pending) == 0 && len(g.txns) == 0 && !g.peopled() &&
		(g.stored || g.consumers != nil) && now.Sub(g.changed) >= sweepInterval
}

// expired gives the positions that are too old.
func (g *group) expired(now time.Time, retention time.Duration) map[topicPartition]struct{} {
	old := map[topicPartition]struct{}{}
	if retention <= 0 {
		return old
	}
	read := map[string]struct{}{}
	empty := len(g.members) == 0 && !g.peopled()
	switch {
	case g.peopled():
		read = g.consumers.subscribed()
	case !empty && g.protocolType != consumerProtocol, !empty && g.state != Stable:
		return old // what they read is not known
	case !empty:
		read = g.subscribed()
	}
	for tp, o := range g.offsets {
		since := time.UnixMilli(o.CommittedAt)
		if empty && g.changed.After(since) && (g.stored || g.consumers != nil) {
			since = g.changed
		}
		if _, ok := read[tp.topic]; !ok && now.Sub(since) >= retention && !g.unstable(tp) {
			old[tp] = struct{}{}
		}
	}
	return old
}

var _ coordinator.Machine = (*Shard)(nil)
