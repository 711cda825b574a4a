package group

import "github.com/prometheus/client_golang/prometheus"

// metrics are the figures of all groups of this node.
type metrics struct {
	rebalances prometheus.Counter
	expired    prometheus.Counter
	commits    prometheus.Counter
}

// newMetrics makes the figures and registers them, unless reg is nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "freshet", Subsystem: "group", Name: name, Help: help})
	}
	m := &metrics{
		rebalances: counter("rebalances_total", "Generations of classic groups completed, and new epochs of consumer groups."),
		expired:    counter("members_expired_total", "Members of consumer groups that were expelled because they went silent."),
		commits:    counter("positions_committed_total", "Positions committed by consumers, those in transactions included."),
	}
	if reg != nil {
		reg.MustRegister(m.rebalances, m.expired, m.commits)
	}
	return m
}
