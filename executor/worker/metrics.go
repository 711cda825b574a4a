package worker

import "github.com/prometheus/client_golang/prometheus"

// metrics are what the pool counts.
type metrics struct {
	records       prometheus.Counter
	commits       prometheus.Counter
	commitSeconds prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_engine_records_total", Help: "Records that kept queries have read.",
		}),
		commits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "freshet_engine_commits_total", Help: "Commits of the node's kept queries.",
		}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "freshet_engine_commit_seconds", Help: "From a barrier to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
	}
	if reg != nil {
		reg.MustRegister(m.records, m.commits, m.commitSeconds)
	}
	return m
}
