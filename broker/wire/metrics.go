package wire

import (
	"sync/atomic"
	"time"
)

// metrics are the listener's figures.
type metrics struct {
	connections, accepted, refused, bytesIn, bytesOut atomic.Int64

	apis map[int16]*apiMetrics
}

// apiMetrics are one API's figures, looked up once.
type apiMetrics struct{ requests, nanos atomic.Int64 }

func newMetrics(versions *Versions) *metrics {
	m := &metrics{apis: make(map[int16]*apiMetrics)}
	for _, row := range versions.Rows() {
		m.apis[row.Key] = &apiMetrics{}
	}
	return m
}

func (a *apiMetrics) done(began time.Time) {
	if a != nil {
		a.requests.Add(1)
		a.nanos.Add(int64(time.Since(began)))
	}
}
