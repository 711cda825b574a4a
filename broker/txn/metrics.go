package txn

import "github.com/prometheus/client_golang/prometheus"

// metrics are the figures of all transactions this node coordinates.
type metrics struct {
	committed prometheus.Counter
	aborted   prometheus.Counter
	timedOut  prometheus.Counter
	expired   prometheus.Counter
}

// newMetrics makes the figures and registers them, unless reg is nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "freshet", Subsystem: "transaction", Name: "ended_total", Help: "Transactions ended, by outcome.",
	}, []string{"outcome"})
	m := &metrics{
		committed: ended.WithLabelValues("committed"),
		aborted:   ended.WithLabelValues("aborted"),
		timedOut: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "freshet", Subsystem: "transaction", Name: "timed_out_total", Help: "Transactions aborted because their time was over.",
		}),
		expired: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "freshet", Subsystem: "transaction", Name: "expired_ids_total", Help: "Transactional ids forgotten because they had no transaction for long.",
		}),
	}
	if reg != nil {
		reg.MustRegister(ended, m.timedOut, m.expired)
	}
	return m
}
