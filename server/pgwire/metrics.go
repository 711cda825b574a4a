package pgwire

import "github.com/prometheus/client_golang/prometheus"

// metrics of the endpoint; counters are touched once a message or less.
type metrics struct {
	connections prometheus.Gauge
	refused     prometheus.Counter
	statements  prometheus.Counter
	errors      prometheus.Counter
	panics      prometheus.Counter
	sent        prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_pg_connections", Help: "Open connections of the Postgres endpoint."}),
		refused:     prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_pg_refused_total", Help: "Connections refused at start-up."}),
		statements:  prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_pg_statements_total", Help: "Statements run for Postgres clients."}),
		errors:      prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_pg_errors_total", Help: "Errors sent to Postgres clients."}),
		panics:      prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_pg_panics_total", Help: "Statements that ended in a panic: bugs."}),
		sent:        prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_pg_sent_bytes_total", Help: "Bytes sent to Postgres clients."}),
	}
	if reg != nil {
		reg.MustRegister(m.connections, m.refused, m.statements, m.errors, m.panics, m.sent)
	}
	return m
}
