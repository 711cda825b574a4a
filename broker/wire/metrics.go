package wire

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metrics are the listener's figures.
type metrics struct {
	connections prometheus.Gauge
	accepted    prometheus.Counter
	refused     prometheus.Counter
	authFailed  prometheus.Counter
	throttled   prometheus.Counter
	bytesIn     prometheus.Counter
	bytesOut    prometheus.Counter
	requests    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	apis        map[int16]*apiMetrics
}

// apiMetrics are one API's figures, looked up once.
type apiMetrics struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func newMetrics(reg prometheus.Registerer, versions *Versions) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "freshet", Subsystem: "kafka", Name: name, Help: help})
	}
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "freshet", Subsystem: "kafka", Name: "connections", Help: "Open Kafka connections.",
		}),
		accepted:   counter("connections_accepted_total", "Kafka connections accepted."),
		refused:    counter("connections_refused_total", "Kafka connections closed because of what they sent."),
		throttled:  counter("throttle_seconds_total", "Time that connections were left unread because of quotas."),
		authFailed: counter("authentication_failures_total", "SASL authentications of Kafka clients that failed."),
		bytesIn:    counter("request_bytes_total", "Bytes of Kafka requests."),
		bytesOut:   counter("response_bytes_total", "Bytes of Kafka responses."),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "freshet", Subsystem: "kafka", Name: "requests_total", Help: "Kafka requests by API.",
		}, []string{"api"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "freshet", Subsystem: "kafka", Name: "request_seconds",
			Help:    "Time from a request's last byte to its answer, by API.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}, []string{"api"}),
		apis: make(map[int16]*apiMetrics),
	}
	for _, row := range versions.Rows() {
		name := kmsg.NameForKey(row.Key)
		m.apis[row.Key] = &apiMetrics{requests: m.requests.WithLabelValues(name), seconds: m.seconds.WithLabelValues(name)}
	}
	if reg != nil {
		reg.MustRegister(m.connections, m.accepted, m.refused, m.authFailed, m.throttled, m.bytesIn, m.bytesOut, m.requests, m.seconds)
	}
	return m
}

func (a *apiMetrics) done(began time.Time) {
	if a != nil {
		a.requests.Inc()
		a.seconds.Observe(time.Since(began).Seconds())
	}
}
